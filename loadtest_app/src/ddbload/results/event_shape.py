# SPDX-License-Identifier: Apache-2.0
"""Which shape an event has: checked once, when it is read, so that what adds events up can rely on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ddbload.engine.record import PERCENTILES
from ddbload.scenario.thresholds import parse_rule
from ddbload.stats.histogram import Histogram

Check = Callable[[Any], bool]

MAX_DEPTH = 32
MAX_NUMBER = 10**15
MAX_SECONDS = 10**7


def is_plain(value: Any, depth: int = 0) -> bool:
    """Tell whether a JSON value has finite numbers of a usable size, valid Unicode and a bounded depth."""
    if depth > MAX_DEPTH:
        return False
    if isinstance(value, dict):
        return all(_is_unicode(key) and is_plain(item, depth + 1) for key, item in value.items())
    if isinstance(value, list):
        return all(is_plain(item, depth + 1) for item in value)
    if isinstance(value, str):
        return _is_unicode(value)
    return value is None or isinstance(value, bool) or _is_number(value)


def is_context(event: Mapping[str, Any]) -> bool:
    """Tell whether an event says when, of which run and by which worker it was written."""
    return _CONTEXT(event)


def is_event(event: Mapping[str, Any]) -> bool:
    """Tell whether an event has the fields that are read from events of its name, each of its type.

    Args:
        event: a JSON object; fields of names that are not read are allowed, and so are events of other names.
    """
    return is_plain(event) and is_context(event) and _OF_EVENTS.get(event["event"], _is_anything)(event)


def is_results(results: Mapping[str, Any]) -> bool:
    """Tell whether a results file has the fields that all that shows it reads, each of its type."""
    return _RESULTS(results)


def _is_unicode(text: str) -> bool:
    # Half of a surrogate pair cannot be printed.
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _is_anything(_value: Any) -> bool:
    return True


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return (isinstance(value, int) or math.isfinite(value)) and abs(value) <= MAX_NUMBER


def _is_amount(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_seconds(value: Any) -> bool:
    return _is_amount(value) and value <= MAX_SECONDS


def _is_count(value: Any) -> bool:
    return _is_amount(value) and isinstance(value, int)


def _is_instant(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_histogram(value: Any) -> bool:
    try:
        return isinstance(value, str) and Histogram.decode(value).total <= MAX_NUMBER
    except ValueError:
        return False


def _is_scenario(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    try:
        for rule in value.get("thresholds", []):
            parse_rule(rule)
    except (TypeError, ValueError):
        return False
    return True


def _optional(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _mapping_of(check: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def _record(needed: Mapping[str, Check], allowed: Mapping[str, Check] | None = None) -> Check:
    """Return the check of an object that has some fields, and may have others of a known type."""
    allowed = allowed or {}

    def check(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and all(name in value and field(value[name]) for name, field in needed.items())
            and all(field(value[name]) for name, field in allowed.items() if name in value)
        )

    return check


def _each(check: Check, *names: str) -> dict[str, Check]:
    return dict.fromkeys(names, check)


_CONTEXT = _record(
    {
        "ts": _is_instant,
        "event": _is_text,
        "run_id": _is_text,
        "task_id": _optional(_is_text),
        "worker": _is_count,
    },
    {"exit_code": _optional(_is_count)},
)
_UNITS = _each(_is_number, "consumed_read_units", "consumed_write_units")
_INDEXES = _mapping_of(_record(_UNITS))
_TIMES = _record(_each(_is_number, *PERCENTILES, "max", "mean"))
_REASONS = _mapping_of(_is_count)
_PLAN = _record(
    {
        "rate_asked": _optional(_is_amount),
        "rate_reached": _is_amount,
        **_each(_is_count, "planned", "sent", "never_sent", "passed_over"),
        "late_ms": _record(_each(_is_amount, "p50", "p99", "max")),
        "busy": _optional(_is_number),
        "kept": _is_boolean,
    }
)
_OPERATION = _record(
    {
        **_each(_is_count, "sent", "ok", "expected", "contention", "found"),
        **_UNITS,
        **_each(_REASONS, "throttled", "cancelled", "failed"),
        "items": _record(_each(_is_count, "ok", "unprocessed")),
        "attempts": _record({"retried": _REASONS, "back_off_ms": _optional(_TIMES)}),
        "indexes": _INDEXES,
        "rate_asked": _optional(_is_amount),
        "rate_reached": _is_amount,
        "histograms": _mapping_of(_record(_each(_is_histogram, "latency", "service"))),
    }
)
_INTERVAL = _record(
    {
        **_each(_is_count, "planned", "sent", "ok", "expected", "contention", "cancelled", "failed"),
        **_each(_is_count, "items_unprocessed", "retried"),
        **_UNITS,
        "throttled": _REASONS,
        "indexes": _INDEXES,
        **_each(_is_amount, "rate", "seconds", "late_ms_max"),
        "histograms": _mapping_of(_is_histogram),
    },
    {"service_histogram": _is_histogram},
)
_BREAKER = _record(
    {
        "action": _is_text,
        "paused_s": _is_amount,
        "openings": _list_of(_record({"opened_s": _is_number})),
    }
)
_VERIFICATION = _record(
    {
        **_each(_is_count, "present", "absent", "lost", "corrupt", "phantom", "indeterminate", "checked", "keys"),
        "examples": _record(_each(_list_of(_is_text), "lost", "corrupt", "phantom")),
        **_each(_is_amount, "consumed_read_units", "share"),
        "complete": _is_boolean,
    },
    {"error": _optional(_is_text)},
)
_CLEANUP = _record(
    {"deleted": _is_count, "consumed_write_units": _is_amount, "complete": _is_boolean},
    {"error": _optional(_is_text)},
)
_COST = _record(
    _each(_is_number, "total", "requests", "compute", "read_units", "write_units", "refused_write_units"),
    {
        **_each(_is_number, "at_most", "uncertain_read_units", "uncertain_write_units"),
        "estimated": _optional(_is_number),
        **_each(_optional(_is_text), "currency", "note", "prices_of"),
    },
)
_KEYS = _record(_each(_is_count, "acknowledged", "indeterminate", "refused", "below"))
_DUPLICATES = _record(
    _each(_is_count, "sent", "refused", "accepted"), _each(_is_count, "unanswered", "originals_refused")
)
_FIGURES = _record(
    {
        "partial": _is_boolean,
        **_each(_is_instant, "started_at", "ended_at"),
        **_each(_is_seconds, "elapsed_s", "warm_up_s"),
        "plan": _PLAN,
        "operations": _mapping_of(_OPERATION),
        "warnings": _list_of(_is_text),
        "connections": _mapping_of(_is_anything),
        "clock_corrections": _is_count,
        "duplicates": _optional(_DUPLICATES),
        "breaker": _optional(_BREAKER),
        "keys": _optional(_KEYS),
        "verification": _optional(_VERIFICATION),
        "cleanup": _optional(_CLEANUP),
        "search": _optional(_mapping_of(_is_anything)),
        "cost": _optional(_COST),
    },
    {"scenario": _optional(_is_scenario), "table": _optional(_mapping_of(_is_anything))},
)
_OF_EVENTS: Mapping[str, Check] = {
    "run.started": _record(
        {},
        {
            "scenario": _optional(_is_scenario),
            "table": _optional(_mapping_of(_is_anything)),
            "hardware": _optional(_mapping_of(_is_anything)),
            **_each(_optional(_is_text), "version", "endpoint", "region"),
        },
    ),
    "run.progress": _record({"elapsed_s": _is_seconds, "interval": _INTERVAL}),
    "run.checkpoint": _FIGURES,
    "run.summary": _FIGURES,
    "run.died": _record({"keys": _optional(_KEYS), "cleanup": _optional(_CLEANUP), "cost": _optional(_COST)}),
    "run.failed": _record({"message": _is_text}),
}
_SECOND = _record(
    {
        "elapsed_s": _is_seconds,
        **_each(_is_count, "planned", "sent", "ok", "expected", "contention", "cancelled", "failed"),
        **_each(_is_count, "items_unprocessed", "retried"),
        **_UNITS,
        "throttled": _REASONS,
        "indexes": _INDEXES,
        **_each(_is_amount, "rate", "late_ms_max", "p50_ms", "p99_ms", "max_ms"),
        "histograms": _mapping_of(_is_histogram),
    },
    {"service_histogram": _is_histogram},
)
_RESULTS = _record(
    {
        "run_id": _optional(_is_text),
        "verdict": _is_text,
        "exit_code": _is_count,
        "partial": _is_boolean,
        **_each(_optional(_is_instant), "started_at", "ended_at"),
        **_each(_is_seconds, "elapsed_s", "warm_up_s"),
        **_each(_optional(_is_text), "version", "endpoint", "region"),
        "scenario": _optional(_is_scenario),
        "table": _optional(_mapping_of(_is_anything)),
        "tasks": _list_of(_mapping_of(_is_anything)),
        "plan": _optional(_PLAN),
        "operations": _mapping_of(_OPERATION),
        **_each(_list_of(_is_text), "failures", "warnings"),
        "cost": _optional(_COST),
        "breaker": _optional(_BREAKER),
        "duplicates": _optional(_DUPLICATES),
        "verification": _optional(_VERIFICATION),
        "cleanup": _optional(_CLEANUP),
        "series": _list_of(_SECOND),
    }
)
