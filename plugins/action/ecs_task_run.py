# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin: runs the module ``ecs_task_run`` step by step and shows what the tasks say while they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.ddbload.aws.plugins.module_utils.interrupt import Interrupt
from ansible_collections.ddbload.aws.plugins.module_utils.log_cursor import LogEvent
from ansible_collections.ddbload.aws.plugins.module_utils.progress import shown_line
from ansible_collections.ddbload.aws.plugins.module_utils.task_result import run_result
from ansible_collections.ddbload.aws.plugins.module_utils.task_run import RunState

MODULE = "ddbload.aws.ecs_task_run"
display = Display()


class StepError(Exception):
    """A step failed; ``result`` is what the module returned."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(result.get("msg"))
        self.result = result


class ActionModule(ActionBase):  # type: ignore[misc]  # no types are published for it
    """Launches, observes and stops by short module calls; between two of them an interrupt is heard."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the tasks to their end."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = self._task.args
        is_waited_for = boolean(arguments.get("wait", True), strict=False)
        is_shown = is_waited_for and arguments.get("show_logs") != "none" and not self._task.no_log
        if self._task.check_mode or self._task.async_val or not is_shown:
            # The module does it in one piece, and hears interrupts itself.
            done: dict[str, Any] = self._execute_module(
                module_name=MODULE, task_vars=task_vars, wrap_async=self._task.async_val
            )
            return result | done
        try:
            with Interrupt() as interrupt:
                return result | self._follow(task_vars or {}, interrupt)
        except StepError as error:
            return result | error.result

    def _follow(self, task_vars: dict[str, Any], interrupt: Interrupt) -> dict[str, Any]:
        events: dict[str, list[LogEvent]] = {}
        step = self._step(task_vars, {"name": "launch"})
        self._show(step)
        try:
            while not RunState.from_dict(step["state"]).finished and not interrupt:
                step = self._step(task_vars, {"name": "observe", "state": step["state"]})
                _gather(events, step["events"])
                if not interrupt:
                    # Nobody reads what is displayed after an interrupt, and a full queue would block.
                    self._show(step)
            if not RunState.from_dict(step["state"]).finished:
                step = self._stop(task_vars, step["state"], interrupt.name)
                _gather(events, step["events"])
        except StepError as error:
            self._stop_after(error, task_vars, step["state"])
            return {**self._result(step, events), **error.result, "changed": True}
        except BaseException as error:
            self._stop_after(error, task_vars, step["state"])
            raise
        return self._result(step, events)

    def _result(self, step: Mapping[str, Any], events: Mapping[str, list[LogEvent]]) -> dict[str, Any]:
        fail_on_nonzero = boolean(self._task.args.get("fail_on_nonzero", True))
        return run_result(RunState.from_dict(step["state"]), events, fail_on_nonzero)

    def _step(self, task_vars: dict[str, Any], step: Mapping[str, Any]) -> dict[str, Any]:
        arguments = {**self._task.args, "_step": step}
        result = self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars)
        if result.get("failed") or "step" not in result:
            raise StepError({**result, "failed": True})
        known: dict[str, Any] = result["step"]
        return known

    def _stop(self, task_vars: dict[str, Any], state: Mapping[str, Any], signal_name: str) -> dict[str, Any]:
        reason = f"the launcher was interrupted by {signal_name}"
        return self._step(task_vars, {"name": "stop", "state": state, "reason": reason, "interrupted_by": signal_name})

    def _stop_after(self, error: BaseException, task_vars: dict[str, Any], state: dict[str, Any]) -> None:
        """Leave no task behind, whatever broke off the observation, the task's ``timeout`` included."""
        try:
            self._stop(task_vars, state, type(error).__name__)
        except StepError:
            tasks = ", ".join(one["task"]["task_id"] for one in state["tasks"])
            display.error(
                f"could not stop task {tasks} of cluster {state['cluster']}, it may still run and cost: "
                f"aws ecs stop-task --cluster {state['cluster']} --task <id>"
            )

    def _show(self, step: Mapping[str, Any]) -> None:
        tasks = [one["task"]["task_id"] for one in step["state"]["tasks"]]
        show_all = self._task.args.get("show_logs") == "all"
        for task_id in tasks:
            mark = f"[{task_id[:8]}] " if len(tasks) > 1 else ""
            lines = [shown_line(event["message"], show_all) for event in step["events"].get(task_id, [])]
            changes = [change for change in step["changes"] if change["task_id"] == task_id]
            told = [f"task {task_id[:8]} {change['status']} after {change['elapsed']:.1f} s" for change in changes]
            # A task speaks after it was started and before it is stopped.
            is_over = bool(changes) and changes[-1]["status"] == "STOPPED"
            for line in [*lines, *told] if is_over else [*told, *lines]:
                if line is not None:
                    display.display(f"  {mark}{line}")


def _gather(events: dict[str, list[LogEvent]], new: Mapping[str, list[LogEvent]]) -> None:
    for task_id, lines in new.items():
        events.setdefault(task_id, []).extend(lines)
