# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module ``ecs_task_run`` does: launches tasks, follows them or stops them, and sums up how they ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import uuid4

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible.module_utils.common.warnings import warn
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import AwsClients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogReader
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.control import Control, known_run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.follower import STOP_GRACE, Follower, timings
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.log_location import (
    LogLocation,
    container_log_location,
    log_location_of,
    log_notice,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.check import (
    check_surroundings,
    check_target,
    name_problems,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.launcher import Launcher
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.parameters import RequestError
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.result import run_result
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import FollowedTask, Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.cause import stop_cause
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.start_up import failed_start_up
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import (
    Task,
    deciding_containers,
    describe_tasks,
    essential_containers,
    find_tasks,
    task_of,
    token_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tokens import mark_of, parse_token_value
from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveFeed
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

INTERRUPT_GRACE = 30.0  # seconds to see the end of what an interrupt stopped; short, since the user pressed Ctrl-C
LAST_LINES = 20  # lines of a log that are kept for the message, whatever is returned


class Runner:
    """Carries out one call of the module.

    Args:
        module: an AnsibleAWSModule.
        interrupt: whether SIGINT or SIGTERM came.
    """

    def __init__(self, module: Any, interrupt: Interrupt) -> None:
        self._module, self._interrupt = module, interrupt
        self._params: Mapping[str, Any] = module.params
        self._clients = AwsClients(module, lambda: bool(interrupt))
        self._feed = LiveFeed(self._params["_live"], None if module.check_mode else self._params["log_file"])
        self._definitions: dict[str, Mapping[str, Any]] = {}

    def run(self) -> None:
        """Do what the parameters ask for, and end the module."""
        if self._feed.problem:
            self._module.fail_json(msg=self._feed.problem.line())
        calls = {"run": self._run, "watch": self._watch, "absent": self._stop}
        try:
            run = calls[self._params["state"]]()
        except RequestError as error:
            self._module.fail_json(msg=str(error))
        except (BotoCoreError, ClientError) as error:
            self._module.fail_json(msg=self._explained(error).line())
        finally:
            # Nothing is left to be stopped.
            self._feed.stop(0, 0)
            self._feed.close()
        self._end(run)

    def _end(self, run: Run) -> NoReturn:
        if self._feed.problem:
            run.warnings.append(self._feed.problem)
        result = run_result(run, self._params, datetime.now(UTC), self._module.check_mode)
        for warning in result.pop("warnings", []):
            warn(warning)  # AnsibleAWSModule's own way is deprecated by ansible-core 2.19
        (self._module.fail_json if result.pop("failed") else self._module.exit_json)(**result)
        raise AssertionError("the module has ended")

    # ---- state: run

    def _run(self) -> Run:
        params = self._params
        definition = check_target(self._clients.patient("ecs"), params)
        token = params["client_token"] or str(uuid4())
        run = self._new_run(definition, params["started_by"] or mark_of(token), token, params["count"])
        follower_of = self._adding_to(run)
        launcher = Launcher(
            lambda: self._clients.once("ecs"),
            params,
            run,
            add=follower_of,
            note=self._feed.note,
            interrupted=lambda: bool(self._interrupt) or (follower is not None and follower.ends),
            meanwhile=lambda: follower.look_between_launches() if follower and params["wait"] else None,
        )
        follower: Follower | None = None
        found = launcher.find(self._clients.patient("ecs")) if params["client_token"] else 0
        if found:
            self._feed.note(f"found {found} of {run.wanted} task(s) that were launched with this client_token before")
        if self._module.check_mode:
            surroundings = check_surroundings(self._clients.patient, definition, params)
            run.checked = surroundings.checked
            run.warnings += surroundings.warnings
            return run
        if found < run.wanted:
            name = definition["taskDefinitionArn"].rpartition("/")[2]
            self._feed.note(f"launching {run.wanted - found} task(s) of {name} on cluster {run.cluster}")
        follower = self._follower(run, launcher)
        with stop_tasks_on_error(follower):
            follower.launching = True
            launcher.launch()
            follower.launching = False
        run.launched = len(run.tasks) - found
        if run.launch_problem:
            # A part of the tasks measures a different load than requested, and still costs money.
            follower.stop("not all tasks of the run could be launched")
            follower.wait_until_stopped(STOP_GRACE)
            return run
        if self._interrupt or params["wait"]:
            return self._follow(run, follower)
        run.detached = True
        return run

    def _follow(self, run: Run, follower: Follower) -> Run:
        with stop_tasks_on_error(follower):
            follower.follow()
        if self._interrupt and (run.unfinished or len(run.tasks) < run.wanted):
            run.interrupted_by = self._interrupt.name
            if self._params["on_interrupt"] == "detach":
                run.detached = True
            else:
                follower.stop(f"the launcher was interrupted by {self._interrupt.name}")
                follower.wait_until_stopped(INTERRUPT_GRACE)
        elif run.gave_up:
            # It cannot be followed any more; it shall not go on unwatched, where AWS still listens.
            with suppress(Exception):
                follower.stop_at_once("the launcher cannot follow the task")
        return run

    # ---- state: watch, and state: absent

    def _watch(self) -> Run:
        run = self._found()
        if not run.tasks:
            raise RequestError(
                Problem(
                    "target",
                    f"{self._selector_text()}: ECS knows no such task",
                    "it forgets stopped tasks after an hour",
                )
            )
        if self._module.check_mode or not self._params["wait"]:
            run.detached = bool(run.unfinished)
            return run
        return self._follow(run, self._follower(run))

    def _stop(self) -> Run:
        run = self._found()
        if self._module.check_mode:
            run.stops_requested = len(run.unfinished)
            return run
        follower = self._follower(run)
        reason = "stopped by ecs_task_run"
        if self._params["wait"]:
            follower.stop(reason)
            follower.wait_until_stopped(STOP_GRACE)
        else:
            follower.stop_at_once(reason)
        return run

    def _found(self) -> Run:
        """Find the tasks that the parameters name: by id, by mark or by client token."""
        params = self._params
        ecs = self._clients.patient("ecs")
        token, started_by = params["client_token"], params["started_by"]
        if params["tasks"]:
            described, missing = describe_tasks(ecs, params["cluster"], params["tasks"])
            if missing and params["state"] == "watch":
                raise RequestError(
                    Problem(
                        "target",
                        f"cluster {params['cluster']} knows no task {', '.join(missing)}",
                        "check the ids and the region; ECS forgets stopped tasks after an hour",
                    )
                )
        else:
            described = find_tasks(ecs, params["cluster"], started_by or mark_of(token))
            if token:
                described = [one for one in described if (parse_token_value(token_of(one) or "") or [""])[0] == token]
        definitions = [self._definition(one["taskDefinitionArn"]) for one in described]
        if problems := [problem for one in definitions for problem in name_problems(one, params)]:
            raise RequestError(*problems)
        mark = started_by or (mark_of(token) if token else None)
        run = self._new_run(definitions[0] if definitions else {}, mark, token, len(described))
        add = self._adding_to(run)
        for one in described:
            add(one, None)
        return run

    def _selector_text(self) -> str:
        params = self._params
        names = {name: params[name] for name in ("tasks", "started_by", "client_token") if params[name]}
        return f"cluster {params['cluster']}, " + ", ".join(f"{name} {value}" for name, value in names.items())

    # ---- What they share

    def _new_run(self, definition: Mapping[str, Any], started_by: str | None, token: str | None, wanted: int) -> Run:
        if definition:
            self._definitions[definition["taskDefinitionArn"]] = definition
        return Run(
            cluster=self._params["cluster"],
            task_definition=definition.get("taskDefinitionArn"),
            definition=definition,
            essential=essential_containers(definition) if definition else [],
            wanted=wanted,
            started_by=started_by,
            client_token=token,
            control_run=(self._params["control"] or {}).get("run_id", ""),
        )

    def _adding_to(self, run: Run) -> Any:
        def add(described: Mapping[str, Any], index: int | None) -> None:
            definition = self._definition(described["taskDefinitionArn"])
            task = self._task_of(described, definition) | {"index": index}
            location = log_location_of(definition, self._params)
            log = self._log_reader(location, task["task_id"]) if location else None
            run.control_run = known_run(described, self._params["control"]) or run.control_run
            run.tasks.append(FollowedTask(task, log, log_complete=log is None, definition=definition))
            self._feed.status(task["task_id"], task["last_status"], 0.0, timings(task))

        return add

    def _task_of(self, described: Mapping[str, Any], definition: Mapping[str, Any]) -> Task:
        return task_of(described, deciding_containers(definition, self._params["exit_container"]))

    def _log_reader(self, location: LogLocation, task_id: str) -> LogReader:
        keep = self._params["log_lines"]
        return LogReader(location.group, f"{location.prefix}/{task_id}", None if keep < 0 else max(keep, LAST_LINES))

    def _note_start_up(self, one: FollowedTask, task: Task) -> None:
        """Read the log of the container that another one waits for in vain: that one has none."""
        failure = None if one.start_up or task["started_at"] else failed_start_up(one.definition, task["containers"])
        if not failure:
            return
        one.start_up = failure
        self._feed.note(f"task {one.task_id}: {failure.text}")
        if location := container_log_location(one.definition, failure.container):
            one.log, one.log_complete = self._log_reader(location, one.task_id), False

    def _follower(self, run: Run, launcher: Launcher | None = None) -> Follower:
        location = log_location_of(run.definition, self._params) if run.definition else None
        if (
            run.definition
            and self._params["state"] != "absent"
            and (notice := log_notice(run.definition, self._params))
        ):
            self._feed.note(notice.line())
            run.warnings.append(notice)

        def reshape(described: Mapping[str, Any], one: FollowedTask) -> Mapping[str, Any]:
            task = self._task_of(described, one.definition) | {"index": one.task["index"]}
            self._note_start_up(one, task)
            return task

        return Follower(
            lambda: self._clients.once("ecs"),
            lambda: self._clients.once("logs", location.region if location else None),
            run,
            reshape,
            self._params,
            self._feed,
            renew=self._clients.renew,
            replace=lambda one: bool(launcher and lacked_capacity(one) and launcher.replace(one.task["task_arn"])),
            surplus=launcher.surplus if launcher else list,
            interrupted=lambda: bool(self._interrupt),
            control=self._control(run),
        )

    def _control(self, run: Run) -> Control | None:
        given = self._params["control"]
        if not given:
            return None
        return Control(lambda: self._clients.once("dynamodb"), given["table_name"], run.control_run)

    def _definition(self, arn: str) -> Mapping[str, Any]:
        if arn not in self._definitions:
            answer = self._clients.patient("ecs").describe_task_definition(taskDefinition=arn)
            self._definitions[arn] = answer["taskDefinition"]
        return self._definitions[arn]

    def _explained(self, error: Exception) -> Problem:
        params = self._params
        verbs = {"run": "run", "watch": "watch tasks", "absent": "stop tasks"}
        what = f"task definition {params['task_definition']}" if params["state"] == "run" else ""
        action = " ".join(part for part in (f"cannot {verbs[params['state']]}", what) if part)
        return explain(error, f"{action} on cluster {params['cluster']}", region_and_endpoint(self._module))


@contextmanager
def stop_tasks_on_error(follower: Follower) -> Iterator[None]:
    """Stop the follower's tasks where an exception leaves the block."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            follower.stop_at_once("the launcher failed")
        raise


def lacked_capacity(one: FollowedTask) -> bool:
    """Return whether a task did not start because there was no capacity for it."""
    cause = stop_cause(one.task)
    return cause is not None and cause.kind in ("capacity", "spot")
