# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alarms of a service, beside what they watch, and the budget of a system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.load_balancer import target_metrics
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.target_groups import further_group
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Parts,
    cluster_name,
    logical_id,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.runbooks import with_runbook
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Alarms, Limits, Service

UNHEALTHY = "unhealthy"
OF_TASKS, OF_TARGETS = ("cpu", "memory"), ("errors", UNHEALTHY, "latency")


def alarm_kinds(service: Service) -> list[str]:
    """Return the alarms that a service has: those of its targets only with a load balancer, one of each further one."""
    has_targets = "load_balancer" in service
    of_targets = [kind for kind in OF_TARGETS if kind != "latency" or "latency" in service["alarms"]]
    return [*OF_TASKS, *(of_targets if has_targets else []), *(f"{UNHEALTHY}-{name}" for name in service["targets"])]


def alarm_id(kind: str) -> str:
    """Return the logical id of an alarm."""
    return f"{logical_id(kind)}Alarm"


def service_alarms(name: str, service: Service, target_groups: Sequence[str]) -> dict[str, Any]:
    """Return the alarms of a service.

    Args:
        name: of the service.
        service: the service.
        target_groups: logical ids of the target groups of its load_balancer; with two, an alarm watches both.
    """
    return {
        alarm_id(kind): _alarm(name, kind, service["alarms"], service, target_groups) for kind in alarm_kinds(service)
    }


def budget(limits: Limits) -> Parts:
    """Return the monthly budget of a system, with notices at 80 % and 100 % of it where an address gets them."""
    tags = [{"Fn::Join": ["$", [f"user:{tag}", {"Ref": tag}]]} for tag in ("Project", "Environment")]
    return Parts(
        {
            "Budget": {
                "Type": "AWS::Budgets::Budget",
                "Properties": {
                    "Budget": {
                        "BudgetType": "COST",
                        "TimeUnit": "MONTHLY",
                        "BudgetLimit": {"Amount": limits["monthly_budget_usd"], "Unit": "USD"},
                        # https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-create-filters.html
                        "CostFilters": {"TagKeyValue": tags},
                    },
                    **_notices(limits),
                },
            }
        }
    )


def _notices(limits: Limits) -> dict[str, Any]:
    if "budget_email" not in limits:
        return {}
    subscribers = [{"SubscriptionType": "EMAIL", "Address": limits["budget_email"]}]
    return {
        "NotificationsWithSubscribers": [
            {
                "Notification": {
                    "NotificationType": kind,
                    "ComparisonOperator": "GREATER_THAN",
                    "Threshold": percent,
                    "ThresholdType": "PERCENTAGE",
                },
                "Subscribers": subscribers,
            }
            for kind, percent in (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
        ]
    }


def _alarm(name: str, kind: str, limits: Alarms, service: Service, target_groups: Sequence[str]) -> dict[str, Any]:
    common = {
        "AlarmName": sub(f"{BASE}-{name}-{kind}"),
        "AlarmDescription": with_runbook(kind.partition("-")[0], _description(name, kind, limits)),
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        # Neither a service without tasks nor one without requests is a fault.
        "TreatMissingData": "notBreaching",
    }
    if kind in OF_TASKS:
        dimensions = [
            {"Name": "ClusterName", "Value": cluster_name(service["cluster"])},
            # By its name: the service waits for its alarms.
            {"Name": "ServiceName", "Value": sub(f"{BASE}-{name}")},
        ]
        metric: dict[str, Any] = {
            "Namespace": "AWS/ECS",
            "MetricName": {"cpu": "CPUUtilization", "memory": "MemoryUtilization"}[kind],
            "Dimensions": dimensions,
            "Statistic": "Average",
            "Period": 60,
            "Threshold": limits["cpu"] if kind == "cpu" else limits["memory"],
        }
        return {"Type": "AWS::CloudWatch::Alarm", "Properties": {**common, **metric}}
    what, _hyphen, further = kind.partition("-")
    threshold = {"errors": limits["errors"], UNHEALTHY: 0, "latency": limits.get("latency", 0)}[what]
    target = service["targets"][further] if further else service["load_balancer"]
    groups = [further_group(further)] if further else target_groups
    watched = {"Metrics": _metrics(what, target["name"], groups), "Threshold": threshold}
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": {**common, **watched}}


def _description(name: str, kind: str, limits: Alarms) -> str:
    what, _hyphen, further = kind.partition("-")
    return {
        "cpu": f"Service {name} uses more than {limits['cpu']} % of its CPU",
        "memory": f"Service {name} uses more than {limits['memory']} % of its memory",
        "errors": f"Service {name} returns more than {limits['errors']} responses of 5xx a minute",
        UNHEALTHY: f"Targets of service {name} are unhealthy" + (f" in group {further}" if further else ""),
        "latency": f"1 % of the responses of service {name} take more than {limits.get('latency', 0)} s",
    }[what]


def _metrics(kind: str, load_balancer: str, target_groups: Sequence[str]) -> list[dict[str, Any]]:
    """Return a metric of each target group, and the greatest of them: one of two groups has the traffic."""
    name, statistic = {
        "errors": ("HTTPCode_Target_5XX_Count", "Sum"),
        UNHEALTHY: ("UnHealthyHostCount", "Maximum"),
        "latency": ("TargetResponseTime", "p99"),
    }[kind]
    each = target_metrics(load_balancer, target_groups, name, statistic, period=60)
    # FILL, since a group without traffic has no data.
    filled = ",".join(f"FILL({one['Id']},0)" for one in each)
    return [*each, {"Id": "watched", "Expression": f"MAX([{filled}])", "Label": name, "ReturnData": True}]
