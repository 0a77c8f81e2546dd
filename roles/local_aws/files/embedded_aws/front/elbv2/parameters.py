# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters that ELBv2's operations take here; every other one is refused by name.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from embedded_aws.front import clusters, routes
from embedded_aws.front.model import Record

ACTION_PARTS = (
    "Type",
    "Order",
    "TargetGroupArn",
    "ForwardConfig.TargetGroups.TargetGroupArn",
    "ForwardConfig.TargetGroups.Weight",
    "ForwardConfig.TargetGroupStickinessConfig.Enabled",
    "ForwardConfig.TargetGroupStickinessConfig.DurationSeconds",
    "RedirectConfig.Protocol",
    "RedirectConfig.Port",
    "RedirectConfig.Host",
    "RedirectConfig.Path",
    "RedirectConfig.Query",
    "RedirectConfig.StatusCode",
    "FixedResponseConfig.StatusCode",
    "FixedResponseConfig.ContentType",
    "FixedResponseConfig.MessageBody",
)
CONDITION_PARTS = (
    "Field",
    "Values",
    "PathPatternConfig.Values",
    "HostHeaderConfig.Values",
    "HttpRequestMethodConfig.Values",
    "HttpHeaderConfig.HttpHeaderName",
    "HttpHeaderConfig.Values",
    "QueryStringConfig.Values.Key",
    "QueryStringConfig.Values.Value",
)
HEALTH_CHECK = (
    "HealthCheckProtocol",
    "HealthCheckPort",
    "HealthCheckEnabled",
    "HealthCheckPath",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher.HttpCode",
)
TAGS = ("Tags.Key", "Tags.Value")


def _parts(prefix: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names)


LISTENER = ("Port", "Protocol", "SslPolicy", "Certificates.CertificateArn", *_parts("DefaultActions", ACTION_PARTS))
RULE = (*_parts("Conditions", CONDITION_PARTS), *_parts("Actions", ACTION_PARTS))
TARGETS = ("TargetGroupArn", "Targets.Id", "Targets.Port", "Targets.AvailabilityZone")
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "CreateLoadBalancer": (
        "Name",
        "Scheme",
        "Type",
        "IpAddressType",
        "Subnets",
        "SecurityGroups",
        *TAGS,
    ),
    "CreateTargetGroup": (
        "Name",
        "Protocol",
        "ProtocolVersion",
        "Port",
        "VpcId",
        "TargetType",
        "IpAddressType",
        *HEALTH_CHECK,
        *TAGS,
    ),
    "ModifyTargetGroup": ("TargetGroupArn", *HEALTH_CHECK),
    "CreateListener": ("LoadBalancerArn", *LISTENER, *TAGS),
    "ModifyListener": ("ListenerArn", *LISTENER),
    "CreateRule": ("ListenerArn", "Priority", *RULE, *TAGS),
    "ModifyRule": ("RuleArn", *RULE),
    "RegisterTargets": TARGETS,
    "DeregisterTargets": TARGETS,
}
# The operation that creates a type of CloudFormation.
TYPES = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "CreateLoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "CreateTargetGroup",
    "AWS::ElasticLoadBalancingV2::Listener": "CreateListener",
    "AWS::ElasticLoadBalancingV2::ListenerRule": "CreateRule",
}
# What a template's resource has beside the parameters of the operation that creates it.
BEYOND = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("LoadBalancerAttributes.Key", "LoadBalancerAttributes.Value"),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (
        "TargetGroupAttributes.Key",
        "TargetGroupAttributes.Value",
    ),
}
COMMON = frozenset({"Action", "Version"})
MEMBER = re.compile(r"\.member\.\d+")


def unknown(operation: str, names: Iterable[str]) -> list[str]:
    """Return the parameters of a request that an operation does not take here, without their numbers.

    Args:
        operation: such as CreateListener.
        names: of the parameters, as the Query API has them.
    """
    if operation not in OPERATIONS:
        return []
    known = COMMON.union(OPERATIONS[operation])
    found = {MEMBER.sub("", name) for name in names}
    return sorted(name for name in found if name not in known and not name.startswith("X-Amz-"))


def unknown_properties(type_name: str, properties: Mapping[str, Any]) -> list[str]:
    """Return the properties of a template's resource that are unknown here, such as ``MutualAuthentication.Mode``."""
    known = {*OPERATIONS[TYPES[type_name]], *BEYOND.get(type_name, ())}
    return sorted(set(_leaves(properties)) - known)


def refused_values(operation: str, given: Mapping[str, Any]) -> list[str]:
    """Return the parameters whose values are not followed here.

    Args:
        operation: such as CreateListener.
        given: the record as ELBv2 would describe it; for a template's resource, its properties.
    """
    found: list[str] = []
    if operation == "CreateLoadBalancer" and given.get("Type", "application") != "application":
        found.append("Type")
    if operation in ("CreateLoadBalancer", "CreateTargetGroup") and given.get("IpAddressType", "ipv4") != "ipv4":
        found.append("IpAddressType")
    if operation == "CreateTargetGroup":
        enabled = str(given.get("HealthCheckEnabled", True)).lower() == "true"
        found += clusters.problems({"TargetType": "instance", **given, "HealthCheckEnabled": enabled})
    if operation in ("CreateListener", "ModifyListener"):
        found += ["Protocol"] if given.get("Protocol", "HTTP") not in ("HTTP", "HTTPS") else []
    if operation == "CreateListener" and given.get("Protocol") == "HTTPS" and not given.get("Certificates"):
        found.append("Protocol HTTPS without Certificates")
    if operation in ("CreateListener", "ModifyListener", "CreateRule", "ModifyRule"):
        rule: Record = {
            "Conditions": given.get("Conditions") or [],
            "Actions": given.get("Actions") or given.get("DefaultActions") or [],
        }
        found += routes.problems(rule)
    return found


def refusal(names: Iterable[str]) -> str:
    """Return one line on what is refused; it shows no value."""
    return f"not supported by the embedded AWS: {', '.join(names)} -> leave it out, or change it, in this environment"


def _leaves(value: Any, prefix: str = "") -> Iterable[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(value, list) and any(isinstance(inner, Mapping | list) for inner in value):
        for inner in value:
            yield from _leaves(inner, prefix)
    else:
        yield prefix
