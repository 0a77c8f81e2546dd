# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second environment on an embedded AWS, with the values of the first one and host names of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from emulator_env import ROOT, EmulatorEnv

NAME = "second"
LOCAL = ROOT / "inventories" / "local"
CHECKOUT = "{{ inventory_dir | dirname | dirname }}"


def inventory(directory: Path) -> Path:
    """Write the inventory of the environment below a directory; returns its path."""
    made = directory / "inventories" / NAME
    (made / "group_vars").mkdir(parents=True)
    hosts = yaml.safe_load((LOCAL / "hosts.yml").read_text())
    hosts = {NAME: {"hosts": {f"aws-{NAME}": hosts["local"]["hosts"]["aws-local"]}}}
    (made / "hosts.yml").write_text(yaml.safe_dump(hosts))
    text = (LOCAL / "group_vars" / "local.yml").read_text().replace(CHECKOUT, str(ROOT))
    variables: dict[str, Any] = yaml.safe_load(text)
    variables["system_values"]["mcp_gateway"]["domain"] = {"pattern": "{name}.{environment}.{zone}"}
    (made / "group_vars" / f"{NAME}.yml").write_text(yaml.safe_dump(variables, sort_keys=False))
    return made


def resources(emulator: EmulatorEnv, base: str) -> set[tuple[str, str]]:
    """Return type and physical id of each resource in the stacks of a system's environment.

    Args:
        emulator: the embedded AWS.
        base: project and environment, such as ``oneshot-local``.
    """
    client = emulator.client("cloudformation")
    stacks = [one["StackName"] for page in client.get_paginator("describe_stacks").paginate() for one in page["Stacks"]]
    return {
        (one["ResourceType"], one["PhysicalResourceId"])
        for stack in stacks
        if stack.startswith(f"{base}-")
        for page in client.get_paginator("list_stack_resources").paginate(StackName=stack)
        for one in page["StackResourceSummaries"]
    }
