# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of an alarm: a decision over the datapoints of its last periods.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}
MISSING = {"breaching": True, "notBreaching": False}


def alarm_state(alarm: Mapping[str, Any], datapoints: Sequence[float | None]) -> str:
    """Return the state of an alarm: OK, ALARM or INSUFFICIENT_DATA.

    Args:
        alarm: its settings, and its state so far.
        datapoints: one for each of its evaluation periods, the newest first; None where data is missing.
    """
    compare, threshold = COMPARISONS[alarm["ComparisonOperator"]], float(alarm.get("Threshold", 0))
    treatment = alarm.get("TreatMissingData") or "missing"
    if treatment == "ignore" and None in datapoints:
        return str(alarm["StateValue"])
    if all(value is None for value in datapoints) and treatment not in MISSING:
        return "INSUFFICIENT_DATA"
    breaching = [MISSING.get(treatment, False) if value is None else compare(value, threshold) for value in datapoints]
    needed = int(alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods", 1))
    return "ALARM" if sum(breaching) >= needed else "OK"
