# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which environment variables hold a secret: those that Ansible sets for a task stand in its command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
SECRET_NAMES = re.compile(
    r"AWS_(SECRET_ACCESS_KEY|SESSION_TOKEN|SECURITY_TOKEN|CONTAINER_AUTHORIZATION_TOKEN|BEARER_TOKEN_\w+)",
    re.IGNORECASE,
)
# The user's part of a URL with a password in it, as proxies are named, with or without a scheme:
# https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1
PASSWORD = re.compile(r"(^|//|[\s,])[^/\s,@]*:[^/\s,@]+@")


def secret_variables(environment: Mapping[str, Any]) -> list[str]:
    """List the names of the variables that hold a secret.

    Args:
        environment: values by name; one that is empty holds none.
    """
    return sorted(
        name for name, value in environment.items() if value not in (None, "") and _is_secret(name, str(value))
    )


def _is_secret(name: str, value: str) -> bool:
    return bool(SECRET_NAMES.fullmatch(name) or PASSWORD.search(value))
