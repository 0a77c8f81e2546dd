# SPDX-License-Identifier: Apache-2.0
"""Thresholds: the conditions on a run's figures, as short expressions, for example ``put.p99 < 20ms``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

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


class Slot(NamedTuple):
    """Where a summary, or an operation in it, keeps a figure: in a section (none where ""), by name."""

    section: str
    name: str


class Figure(NamedTuple):
    """A figure, and those that together are the whole that it may be a percentage of (none where it is no share)."""

    slot: Slot
    whole: tuple[Slot, ...] = ()


SENT = (Slot("", "sent"),)
# An unprocessed item was throttled, though its batch was a success:
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
ITEMS = tuple(Slot("items", name) for name in ("ok", "unprocessed", "failed"))
UNPROCESSED = Figure(Slot("items", "unprocessed"), ITEMS)
OUTCOMES = ("sent", "ok", "expected", "throttled", "contention", "cancelled", "failed", "found")
UNITS = ("consumed_read_units", "consumed_write_units")
OF_OPERATIONS = {
    **{name: Figure(Slot("", name), SENT) for name in OUTCOMES},
    "retries": Figure(Slot("attempts", "retried"), SENT),
    "unprocessed": UNPROCESSED,
    "items_throttled": UNPROCESSED,
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
    "items_failed": Figure(Slot("items", "failed"), ITEMS),
    **{name: Figure(Slot("", name)) for name in UNITS},
    "rate": Figure(Slot("", "rate_reached"), (Slot("", "rate_asked"),)),
}
VERIFICATION = {
    name: Figure(Slot("verification", name), (Slot("verification", "checked"),))
    for name in ("lost", "corrupt", "phantom", "indeterminate")
}
OF_THE_RUN = {
    "never_sent": Figure(Slot("plan", "never_sent"), (Slot("plan", "planned"),)),
    **VERIFICATION,
    "duplicates_accepted": Figure(Slot("duplicates", "accepted")),
    "cost": Figure(Slot("cost", "total")),
    "paused": Figure(Slot("breaker", "paused_s")),
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
    """An expression that is no threshold; the text states the cause."""


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
        threshold: what must hold.
        abort: whether the run ends as soon as it fails.
        grace: seconds from the start within which it may fail.
    """

    threshold: Threshold
    abort: bool = False
    grace: float = DEFAULT_GRACE_S

    def document(self) -> str | dict[str, Any]:
        """Return what ``parse_rule`` reads as this rule: the expression alone where the rest is the default."""
        expression = self.threshold.expression
        return expression if self == Rule(self.threshold) else self._asdict() | {"threshold": expression}


def parse(expression: str) -> Threshold:
    """Read ``[operation.]metric operator number[unit]``.

    A time is in us, ms (the default) or s, ``paused`` in seconds by default, ``cost`` in dollars (``$`` or nothing). A
    count with % is a share of the operations sent; that of unprocessed items (throttled ones: the same) and of
    failed ones of the items that were answered, that of a finding of the check of the keys checked, ``never_sent`` of
    the operations planned.

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
        return Rule(parse(value))
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
    threshold = parse(expression)
    if abort and threshold.metric in VERIFICATION:
        raise ThresholdError(f'{threshold.metric} is known after the run only and cannot abort it, in "{expression}"')
    return Rule(threshold, abort, float(grace))


def _shape() -> dict[str, Any]:
    """Return the JSON Schema of the thresholds of a scenario."""
    # The metrics by what may stand before them and after their number.
    alike: dict[tuple[str, str], list[str]] = {}
    for metric in METRICS:
        operation = "" if metric in OF_THE_RUN else rf"(?:{OPERATION_NAME}\.)?"
        unit = f"(?:{'|'.join(map(re.escape, units))})?" if (units := _units(metric)[1]) else ""
        alike.setdefault((operation, unit), []).append(re.escape(metric))
    limit = rf"\s*(?:{'|'.join(OPERATORS)})\s*[0-9]+(?:\.[0-9]+)?\s*"
    alternatives = [f"{before}(?:{'|'.join(names)}){limit}{unit}" for (before, unit), names in alike.items()]
    expression = {
        "type": "string",
        "pattern": rf"^\s*(?:{'|'.join(alternatives)})\s*$",
        # VS Code and the YAML language server show it; validators pass it over.
        "patternErrorMessage": 'Must read like "put.p99 < 20ms" or "throttled < 0.1%", with a metric and a unit of it.',
        "description": f"[OPERATION.]METRIC < NUMBER[UNIT]. The metrics are {', '.join(METRICS)}.",
    }
    fields = {
        "threshold": expression,
        "abort": {"type": "boolean", "default": False, "description": "Whether the run ends as soon as it fails."},
        "grace": {
            "type": "number",
            "minimum": 0,
            "maximum": LONGEST_GRACE_S,
            "default": DEFAULT_GRACE_S,
            "description": "Seconds from the start within which it may fail.",
        },
    }
    rule = {
        "type": "object",
        "properties": fields,
        "required": ["threshold"],
        "dependencies": {"grace": ["abort"]},
        "additionalProperties": False,
    }
    items = {"if": {"type": "object"}, "then": rule, "else": expression}
    return {"type": "array", "items": items, "default": [], "description": "What the run must keep."}


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


# What a schema can know of the list of thresholds.
SHAPE = _shape()
