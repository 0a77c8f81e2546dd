# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job scopes: copies data/scopes.yml to the file system of the auth server and of the registry.

Environment: SCOPES_CONFIG_PATH; optional: SCOPES_FILE. Both services read the file at their start alone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mcp_gateway_jobs.requests import JobError, setting

FILE = Path(__file__).resolve().parents[1] / "data" / "scopes.yml"
MODE = 0o644  # the services run as other users


def run(environment: Mapping[str, str]) -> list[str]:
    """Write the file, in one step so that no service reads half of it; returns what has changed.

    Raises:
        JobError: a file cannot be read or written.
    """
    source = Path(environment.get("SCOPES_FILE") or FILE)
    target = Path(setting(environment, "SCOPES_CONFIG_PATH"))
    try:
        content = source.read_bytes()
        if target.exists() and target.read_bytes() == content:
            return []
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).chmod(MODE)
        Path(name).replace(target)
    except OSError as error:
        raise JobError(f"cannot write {target}: {error} -> mount the file system with write access") from None
    return [f"{target} written"]
