# SPDX-License-Identifier: Apache-2.0
"""The results file: the events of all workers of a run, merged without loss; saved and loaded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ddbload import thresholds
from ddbload.events import read_events
from ddbload.exit_codes import GRAVITY, PASSED, THRESHOLD_FAILED, VERDICTS
from ddbload.histogram import Histogram
from ddbload.record import milliseconds

SCHEMA = 1


class ResultsError(Exception):
    """A results file that cannot be read; the text says what, where and how to mend it."""


def merge(
    lines: Iterable[str], exit_codes: Mapping[str, int] | None = None, run_id: str | None = None
) -> dict[str, Any]:
    """Merge the events of one run, of one or more tasks and workers.

    Args:
        lines: log lines; lines that are no events are passed over and counted.
        exit_codes: exit code by task id, as ECS reports them; they outrank what the events say.
        run_id: the run's name where there is no event to tell it.

    Returns:
        The document of results.json. Counts and histograms are added, percentiles computed anew from them.

    Raises:
        ResultsError: the events belong to more than one run.
    """
    events, foreign = read_events(lines)
    runs = {event["run_id"] for event in events}
    if len(runs) > 1:
        raise ResultsError(f"the events belong to more than one run: {', '.join(sorted(map(str, runs)))}")
    summaries = [event for event in events if event["event"] == "run.summary"]
    failures = [event for event in events if event["event"] == "run.failed"]
    tasks = _tasks(events, exit_codes or {})
    codes = {task["exit_code"] for task in tasks if task["exit_code"]}
    workers = {_worker(event) for event in events}
    incomplete = len(workers) - len({_worker(event) for event in summaries})
    exit_code = next((code for code in GRAVITY if code in codes), max(codes, default=0 if summaries else 1))
    first = next((event for event in events if event["event"] in ("run.started", "run.summary")), {})
    elapsed_s = max((event["elapsed_s"] for event in summaries), default=_last_elapsed(events))
    merged: dict[str, Any] = {
        "schema": SCHEMA,
        "run_id": next(iter(runs), run_id),
        "verdict": "incomplete",
        "exit_code": exit_code,
        "partial": bool(incomplete) or not summaries or any(event["partial"] for event in summaries),
        "started_at": min((event["started_at"] for event in summaries), default=first.get("ts")),
        "ended_at": max((event["ended_at"] for event in summaries), default=events[-1]["ts"] if events else None),
        "elapsed_s": elapsed_s,
        "scenario": first.get("scenario"),
        "table": first.get("table"),
        "tasks": tasks,
        "plan": _merge_plans([event["plan"] for event in summaries]),
        "operations": _merge_operations([event["operations"] for event in summaries]),
        "failures": [event["message"] for event in failures],
        "warnings": sorted({text for event in summaries for text in event["warnings"]}),
        "connections": [event["connections"] for event in summaries],
        "series": _series(events),
    }
    if foreign:
        merged["warnings"].append(f"{foreign} log lines are no events of ddbload")
    if incomplete:
        merged["warnings"].append(f"{incomplete} of {len(workers)} workers left no summary: their figures are missing")
    expressions = (merged["scenario"] or {}).get("thresholds", [])
    merged["thresholds"] = thresholds.evaluate(expressions, merged) if summaries else []
    if len(summaries) > 1 and merged["thresholds"] and codes <= {THRESHOLD_FAILED} and not incomplete:
        # What each worker made of its own share is not what all of them reached together.
        kept = all(threshold["passed"] for threshold in merged["thresholds"])
        merged["exit_code"] = PASSED if kept else THRESHOLD_FAILED
    if summaries:
        merged["verdict"] = VERDICTS.get(merged["exit_code"], "incomplete")
    return merged


def save(path: Path, results: Mapping[str, Any]) -> None:
    """Write a results file whole or not at all."""
    scratch = path.with_name(path.name + ".tmp")
    scratch.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    scratch.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Read a results file.

    Raises:
        ResultsError: there is none, or it is none of this version.
    """
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ResultsError(f"{path} is no results file: {error}") from error
    if not isinstance(results, dict) or results.get("schema") != SCHEMA:
        raise ResultsError(f"{path} is no results file of schema {SCHEMA}: make it anew with ddbload merge")
    return results


def _worker(event: Mapping[str, Any]) -> tuple[str | None, int]:
    return event["task_id"], event["worker"]


def _tasks(events: Iterable[Mapping[str, Any]], exit_codes: Mapping[str, int]) -> list[dict[str, Any]]:
    codes: dict[tuple[str | None, int], int | None] = {}
    for event in events:
        known = event.get("exit_code", codes.get(_worker(event)))
        codes[_worker(event)] = exit_codes.get(str(event["task_id"]), known)
    for task_id, code in exit_codes.items():
        if not any(task == task_id for task, _worker_number in codes):
            codes[task_id, 0] = code
    return [{"task_id": task, "worker": worker, "exit_code": code} for (task, worker), code in codes.items()]


def _last_elapsed(events: Iterable[Mapping[str, Any]]) -> float:
    return max((event["elapsed_s"] for event in events if event["event"] == "run.progress"), default=0.0)


def _merge_plans(plans: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    if not plans:
        return None
    asked = [plan["rate_asked"] for plan in plans]
    return {
        "rate_asked": None if None in asked else sum(asked),
        "rate_reached": sum(plan["rate_reached"] for plan in plans),
        "planned": sum(plan["planned"] for plan in plans),
        "sent": sum(plan["sent"] for plan in plans),
        "never_sent": sum(plan["never_sent"] for plan in plans),
        # The latest worker's; lateness is a worker's own figure and is not averaged.
        "late_ms": {name: max(plan["late_ms"][name] for plan in plans) for name in ("p50", "p99", "max")},
    }


def _merge_operations(summaries: list[Mapping[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(name for summary in summaries for name in summary)
    return {name: _merge_operation([summary[name] for summary in summaries if name in summary]) for name in names}


def _merge_operation(parts: list[Mapping[str, Any]]) -> dict[str, Any]:
    histograms: dict[str, dict[str, Histogram]] = {}
    for part in parts:
        for outcome, kinds in part["histograms"].items():
            for kind, text in kinds.items():
                histograms.setdefault(outcome, {}).setdefault(kind, Histogram()).add(Histogram.decode(text))
    ok = histograms.get("ok", {})
    asked = [part["rate_asked"] for part in parts]
    counts = ("sent", "ok", "expected", "contention", "found", "consumed_read_units", "consumed_write_units")
    return {
        **{name: sum(part[name] for part in parts) for name in counts},
        "throttled": dict(sum((Counter(part["throttled"]) for part in parts), Counter())),
        "failed": dict(sum((Counter(part["failed"]) for part in parts), Counter())),
        "rate_asked": None if None in asked else sum(asked),
        "rate_reached": round(sum(part["rate_reached"] for part in parts), 3),
        "latency_ms": milliseconds(ok["latency"]) if ok else None,
        "service_ms": milliseconds(ok["service"]) if ok else None,
        "histograms": {
            outcome: {kind: histogram.encode() for kind, histogram in kinds.items()}
            for outcome, kinds in histograms.items()
        },
    }


def _series(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    # Second -> worker -> its intervals that end there: a run's last one, under a second, falls to the one before it.
    seconds: dict[int, dict[tuple[str | None, int], list[Mapping[str, Any]]]] = {}
    begun: dict[tuple[str | None, int], float] = {}
    for event in events:
        if event["event"] == "run.progress":
            worker = _worker(event)
            length_s = event["elapsed_s"] - begun.get(worker, 0.0)
            begun[worker] = event["elapsed_s"]
            workers = seconds.setdefault(max(1, round(event["elapsed_s"])), {})
            workers.setdefault(worker, []).append(event["interval"] | {"length_s": length_s})
    return [
        {"elapsed_s": second, **_merge_second(list(workers.values()))} for second, workers in sorted(seconds.items())
    ]


def _merge_second(workers: list[list[Mapping[str, Any]]]) -> dict[str, Any]:
    parts = [part for intervals in workers for part in intervals]
    counts = (
        "planned",
        "sent",
        "ok",
        "expected",
        "contention",
        "failed",
        "consumed_read_units",
        "consumed_write_units",
    )
    merged: dict[str, Any] = {name: sum(part[name] for part in parts) for name in counts}
    merged["throttled"] = dict(sum((Counter(part["throttled"]) for part in parts), Counter()))
    answered = [
        sum(part["rate"] * part["length_s"] for part in intervals)
        / (sum(part["length_s"] for part in intervals) or 1.0)
        for intervals in workers
    ]
    merged["rate"] = round(sum(answered), 1)
    for name in ("late_ms_max", "max_ms"):
        merged[name] = max(part[name] for part in parts)
    # A second's percentiles cannot be merged; the worst worker's stands for all, and the name says so.
    fullest = [max(intervals, key=lambda part: part["ok"]) for intervals in workers]
    for name in ("p50_ms", "p99_ms"):
        merged[name if len(workers) == 1 else f"worst_{name}"] = max(part[name] for part in fullest)
    return merged
