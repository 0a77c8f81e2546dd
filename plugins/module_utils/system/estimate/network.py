# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the network of a system costs while it exists, by the arguments of role network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.charges import Charge, fixed
from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.prices import (
    ENDPOINT,
    NAT_GATEWAY,
    PUBLIC_ADDRESS,
)

# The defaults of role network that decide on its cost.
DEFAULTS: Mapping[str, Any] = {
    "network_zone_count": 2,
    "network_egress": "none",
    "network_nat_mode": "none",
    "network_extra_endpoints": (),
    "network_existing_private_subnet_ids": (),
}
# Interface endpoints of the egress by endpoints: ecr.api, ecr.dkr and logs.
ENDPOINTS = 3


def zones(arguments: Mapping[str, Any]) -> int:
    """Return the zones of the network; an existing subnet is in a zone of its own."""
    return len(_existing(arguments)) or int(_argument(arguments, "network_zone_count"))


def network_charges(arguments: Mapping[str, Any]) -> Iterator[Charge]:
    """Yield the charges of the network.

    Args:
        arguments: of role network, by their names; those that are missing have the role's defaults.
    """
    mode = _argument(arguments, "network_nat_mode")
    gateways = {"none": 0, "single": 1}.get(mode, zones(arguments))
    if _existing(arguments):
        gateways = 0
    yield fixed(NAT_GATEWAY, gateways)
    yield fixed(PUBLIC_ADDRESS, gateways)
    extra: Sequence[str] = _argument(arguments, "network_extra_endpoints")
    endpoints = len(extra) + (ENDPOINTS if _argument(arguments, "network_egress") == "endpoints" else 0)
    yield fixed(ENDPOINT, endpoints * zones(arguments))


def _existing(arguments: Mapping[str, Any]) -> Sequence[str]:
    found: Sequence[str] = _argument(arguments, "network_existing_private_subnet_ids")
    return found


def _argument(arguments: Mapping[str, Any], name: str) -> Any:
    return arguments.get(name, DEFAULTS[name])
