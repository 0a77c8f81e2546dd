# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.filter.secret_variables import FilterModule

find = FilterModule().filters()["secret_variables"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "http://bob:word@proxy:3128"),
        ("https_proxy", "bob:word@proxy:3128"),
        ("HTTP_PROXY", "http://:word@proxy"),
        ("ANY", "first, https://bob:word@host/path"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_SESSION_TOKEN", "x"),
        ("AWS_BEARER_TOKEN_BEDROCK", "x"),
    ],
)
def test_a_secret_is_found_by_its_name_or_by_its_url(name: str, value: str) -> None:
    assert find({"AWS_PROFILE": "dev", name: value}) == [name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "http://proxy:3128"),
        ("HTTPS_PROXY", "http://bob@proxy:3128"),
        ("NO_PROXY", "localhost,127.0.0.1:80,[::1]:80"),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_SESSION_TOKEN", None),
        ("AWS_CONFIG_FILE", "/home/me@work/config"),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/me@example.com"),
        ("LIMIT", 3),
    ],
)
def test_other_variables_are_no_secret(name: str, value: object) -> None:
    assert find({name: value}) == []
