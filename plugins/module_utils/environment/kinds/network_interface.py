# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2 network interfaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import Kind
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource

SUBNET, SECURITY_GROUP = "AWS::EC2::Subnet", "AWS::EC2::SecurityGroup"


class NetworkInterface(Kind):
    """EC2 network interfaces in given subnets and security groups; AWS deletes them minutes after their task."""

    name = "network_interface"
    label = "network interface"

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the network interfaces, each once."""
        found: set[str] = set()
        pages_of = self._client("ec2").get_paginator("describe_network_interfaces").paginate
        for name, values in (("subnet-id", account.subnets), ("group-id", account.security_groups)):
            if not values:
                continue
            for page in pages_of(Filters=[{"Name": name, "Values": list(values)}]):
                for each in page["NetworkInterfaces"]:
                    if each["NetworkInterfaceId"] not in found:
                        found.add(each["NetworkInterfaceId"])
                        yield self._interface(each)

    def _interface(self, interface: Mapping[str, Any]) -> Resource:
        id_ = interface["NetworkInterfaceId"]
        return self.resource(id_, id_, state=interface.get("Status"), detail=interface.get("Description", ""))
