# SPDX-License-Identifier: Apache-2.0
"""Thresholds: what a run must keep, as short expressions such as ``put.p99 < 20ms``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ddbload.stats.histogram import Histogram

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
TIMES = (*PERCENTILES, "mean")
SERVICE_TIMES = tuple(f"service_{name}" for name in TIMES)


class _Place(NamedTuple):
    """Where a summary, or an operation in it, keeps a figure: in a section (none where ""), by name."""

    section: str
    name: str


class _Figure(NamedTuple):
    """A figure, and those that together are the whole that it may be a percentage of (none where it is no share)."""

    place: _Place
    whole: tuple[_Place, ...] = ()


SENT = (_Place("", "sent"),)
# An item that came back unprocessed was throttled, though its batch was answered with success:
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
UNPROCESSED = _Figure(_Place("items", "unprocessed"), (_Place("items", "ok"), _Place("items", "unprocessed")))
OUTCOMES = ("sent", "ok", "expected", "throttled", "contention", "cancelled", "failed", "found")
UNITS = ("consumed_read_units", "consumed_write_units")
OF_OPERATIONS = {
    **{name: _Figure(_Place("", name), SENT) for name in OUTCOMES},
    "retries": _Figure(_Place("attempts", "retried"), SENT),
    "unprocessed": UNPROCESSED,
    "items_throttled": UNPROCESSED,
    **{name: _Figure(_Place("", name)) for name in UNITS},
    "rate": _Figure(_Place("", "rate_reached"), (_Place("", "rate_asked"),)),
}
VERIFICATION = {
    name: _Figure(_Place("verification", name), (_Place("verification", "checked"),))
    for name in ("lost", "corrupt", "phantom", "indeterminate")
}
OF_THE_RUN = {
    "never_sent": _Figure(_Place("plan", "never_sent"), (_Place("plan", "planned"),)),
    **VERIFICATION,
    "duplicates_accepted": _Figure(_Place("duplicates", "accepted")),
    "cost": _Figure(_Place("cost", "total")),
    "paused": _Figure(_Place("breaker", "paused_s")),
}
METRICS = (*TIMES, *SERVICE_TIMES, *OF_OPERATIONS, *OF_THE_RUN)
TIME_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
DEFAULT_GRACE_S = 10.0
LONGEST_GRACE_S = 604_800.0

OPERATION_NAME = r"[A-Za-z0-9_-]+"
EXPRESSION = re.compile(
    rf"\s*(?:(?P<operation>{OPERATION_NAME})\.)?(?P<metric>[a-z_]+[0-9.]*)\s*(?P<operator><=|>=|==|<|>)"
    r"\s*(?P<limit>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>us|ms|s|%|\$)?\s*"
)


class ThresholdError(ValueError):
    """An expression that is no threshold; the text says why."""


@dataclass(frozen=True)
class Threshold:
    """One threshold; a limit of time is in milliseconds, that of ``paused`` in seconds, that of ``cost`` in dollars."""

    expression: str
    operation: str | None
    metric: str
    operator: str
    limit: float
    unit: str


class Rule(NamedTuple):
    """A threshold as a scenario gives it.

    Attributes:
        threshold: the expression.
        abort: whether the run ends as soon as it fails.
        grace: seconds from the start within which it may fail.
    """

    threshold: str
    abort: bool = False
    grace: float = DEFAULT_GRACE_S

    def document(self) -> str | dict[str, Any]:
        """Return what ``parse_rule`` reads as this rule: the text alone where it tells all."""
        return self.threshold if self == Rule(self.threshold) else self._asdict()


def parse(expression: str) -> Threshold:
    """Read ``[operation.]metric operator number[unit]``.

    A time is in us, ms (the default) or s, ``paused`` in seconds by default, ``cost`` in dollars (``$`` or nothing). A
    count with % is a share of the operations sent; that of unprocessed items (throttled ones: the same) of the items
    that were answered, that of a finding of the check of the keys checked, ``never_sent`` of the operations planned.

    Raises:
        ThresholdError: it is none, or its metric or unit is unknown.
    """
    match = EXPRESSION.fullmatch(expression)
    if not match:
        raise ThresholdError(f'must read like "put.p99 < 20ms" or "throttled < 0.1%", got "{expression}"')
    metric, unit = match["metric"], match["unit"] or ""
    if metric not in METRICS:
        raise ThresholdError(f'no metric is named "{metric}" in "{expression}"; known are {", ".join(METRICS)}')
    default, scales = _units(metric)
    if unit and unit not in scales:
        raise ThresholdError(f'{metric} has no unit {unit}, in "{expression}"')
    if metric in OF_THE_RUN and match["operation"]:
        raise ThresholdError(f'{metric} is known for all operations together only, in "{expression}"')
    limit = float(match["limit"]) * scales.get(unit or default, 1.0)
    return Threshold(expression, match["operation"], metric, match["operator"], limit, default or unit)


def parse_rule(value: Any) -> Rule:
    """Read a threshold of a scenario: an expression, or ``{"threshold": expression, "abort": true, "grace": seconds}``.

    Raises:
        ThresholdError: it is none; the text says which part, and why.
    """
    if isinstance(value, str):
        parse(value)
        return Rule(value)
    if not isinstance(value, Mapping) or not isinstance(value.get("threshold"), str):
        raise ThresholdError(
            'must be a text such as "put.p99 < 20ms", or an object such as '
            f'{{"threshold": "failed < 1%", "abort": true, "grace": 10}}, got {value!r:.60}'
        )
    if unknown := [str(name) for name in value if name not in Rule._fields]:
        raise ThresholdError(
            f"no field of a threshold is named {', '.join(unknown)}; known are threshold, abort, grace"
        )
    expression, abort, grace = value["threshold"], value.get("abort", False), value.get("grace", DEFAULT_GRACE_S)
    if not isinstance(abort, bool):
        raise ThresholdError(f"abort must be true or false, got {abort!r:.60}")
    if "grace" in value and "abort" not in value:
        raise ThresholdError('grace is for thresholds with "abort": true; others are judged at the end')
    if not _is_seconds(grace):
        raise ThresholdError(f"grace must be seconds, from 0 to {LONGEST_GRACE_S:,.0f}, got {grace!r:.60}")
    metric = parse(expression).metric
    if abort and metric in VERIFICATION:
        raise ThresholdError(f'{metric} is known after the run only and cannot abort it, in "{expression}"')
    return Rule(expression, abort, float(grace))


def expressions(rules: Iterable[Rule]) -> list[str]:
    """Return the rules' expressions, in their order."""
    return [rule.threshold for rule in rules]


def evaluate(expressions: Iterable[str], summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Hold a summary against thresholds.

    Args:
        expressions: the thresholds.
        summary: with ``operations``, ``plan``, ``verification``, ``cost``, ``breaker`` and ``duplicates`` as in
            run.summary; what is missing or None has no value, nor have the findings of a check that is not complete.

    Returns:
        One ``{expression, value, unit, passed}`` each; a value that is not there (None) never passes.
    """
    return [_evaluate(parse(expression), summary) for expression in expressions]


def broken(rules: Iterable[Rule], summary: Mapping[str, Any], elapsed_s: float) -> list[Rule]:
    """Return the rules on which a run has to end now.

    Args:
        rules: of the scenario.
        summary: of the run so far, as for ``evaluate``.
        elapsed_s: seconds since the start.

    Returns:
        Those that abort, whose grace is over, and whose threshold fails. One that has no value yet does not fail yet.
    """
    due = [rule for rule in rules if rule.abort and elapsed_s >= rule.grace]
    results = evaluate(expressions(due), summary)
    return [
        rule for rule, result in zip(due, results, strict=True) if result["value"] is not None and not result["passed"]
    ]


def count_of(operation: Mapping[str, Any], metric: str) -> float:
    """Return a count of an operation's summary; those kept by reason are added up."""
    value: float | Mapping[str, int] = operation.get(metric, 0)
    return sum(value.values()) if isinstance(value, Mapping) else value


def _units(metric: str) -> tuple[str, dict[str, float]]:
    """Return the unit of a metric's values ("" where they are plain numbers), and what its units are in that."""
    if metric in TIMES or metric in SERVICE_TIMES:
        return "ms", TIME_UNITS
    if metric == "paused":
        return "s", {unit: scale / TIME_UNITS["s"] for unit, scale in TIME_UNITS.items()}
    if metric == "cost":
        return "$", {"$": 1.0}
    figure = OF_OPERATIONS.get(metric) or OF_THE_RUN[metric]
    return "", {"%": 1.0} if figure.whole else {}


def _is_seconds(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 <= value <= LONGEST_GRACE_S
    )


def _evaluate(threshold: Threshold, summary: Mapping[str, Any]) -> dict[str, Any]:
    value = _value(threshold, summary)
    digits = 6 if threshold.unit == "$" else 4
    return {
        "expression": threshold.expression,
        "value": None if value is None else round(value, digits),
        "unit": threshold.unit,
        "passed": value is not None and OPERATORS[threshold.operator](value, threshold.limit),
    }


def _value(threshold: Threshold, summary: Mapping[str, Any]) -> float | None:
    metric = threshold.metric
    # A check that did not come to its end proves nothing of the keys that it did not read.
    if metric in VERIFICATION and not (summary.get("verification") or {}).get("complete", True):
        return None
    if metric in OF_THE_RUN:
        return _figure(OF_THE_RUN[metric], [summary], threshold.unit == "%")
    named: Mapping[str, Any] = summary.get("operations") or {}
    operations = [value or {} for name, value in named.items() if threshold.operation in (None, name)]
    if metric in OF_OPERATIONS:
        return _figure(OF_OPERATIONS[metric], operations, threshold.unit == "%")
    return _time(metric, operations)


def _figure(figure: _Figure, parts: Sequence[Mapping[str, Any]], is_share: bool) -> float | None:
    """Add a figure up over the parts that keep it, as a percentage of its whole where asked."""
    value = _sum(figure.place, parts)
    if not is_share or value is None:
        return value
    wholes = [_sum(place, parts) for place in figure.whole]
    whole = sum(part for part in wholes if part is not None)
    return 100 * value / whole if whole and None not in wholes else None


def _sum(place: _Place, parts: Sequence[Mapping[str, Any]]) -> float | None:
    sections = [part.get(place.section) or {} if place.section else part for part in parts]
    kept = [section for section in sections if place.name in section]
    # A part that has none, such as the rate asked of a closed plan, leaves the sum without a meaning.
    if not kept or any(section[place.name] is None for section in kept):
        return None
    return float(sum(count_of(section, place.name) for section in kept))


def _time(metric: str, operations: Sequence[Mapping[str, Any]]) -> float | None:
    kind = "service" if metric in SERVICE_TIMES else "latency"
    name = metric.removeprefix("service_")
    merged = Histogram()
    for operation in operations:
        text = ((operation.get("histograms") or {}).get("ok") or {}).get(kind)
        if text:
            merged.add(Histogram.decode(text))
    if not merged.total:
        return None
    return (merged.mean() if name == "mean" else merged.percentile(PERCENTILES[name])) / 1000
