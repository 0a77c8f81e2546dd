# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of queues and services, which MiniStack publishes none of, and the values of any metric.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ministack.core import responses
from ministack.services import cloudwatch, ecs, sqs

from embedded_aws.extension.metrics import pace

QUEUES, SERVICES = "AWS/SQS", "ECS/ContainerInsights"
SAMPLES = 12  # of a minute, where the value does not change
KEPT_S = 3 * 3600.0  # AWS keeps them for longer, and in coarser steps
Point = Mapping[str, Any]
# Of each queue and service: the namespace, the dimensions and the values by metric.
Live = Sequence[tuple[str, dict[str, str], dict[str, float]]]

_published: dict[tuple[Any, ...], tuple[float, float]] = {}


def queue_metrics(messages: Sequence[Mapping[str, Any]], now_s: float) -> dict[str, float]:
    """Return the metrics of a queue.

    Args:
        messages: of the queue, as MiniStack keeps them.
        now_s: seconds of the epoch.
    """
    hidden = [message for message in messages if message["visible_at"] > now_s]
    delayed = sum(message["receive_count"] == 0 for message in hidden)
    oldest_s = min((message.get("sent_at", now_s) for message in messages), default=now_s)
    return {
        "ApproximateAgeOfOldestMessage": max(0.0, float(int(now_s - oldest_s))),
        "ApproximateNumberOfMessagesDelayed": float(delayed),
        "ApproximateNumberOfMessagesNotVisible": float(len(hidden) - delayed),
        "ApproximateNumberOfMessagesVisible": float(len(messages) - len(hidden)),
    }


def service_metrics(service: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of a service from its record."""
    return {
        "DeploymentCount": float(len(service["deployments"])),
        "DesiredTaskCount": float(service["desiredCount"]),
        "PendingTaskCount": float(service["pendingCount"]),
        "RunningTaskCount": float(service["runningCount"]),
    }


def statistic(points: Sequence[Point], name: str, *, gauge: bool) -> float | None:
    """Return a statistic over datapoints, in the order of their time; None without datapoints.

    Args:
        points: of one metric, in one period.
        name: such as Average, Sum, p99.
        gauge: whether AWS publishes one value a minute; then the last value is the sum and the average.
    """
    if not points:
        return None
    if gauge and name in ("Average", "Sum"):
        return float(points[-1]["Value"])
    if gauge and name == "SampleCount":
        return 1.0
    found = cloudwatch._stat_value(cloudwatch._calc_stats(points), name, list(points))
    return None if found is None else float(found)


def window(metric: Mapping[str, Any], name: str, start_s: float, end_s: float) -> float | None:
    """Return a statistic of a metric between two instants of the epoch; None without datapoints."""
    dimensions = cloudwatch._dims_from_list(metric.get("Dimensions") or [])
    key = (metric["Namespace"], metric["MetricName"], cloudwatch._dims_key(dimensions))
    points = [point for point in cloudwatch._metrics.get(key) or [] if start_s <= point["Timestamp"] < end_s]
    points.sort(key=lambda point: float(point["Timestamp"]))
    return statistic(points, name, gauge=metric["Namespace"] in (QUEUES, SERVICES))


def live() -> Live:
    """Return the metrics of all queues and services at this instant, so that a sum counts no message twice or never."""
    return list(_live())


def latest(metric: Mapping[str, Any], name: str, at: Live) -> float | None:
    """Return the value of a metric of a queue or a service at an instant, else its newest within five minutes.

    Args:
        metric: with its namespace, name and dimensions.
        name: of the statistic.
        at: the instant, of live.
    """
    dimensions = cloudwatch._dims_from_list(metric.get("Dimensions") or [])
    for namespace, found_dimensions, values in at:
        if namespace == metric["Namespace"] and found_dimensions == dimensions:
            return values.get(metric["MetricName"])
    now_s = time.time()
    return window(metric, name, now_s - pace.seconds(300), now_s + 1)


def look() -> None:
    """Publish the metrics of all queues and services."""
    scopes = {key[:2] for store in (sqs._queues, ecs._services) for key, _value in store.all_items()}
    for account, region in scopes:
        with responses.request_scope(account, region):
            for namespace, dimensions, values in _live():
                for name, value in values.items():
                    _publish((account, region, namespace, name, cloudwatch._dims_key(dimensions)), dimensions, value)


def _publish(key: tuple[Any, ...], dimensions: dict[str, str], value: float) -> None:
    now_s = time.time()
    before, at_s = _published.get(key, (None, 0.0))
    if value == before and now_s - at_s < pace.minute_s() / SAMPLES:
        return
    _published[key] = (value, now_s)
    namespace, name = key[2:4]
    cloudwatch.record_metric(namespace, name, value, "Count", dimensions)
    points = cloudwatch._metrics[namespace, name, cloudwatch._dims_key(dimensions)]
    while points[0]["Timestamp"] < now_s - KEPT_S:
        points.pop(0)


def _live() -> Iterator[tuple[str, dict[str, str], dict[str, float]]]:
    """Yield the namespace, the dimensions and the values of each queue and service of the present scope."""
    for queue in sqs._queues.values():
        # A copy, and no call of MiniStack's: its event loop changes the list at the same time.
        yield QUEUES, {"QueueName": queue["name"]}, queue_metrics(list(queue["messages"]), time.time())
    for service in ecs._services.values():
        if service["status"] == "ACTIVE":
            cluster = service["clusterArn"].rpartition("/")[2]
            dimensions = {"ClusterName": cluster, "ServiceName": service["serviceName"]}
            yield SERVICES, dimensions, service_metrics(service)
