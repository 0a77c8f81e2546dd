# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluation of alarms, in MiniStack's stead: by dimensions, by metric math, and by time."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from ministack.core import responses
from ministack.services import cloudwatch

from embedded_aws.extension.metrics import pace, values
from embedded_aws.extension.metrics.alarm_state import COMPARISONS, alarm_state
from embedded_aws.extension.metrics.expression import ExpressionError, returned_value

Alarm = dict[str, Any]
# Of each alarm, by its ARN; a step policy takes its step by it.
newest_values: dict[str, float | None] = {}
# Until when a state that a user has set is kept, by the name of the alarm.
_set_until_s: dict[tuple[str, str, str], float] = {}
_logger = logging.getLogger("embedded_aws")


def datapoints(alarm: Alarm, now_s: float) -> list[float | None]:
    """Return the datapoints of an alarm's evaluation periods, the newest first; None where data is missing."""
    return [_datapoint(alarm, now_s, number) for number in range(int(alarm.get("EvaluationPeriods", 1)))]


def evaluate(alarm: Alarm) -> None:
    """Set the state of an alarm, and notify of a change."""
    if alarm.get("ComparisonOperator") not in COMPARISONS:
        return
    found = datapoints(alarm, time.time())
    newest = newest_values[alarm["AlarmArn"]] = next((value for value in found if value is not None), None)
    before, after = alarm["StateValue"], alarm_state(alarm, found)
    if before == after:
        return
    shown = "no datapoints" if newest is None else f"the datapoint {newest:g}"
    reason = f"Threshold Crossed: {shown} ({alarm['ComparisonOperator']} {alarm.get('Threshold', 0):g})"
    alarm.update(StateValue=after, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], before, after, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, after, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def look() -> None:
    """Evaluate all alarms."""
    for scope, alarm in cloudwatch._alarms.all_items():
        if _set_until_s.get(scope, 0.0) > time.monotonic():
            continue
        account, region, _name = scope
        with responses.request_scope(account, region):
            try:
                evaluate(alarm)
            except ExpressionError as error:
                _logger.warning("The alarm %s is not evaluated: %s", alarm["AlarmName"], error)


def install() -> None:
    """Let CloudWatch evaluate its alarms this way."""
    set_state = cloudwatch._set_alarm_state

    def set_state_for_a_minute(parameters: Any, members: dict[str, Any], *protocol: bool) -> Any:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
        name = members.get("AlarmName") or cloudwatch._p(parameters, "AlarmName")
        _set_until_s[responses.get_account_id(), responses.get_region(), name] = time.monotonic() + pace.minute_s()
        return set_state(parameters, members, *protocol)

    cloudwatch._evaluate_alarm = evaluate
    cloudwatch._set_alarm_state = set_state_for_a_minute


def _datapoint(alarm: Alarm, now_s: float, number: int) -> float | None:
    if "Metrics" not in alarm:
        period_s = pace.seconds(float(alarm.get("Period", 60)))
        name = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
        return values.window(alarm, name, now_s - (number + 1) * period_s, now_s - number * period_s)

    def read(stat: Mapping[str, Any]) -> float | None:
        period_s = pace.seconds(float(stat.get("Period", 60)))
        end_s = now_s - number * period_s
        return values.window(stat["Metric"], stat.get("Stat", "Average"), end_s - period_s, end_s)

    return returned_value(alarm["Metrics"], read)
