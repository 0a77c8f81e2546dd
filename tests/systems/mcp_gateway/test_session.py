# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cookies: each is valid for its key, its name and its time alone."""

from __future__ import annotations

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_gateway_stand_in.serving import SettingError
from mcp_gateway_stand_in.session import COOKIE, LOGIN_COOKIE, content_of, secret_key_of, signed

KEY = "k" * 64
CONTENT = {"username": "lob1-user", "groups": ["a"]}


def test_a_cookie_says_what_was_signed() -> None:
    found = content_of(KEY, COOKIE, signed(KEY, COOKIE, 60, CONTENT))
    assert found and found.items() >= CONTENT.items()


@pytest.mark.parametrize(
    "value",
    [
        signed("x" * 64, COOKIE, 60, CONTENT),
        signed(KEY, LOGIN_COOKIE, 60, CONTENT),
        signed(KEY, COOKIE, -1, CONTENT),
        jwt.encode(CONTENT, KEY, algorithm="HS256"),
        jwt.encode({**CONTENT, "aud": COOKIE}, KEY, algorithm="HS256"),
        jwt.encode({**CONTENT, "aud": COOKIE, "exp": 2**40}, KEY, algorithm="HS512"),
        jwt.encode({**CONTENT, "aud": COOKIE, "exp": 2**40}, "", algorithm="none"),
        "",
    ],
    ids=["key", "name", "time", "no name", "no time", "algorithm", "unsigned", "empty"],
)
def test_another_cookie_says_nothing(value: str) -> None:
    assert content_of(KEY, COOKIE, value) is None


@given(st.text(max_size=40))
def test_any_text_is_no_cookie(value: str) -> None:
    assert content_of(KEY, COOKIE, value) is None


def test_a_short_secret_key_is_refused() -> None:
    assert secret_key_of({"SECRET_KEY": "k" * 32}) == "k" * 32
    for environment, reason in (({}, "not set"), ({"SECRET_KEY": "k" * 31}, "fewer than 32 bytes")):
        with pytest.raises(SettingError, match=reason):
            secret_key_of(environment)
