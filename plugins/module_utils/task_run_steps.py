# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module ``ecs_task_run`` does: all at once, or one step of it for the action plugin that shows it live."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.ddbload.aws.plugins.module_utils.aws_error import explain
from ansible_collections.ddbload.aws.plugins.module_utils.ecs_task import RequestError
from ansible_collections.ddbload.aws.plugins.module_utils.interrupt import Interrupt
from ansible_collections.ddbload.aws.plugins.module_utils.log_cursor import LogEvent
from ansible_collections.ddbload.aws.plugins.module_utils.task_result import launched_result, run_result
from ansible_collections.ddbload.aws.plugins.module_utils.task_run import (
    LaunchError,
    RunState,
    TaskRun,
    launch,
    verify,
)

STEP_SECONDS = 2.5  # one observation: a compromise between a live display and what a module call costs
INTERRUPT_GRACE = 10.0  # seconds to see the end of what was stopped by an interrupt; who interrupts is in a hurry


class Runner:
    """Carries out one call of the module.

    Args:
        module: an AnsibleAWSModule.
        interrupt: whether SIGINT or SIGTERM came.
    """

    def __init__(self, module: Any, interrupt: Interrupt) -> None:
        self.module, self.interrupt = module, interrupt
        retry = AWSRetry.jittered_backoff(
            retries=8, max_delay=10, catch_extra_error_codes=["ThrottlingException", "ServerException"]
        )
        self.client: Callable[..., Any] = lambda name, **options: module.client(name, retry_decorator=retry, **options)
        self.ecs = self.client("ecs")

    def run(self) -> None:
        """Do what the parameters ask for, and end the module."""
        step = self.module.params["_step"]
        name = step["name"] if step else "run"
        calls = {"run": self._run_at_once, "launch": self._launch, "observe": self._observe, "stop": self._stop}
        call = self._check if self.module.check_mode else calls[name]
        try:
            result = call()
        except (RequestError, LaunchError) as error:
            self.module.fail_json(msg=str(error))
        except (BotoCoreError, ClientError) as error:
            self.module.fail_json(msg=self._explained(error, "check" if self.module.check_mode else name))
        (self.module.fail_json if result.pop("failed", False) else self.module.exit_json)(**result)

    def _explained(self, error: Exception, verb: str) -> str:
        params = self.module.params
        endpoint = params.get("endpoint_url")
        where = f"region {self.module.region}" + (f", endpoint {endpoint}" if endpoint else "")
        what = f"task definition {params['task_definition']} on cluster {params['cluster']}"
        return explain(error, f"cannot {verb} {what}", where)

    def _check(self) -> dict[str, Any]:
        params = self.module.params
        definition = verify(self.ecs, params)
        return {
            "changed": True,
            "cluster": params["cluster"],
            "task_definition": definition["taskDefinitionArn"],
            "started_by": params["started_by"],
            "exit_code": None,
            "timed_out": False,
            "elapsed_s": 0.0,
            "tasks": [],
            "msg": f"would launch {params['count']} task(s)",
        }

    def _new_run(self) -> RunState:
        params = self.module.params
        definition = verify(self.ecs, params)
        try:
            return launch(self.ecs, params, definition, params["client_token"] or str(uuid4()))
        except LaunchError as error:
            # A partial fleet would measure something else than was asked, and go on costing.
            if error.state:
                with suppress(BotoCoreError, ClientError):  # why the launch failed is what the user has to know
                    TaskRun(self.ecs, None, error.state).stop("not all tasks of the run could be launched")
            raise

    def _run_at_once(self) -> dict[str, Any]:
        state = self._new_run()
        if not self.module.params["wait"]:
            return launched_result(state)
        run = self._following(state)
        events: dict[str, list[LogEvent]] = {}
        try:
            while not state.finished and not self.interrupt:
                _gather(events, run.observe(STEP_SECONDS).events)
            if not state.finished:
                state.interrupted_by = self.interrupt.name
                run.stop(f"the launcher was interrupted by {self.interrupt.name}")
                _gather(events, self._see_the_end(run))
        except BaseException:
            with suppress(BotoCoreError, ClientError):  # what failed before is what the user has to know
                run.stop("the launcher failed")
            raise
        return run_result(state, events, self.module.params["fail_on_nonzero"])

    def _see_the_end(self, run: TaskRun) -> dict[str, list[LogEvent]]:
        events: dict[str, list[LogEvent]] = {}
        run.interrupted = lambda: False
        until = run.clock() + INTERRUPT_GRACE
        while not run.state.finished and run.clock() < until:
            _gather(events, run.observe(until - run.clock()).events)
        return events

    def _following(self, state: RunState) -> TaskRun:
        logs = self.client("logs", **({"region": state.log_region} if state.log_region else {}))
        return TaskRun(self.ecs, logs, state, interrupted=lambda: bool(self.interrupt))

    def _launch(self) -> dict[str, Any]:
        state = self._new_run()
        changes = [
            {"task_id": one.task["task_id"], "status": one.task["last_status"], "elapsed": 0.0} for one in state.tasks
        ]
        return {"changed": True, "step": {"state": state.to_dict(), "changes": changes, "events": {}}}

    def _observe(self) -> dict[str, Any]:
        step = self.module.params["_step"]
        run = self._following(RunState.from_dict(step["state"]))
        seen = run.observe(STEP_SECONDS)
        return {
            "changed": False,
            "step": {"state": run.state.to_dict(), "changes": seen.changes, "events": seen.events},
        }

    def _stop(self) -> dict[str, Any]:
        step = self.module.params["_step"]
        run = self._following(RunState.from_dict(step["state"]))
        run.state.interrupted_by = step["interrupted_by"]
        run.stop(step["reason"])
        events = self._see_the_end(run)
        return {"changed": True, "step": {"state": run.state.to_dict(), "changes": [], "events": events}}


def _gather(events: dict[str, list[LogEvent]], new: dict[str, list[LogEvent]]) -> None:
    for task_id, lines in new.items():
        events.setdefault(task_id, []).extend(lines)
