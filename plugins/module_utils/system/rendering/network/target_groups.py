# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Target groups of a service, and the listener rules that lead to them.

The target of load_balancer has one group, or two between which ECS shifts traffic; each further target has one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.load_balancer import (
    default_listener,
    listener_output,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.security_groups import (
    check_port,
    target_port,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import Output, logical_id
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    Sections,
    Service,
    Target,
    targets_of,
)

ROLLING = "ROLLING"
TARGET_GROUP, OTHER_TARGET_GROUP = "TargetGroup", "OtherTargetGroup"
RULE, TEST_RULE = "ListenerRule", "TestListenerRule"
# Priorities of the rules of equal rank; with 200 ranks, they are within ELB's 50,000.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html
PRIORITIES_A_RANK = 249
LONGEST_RANKED_PATH = 99


def shifts_traffic(service: Service) -> bool:
    """Return whether ECS moves traffic between two target groups of a service."""
    return "load_balancer" in service and service["deployment"]["strategy"] != ROLLING


def target_groups(service: Service) -> list[str]:
    """Return the logical ids of the target groups of load_balancer: two exactly where traffic shifts."""
    if "load_balancer" not in service:
        return []
    return [TARGET_GROUP, OTHER_TARGET_GROUP] if shifts_traffic(service) else [TARGET_GROUP]


def further_group(name: str) -> str:
    """Return the logical id of the target group of a further target."""
    return f"{TARGET_GROUP}{logical_id(name)}"


def rules(service: Service) -> list[str]:
    """Return the logical ids of the rules with production traffic."""
    return [f"{RULE}{logical_id(name)}" if name else RULE for name in targets_of(service)]


def rule_priority(name: str, target: Target) -> int:
    """Return the priority of a target's rules: rules with hosts come first, then those with longer paths.

    It depends on no other service, since CloudFormation cannot exchange the priorities of two stacks' rules.

    Args:
        name: of the service, or service/target of a further target.
        target: the target.
    """
    literal = min(len(path.partition("*")[0]) for path in target["paths"])
    rank = (
        (0 if "hosts" in target else LONGEST_RANKED_PATH + 1) + LONGEST_RANKED_PATH - min(literal, LONGEST_RANKED_PATH)
    )
    return rank * PRIORITIES_A_RANK + crc32(name.encode()) % PRIORITIES_A_RANK + 1


def rule_name(service: str, target: str) -> str:
    """Return the name from which the priority of a target's rules follows."""
    return f"{service}/{target}" if target else service


def targets(name: str, sections: Sections) -> dict[str, Any]:
    """Return the target groups and rules of a service."""
    service = sections["services"][name]
    resources: dict[str, Any] = {}
    for each, target in targets_of(service).items():
        groups = [further_group(each)] if each else target_groups(service)
        resources.update({group: _target_group(target, service) for group in groups})
        resources.update(_rules(name, each, target, groups, sections))
    return resources


def _target_group(target: Target, service: Service) -> dict[str, Any]:
    check = target["health_check"]
    attributes = {"deregistration_delay.timeout_seconds": str(target["deregistration_delay"])}
    if target["sticky"]:
        attributes.update(
            {
                "stickiness.enabled": "true",
                "stickiness.type": "lb_cookie",
                "stickiness.lb_cookie.duration_seconds": str(target["sticky"]),
            }
        )
    return {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {
            "VpcId": Output("network", "VpcId"),
            # A task of awsvpc is registered by its address.
            "TargetType": "ip",
            "Protocol": "HTTP",
            "Port": target_port(service, target),
            **({"HealthCheckPort": str(check_port(service, target))} if "port" in check else {}),
            "HealthCheckPath": check["path"],
            "HealthCheckIntervalSeconds": check["interval"],
            "HealthCheckTimeoutSeconds": check["timeout"],
            "HealthyThresholdCount": check["healthy_threshold"],
            "UnhealthyThresholdCount": check["unhealthy_threshold"],
            "Matcher": {"HttpCode": check["matcher"]},
            "TargetGroupAttributes": [{"Key": key, "Value": value} for key, value in attributes.items()],
        },
    }


def _rules(name: str, each: str, target: Target, groups: Sequence[str], sections: Sections) -> Mapping[str, Any]:
    load_balancer = sections["load_balancers"][target["name"]]
    priority = rule_priority(rule_name(name, each), target)
    listener = target.get("listener") or default_listener(load_balancer)
    found = {f"{RULE}{logical_id(each)}": _rule(target, groups, listener_output(target["name"], listener), priority)}
    if len(groups) > 1 and "test_listener" in target:
        test = listener_output(target["name"], target["test_listener"])
        found[TEST_RULE] = _rule(target, groups, test, priority)
    return found


def _rule(target: Target, groups: Sequence[str], listener: Output, priority: int) -> dict[str, Any]:
    hosts = (
        [{"Field": "host-header", "HostHeaderConfig": {"Values": list(target["hosts"])}}] if "hosts" in target else []
    )
    paths = {"Field": "path-pattern", "PathPatternConfig": {"Values": list(target["paths"])}}
    # With two groups ECS owns the weights, so a template that changes them would undo a shift of traffic.
    weights = [1, 0] if len(groups) > 1 else [1]
    forward = {
        "Type": "forward",
        "ForwardConfig": {
            "TargetGroups": [
                {"TargetGroupArn": {"Ref": group}, "Weight": weight}
                for group, weight in zip(groups, weights, strict=True)
            ]
        },
    }
    return {
        "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Properties": {
            "ListenerArn": listener,
            "Priority": priority,
            "Conditions": [paths, *hosts],
            "Actions": [forward],
        },
    }
