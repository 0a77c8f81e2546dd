# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The domain of a system, and the host names of the load balancers in it."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    Output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Domain, LoadBalancer, Sections

COMPONENT = "domain"
# What stands in a pattern for parts of a host name, and in a template for each.
PLACEHOLDERS = {"environment": "${Environment}", "region": "${AWS::Region}"}


def creates_zone(sections: Sections) -> bool:
    """Return whether the deploy creates the hosted zone."""
    return "domain" in sections and not sections["domain"]["zone_id"]


def zone_id(domain: Domain) -> Any:
    """Return the id of the hosted zone: the given one, or that of the zone that the deploy creates."""
    return domain["zone_id"] or Output(COMPONENT, "ZoneId")


def host_pattern(host: str, domain: Domain) -> str:
    """Return the host name for the first part of a load balancer's, as Fn::Sub has it."""
    return domain["pattern"].format(name=host, zone=domain["zone"], **PLACEHOLDERS)


def host_name(load_balancer: LoadBalancer, domain: Domain) -> Any:
    """Return the host name of a load balancer that has a host."""
    text = host_pattern(load_balancer["host"], domain)
    return sub(text) if "${" in text else text


def hosted(sections: Sections) -> dict[str, LoadBalancer]:
    """Return the load balancers that have a host name, by name."""
    return {name: each for name, each in sections["load_balancers"].items() if "host" in each}
