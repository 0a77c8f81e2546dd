# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of a run of tasks: what the module returns, and whether it failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.cost import (
    architecture_of,
    fargate_cost,
    total_cost,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.message import run_message
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import FollowedTask, Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.cause import stop_cause
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import combined_exit_code

# What ECS says of a task that ended by itself; emulators may say nothing:
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
        The module's return value, fit for JSON. ``failed`` tells whether it failed, ``msg`` why; ``warnings`` and
        ``checked`` are there where they hold something.
    """
    tasks = [_task_result(one, run, params, now) for one in run.tasks]
    failed = [] if check_mode else _failed_tasks(run, tasks, params)
    result: dict[str, Any] = {
        "changed": _has_changed(run, params, check_mode),
        "failed": not check_mode and _has_failed(run, params, failed),
        "msg": run_message(run, params, tasks, failed, check_mode),
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
    optional = {"warnings": run.warnings, "checked": run.checked}
    return result | {name: list(found) for name, found in optional.items() if found}


def slowest_phases(phases: Iterable[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Return for every phase how long it took the task that it took the longest, in s; None where none tells."""
    slowest: dict[str, float | None] = {}
    for each in phases:
        for name, seconds in each.items():
            known = [one for one in (slowest.get(name), seconds) if one is not None]
            slowest[name] = max(known, default=None)
    return slowest


def _task_result(one: FollowedTask, run: Run, params: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    task = dict(one.task)
    failure: Mapping[str, Any] = one.failure or {}
    if task["exit_code"] == 0 and isinstance(failure.get("exit_code"), int):
        # An emulator may report 0 for a task that it was told to stop: the load tester's own word counts.
        task["exit_code"] = failure["exit_code"]
    message = failure.get("message")
    known = {"speaks_ddbload": one.speaks_ddbload, "start_up": one.start_up.text if one.start_up else None}
    cause = stop_cause({**task, **known}, message if isinstance(message, str) else None)
    events = one.log.events if one.log else []
    keep = params["log_lines"]
    return {
        **task,
        "cause": cause.text if cause else None,
        "cause_kind": cause.kind if cause else None,
        "log_group": one.log.group if one.log else None,
        "log_stream": one.log.stream if one.log else None,
        "log_lines": one.log.lines if one.log else 0,
        "log_events": list(events if keep < 0 else events[max(0, len(events) - keep) :]),
        "results": dict(one.summary) if one.summary is not None else None,
        "cost": fargate_cost(task, architecture_of(run.definition), params.get("fargate_prices"), now),
    }


def _failed_tasks(run: Run, tasks: Sequence[Mapping[str, Any]], params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List the tasks that have failed; those that were left running on purpose have not."""
    return [
        one
        for one in tasks
        if not (run.detached and one["last_status"] != "STOPPED") and has_task_failed(one, params["fail_on"])
    ]


def has_task_failed(task: Mapping[str, Any], fail_on: Sequence[str]) -> bool:
    """Tell whether a task has failed, or has not ended.

    Args:
        task: in our shape.
        fail_on: the exit codes to fail on, see ``run_request.fails``.
    """
    if task["last_status"] != "STOPPED" or task["exit_code"] is None or task["stop_code"] not in OWN_END:
        return True
    codes = [one["exit_code"] for one in task["containers"] if one["decides"] and one["exit_code"] is not None]
    return any(fails(code, fail_on) for code in [task["exit_code"], *codes])


def _has_failed(run: Run, params: Mapping[str, Any], failed: Sequence[Mapping[str, Any]]) -> bool:
    if params["state"] == "absent":
        left = len(run.unfinished)
        is_told = run.stopped_by_us >= left and not run.gave_up
        return bool(left) and (params["wait"] or not is_told)
    # What runs on has not failed, unless it is less than was asked for.
    is_broken_off = bool(run.interrupted_by) and (not run.detached or len(run.tasks) < run.wanted)
    return bool(failed or run.timed_out or is_broken_off or run.gave_up or run.launch_error)


def _has_changed(run: Run, params: Mapping[str, Any], check_mode: bool) -> bool:
    if check_mode and params["state"] == "run":
        return len(run.tasks) < run.wanted
    return run.stopped_by_us > 0 or (params["state"] == "run" and run.launched > 0)


def fails(exit_code: int | None, fail_on: Sequence[str]) -> bool:
    """Tell whether an exit code is one to fail on.

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
