# SPDX-License-Identifier: Apache-2.0
"""Judges the figures of a run by thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ddbload.scenario.thresholds import (
    OF_OPERATIONS,
    OF_THE_RUN,
    OPERATORS,
    PERCENTILES,
    SERVICE_TIMES,
    VERIFICATION,
    Figure,
    Rule,
    Slot,
    Threshold,
)
from ddbload.stats.histogram import Histogram


def evaluate(thresholds: Iterable[Threshold], summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compare a summary with thresholds.

    Args:
        thresholds: what must hold.
        summary: with ``operations``, ``plan``, ``verification``, ``cost``, ``breaker`` and ``duplicates`` as in
            run.summary; missing fields and None have no value, nor have the findings of an incomplete check.

    Returns:
        One ``{expression, value, unit, passed}`` each; a value that is missing (None) never passes.
    """
    return [_evaluate(threshold, summary) for threshold in thresholds]


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
    results = evaluate([rule.threshold for rule in due], summary)
    return [
        rule for rule, result in zip(due, results, strict=True) if result["value"] is not None and not result["passed"]
    ]


def value_text(result: Mapping[str, Any]) -> str:
    """Return the value of an evaluated threshold with its unit, as a reader is shown it."""
    return "no value" if result["value"] is None else f"{result['value']:g} {result['unit']}".strip()


def count_of(operation: Mapping[str, Any], metric: str) -> float:
    """Return a count of an operation's summary; those kept by reason are added up."""
    value: float | Mapping[str, int] = operation.get(metric, 0)
    return sum(value.values()) if isinstance(value, Mapping) else value


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
    # A check that did not complete proves nothing about the keys that it did not read.
    if metric in VERIFICATION and not (summary.get("verification") or {}).get("complete", True):
        return None
    if metric in OF_THE_RUN:
        return _figure(OF_THE_RUN[metric], [summary], threshold.unit == "%")
    named: Mapping[str, Any] = summary.get("operations") or {}
    operations = [value or {} for name, value in named.items() if threshold.operation in (None, name)]
    if metric in OF_OPERATIONS:
        return _figure(OF_OPERATIONS[metric], operations, threshold.unit == "%")
    return _time(metric, operations)


def _figure(figure: Figure, parts: Sequence[Mapping[str, Any]], is_share: bool) -> float | None:
    """Add a figure up over the parts that have it, as a percentage of its whole for a share."""
    value = _sum(figure.slot, parts)
    if not is_share or value is None:
        return value
    wholes = [_sum(slot, parts) for slot in figure.whole]
    whole = sum(part for part in wholes if part is not None)
    return 100 * value / whole if whole and None not in wholes else None


def _sum(slot: Slot, parts: Sequence[Mapping[str, Any]]) -> float | None:
    sections = [part.get(slot.section) or {} if slot.section else part for part in parts]
    kept = [section for section in sections if slot.name in section]
    # A part without a value, for example the rate of a closed plan, makes the sum meaningless.
    if not kept or any(section[slot.name] is None for section in kept):
        return None
    return float(sum(count_of(section, slot.name) for section in kept))


def _time(metric: str, operations: Sequence[Mapping[str, Any]]) -> float | None:
    kind = "service" if metric in SERVICE_TIMES else "latency"
    name = metric.removeprefix("service_")
    merged = Histogram()
    for operation in operations:
        if histogram := ((operation.get("histograms") or {}).get("ok") or {}).get(kind):
            merged.add(histogram)
    if not merged.total:
        return None
    return (merged.mean() if name == "mean" else merged.percentile(PERCENTILES[name])) / 1000
