# SPDX-License-Identifier: Apache-2.0
"""The results file: the events of all workers of a run, merged without loss; saved and loaded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ddbload.files import FileError, read_text, write_text
from ddbload.results import event_shape, figures
from ddbload.results.events import read_events
from ddbload.results.exit_codes import GRAVITY, INTERNAL, PASSED, TARGET_UNUSABLE, THRESHOLD_FAILED, VERDICTS
from ddbload.results.verdict import miss, unproven
from ddbload.scenario import thresholds
from ddbload.stats.histogram import Histogram
from ddbload.stats.hlog import Interval

SCHEMA = 2
# In the warning of each worker that was cut off.
NO_SUMMARY = "left no summary"


class ResultsError(Exception):
    """A results file that cannot be read; the text says what, where and how to mend it."""


def merge(
    lines: Iterable[str], exit_codes: Mapping[str, int] | None = None, run_id: str | None = None
) -> dict[str, Any]:
    """Merge the events of one run, of one or more tasks and workers.

    Args:
        lines: log lines; lines that are no events are passed over and counted.
        exit_codes: exit code by task id, as ECS reports them; they outrank what the events say.
        run_id: the run whose events count; those of others are counted as foreign.

    Returns:
        The document of results.json. Counts and histograms are added, percentiles computed anew from them. A worker
        that left no summary is there with its last checkpoint.

    Raises:
        ResultsError: the events belong to more than one run, and none is named.
    """
    read = read_events(lines)
    events = [event for event in read.events if run_id in (None, event["run_id"])]
    foreign = read.foreign + len(read.events) - len(events)
    runs = sorted({event["run_id"] for event in events})
    if len(runs) > 1:
        raise ResultsError(
            f"the events belong to more than one run: {', '.join(runs)} -> name the one that counts with --run-id"
        )
    workers = dict.fromkeys(_worker(event) for event in events)
    summaries = {_worker(event): event for event in events if event["event"] == "run.summary"}
    checkpoints = {_worker(event): event for event in events if event["event"] == "run.checkpoint"}
    cut_off = [worker for worker in workers if worker not in summaries]
    known = [*summaries.values(), *(checkpoints[worker] for worker in cut_off if worker in checkpoints)]
    # What came after the load: told at the end, by the worker or, where its process died, by its supervisor.
    deaths = {_worker(event): event for event in events if event["event"] == "run.died"}
    ends = [summaries.get(worker) or deaths.get(worker) or {} for worker in workers]
    tasks = _tasks(events, exit_codes or {})
    codes = {task["exit_code"] for task in tasks if task["exit_code"]}
    # A code that is none of ours, such as that of a kill, is graver than any.
    foreign_codes = sorted(codes - set(GRAVITY), reverse=True)
    exit_code = next((code for code in (*foreign_codes, *GRAVITY) if code in codes), PASSED if summaries else INTERNAL)
    if cut_off and exit_code in (PASSED, THRESHOLD_FAILED):
        exit_code = INTERNAL
    first = next((event for event in events if event["event"] in ("run.started", "run.summary")), {})
    merged: dict[str, Any] = {
        "schema": SCHEMA,
        "run_id": next(iter(runs), run_id),
        "verdict": "incomplete",
        "exit_code": exit_code,
        "partial": bool(cut_off) or not summaries or any(event["partial"] for event in known),
        "started_at": min((event["started_at"] for event in known), default=first.get("ts")),
        "ended_at": max((event["ended_at"] for event in known), default=events[-1]["ts"] if events else None),
        "elapsed_s": max((event["elapsed_s"] for event in known), default=_last_elapsed(events)),
        "warm_up_s": max((event["warm_up_s"] for event in known), default=0.0),
        "version": first.get("version"),
        "endpoint": first.get("endpoint"),
        "region": first.get("region"),
        "scenario": first.get("scenario"),
        "table": first.get("table"),
        "tasks": tasks,
        "plan": figures.plans([event["plan"] for event in known]),
        "operations": figures.operations([event["operations"] for event in known]),
        "failures": [event["message"] for event in events if event["event"] == "run.failed"],
        "warnings": sorted({text for event in known for text in event["warnings"]}),
        "connections": [event["connections"] for event in known],
        "clock_corrections": sum(event["clock_corrections"] for event in known),
        "duplicates": figures.duplicates([event["duplicates"] for event in known]),
        "breaker": figures.breakers([event["breaker"] for event in known]),
        "keys": figures.keys([end.get("keys") for end in ends]),
        "verification": figures.verifications([end.get("verification") for end in ends]),
        "cleanup": figures.cleanups([end.get("cleanup") for end in ends]),
        "search": next((event["search"] for event in known if event["search"]), None),
        "cost": figures.costs([*(event["cost"] for event in known), *(event["cost"] for event in deaths.values())]),
        "series": figures.series(events),
    }
    if foreign:
        merged["warnings"].append(f"{foreign} log lines are no events of {'the run' if run_id else 'ddbload'}")
    if read.malformed:
        merged["warnings"].append(_malformed(read.malformed))
    for worker in cut_off:
        text = _cut_off(worker, checkpoints.get(worker), len(workers))
        merged["warnings"].append(text + _left_behind(merged, deaths.get(worker)))
    rules = [thresholds.parse_rule(value) for value in (merged["scenario"] or {}).get("thresholds", [])]
    merged["thresholds"] = thresholds.evaluate(thresholds.expressions(rules), merged) if summaries else []
    if len(summaries) > 1 and codes <= {THRESHOLD_FAILED} and not cut_off:
        # What each worker made of its own share is not what all of them reached together.
        kept = merged["plan"]["kept"] and all(threshold["passed"] for threshold in merged["thresholds"])
        merged["exit_code"] = PASSED if kept else THRESHOLD_FAILED
    if summaries and merged["exit_code"] == PASSED and (text := unproven(merged)):
        merged["exit_code"] = TARGET_UNUSABLE
        merged["failures"].append(text)
    if summaries:
        merged["verdict"] = VERDICTS.get(merged["exit_code"], "incomplete")
    return merged


def intervals(results: Mapping[str, Any]) -> list[Interval]:
    """Return the latencies of each operation, second by second, as an interval log holds them."""
    return [
        Interval(name, second["elapsed_s"] - 1.0, 1.0, Histogram.decode(text))
        for second in results["series"]
        for name, text in second["histograms"].items()
    ]


def started_s(results: Mapping[str, Any]) -> float:
    """Return when a run started, in seconds since the epoch; 0 where that is not known."""
    started_at = results["started_at"]
    return datetime.fromisoformat(started_at).timestamp() if started_at else 0.0


def explain(merged: Mapping[str, Any]) -> str:
    """Say in one line what the workers missed together: thresholds, their plan, or any proof; else empty."""
    failed = [miss(item) for item in merged["thresholds"] if not item["passed"]]
    broken = ["the plan was not kept"] if merged["plan"] and not merged["plan"]["kept"] else []
    unproved = [unproven(merged)] if merged["exit_code"] == TARGET_UNUSABLE else []
    return "; ".join([*broken, *failed, *unproved])


def save(path: Path, results: Mapping[str, Any]) -> None:
    """Write a results file whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_text(path, json.dumps(results, indent=1) + "\n")


def load(path: Path) -> dict[str, Any]:
    """Read a results file.

    Raises:
        ResultsError: there is none, or it is none of this version.
    """
    try:
        results = json.loads(read_text(path))
    except FileError as error:
        raise ResultsError(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{path} is no results file: {error}") from error
    if not isinstance(results, dict) or results.get("schema") != SCHEMA:
        raise ResultsError(f"{path} is no results file of schema {SCHEMA}: make it anew with ddbload merge")
    if not event_shape.is_plain(results) or not event_shape.is_results(results):
        raise ResultsError(f"{path} does not hold what a results file holds: make it anew with ddbload merge")
    return results


def _worker(event: Mapping[str, Any]) -> tuple[str | None, int]:
    return event["task_id"], event["worker"]


def _tasks(events: Iterable[Mapping[str, Any]], exit_codes: Mapping[str, int]) -> list[dict[str, Any]]:
    codes: dict[tuple[str | None, int], int | None] = {}
    hardware: dict[tuple[str | None, int], Any] = {}
    for event in events:
        known = event.get("exit_code", codes.get(_worker(event)))
        codes[_worker(event)] = exit_codes.get(str(event["task_id"]), known)
        if event["event"] == "run.started":
            hardware[_worker(event)] = event.get("hardware")
    for task_id, code in exit_codes.items():
        if not any(task == task_id for task, _worker_number in codes):
            codes[task_id, 0] = code
    return [
        {"task_id": task, "worker": worker, "exit_code": code, "hardware": hardware.get((task, worker))}
        for (task, worker), code in codes.items()
    ]


def _malformed(count: int) -> str:
    return "1 malformed line ignored" if count == 1 else f"{count:,} malformed lines ignored"


def _last_elapsed(events: Iterable[Mapping[str, Any]]) -> float:
    return max((event["elapsed_s"] for event in events if event["event"] == "run.progress"), default=0.0)


def _cut_off(worker: tuple[str | None, int], checkpoint: Mapping[str, Any] | None, count: int) -> str:
    name = f"worker {worker[1]} of {count}" + (f" (task {worker[0]})" if worker[0] else "")
    if checkpoint is None:
        return f"{name} {NO_SUMMARY}: its figures are missing"
    return f"{name} {NO_SUMMARY}: its figures end {checkpoint['elapsed_s']:g} s after the start"


def _left_behind(merged: Mapping[str, Any], death: Mapping[str, Any] | None) -> str:
    """Say which items a worker that was cut off may have left, where the scenario asks for a cleanup."""
    rules = (merged["scenario"] or {}).get("cleanup")
    if not (isinstance(rules, dict) and rules.get("enabled")):
        return ""
    items = f"items whose run is {merged['run_id']} may remain"
    if death is None or death["keys"] is None:
        return f", nothing was cleaned up after it, and {items}"
    if death["cleanup"] is None or death["cleanup"]["complete"]:
        return f"; its items were cleaned up, {(death['cleanup'] or {'deleted': 0})['deleted']:,} of them"
    why = death["cleanup"].get("error") or "the cleanup after it was stopped"
    return f"; {why}, and {items}: ddbload clean deletes them"
