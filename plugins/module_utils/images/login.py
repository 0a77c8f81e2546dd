# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file in which Docker's clients look for a registry's login, https://docs.docker.com/reference/cli/docker/login/."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "config.json"


def with_login(config: Mapping[str, Any], registry: str, username: str, password: str) -> dict[str, Any]:
    """Add a login to a configuration.

    Args:
        config: what the file holds already.
        registry: host, with a port where there is one.
        username: user name.
        password: password.

    Returns:
        The configuration with it. A store or helper for credentials is passed over for this registry only: the file
        would not be read otherwise.

    Raises:
        ValueError: logins or helpers are no JSON objects.
    """
    encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
    helpers = _object(config, "credHelpers")
    made = dict(config) | {"auths": {**_object(config, "auths"), registry: {"auth": encoded}}}
    if config.get("credsStore") or registry in helpers:
        made["credHelpers"] = {**helpers, registry: ""}
    return made


def _object(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object of the configuration; Docker's clients take null, too, for an empty one."""
    found = config.get(name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise ValueError(f"{name} in {FILE} is not a JSON object")
    return found


def read_config(directory: Path) -> dict[str, Any]:
    """Read a configuration; an empty one where there is none.

    Raises:
        OSError, ValueError: there is one that cannot be read.
    """
    try:
        config = json.loads((directory / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(config, dict):
        raise ValueError(f"{directory / FILE} is not a JSON object")
    return config


def write_config(directory: Path, config: Mapping[str, Any]) -> None:
    """Write a configuration that only this user can read.

    Raises:
        OSError: it cannot be written.
    """
    path = directory / FILE
    # Never readable by others, not even before its mode is set.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        json.dump(config, file)
