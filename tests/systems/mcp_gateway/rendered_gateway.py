# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's description with its rendered templates, and its network and clusters as CloudFormation makes them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read
from baseline import SYSTEM
from template_case import Case, case_of
from template_parser import Rendered, render

# Parameters of the templates network and cluster, by the arguments of their roles.
NETWORK = {
    "network_vpc_cidr": "VpcCidr",
    "network_zone_count": "ZoneCount",
    "network_egress": "Egress",
    "network_nat_mode": "NatMode",
    "network_extra_endpoints": "ExtraEndpoints",
}
CLUSTER = {
    "cluster_fargate_base": "FargateBase",
    "cluster_fargate_weight": "FargateWeight",
    "cluster_container_insights": "ContainerInsights",
    "cluster_exec": "Exec",
}


@cache
def read_description() -> Mapping[str, Any]:
    """Return the gateway's description, checked, with the defaults filled in."""
    path = SYSTEM / "system.yml"
    found = read(path.read_text(encoding="utf-8"), str(path))
    assert found.problems == []
    return found.description


@cache
def gateway() -> Case:
    """Return the gateway's description with its templates."""
    return case_of(read_description())


@cache
def network() -> Rendered:
    """Return the network of the gateway."""
    return render("network", {"Environment": "dev", **_parameters("network", NETWORK)})


@cache
def cluster(component: str) -> Rendered:
    """Return a cluster of the gateway."""
    return render("cluster", {"Environment": "dev", **_parameters(component, CLUSTER)})


def _parameters(component: str, names: Mapping[str, str]) -> dict[str, Any]:
    arguments = gateway().description["components"][component]["arguments"]
    return {parameter: _text(arguments[argument]) for argument, parameter in names.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else str(value)
