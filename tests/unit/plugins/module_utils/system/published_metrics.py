# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics that AWS publishes, by namespace: the page that lists them, and the dimensions of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Namespace(NamedTuple):
    """A namespace.

    Attributes:
        page: that lists its metrics.
        metrics: by name, the combinations of dimensions with which a metric exists.
    """

    page: str
    metrics: Mapping[str, frozenset[frozenset[str]]]


def _with(*combinations: str) -> frozenset[frozenset[str]]:
    return frozenset(frozenset(each.split()) for each in combinations)


OF_SERVICE = _with("ClusterName", "ClusterName ServiceName")
COUNTED = _with("ClusterName ServiceName")
OF_TASKS = _with("ClusterName", "ClusterName ServiceName", "ClusterName TaskDefinitionFamily")
OF_LOAD_BALANCER = _with(
    "LoadBalancer",
    "AvailabilityZone LoadBalancer",
    "LoadBalancer TargetGroup",
    "AvailabilityZone LoadBalancer TargetGroup",
)
OF_TARGETS = _with("LoadBalancer TargetGroup", "AvailabilityZone LoadBalancer TargetGroup")
OF_QUEUE = _with("QueueName")
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/dimensions.html
OF_INSTANCE = _with("DBInstanceIdentifier", "DBClusterIdentifier Role", "DBClusterIdentifier")

PUBLISHED: Mapping[str, Namespace] = {
    "AWS/ECS": Namespace(
        "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html",
        {"CPUUtilization": OF_SERVICE, "MemoryUtilization": OF_SERVICE},
    ),
    "ECS/ContainerInsights": Namespace(
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html",
        {
            "RunningTaskCount": COUNTED,
            "DesiredTaskCount": COUNTED,
            "PendingTaskCount": COUNTED,
            "CpuUtilized": OF_TASKS,
            "MemoryUtilized": OF_TASKS,
        },
    ),
    "AWS/ApplicationELB": Namespace(
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html",
        {
            "RequestCount": OF_LOAD_BALANCER,
            "HTTPCode_ELB_5XX_Count": _with("LoadBalancer", "AvailabilityZone LoadBalancer"),
            "HTTPCode_Target_5XX_Count": OF_LOAD_BALANCER,
            "TargetResponseTime": OF_LOAD_BALANCER,
            "HealthyHostCount": OF_TARGETS,
            "UnHealthyHostCount": OF_TARGETS,
            "RequestCountPerTarget": _with("TargetGroup", "LoadBalancer TargetGroup"),
        },
    ),
    "AWS/RDS": Namespace(
        "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html",
        {"ACUUtilization": OF_INSTANCE, "CPUUtilization": OF_INSTANCE, "DatabaseConnections": OF_INSTANCE},
    ),
    "AWS/SQS": Namespace(
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
        {
            "ApproximateAgeOfOldestMessage": OF_QUEUE,
            "ApproximateNumberOfMessagesNotVisible": OF_QUEUE,
            "ApproximateNumberOfMessagesVisible": OF_QUEUE,
        },
    ),
    "AWS/Events": Namespace(
        "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html",
        {"MatchedEvents": _with("RuleName", "EventBusName RuleName")},
    ),
}


def is_published(namespace: str, metric: str, dimensions: frozenset[str]) -> bool:
    """Return whether a metric exists with a combination of dimensions."""
    known = PUBLISHED.get(namespace)
    return known is not None and dimensions in known.metrics.get(metric, frozenset())
