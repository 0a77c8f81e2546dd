# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of a run of tasks: what the module returns, and whether it failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.cost import (
    architecture_of,
    fargate_cost,
    total_cost,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.message import run_message
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import FollowedTask, Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.cause import stop_cause
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import Task, combined_exit_code
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, parsed

# ECS's stoppedReason of a task whose container exited; emulators may give none:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
OWN_END = (None, "EssentialContainerExited")


def run_result(run: Run, params: Mapping[str, Any], now: datetime, check_mode: bool = False) -> dict[str, Any]:
    """Put a run into what the module returns.

    Args:
        run: the run.
        params: the module's parameters.
        now: the end of what is paid for tasks that have not ended; with its time zone.
        check_mode: whether nothing was done, and the outcome is what would be.

    Returns:
        The module's return value, fit for JSON. ``failed`` is whether it failed, ``msg`` why; ``warnings`` and
        ``checked`` are there where they hold something.
    """
    outcomes = [_outcome_of(one) for one in run.tasks]
    tasks = [_task_result(one, outcome, run, params, now) for one, outcome in zip(run.tasks, outcomes, strict=True)]
    causes = {outcome.task["task_id"]: outcome.cause for outcome in outcomes if outcome.cause}
    failed = [] if check_mode else _failed_tasks(run, tasks, params)
    result: dict[str, Any] = {
        "changed": _has_changed(run, params, check_mode),
        "failed": not check_mode and _has_failed(run, params, failed),
        "msg": run_message(run, params, tasks, failed, causes, check_mode),
        "state": params["state"],
        "cluster": run.cluster,
        "task_definition": run.task_definition,
        "started_by": run.started_by,
        "client_token": run.client_token,
        "count": run.wanted,
        "launched": run.launched,
        "exit_code": combined_exit_code(one["exit_code"] for one in tasks),
        "timed_out": run.timed_out,
        "interrupted_by": run.interrupted_by,
        "detached": run.detached,
        "elapsed_s": run.elapsed_s,
        "tasks": tasks,
        "phases": slowest_phases(one["phases"] for one in tasks),
        "cost": total_cost(one["cost"] for one in tasks),
    }
    result["passed"] = not result["failed"]
    optional = {"warnings": [warning.line() for warning in run.warnings], "checked": run.checked}
    return result | {name: list(found) for name, found in optional.items() if found}


def slowest_phases(phases: Iterable[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Return the longest duration of each phase over all tasks, in s; None where no task has it."""
    slowest: dict[str, float | None] = {}
    for each in phases:
        for name, seconds in each.items():
            known = [one for one in (slowest.get(name), seconds) if one is not None]
            slowest[name] = max(known, default=None)
    return slowest


class _Outcome(NamedTuple):
    task: Task
    cause: Problem | None


def _outcome_of(one: FollowedTask) -> _Outcome:
    task = dict(one.task)
    failure: Mapping[str, Any] = one.failure or {}
    if task["exit_code"] == 0 and isinstance(failure.get("exit_code"), int):
        # An emulator may report 0 for a task that it stopped: the exit code of the load tester's event is right.
        task["exit_code"] = failure["exit_code"]
    message = failure.get("message")
    known = {"is_load_tester": one.is_load_tester, "start_up": one.start_up.text if one.start_up else None}
    return _Outcome(
        task, stop_cause({**task, **known}, parsed("ddbload", message) if isinstance(message, str) else None)
    )


def _task_result(
    one: FollowedTask, outcome: _Outcome, run: Run, params: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    task, cause = outcome
    events = one.log.events if one.log else []
    keep = params["log_lines"]
    return {
        **task,
        "cause": cause.line() if cause else None,
        "cause_kind": cause.kind if cause else None,
        "log_group": one.log.group if one.log else None,
        "log_stream": one.log.stream if one.log else None,
        "log_lines": one.log.lines if one.log else 0,
        "log_events": list(events if keep < 0 else events[max(0, len(events) - keep) :]),
        "results": dict(one.summary) if one.summary is not None else None,
        "cost": fargate_cost(task, architecture_of(run.definition), params.get("fargate_prices"), now),
    }


def _failed_tasks(run: Run, tasks: Sequence[Mapping[str, Any]], params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List the tasks that have failed, first the one whose failure stopped the others.

    Those that were left running on purpose have not failed.
    """
    failed = [
        one
        for one in tasks
        if not (run.detached and one["last_status"] != "STOPPED") and has_task_failed(one, params["fail_on"])
    ]
    return sorted(failed, key=lambda one: one["task_id"] != run.lost)


def has_task_failed(task: Mapping[str, Any], fail_on: Sequence[str]) -> bool:
    """Return whether a task has failed, or has not ended.

    Args:
        task: as the module returns it.
        fail_on: the exit codes to fail on, see ``run_request.fails``.
    """
    if task["last_status"] != "STOPPED" or task["exit_code"] is None or task["stop_code"] not in OWN_END:
        return True
    codes = [one["exit_code"] for one in task["containers"] if one["decides"] and one["exit_code"] is not None]
    return any(fails(code, fail_on) for code in [task["exit_code"], *codes])


def _has_failed(run: Run, params: Mapping[str, Any], failed: Sequence[Mapping[str, Any]]) -> bool:
    if params["state"] == "absent":
        left = len(run.unfinished)
        is_requested = run.stops_requested >= left and not run.gave_up
        return bool(left) and (params["wait"] or not is_requested)
    # Tasks that run on have not failed, unless there are fewer than requested.
    is_broken_off = bool(run.interrupted_by) and (not run.detached or len(run.tasks) < run.wanted)
    return bool(failed or run.timed_out or is_broken_off or run.gave_up or run.launch_problem)


def _has_changed(run: Run, params: Mapping[str, Any], check_mode: bool) -> bool:
    if check_mode and params["state"] == "run":
        return len(run.tasks) < run.wanted
    return run.stops_requested > 0 or (params["state"] == "run" and run.launched > 0)


def fails(exit_code: int | None, fail_on: Sequence[str]) -> bool:
    """Return whether an exit code is one to fail on.

    Args:
        exit_code: of a task; none at all (None) is not for this function to judge.
        fail_on: codes ("3"), ranges ("1-5") and "nonzero"; none of them lets every code pass.
    """
    return exit_code is not None and any(_holds(entry, exit_code) for entry in fail_on)


def _holds(entry: str, exit_code: int) -> bool:
    if entry == "nonzero":
        return exit_code != 0
    low, _dash, high = entry.partition("-")
    return int(low) <= exit_code <= int(high or low)
