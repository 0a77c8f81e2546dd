# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of a run of tasks: what is returned, whether it failed, and the text that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.ddbload.aws.plugins.module_utils.ecs_task import combined_exit_code
from ansible_collections.ddbload.aws.plugins.module_utils.log_cursor import LogEvent
from ansible_collections.ddbload.aws.plugins.module_utils.progress import last_lines, parse_event
from ansible_collections.ddbload.aws.plugins.module_utils.stop_cause import STOP_CODES, one_line, stop_cause
from ansible_collections.ddbload.aws.plugins.module_utils.task_run import FollowedTask, RunState


def run_result(
    state: RunState, events: Mapping[str, Sequence[LogEvent]], fail_on_nonzero: bool = True
) -> dict[str, Any]:
    """Put a run into what the module returns.

    Args:
        state: the run.
        events: all log events, by task id.
        fail_on_nonzero: whether an exit code that is not 0 is a failure.

    Returns:
        The module's return value; ``failed`` tells whether it failed.
    """
    tasks = [_task_result(one, events.get(one.task["task_id"], [])) for one in state.tasks]
    exit_code = combined_exit_code(one["exit_code"] for one in tasks)
    failed = [one for one in tasks if _has_failed(one, fail_on_nonzero)]
    return {
        "changed": True,
        "failed": bool(failed or state.timed_out or state.interrupted_by or state.gave_up),
        "cluster": state.cluster,
        "task_definition": state.task_definition,
        "started_by": state.started_by,
        "exit_code": exit_code,
        "timed_out": state.timed_out,
        "elapsed_s": state.elapsed,
        "tasks": tasks,
        "msg": _message(state, tasks, failed, exit_code),
    }


def launched_result(state: RunState) -> dict[str, Any]:
    """Put a run that is not waited for into what the module returns."""
    result = run_result(state, {}, fail_on_nonzero=False)
    return result | {"failed": False, "msg": f"launched {len(state.tasks)} task(s), not waited for"}


def _task_result(one: FollowedTask, events: Sequence[LogEvent]) -> dict[str, Any]:
    failure = _failed_event(events)
    task = dict(one.task)
    if task["exit_code"] == 0 and isinstance(failure.get("exit_code"), int):
        # An emulator may report 0 for a task that it was told to stop: the load tester's own word counts.
        task["exit_code"] = failure["exit_code"]
    return {
        **task,
        "cause": stop_cause(task, failure.get("message")),
        "log_group": one.cursor.group if one.cursor else None,
        "log_stream": one.cursor.stream if one.cursor else None,
        "log_events": list(events),
    }


def _failed_event(events: Sequence[LogEvent]) -> Mapping[str, Any]:
    for event in reversed(events):
        parsed = parse_event(event["message"])
        if parsed and parsed["event"] == "run.failed":
            return parsed
    return {}


def _has_failed(task: Mapping[str, Any], fail_on_nonzero: bool) -> bool:
    if task["last_status"] != "STOPPED" or task["exit_code"] is None or task["stop_code"] in STOP_CODES:
        return True
    return bool(task["exit_code"]) and fail_on_nonzero


def _message(
    state: RunState, tasks: Sequence[Mapping[str, Any]], failed: Sequence[Mapping[str, Any]], exit_code: int | None
) -> str:
    running = [one["task_id"] for one in tasks if one["last_status"] != "STOPPED"]
    if running and (state.stop_requested_at is not None or state.gave_up):
        first = (
            f"{_why_stopped(state)}: told to stop, but not seen STOPPED yet: "
            f"look after it: aws ecs stop-task --cluster {state.cluster} --task {running[0]}"
        )
    elif state.timed_out or state.interrupted_by:
        first = f"{_why_stopped(state)} and was stopped"
    elif failed:
        first = f"task {failed[0]['task_id']}: {failed[0]['cause'] or failed[0]['last_status']}"
    else:
        return f"{len(tasks)} task(s) ended with exit code {exit_code} after {state.elapsed:g} s"
    if state.timed_out:
        first += " -> raise wait_timeout, or shorten the run"
    if len(failed) and len(tasks) > 1:
        first += f" ({len(failed)} of {len(tasks)} tasks failed)"
    told = failed[0] if failed else tasks[0]
    lines = last_lines([event["message"] for event in told["log_events"]])
    return "\n".join([one_line(first), *(f"  {line}" for line in lines)])


def _why_stopped(state: RunState) -> str:
    tasks = "the task" if len(state.tasks) == 1 else f"{len(state.tasks)} tasks"
    if state.timed_out:
        return f"{tasks} did not end within wait_timeout ({state.wait_timeout:g} s)"
    return f"{tasks} ran when {state.interrupted_by or 'a stop'} came"
