# SPDX-License-Identifier: Apache-2.0
"""Thresholds: what a run must keep, as short expressions such as ``put.p99 < 20ms``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ddbload.histogram import Histogram

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
TIMES = (*PERCENTILES, "mean")
COUNTS = ("sent", "ok", "expected", "throttled", "contention", "failed", "found", "never_sent")
UNITS = ("consumed_read_units", "consumed_write_units")
METRICS = (*TIMES, *(f"service_{name}" for name in TIMES), *COUNTS, *UNITS, "rate")
TIME_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}

EXPRESSION = re.compile(
    r"\s*(?:(?P<operation>[a-z_]+)\.)?(?P<metric>[a-z_]+[0-9.]*)\s*(?P<operator><=|>=|==|<|>)"
    r"\s*(?P<limit>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>us|ms|s|%)?\s*"
)


class ThresholdError(ValueError):
    """An expression that is no threshold; the text says why."""


@dataclass(frozen=True)
class Threshold:
    """One threshold; a limit of time is in milliseconds."""

    expression: str
    operation: str | None
    metric: str
    operator: str
    limit: float
    unit: str


def parse(expression: str) -> Threshold:
    """Read ``[operation.]metric operator number[unit]``.

    Raises:
        ThresholdError: it is none, or its metric or unit is unknown.
    """
    match = EXPRESSION.fullmatch(expression)
    if not match:
        raise ThresholdError(f'must read like "put.p99 < 20ms" or "throttled < 0.1%", got "{expression}"')
    metric, unit = match["metric"], match["unit"] or ""
    if metric not in METRICS:
        raise ThresholdError(f'no metric is named "{metric}" in "{expression}"; known are {", ".join(METRICS)}')
    is_time = metric.removeprefix("service_") in TIMES
    if (unit == "%" and (is_time or metric in UNITS)) or (unit in TIME_UNITS and not is_time):
        raise ThresholdError(f'{metric} has no unit {unit}, in "{expression}"')
    if metric == "never_sent" and match["operation"]:
        raise ThresholdError(f'never_sent is known for all operations together only, in "{expression}"')
    limit = float(match["limit"]) * (TIME_UNITS[unit or "ms"] if is_time else 1)
    shown = "ms" if is_time else unit
    return Threshold(expression, match["operation"], metric, match["operator"], limit, shown)


def evaluate(expressions: Iterable[str], summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Hold a summary against thresholds.

    Args:
        expressions: the thresholds.
        summary: with ``operations`` and ``plan`` as in run.summary.

    Returns:
        One ``{expression, value, unit, passed}`` each; a value that is not there (None) never passes.
    """
    return [_evaluate(parse(expression), summary) for expression in expressions]


def count_of(operation: Mapping[str, Any], metric: str) -> float:
    """Return a count of an operation's summary; those kept by reason are added up."""
    value: float | Mapping[str, int] = operation.get(metric, 0)
    return sum(value.values()) if isinstance(value, Mapping) else value


def _evaluate(threshold: Threshold, summary: Mapping[str, Any]) -> dict[str, Any]:
    operations = summary["operations"]
    if threshold.operation:
        operations = {name: value for name, value in operations.items() if name == threshold.operation}
    value = _value(threshold, operations, summary["plan"])
    return {
        "expression": threshold.expression,
        "value": None if value is None else round(value, 4),
        "unit": threshold.unit,
        "passed": value is not None and OPERATORS[threshold.operator](value, threshold.limit),
    }


def _value(threshold: Threshold, operations: Mapping[str, Any], plan: Mapping[str, Any]) -> float | None:
    if not operations:
        return None
    if threshold.metric.removeprefix("service_") in TIMES:
        return _time(threshold.metric, operations)
    sent = sum(count_of(operation, "sent") for operation in operations.values())
    if threshold.metric == "rate":
        reached = float(sum(operation["rate_reached"] for operation in operations.values()))
        if threshold.unit != "%":
            return reached
        asked = [operation["rate_asked"] for operation in operations.values()]
        return None if None in asked or not sum(asked) else 100 * reached / sum(asked)
    if threshold.metric == "never_sent":
        count, whole = float(plan["never_sent"]), float(plan["planned"])
    else:
        count = float(sum(count_of(operation, threshold.metric) for operation in operations.values()))
        whole = float(sent)
    if threshold.unit != "%":
        return count
    return 100 * count / whole if whole else None


def _time(metric: str, operations: Mapping[str, Any]) -> float | None:
    kind = "service" if metric.startswith("service_") else "latency"
    name = metric.removeprefix("service_")
    merged = Histogram()
    for operation in operations.values():
        if "ok" in operation["histograms"]:
            merged.add(Histogram.decode(operation["histograms"]["ok"][kind]))
    if not merged.total:
        return None
    return (merged.mean() if name == "mean" else merged.percentile(PERCENTILES[name])) / 1000
