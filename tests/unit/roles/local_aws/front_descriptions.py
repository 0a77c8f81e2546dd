# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of ELBv2's Describe operations, made for tests of the load balancers."""

from __future__ import annotations

from typing import Any

ARN = "arn:aws:elasticloadbalancing:us-east-1:000000000000"
BALANCER_ARN = f"{ARN}:loadbalancer/app/web/0123456789abcdef"


def balancer(name: str = "web") -> dict[str, Any]:
    """Return a load balancer."""
    return {
        "LoadBalancerArn": f"{ARN}:loadbalancer/app/{name}/0123456789abcdef",
        "LoadBalancerName": name,
        "DNSName": f"{name}.example.com",
        "Type": "application",
    }


def listener(port: int, protocol: str = "HTTP") -> dict[str, Any]:
    """Return a listener of the load balancer ``web``."""
    return {
        "ListenerArn": f"{ARN}:listener/app/web/0123456789abcdef/{port:016x}",
        "LoadBalancerArn": BALANCER_ARN,
        "Port": port,
        "Protocol": protocol,
    }


def group(name: str, **properties: Any) -> dict[str, Any]:
    """Return a target group with fast health checks."""
    return {
        "TargetGroupArn": f"{ARN}:targetgroup/{name}/0123456789abcdef",
        "TargetGroupName": name,
        "Protocol": "HTTP",
        "Port": 80,
        "TargetType": "ip",
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": True,
        "HealthCheckPath": "/health",
        "HealthCheckIntervalSeconds": 1,
        "HealthCheckTimeoutSeconds": 1,
        "HealthyThresholdCount": 2,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
        **properties,
    }


def forward(*weights: tuple[dict[str, Any], int]) -> dict[str, Any]:
    """Return an action that forwards to target groups by weight."""
    groups = [{"TargetGroupArn": one["TargetGroupArn"], "Weight": weight} for one, weight in weights]
    return {"Type": "forward", "Order": 1, "ForwardConfig": {"TargetGroups": groups}}


def fixed(status: int, body: str = "") -> dict[str, Any]:
    """Return an action that responds by itself."""
    config = {"StatusCode": str(status), "ContentType": "text/plain", "MessageBody": body}
    return {"Type": "fixed-response", "Order": 1, "FixedResponseConfig": config}


def redirect(**config: str) -> dict[str, Any]:
    """Return an action that redirects."""
    return {"Type": "redirect", "Order": 1, "RedirectConfig": {"StatusCode": "HTTP_301", **config}}


def rule(priority: int | str, action: dict[str, Any], *conditions: dict[str, Any]) -> dict[str, Any]:
    """Return a rule."""
    arn = f"{ARN}:listener-rule/app/web/0123456789abcdef/0000000000000050/{priority!s:0>16}"
    return {"RuleArn": arn, "Priority": str(priority), "Conditions": list(conditions), "Actions": [action]}


def path(*values: str) -> dict[str, Any]:
    """Return a condition on the path."""
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def host(*values: str) -> dict[str, Any]:
    """Return a condition on the host."""
    return {"Field": "host-header", "Values": list(values)}


def query(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Return a condition on the query."""
    found = [{"Key": key, "Value": value} if key else {"Value": value} for key, value in pairs]
    return {"Field": "query-string", "QueryStringConfig": {"Values": found}}
