# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of the load balancers' host names; their stack is applied after those of the load balancers."""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.domain import (
    host_name,
    hosted,
    zone_id,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.load_balancer import component
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Output,
    Parts,
    logical_id,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Domain, LoadBalancer, Sections

COMPONENT = "records"


def records(sections: Sections) -> Parts:
    """Return the records of a system."""
    found = Parts()
    for name, load_balancer in hosted(sections).items():
        found |= _record(name, load_balancer, sections["domain"])
    return found


def _record(name: str, load_balancer: LoadBalancer, domain: Domain) -> Parts:
    """Return the alias of a load balancer; it has IPv4 addresses alone, so there is no record of type AAAA."""
    resource = f"{logical_id(name)}Record"
    return Parts(
        {
            resource: {
                "Type": "AWS::Route53::RecordSet",
                "Properties": {
                    "HostedZoneId": zone_id(domain),
                    "Name": host_name(load_balancer, domain),
                    "Type": "A",
                    "Comment": sub(f"{BASE}: load balancer {name}"),
                    "AliasTarget": {
                        "DNSName": Output(component(name), "DnsName"),
                        "HostedZoneId": Output(component(name), "HostedZoneId"),
                        "EvaluateTargetHealth": True,
                    },
                },
            }
        },
        {f"{logical_id(name)}HostName": output(f"Host name of load balancer {name}.", {"Ref": resource})},
    )
