# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cookies of a browser, signed with SECRET_KEY: the auth server sets them, the registry reads one of them too."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import jwt

from mcp_gateway_stand_in.serving import SettingError, required

COOKIE = "mcp_gateway_session"
COOKIE_SECONDS = 28800
LOGIN_COOKIE = "oauth2_temp_session"
LOGIN_SECONDS = 600
ALGORITHM = "HS256"
SHORTEST_KEY = 32  # bytes: https://www.rfc-editor.org/rfc/rfc7518#section-3.2


def secret_key_of(environment: Mapping[str, str]) -> str:
    """Return the key that signs cookies.

    Raises:
        SettingError: it is missing or short.
    """
    key = required(environment, "SECRET_KEY")
    if len(key.encode()) < SHORTEST_KEY:
        raise SettingError(f"SECRET_KEY has fewer than {SHORTEST_KEY} bytes")
    return key


def signed(key: str, cookie: str, seconds: int, content: dict[str, Any]) -> str:
    """Return the value of a cookie.

    Args:
        key: that signs it.
        cookie: its name; the value is valid for this cookie alone.
        seconds: its lifetime.
        content: what it says.
    """
    claims = {**content, "aud": cookie, "exp": int(time.time()) + seconds}
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def content_of(key: str, cookie: str, value: str) -> dict[str, Any] | None:
    """Return what a cookie says; None where it has expired or this key has not signed it."""
    options: Any = {"require": ["exp", "aud"]}
    try:
        content: dict[str, Any] = jwt.decode(value, key, algorithms=[ALGORITHM], audience=cookie, options=options)
    except jwt.PyJWTError:
        return None
    return content
