# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the AWS CLI that a message gives to be copied, for the account and region that a module works in."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any


def aws_command(call: str, options: Mapping[str, Any], params: Mapping[str, Any], region: str | None = None) -> str:
    """Write a command.

    Args:
        call: service and operation, with flags such as "ecs stop-task".
        options: options of the operation by their names without dashes; those without a value are left out.
        params: the module's parameters, for region, profile and endpoint.
        region: where the operation has to be called; the module's region where it is None.
    """
    context = {
        "region": region or params.get("region"),
        "profile": params.get("profile"),
        "endpoint-url": params.get("endpoint_url"),
    }
    words = [f"--{name} {shlex.quote(str(value))}" for name, value in {**options, **context}.items() if value]
    return " ".join([f"aws {call}", *words])
