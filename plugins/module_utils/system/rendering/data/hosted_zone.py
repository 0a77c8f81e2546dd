# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosted zone of a domain, where the deploy creates it."""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.kept import KEPT
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Parts,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Domain

ZONE = "HostedZone"


def hosted_zone(domain: Domain) -> Parts:
    """Return the hosted zone.

    It stays when its stack is deleted, since a new one of the same name has other name servers: the domain's owner has
    named these in the zone above.
    """
    return Parts(
        {
            ZONE: {
                "Type": "AWS::Route53::HostedZone",
                **KEPT,
                "Properties": {
                    "Name": domain["zone"],
                    "HostedZoneConfig": {"Comment": sub(f"{BASE}: host names of load balancers")},
                    # A teardown knows by them whose zone a stack has left behind.
                    "HostedZoneTags": [{"Key": tag, "Value": {"Ref": tag}} for tag in ("Project", "Environment")],
                },
            }
        },
        {
            "ZoneId": output("The hosted zone.", {"Ref": ZONE}),
            "NameServers": output(
                "Name servers to which the zone above has to delegate the domain, comma-separated.",
                {"Fn::Join": [",", {"Fn::GetAtt": [ZONE, "NameServers"]}]},
            ),
        },
    )
