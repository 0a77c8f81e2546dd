# SPDX-License-Identifier: Apache-2.0
"""Merges the events of all workers of a run, without loss and in one pass, into the document of results.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ddbload.results import judging
from ddbload.results.events import EventReader
from ddbload.results.exit_codes import PASSED, TARGET_UNUSABLE, THRESHOLD_FAILED, VERDICTS
from ddbload.results.file import SCHEMA, ResultsError
from ddbload.results.merging import clock, costs, ends, figures, fleet
from ddbload.results.merging.coverage import MOST_LISTED, WHOLE_RUN, Expected, cover
from ddbload.results.merging.logs import Log, Logs
from ddbload.results.merging.plan import Part, Plan
from ddbload.results.merging.shares import Shares
from ddbload.results.verdict import miss, unproven
from ddbload.scenario.thresholds import parse_rule

# In the warning of each worker that was cut off.
NO_SUMMARY = "left no summary"


class Reported:
    """The figures that one worker left.

    Attributes:
        log: its lines.
        figures: its summary, else its last checkpoint, without the operations; None where it left neither.
        has_summary: whether it is the summary.
    """

    def __init__(self, log: Log, reader: EventReader, operations: figures.Operations) -> None:
        """Decode what the worker left, and add its operations to the sum: no more than one is in memory."""
        self.log = log
        summary = reader.decoded(log.summary) if log.summary else None
        found = summary or (reader.decoded(log.checkpoint) if log.checkpoint else None)
        self.has_summary = summary is not None
        self.figures: dict[str, Any] | None = None
        if found:
            operations.add(found.pop("operations"))
            self.figures = {name: value for name, value in found.items() if name not in ("scenario", "table")}
        log.summary = log.checkpoint = ""

    @property
    def has_load(self) -> bool:
        """Whether it started its load: one that came late, or that was launched once too often, did not."""
        return bool(self.log.started or self.figures or self.log.last_s)

    @property
    def is_surplus(self) -> bool:
        """Whether it was launched once too often, and had no part of the plan."""
        return self.log.is_surplus and not self.has_load

    @property
    def after_load(self) -> Mapping[str, Any]:
        """What came after the load, by the worker or, where its process died, by its supervisor."""
        return (self.figures if self.has_summary else None) or self.log.died or {}


def merge(
    lines: Iterable[str],
    exit_codes: Mapping[str, int] | None = None,
    run_id: str | None = None,
    expected: Expected = WHOLE_RUN,
    task_costs: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Merge the events of one run, of one or more tasks and workers.

    Args:
        lines: log lines, read once; lines that are no events are ignored and counted.
        exit_codes: exit code by task id, as ECS reports them; they outrank the events' own.
        run_id: the run whose events count; those of others are counted as foreign.
        expected: the tasks and segments that the events have to be of.
        task_costs: dollars by task id, by ECS's times; they count for tasks that did not report their own to the end.

    Returns:
        The document of results.json. Counts and histograms are added, percentiles computed anew from them. A worker
        that left no summary is there with its last checkpoint, and with the counts of its last progress line.

    Raises:
        ResultsError: the events belong to more than one run, and none is named.
    """
    reader = EventReader()
    logs = Logs(reader, run_id)
    logs.read(lines)
    if len(logs.runs) > 1:
        raise ResultsError(
            f"the events belong to more than one run: {', '.join(sorted(logs.runs))} -> name the one that counts with "
            "--run-id"
        )
    operations = figures.Operations()
    workers = [Reported(log, reader, operations) for log in logs.in_order()]
    known = [worker.figures for worker in workers if worker.figures]
    loaded = [worker for worker in workers if worker.has_load]
    cut_off = [
        worker for worker in workers if not worker.has_summary and (worker.has_load or _failed(worker, exit_codes))
    ]
    summaries = [worker.figures for worker in workers if worker.has_summary and worker.figures]
    tasks = _tasks(workers, exit_codes or {})
    coverage = cover(
        [segment for worker in workers if (segment := worker.log.segment)],
        len({worker.log.name.task_id for worker in workers if not worker.is_surplus}),
        expected,
        sum(worker.is_surplus for worker in workers),
    )
    how = ends.Ends(
        {task["exit_code"] for task in tasks if task["exit_code"]},
        summaries,
        is_whole=not cut_off and not coverage.problems(),
    )
    scenario = logs.known("scenario")
    starts_s = [_start_s(logs, worker) for worker in loaded]
    late_s = [0.0] * len(loaded) if expected.is_one_start else clock.offsets(starts_s)
    warm_up_s = max((part["warm_up_s"] for part in known), default=_warm_up_s(scenario))
    shares = Shares(scenario, warm_up_s)
    plan = Plan(
        [
            Part(
                worker.log.segment,
                late,
                worker.figures,
                worker.has_summary,
                worker.log.intervals,
                worker.log.last_s,
                (worker.log.died or {}).get("total"),
            )
            for worker, late in zip(loaded, late_s, strict=True)
        ],
        coverage,
        shares,
    )
    # A worker whose log is missing may have written: its keys are as unknown as those of a worker that was killed.
    after = [worker.after_load for worker in loaded] + [{}] * coverage.missing_workers
    merged: dict[str, Any] = {
        "schema": SCHEMA,
        "run_id": next(iter(logs.runs), run_id),
        "verdict": "incomplete",
        "exit_code": ends.exit_code(how),
        "partial": how.is_partial,
        "started_at": min((part["started_at"] for part in known), default=logs.start.get("ts")),
        "ended_at": max((part["ended_at"] for part in known), default=_last_ts(workers)),
        "elapsed_s": _elapsed_s(loaded, late_s),
        "warm_up_s": max((part["warm_up_s"] for part in known), default=0.0),
        "version": logs.start.get("version"),
        "endpoint": logs.start.get("endpoint"),
        "region": logs.start.get("region"),
        "scenario": scenario,
        "table": logs.known("table"),
        "tasks": tasks,
        "fleet": fleet.document(
            expected.tasks or len({task["task_id"] for task in tasks}),
            coverage,
            plan,
            [worker.log for worker in loaded],
            starts_s,
        ),
        "plan": plan.document,
        "operations": operations.document(plan.span_s, plan.scale),
        "failures": [*coverage.problems(), *_failures(workers)],
        "warnings": sorted({text for part in known for text in part["warnings"]}),
        "connections": [part["connections"] for part in known],
        "clock_corrections": sum(part["clock_corrections"] for part in known),
        "generator": figures.generators([part.get("generator") for part in known]),
        "duplicates": figures.duplicates([part["duplicates"] for part in known]),
        "breaker": figures.breakers([(worker.figures or {}).get("breaker") for worker in loaded], late_s),
        "keys": figures.keys([end.get("keys") for end in after]),
        "verification": figures.verifications([end.get("verification") for end in after]),
        "cleanup": figures.cleanups([end.get("cleanup") for end in after]),
        "search": next((part["search"] for part in known if part["search"]), None),
        "cost": _cost(workers, task_costs or {}),
        "telemetry": figures.telemetry([worker.log.telemetry for worker in workers]),
        "series": logs.series.documents(plan.requested),
    }
    merged["warnings"] += fleet.warnings(merged["fleet"], plan, shares.is_closed)
    merged["warnings"] += figures.telemetry_warnings(merged["telemetry"])
    if foreign := reader.foreign + logs.foreign:
        merged["warnings"].append(f"{foreign} log lines are no events of {'the run' if run_id else 'ddbload'}")
    if reader.malformed:
        merged["warnings"].append(_malformed(reader.malformed))
    count = max(coverage.segments, len(workers))
    for worker in cut_off:
        merged["warnings"].append(_cut_off(worker, count) + _left_behind(merged, worker.log.died))
    merged["warnings"] += _counted_on(cut_off)
    if plan.document and fleet.is_distorted(plan):
        plan.document["kept"] = False
    return _judged(merged, how)


def explain(merged: Mapping[str, Any]) -> str:
    """Say in one line what the workers missed together: segments, the plan, thresholds, or proof; else empty."""
    failed = [miss(item) for item in merged["thresholds"] if not item["passed"]]
    broken = [] if not merged["plan"] or merged["plan"]["kept"] else [_broken(merged["warnings"])]
    unproved = [unproven(merged)] if merged["exit_code"] == TARGET_UNUSABLE else []
    return "; ".join([*merged["fleet"]["problems"], *broken, *failed, *unproved])


def _judged(merged: dict[str, Any], how: ends.Ends) -> dict[str, Any]:
    """Evaluate the thresholds on the merged figures, and give the run its verdict."""
    rules = [parse_rule(value) for value in (merged["scenario"] or {}).get("thresholds", [])]
    merged["thresholds"] = judging.evaluate([rule.threshold for rule in rules], merged) if how.summaries else []
    if ends.is_judged_anew(how):
        found = not merged["search"] or merged["search"]["rate"] is not None
        kept = found and merged["plan"]["kept"] and all(threshold["passed"] for threshold in merged["thresholds"])
        merged["exit_code"] = PASSED if kept else THRESHOLD_FAILED
    if how.summaries and merged["exit_code"] == PASSED and (text := unproven(merged)):
        merged["exit_code"] = TARGET_UNUSABLE
        merged["failures"].append(text)
    if how.summaries:
        # A code of 5 or 6 says why a part is missing, and never that the rest was the whole.
        merged["verdict"] = VERDICTS.get(merged["exit_code"], "incomplete") if how.is_whole else "incomplete"
    return merged


def _broken(warnings: Iterable[str]) -> str:
    """Return the warning that says how the plan was not kept, where there is one."""
    plain = "the plan was not kept"
    return next((text for text in warnings if text.startswith(f"{plain}: the tasks")), plain)


def _tasks(workers: Sequence[Reported], exit_codes: Mapping[str, int]) -> list[dict[str, Any]]:
    found = [
        {
            "task_id": worker.log.name.task_id,
            "worker": worker.log.name.worker,
            "exit_code": exit_codes.get(str(worker.log.name.task_id), worker.log.exit_code),
            "hardware": (worker.log.started or {}).get("hardware"),
        }
        for worker in workers
    ]
    seen = {task["task_id"] for task in found}
    return found + [
        {"task_id": task_id, "worker": 0, "exit_code": code, "hardware": None}
        for task_id, code in exit_codes.items()
        if task_id not in seen
    ]


def _failed(worker: Reported, exit_codes: Mapping[str, int] | None) -> bool:
    code = (exit_codes or {}).get(str(worker.log.name.task_id))
    return bool(worker.log.failures) or (bool(code) if worker.is_surplus else code != PASSED)


def _start_s(logs: Logs, worker: Reported) -> float:
    """Return the instant from which a worker counts its seconds, since the epoch, as well as it is known."""
    measured = logs.start_s(worker.log)
    if measured is not None:
        return measured
    text = worker.figures["started_at"] if worker.figures else worker.log.first_ts
    return datetime.fromisoformat(text).timestamp()


def _elapsed_s(workers: Sequence[Reported], late_s: Sequence[float]) -> float:
    """Return the seconds from the earliest start to the latest end."""
    ends_s = (
        late + (max(worker.log.last_s if not worker.has_summary else 0.0, (worker.figures or {}).get("elapsed_s", 0.0)))
        for worker, late in zip(workers, late_s, strict=True)
    )
    return round(max(ends_s, default=0.0), 3)


def _warm_up_s(scenario: Mapping[str, Any] | None) -> float:
    warm_up = (scenario or {}).get("warm_up")
    return float(warm_up) if isinstance(warm_up, int | float) else 0.0


def _last_ts(workers: Sequence[Reported]) -> str | None:
    return max((worker.log.last_ts for worker in workers), default=None)


def _failures(workers: Sequence[Reported]) -> list[str]:
    return [text for _ts, text in sorted(failure for worker in workers for failure in worker.log.failures)]


def _cost(workers: Sequence[Reported], task_costs: Mapping[str, float]) -> dict[str, Any] | None:
    reported = [costs.Reported(worker.log.name.task_id, worker.has_summary, worker.figures) for worker in workers]
    after = [worker.log.died["cost"] for worker in workers if worker.log.died]
    return costs.with_tasks(figures.costs([*(one.cost for one in reported), *after]), reported, task_costs)


def _malformed(count: int) -> str:
    return "1 malformed line ignored" if count == 1 else f"{count:,} malformed lines ignored"


def _cut_off(worker: Reported, count: int) -> str:
    name = worker.log.name
    text = f"worker {name.worker} of {count}" + (f" (task {name.task_id})" if name.task_id else "")
    if worker.figures is None:
        return f"{text} {NO_SUMMARY}: its figures are missing"
    return f"{text} {NO_SUMMARY}: its figures end {worker.figures['elapsed_s']:g} s after the start"


def _counted_on(workers: Iterable[Reported]) -> list[str]:
    """Say whose counts go on after their other figures, by the progress lines."""
    found = [
        f"worker {worker.log.name.worker} to {worker.log.last_s:g} s"
        for worker in workers
        if worker.log.last_s > (worker.figures or {}).get("elapsed_s", 0.0)
    ]
    if not found:
        return []
    listed = ", ".join(found[:MOST_LISTED]) + (f" and {len(found) - MOST_LISTED} more" if found[MOST_LISTED:] else "")
    return [f"by progress lines the plan counts {listed} after the start, without outcomes and histograms"]


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
