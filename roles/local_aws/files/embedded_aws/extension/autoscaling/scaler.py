# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What acts on scaling policies: it reads their metrics and sets the desired counts of services, once a moment."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ministack.core import responses
from ministack.services import cloudwatch, ecs

from embedded_aws.extension.autoscaling import records
from embedded_aws.extension.autoscaling.decision import Count, allowed, combined, cooldown_s, stepped, tracked
from embedded_aws.extension.autoscaling.records import Document
from embedded_aws.extension.autoscaling.requests import STEP, TRACKING
from embedded_aws.extension.metrics import pace, values
from embedded_aws.extension.metrics.alarm_evaluation import newest_values
from embedded_aws.extension.metrics.expression import returned_value

ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
_logger = logging.getLogger("embedded_aws")


@dataclass(frozen=True)
class Want:
    """What one policy wants.

    Attributes:
        count: of tasks; None where its metric has no data.
        cooldown_s: seconds between the last change and this one.
        cause: one clause, for the activity.
    """

    count: int | None
    cooldown_s: float
    cause: str


def look() -> None:
    """Scale each scalable target as its policies want."""
    for (account, region, key), target in records.targets.all_items():
        with responses.request_scope(account, region):
            try:
                _scale(key, target)
            except Exception:  # or one target's policy would keep the others from scaling
                _logger.exception("%s is not scaled", target["ResourceId"])


def _scale(key: tuple[str, str, str], target: Document) -> None:
    name = records.service_key(target["ResourceId"])
    service = ecs._services.get(name)
    if not service or service["status"] != "ACTIVE":
        return
    count = Count(int(service["desiredCount"]), int(service["runningCount"]))
    wants = [*_tracking(key, count), *_steps(key, count)]
    wanted = combined([want.count for want in wants], count.desired)
    deploying = any(each["rolloutState"] == "IN_PROGRESS" for each in service["deployments"])
    result = allowed(target, wanted, count.desired, deploying=deploying)
    if result == count.desired:
        return
    deciding = [want for want in wants if want.count == wanted]
    cause = deciding[0].cause if deciding else _limit(target, result)
    pause_s = pace.seconds(max((want.cooldown_s for want in deciding), default=0.0))
    if time.monotonic() - target.get("_changed_at", float("-inf")) < pause_s:
        return
    target["_changed_at"] = time.monotonic()
    cluster, _slash, service_name = name.partition("/")
    ecs._ACTION_MAP["UpdateService"]({"cluster": cluster, "service": service_name, "desiredCount": result})
    records.note(target, f"Setting desired count to {result}.", cause)


def _limit(target: Document, result: int) -> str:
    name = "minimum" if result == target["MinCapacity"] else "maximum"
    return f"{name} capacity was set to {result}"


def _tracking(key: tuple[str, str, str], count: Count) -> Iterator[Want]:
    for name, policy in list(records.policies.items()):
        configuration = policy.get(TRACKING)
        if name[:3] != key or policy["PolicyType"] == "StepScaling" or not configuration:
            continue
        if "CustomizedMetricSpecification" not in configuration:
            continue
        value = metric_value(configuration["CustomizedMetricSpecification"])
        wanted = tracked(configuration, count, value)
        shown = "no data" if value is None else f"{value:g}"
        cause = f"policy {policy['PolicyName']}: its metric is {shown}, its target {configuration['TargetValue']:g}"
        yield Want(wanted, cooldown_s(configuration, wanted or 0, count.desired), cause)


def metric_value(specification: Document) -> float | None:
    """Return the present value of a customized metric; None where it has no data."""
    at = values.live()
    if "Metrics" not in specification:
        return values.latest(specification, specification["Statistic"], at)
    return returned_value(specification["Metrics"], lambda stat: values.latest(stat["Metric"], stat["Stat"], at))


def _steps(key: tuple[str, str, str], count: Count) -> Iterator[Want]:
    for name, policy in list(records.policies.items()):
        if name[:3] != key or policy["PolicyType"] != "StepScaling":
            continue
        configuration = policy[STEP]
        for alarm in cloudwatch._alarms.values():
            actions = alarm.get(ACTIONS[alarm["StateValue"]]) or []
            if policy["PolicyARN"] not in actions or not alarm.get("ActionsEnabled", True):
                continue
            value = newest_values.get(alarm["AlarmArn"])
            # An alarm over missing data is as far from its threshold as it can be without crossing a step.
            breach = 0.0 if value is None else value - float(alarm.get("Threshold", 0))
            wanted = stepped(configuration, count.desired, breach)
            if wanted != count.desired:
                cause = f"monitor alarm {alarm['AlarmName']} in state {alarm['StateValue']} triggered policy {name[3]}"
                yield Want(wanted, cooldown_s(configuration, wanted, count.desired), cause)
