# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of the load balancers' host names; their stack is applied before those of the load balancers.

Each is valid once CloudFormation has written its validation record into the hosted zone, and ACM has found it there:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-certificatemanager-certificate.html
"""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.domain import (
    host_name,
    hosted,
    zone_id,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    Output,
    Parts,
    logical_id,
    name_tag,
    output,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    Domain,
    Listener,
    LoadBalancer,
    Sections,
)

COMPONENT = "certificates"


def takes_certificate(load_balancer: LoadBalancer, listener: Listener) -> bool:
    """Return whether a listener takes the certificate of its load balancer's host name."""
    return listener["protocol"] == "HTTPS" and "certificate_arn" not in listener and "host" in load_balancer


def certified(sections: Sections) -> dict[str, LoadBalancer]:
    """Return the load balancers for whose host name the deploy requests a certificate, by name."""
    return {
        name: each
        for name, each in hosted(sections).items()
        if any(takes_certificate(each, listener) for listener in each["listeners"].values())
    }


def certificate_of(name: str) -> Output:
    """Return the ARN of a load balancer's certificate."""
    return Output(COMPONENT, f"{logical_id(name)}CertificateArn")


def certificates(sections: Sections) -> Parts:
    """Return the certificates of a system."""
    found = Parts()
    for name, load_balancer in certified(sections).items():
        found |= _certificate(name, load_balancer, sections["domain"])
    return found


def _certificate(name: str, load_balancer: LoadBalancer, domain: Domain) -> Parts:
    resource, host = f"{logical_id(name)}Certificate", host_name(load_balancer, domain)
    return Parts(
        {
            resource: {
                "Type": "AWS::CertificateManager::Certificate",
                "Properties": {
                    "DomainName": host,
                    "ValidationMethod": "DNS",
                    "DomainValidationOptions": [{"DomainName": host, "HostedZoneId": zone_id(domain)}],
                    "Tags": name_tag(name),
                },
            }
        },
        {f"{resource}Arn": output(f"ARN of the certificate of load balancer {name}.", {"Ref": resource})},
    )
