# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's `networkInterfaces`: each container of a task has the address of the task's attachment.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_NetworkInterface.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import ecs


def network_interfaces(attachments: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the network interfaces of each container of a task, one for each attachment of the task."""
    return [
        {"attachmentId": attachment["id"], "privateIpv4Address": detail["value"]}
        for attachment in attachments
        for detail in attachment["details"]
        if detail["name"] == "privateIPv4Address"
    ]


def install() -> None:
    """Let MiniStack's tasks say which address each of their containers has."""
    record_address = ecs._record_task_ip

    def record_interfaces(task: dict[str, Any], *rest: Any) -> None:
        record_address(task, *rest)
        interfaces = network_interfaces(task.get("attachments") or [])
        for container in task.get("containers") or []:
            container["networkInterfaces"] = interfaces

    ecs._record_task_ip = record_interfaces
