# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Application Auto Scaling of a service: target tracking, a queue's backlog, and hours without tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.queues import QUEUES
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.load_balancer import target_metrics
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Output,
    cluster_name,
    logical_id,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.runbooks import with_runbook
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Backlog, Limits, Scaling, Service

TARGET = "ScalableTarget"
SERVICE = "Service"
# Seconds after the last message in which the first task may start.
FIRST_TASK_COOLDOWN = 60


def owns_count(service: Service, limits: Limits) -> bool:
    """Return whether Application Auto Scaling owns the number of a service's tasks."""
    return "scaling" in service or "night_off" in limits


def service_scaling(name: str, service: Service, limits: Limits, target_groups: Sequence[str]) -> dict[str, Any]:
    """Return the scalable target and the policies of a service; nothing where the description sets its count."""
    if not owns_count(service, limits):
        return {}
    scaling = service.get("scaling")
    count = service["desired_count"]
    # A count of 0 switches the service off, scaled or not.
    smallest, largest = (scaling["min"], scaling["max"]) if scaling and count else (count, count)
    resources = {TARGET: _target(service, smallest, largest, limits)}
    if scaling:
        resources.update(_policies(name, scaling, service, target_groups))
    return resources


def _target(service: Service, smallest: int, largest: int, limits: Limits) -> dict[str, Any]:
    night = limits.get("night_off")
    return {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": _resource_id(service),
            "MinCapacity": smallest,
            "MaxCapacity": largest,
            **({"ScheduledActions": _scheduled(night, smallest, largest)} if night else {}),
        },
    }


def _resource_id(service: Service) -> dict[str, Any]:
    name = {"Fn::GetAtt": [SERVICE, "Name"]}
    return sub("service/${Cluster}/${Name}", Cluster=cluster_name(service["cluster"]), Name=name)


def _scheduled(night: str, smallest: int, largest: int) -> list[dict[str, Any]]:
    off, on = night.split("-")
    return [
        _at(off, "night-off", 0, 0),
        _at(on, "night-over", smallest, largest),
    ]


def _at(time: str, name: str, smallest: int, largest: int) -> dict[str, Any]:
    hour, minute = time.split(":")
    return {
        "ScheduledActionName": name,
        # https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
        "Schedule": f"cron({int(minute)} {int(hour)} * * ? *)",
        "ScalableTargetAction": {"MinCapacity": smallest, "MaxCapacity": largest},
    }


def _policies(name: str, scaling: Scaling, service: Service, target_groups: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "cpu" in scaling:
        metric = {"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}
        found["CpuPolicy"] = _tracking("cpu", scaling, scaling["cpu"], metric)
    if "memory" in scaling:
        metric = {"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"}}
        found["MemoryPolicy"] = _tracking("memory", scaling, scaling["memory"], metric)
    if "requests_per_target" in scaling:
        custom = {"CustomizedMetricSpecification": {"Metrics": _requests(service, target_groups)}}
        found["RequestsPolicy"] = _tracking("requests", scaling, scaling["requests_per_target"], custom)
    if "backlog" in scaling:
        found.update(_backlog(name, scaling, scaling["backlog"], service["cluster"]))
    return found


def _tracking(name: str, scaling: Scaling, target: float, metric: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
        "Properties": {
            "PolicyName": name,
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": {"Ref": TARGET},
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": target,
                "ScaleInCooldown": scaling["scale_in_cooldown"],
                "ScaleOutCooldown": scaling["scale_out_cooldown"],
                **metric,
            },
        },
    }


def _requests(service: Service, target_groups: Sequence[str]) -> list[dict[str, Any]]:
    """Return the requests a minute and target, over both target groups: one of them has the traffic."""
    each = target_metrics(service["load_balancer"]["name"], target_groups, "RequestCountPerTarget", "Sum")
    filled = "+".join(f"FILL({one['Id']},0)" for one in each)
    return [*each, {"Id": "requests", "Expression": filled, "Label": "Requests a target", "ReturnData": True}]


def _backlog(name: str, scaling: Scaling, backlog: Backlog, cluster: str) -> dict[str, Any]:
    """Return scaling on the messages a task, and a rule of its own from no task to the first.

    Messages in flight count, since a worker that is busy with the last message must not be stopped. Without a running
    task the quotient has no value, and target tracking does nothing without one.
    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking-metric-math.html
    """
    per_task = "IF(FILL(running,0)>0,(FILL(visible,0)+FILL(inflight,0))/FILL(running,1),0)"
    is_first = "IF(FILL(visible,0)>0 AND FILL(running,0)<1,1,0)"
    metrics = {"CustomizedMetricSpecification": {"Metrics": _backlog_metrics(backlog, cluster, per_task)}}
    return {
        "BacklogPolicy": _tracking("backlog", scaling, backlog["per_task"], metrics),
        "FirstTaskPolicy": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "first-task",
                "PolicyType": "StepScaling",
                "ScalingTargetId": {"Ref": TARGET},
                "StepScalingPolicyConfiguration": {
                    "AdjustmentType": "ExactCapacity",
                    "Cooldown": FIRST_TASK_COOLDOWN,
                    "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
                },
            },
        },
        "FirstTaskAlarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": sub(f"{BASE}-{name}-first-task"),
                "AlarmDescription": with_runbook("first-task", f"A message waits, and no task of service {name} runs"),
                "AlarmActions": [{"Ref": "FirstTaskPolicy"}],
                "ComparisonOperator": "GreaterThanThreshold",
                "Threshold": 0,
                "EvaluationPeriods": 1,
                "TreatMissingData": "notBreaching",
                "Metrics": [{**one, **_period(one)} for one in _backlog_metrics(backlog, cluster, is_first)],
            },
        },
    }


def _period(metric: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the period of a metric in seconds, which an alarm needs; target tracking sets its own."""
    return {"MetricStat": {**metric["MetricStat"], "Period": 60}} if "MetricStat" in metric else {}


def _backlog_metrics(backlog: Backlog, cluster: str, expression: str) -> list[dict[str, Any]]:
    queue = [{"Name": "QueueName", "Value": Output(QUEUES, f"{logical_id(backlog['queue'])}QueueName")}]
    service = [
        {"Name": "ClusterName", "Value": cluster_name(cluster)},
        {"Name": "ServiceName", "Value": {"Fn::GetAtt": [SERVICE, "Name"]}},
    ]
    return [
        _metric("visible", "AWS/SQS", "ApproximateNumberOfMessagesVisible", queue),
        _metric("inflight", "AWS/SQS", "ApproximateNumberOfMessagesNotVisible", queue),
        # Container Insights of the cluster sends it:
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html
        _metric("running", "ECS/ContainerInsights", "RunningTaskCount", service),
        {"Id": "backlog", "Expression": expression, "Label": "Backlog", "ReturnData": True},
    ]


def _metric(name: str, namespace: str, metric: str, dimensions: Sequence[Any]) -> dict[str, Any]:
    what = {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "ReturnData": False, "MetricStat": {"Metric": what, "Stat": "Average"}}
