# SPDX-License-Identifier: Apache-2.0
"""The shape of events and results files: checked once, when they are read; their histograms are decoded then."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from ddbload.scenario.thresholds import parse_rule
from ddbload.stats.histogram import PERCENTILES, Histogram

Check = Callable[[Any], bool]

MAX_DEPTH = 32
MAX_NUMBER = 10**15
MAX_SECONDS = 10**7
MAX_SEGMENTS = 10**6
# Events whose histograms are read.
WITH_HISTOGRAMS = ("run.progress", "run.checkpoint", "run.summary")


def is_plain(value: Any, depth: int = 0) -> bool:
    """Return whether a JSON value has finite numbers of a usable size, valid Unicode and a bounded depth."""
    if depth > MAX_DEPTH:
        return False
    if isinstance(value, dict):
        return all(_is_unicode(key) and is_plain(item, depth + 1) for key, item in value.items())
    if isinstance(value, list):
        return all(is_plain(item, depth + 1) for item in value)
    if isinstance(value, str):
        return _is_unicode(value)
    return value is None or isinstance(value, bool) or _is_number(value)


def has_shape(event: Mapping[str, Any]) -> bool:
    """Return whether an event has the fields that are read from events of its name, each of its type.

    Args:
        event: a JSON object, with its histograms as text; fields that are not read are allowed, and so are events of
            other names.
    """
    return is_plain(event) and _CONTEXT(event) and _OF_EVENTS.get(event["event"], _is_anything)(event)


def decode(event: dict[str, Any]) -> bool:
    """Replace the texts of an event's histograms by histograms; False where one is malformed.

    Args:
        event: one that has its shape.
    """
    if event["event"] not in WITH_HISTOGRAMS:
        return True
    return _decode(event.get("operations", {}), [event["interval"]] if "interval" in event else [])


def read_results(results: dict[str, Any]) -> bool:
    """Check a results file's shape, and replace its histograms' texts by histograms.

    Returns:
        Whether it has the fields that are read from it, each of its type.
    """
    return is_plain(results) and _RESULTS(results) and _decode(results["operations"], results["series"])


def _decode(operations: Mapping[str, Any], seconds: Iterable[dict[str, Any]]) -> bool:
    """Replace the text of each histogram by the histogram; False where one is invalid."""
    try:
        for operation in operations.values():
            for kinds in operation["histograms"].values():
                kinds.update({kind: _histogram(kinds[kind]) for kind in ("latency", "service")})
        for second in seconds:
            second["histograms"] = {name: _histogram(text) for name, text in second["histograms"].items()}
            if "service_histogram" in second:
                second["service_histogram"] = _histogram(second["service_histogram"])
    except ValueError:
        return False
    return True


def _histogram(text: str) -> Histogram:
    histogram = Histogram.decode(text)
    if histogram.total > MAX_NUMBER:
        raise ValueError(f"it counts {histogram.total} values")
    return histogram


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


def _is_span(value: Any) -> bool:
    """Return whether it is a number of seconds of a run whose workers start one after the other."""
    return _is_amount(value) and value <= 2 * MAX_SECONDS


def _is_count(value: Any) -> bool:
    return _is_amount(value) and isinstance(value, int)


def _is_instant(value: Any) -> bool:
    try:
        # No run was in another century, and arithmetic with years 1 and 9999 overflows.
        return isinstance(value, str) and 1970 < (at := datetime.fromisoformat(value)).year < 9000 and bool(at.tzinfo)
    except ValueError:
        return False


def _is_segment(value: Any) -> bool:
    if not isinstance(value, dict) or not all(_is_count(value.get(name)) for name in ("index", "count")):
        return False
    return bool(value["index"] < value["count"] <= MAX_SEGMENTS)


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
    {"exit_code": _optional(_is_count), "line": _is_count},
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
        "items": _record(_each(_is_count, "ok", "unprocessed"), {"failed": _REASONS}),
        "attempts": _record({"retried": _REASONS, "back_off_ms": _optional(_TIMES)}),
        "indexes": _INDEXES,
        "rate_asked": _optional(_is_amount),
        "rate_reached": _is_amount,
        "histograms": _mapping_of(_record(_each(_is_text, "latency", "service"))),
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
        "histograms": _mapping_of(_is_text),
    },
    {"service_histogram": _is_text},
)
_BREAKER = _record(
    {
        "action": _is_text,
        "paused_s": _is_amount,
        "openings": _list_of(_record({"opened_s": _is_number}, {"closed_s": _optional(_is_number)})),
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
_GENERATOR = _record(
    {
        **_each(_is_amount, "cpus", "used_s", "throttled_s", "longest_silence_ms"),
        **_each(_optional(_is_amount), "waited_s", "stolen_s"),
    }
)
_TRIAL = _record(
    {**_each(_is_number, "rate", "reached"), **_each(_is_text, "phase", "reason"), "passed": _is_boolean},
)
_SEARCH = _record({"answer": _is_text, "steps": _list_of(_TRIAL)})
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
        "search": _optional(_SEARCH),
        "cost": _optional(_COST),
    },
    {
        "scenario": _optional(_is_scenario),
        "table": _optional(_mapping_of(_is_anything)),
        "generator": _optional(_GENERATOR),
    },
)
_TELEMETRY = _record(
    _each(_is_count, "exports", "failed", "dropped"), _each(_optional(_is_text), "endpoint", "problem")
)
_START = _record({}, {"barrier": _is_boolean, "at": _optional(_is_instant), "late_s": _is_number})
_OF_EVENTS: Mapping[str, Check] = {
    "run.started": _record(
        {},
        {
            "segment": _optional(_is_segment),
            "start": _optional(_START),
            "scenario": _optional(_is_scenario),
            "table": _optional(_mapping_of(_is_anything)),
            "hardware": _optional(_mapping_of(_is_anything)),
            **_each(_optional(_is_text), "version", "endpoint", "region"),
        },
    ),
    "run.progress": _record({"elapsed_s": _is_seconds, "interval": _INTERVAL}, {"workers": _list_of(_is_count)}),
    "run.checkpoint": _FIGURES,
    "run.summary": _FIGURES,
    "run.died": _record(
        {"keys": _optional(_KEYS), "cleanup": _optional(_CLEANUP), "cost": _optional(_COST)},
        {"elapsed_s": _is_seconds, "total": _mapping_of(_is_count)},
    ),
    "run.failed": _record({"message": _is_text}),
    "run.telemetry": _TELEMETRY,
}
_FLEET = _record(
    {
        "tasks": _is_count,
        "segments": _optional(_is_count),
        **_each(_list_of(_is_count), "missing", "doubled"),
        "problems": _list_of(_is_text),
        "starts": _list_of(
            _record({"after_s": _is_amount, "at": _is_text, "worker": _is_count, "task_id": _optional(_is_text)})
        ),
        "skew_s": _optional(_is_amount),
        "distortion": _optional(_is_amount),
    }
)
_SECOND = _record(
    {
        "elapsed_s": _is_span,
        **_each(_is_count, "planned", "sent", "ok", "expected", "contention", "cancelled", "failed"),
        **_each(_is_count, "items_unprocessed", "retried"),
        **_UNITS,
        "throttled": _REASONS,
        "indexes": _INDEXES,
        **_each(_is_amount, "rate", "late_ms_max", "p50_ms", "p99_ms", "max_ms"),
        "histograms": _mapping_of(_is_text),
    },
    {"service_histogram": _is_text, "requested": _is_amount},
)
_RESULTS = _record(
    {
        "run_id": _optional(_is_text),
        "verdict": _is_text,
        "exit_code": _is_count,
        "partial": _is_boolean,
        **_each(_optional(_is_instant), "started_at", "ended_at"),
        **_each(_is_span, "elapsed_s", "warm_up_s"),
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
    },
    {"fleet": _FLEET, "generator": _optional(_GENERATOR), "telemetry": _optional(_TELEMETRY)},
)
