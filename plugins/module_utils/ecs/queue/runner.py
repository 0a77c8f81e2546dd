# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out one call of the module ``ecs_queue_run``: a task for each message, until the queue is empty."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import AwsClients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.failures import explain_failures, may_pass
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.request import run_request
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.result import has_task_failed
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.queue.dispatch import (
    Dispatch,
    End,
    Message,
    Outcome,
    Work,
    earlier_task,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.cause import stop_cause
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import Task, describe_tasks, find_tasks, task_of
from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveFeed
from ansible_collections.gantry.ecs.plugins.module_utils.system.job_run import JobRun, failures, job_run
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError, joined_line

# ReceiveMessage returns ten at most, and waits for twenty seconds at most:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
MOST_MESSAGES, LONGEST_POLL = 10, 20
# SQS no longer knows a receive as the newest one of a message that is hidden:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
LOST = ("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "ReceiptHandleIsInvalid")
# Seconds: between two looks at the tasks, of a poll of an idle queue, and to see the tasks stop after an interrupt.
LOOK, IDLE_POLL, STOP_GRACE = 1.0, 2, 30.0
ATTRIBUTES = (
    "VisibilityTimeout",
    "RedrivePolicy",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class QueueRunner:
    """Carries out one call of the module.

    Args:
        module: an AnsibleAWSModule.
        interrupt: whether SIGINT or SIGTERM came.
        clock: seconds, monotonic.
        sleep: waits for a number of seconds.
    """

    def __init__(self, module: Any, interrupt: Interrupt, clock: Any = time.monotonic, sleep: Any = time.sleep) -> None:
        self._module, self._interrupt, self._clock, self._sleep = module, interrupt, clock, sleep
        self._params: Mapping[str, Any] = module.params
        self._feed = LiveFeed(self._params["_live"], None)
        self._clients = AwsClients(module, lambda: bool(interrupt))
        self._problem: Problem | None = None
        self._leaving = ""  # why the call ends before the queue is empty

    def run(self) -> None:
        """Do what the parameters ask for, and end the module."""
        try:
            self._start()
            if self._module.check_mode:
                self._module.exit_json(changed=self._depth() > 0, messages=self._depth())
            self._loop()
        except (BotoCoreError, ClientError) as error:
            self._put_all_back()
            action = f"cannot handle the messages of {self._params['queue_url']}"
            self._module.fail_json(msg=explain(error, action, region_and_endpoint(self._module)).line())
        finally:
            self._feed.close()
        self._end()

    # ---- The loop

    def _start(self) -> None:
        self._sqs, self._ecs = self._clients.patient("sqs"), self._clients.patient("ecs")
        attributes = self._attributes()
        redrive = json.loads(attributes.get("RedrivePolicy") or "{}")
        self._dispatch = Dispatch(
            max_running=self._params["max_running"],
            visibility_s=float(attributes["VisibilityTimeout"]),
            timeout_s=float(self._params["job"]["timeout"]),
            max_receives=int(redrive.get("maxReceiveCount", 0)),
        )
        self._begin = self._clock()

    def _loop(self) -> None:
        empty_since: float | None = None
        while not (self._interrupt or self._problem):
            received = self._receive()
            self._launch_waiting()
            self._look()
            self._tick()
            if self._dispatch.works or received or self._depth():
                empty_since = None
            elif empty_since is None:
                empty_since = self._clock()
            if empty_since is not None and self._clock() - empty_since >= self._params["idle_timeout"]:
                return
            if self._dispatch.works:
                self._sleep(LOOK)
        self._leave()

    def _receive(self) -> int:
        room = self._dispatch.room()
        if not room:
            return 0
        response = self._sqs.receive_message(
            QueueUrl=self._params["queue_url"],
            MaxNumberOfMessages=min(room, MOST_MESSAGES),
            WaitTimeSeconds=0 if self._dispatch.works else IDLE_POLL,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        messages = [_message(each) for each in response.get("Messages", [])]
        for work in self._dispatch.receive(messages, self._clock()):
            if work.message.receives > 1:
                self._adopt(work)
        return len(messages)

    def _adopt(self, work: Work) -> None:
        """Take up the task of an earlier receive, whose launcher is gone: a message is not handled twice."""
        found = [task_of(each, [self._params["container"]]) for each in self._tasks_of(work)]
        successes = [each["last_status"] == "STOPPED" and not self._has_failed(each) for each in found]
        raw = [{"lastStatus": each["last_status"], "taskArn": each["task_arn"]} for each in found]
        earlier = earlier_task(raw, successes)
        if earlier:
            self._dispatch.runs(work, str(earlier["taskArn"]), self._clock(), is_new=False)
            self._feed.note(f"message {work.message.message_id}: taking up task {_task_id(earlier['taskArn'])}")

    def _tasks_of(self, work: Work) -> list[dict[str, Any]]:
        return find_tasks(self._ecs, self._params["cluster"], self._mark(work))

    def _launch_waiting(self) -> None:
        """Launch the tasks of the messages that wait, until ECS has no capacity for one."""
        while not self._problem and (waiting := self._dispatch.waiting(self._clock())):
            self._launch(waiting[0])

    def _launch(self, work: Work) -> None:
        try:
            request = self._request(work)
        except ProblemError as error:
            self._release(work, End.FAILED, reason=str(error))
            return
        response = self._ecs.run_task(**request)
        if response["tasks"]:
            self._dispatch.runs(work, response["tasks"][0]["taskArn"], self._clock())
            return
        failures = response["failures"]
        problem = Problem("launch", joined_line(explain_failures(failures)))
        if all(may_pass(failure) for failure in failures):
            pause = self._dispatch.has_no_capacity(self._clock())
            self._feed.note(f"no task for message {work.message.message_id}, next try in {pause:g} s: {problem.what}")
        else:
            self._problem = problem

    def _request(self, work: Work) -> dict[str, Any]:
        params, message = self._params, work.message
        run = self._job_run(message)
        override = {"name": params["container"], "command": run.command, "environment": run.environment}
        return run_request(
            {
                "cluster": params["cluster"],
                "task_definition": params["task_definition"],
                "capacity_provider_strategy": run.capacity_provider_strategy,
                "network_configuration": params["network_configuration"],
                "overrides": {"containers": [override]},
                "propagate_tags": "TASK_DEFINITION",
                "enable_ecs_managed_tags": True,
                "tags": {"Job": params["name"], "RunId": message.message_id},
            },
            count=1,
            # A launch whose response is lost is not repeated as another; the next receive is another launch.
            client_token=f"{message.message_id}-{message.receives}",
            started_by=self._mark(work),
            container=params["container"],
            environment={},
        )

    def _job_run(self, message: Message) -> JobRun:
        job, name = self._params["job"], self._params["name"]
        parameter = job["queue"].get("parameter")
        return job_run(name, job, {parameter: message.body} if parameter else _values(message), message.message_id)

    def _look(self) -> None:
        """Look at the tasks: what ended is settled, what takes too long is stopped, what goes on stays hidden."""
        now = self._clock()
        works = {work.task_arn: work for work in self._dispatch.works.values() if work.task_arn}
        described, missing = describe_tasks(self._ecs, self._params["cluster"], list(works))
        for each in described:
            task = task_of(each, [self._params["container"]])
            if task["last_status"] == "STOPPED":
                self._settle(works[task["task_arn"]], task)
        for arn in missing:
            if work := works.get(arn):
                self._release(work, End.FAILED, reason="ECS knows its task no more")
        for work in self._dispatch.overdue(now):
            self._stop(work, f"the job's timeout of {self._params['job']['timeout']} s is over")
        for work in self._dispatch.to_hide(now):
            self._hide(work, self._dispatch.visibility_s)
            self._dispatch.hides(work, now)

    def _settle(self, work: Work, task: Task) -> None:
        if not self._has_failed(task):
            self._of_message(work, "delete_message")
            self._report(self._dispatch.end(work, End.DONE, task["exit_code"]))
            return
        if self._leaving:
            self._release(work, End.PUT_BACK, task["exit_code"], self._leaving)
            return
        cause = stop_cause(task)
        self._release(work, End.FAILED, task["exit_code"], cause.line() if cause else "")

    def _has_failed(self, task: Task) -> bool:
        fail_on = failures(self._params["job"]["success_exit_codes"])
        return has_task_failed(task, fail_on) or task["exit_code"] is None

    # ---- Ends

    def _release(self, work: Work, end: End, exit_code: int | None = None, reason: str = "") -> None:
        """Put a message back into the queue, where it is visible at once."""
        self._hide(work, 0)
        self._report(self._dispatch.end(work, end, exit_code, reason))

    def _hide(self, work: Work, seconds: float) -> None:
        self._of_message(work, "change_message_visibility", VisibilityTimeout=int(seconds))

    def _of_message(self, work: Work, operation: str, **request: Any) -> None:
        """Delete or hide a message; one that is visible by now comes again, and its task settles it."""
        call = getattr(self._sqs, operation)
        try:
            call(QueueUrl=self._params["queue_url"], ReceiptHandle=work.message.receipt, **request)
        except ClientError as error:
            if error.response["Error"]["Code"] not in LOST:
                raise
            self._feed.note(f"message {work.message.message_id}: it is no longer hidden, and may be received again")

    def _stop(self, work: Work, reason: str) -> None:
        self._ecs.stop_task(cluster=self._params["cluster"], task=work.task_arn, reason=f"ecs_queue_run: {reason}")

    def _leave(self) -> None:
        """End before the queue is empty: after an interrupt, or where ECS refuses to launch."""
        reason = f"interrupted by {self._interrupt.name}" if self._interrupt else "another message cannot be handled"
        is_detached = self._interrupt and self._params["on_interrupt"] == "detach"
        self._leaving = reason
        stopped = 0
        for work in list(self._dispatch.works.values()):
            if not work.task_arn:
                self._release(work, End.PUT_BACK, reason=reason)
            elif not is_detached:
                self._stop(work, reason)
                stopped += 1
        if is_detached:
            self._feed.stop(0, 0)
            return
        ends_at = self._clock() + STOP_GRACE
        while self._dispatch.works and self._clock() < ends_at:
            self._look()
            self._tick()
            self._sleep(LOOK)
        for work in list(self._dispatch.works.values()):
            self._release(work, End.PUT_BACK, reason=reason)
        # What shows the stop need not wait any longer.
        self._feed.stop(stopped, stopped)

    def _put_all_back(self) -> None:
        """Put the messages back for which no task runs, as far as AWS still responds."""
        if not hasattr(self, "_dispatch"):
            return
        for work in [each for each in self._dispatch.works.values() if not each.task_arn]:
            with suppress(Exception):
                self._release(work, End.PUT_BACK)

    def _end(self) -> None:
        dispatch = self._dispatch
        dead = dispatch.dead()
        result = {
            "changed": bool(dispatch.outcomes),
            "done": dispatch.count(End.DONE),
            "failed_attempts": dispatch.count(End.FAILED),
            "put_back": dispatch.count(End.PUT_BACK) + len(dispatch.works),
            "dead": len(dead),
            "launched": dispatch.launched,
            "adopted": dispatch.adopted,
            "elapsed_s": round(self._clock() - self._begin, 3),
            "messages": [_result(outcome) for outcome in dispatch.outcomes],
        }
        if self._problem:
            self._module.fail_json(msg=self._problem.line(), **result)
        if self._interrupt:
            self._module.fail_json(msg=self._interrupted(result), **result)
        if dead:
            self._module.fail_json(msg=_dead(dead), **result)
        self._module.exit_json(msg=f"{result['done']} message(s) done, the queue is empty", **result)

    def _interrupted(self, result: Mapping[str, Any]) -> str:
        left = f"{len(self._dispatch.works)} task(s) go on" if self._dispatch.works else "no task goes on"
        return (
            f"interrupted by {self._interrupt.name}: {result['done']} message(s) done, "
            f"{result['put_back']} back in the queue, {left} -> call again to handle the rest"
        )

    # ---- What is shown

    def _report(self, outcome: Outcome) -> None:
        task = f", task {_task_id(outcome.task_arn)}" if outcome.task_arn else ""
        if outcome.end is End.DONE:
            self._feed.note(f"message {outcome.message.message_id}: done{task}")
            return
        where = "to the dead-letter queue" if outcome.is_dead else "back to the queue"
        self._feed.note(f"message {outcome.message.message_id}: {where}{task}: {outcome.reason}")

    def _tick(self) -> None:
        dispatch = self._dispatch
        states = {"RUNNING": sum(bool(work.task_arn) for work in dispatch.works.values())}
        states["WAITING"] = len(dispatch.works) - states["RUNNING"]
        states["DONE"] = dispatch.count(End.DONE)
        known = {name: number for name, number in states.items() if number}
        self._feed.tick(self._clock() - self._begin, known, sum(states.values()))

    # ---- The queue

    def _attributes(self) -> Mapping[str, str]:
        response = self._sqs.get_queue_attributes(QueueUrl=self._params["queue_url"], AttributeNames=list(ATTRIBUTES))
        return dict(response["Attributes"])

    def _depth(self) -> int:
        """Return how many messages the queue holds, those in flight included."""
        attributes = self._attributes()
        return sum(int(attributes.get(name, 0)) for name in ATTRIBUTES if name.startswith("ApproximateNumber"))

    def _mark(self, work: Work) -> str:
        return f"{self._params['name']}/{work.message.message_id}"


def _message(received: Mapping[str, Any]) -> Message:
    receives = int(received.get("Attributes", {}).get("ApproximateReceiveCount", 1))
    return Message(received["MessageId"], received["Body"], received["ReceiptHandle"], receives)


def _values(message: Message) -> dict[str, Any]:
    """Return the parameters that a message holds as a JSON object.

    Raises:
        ProblemError: it holds none.
    """
    with suppress(ValueError):
        values = json.loads(message.body)
        if isinstance(values, dict):
            return values
    what = f"the body of message {message.message_id} is no JSON object"
    raise ProblemError(Problem("message", what, "send the job's parameters as one, or set the job's queue.parameter"))


def _result(outcome: Outcome) -> dict[str, Any]:
    return {
        "message_id": outcome.message.message_id,
        "receives": outcome.message.receives,
        "end": str(outcome.end),
        "task_arn": outcome.task_arn,
        "exit_code": outcome.exit_code,
        "reason": outcome.reason,
        "is_dead": outcome.is_dead,
    }


def _dead(dead: list[Outcome]) -> str:
    first = next(_reasons(dead), "no reason is known")
    what = f"{len(dead)} message(s) went to the dead-letter queue; {dead[0].message.message_id}: {first}"
    return f"{what} -> fix the cause, then send them again: aws sqs start-message-move-task"


def _reasons(outcomes: list[Outcome]) -> Iterator[str]:
    return (outcome.reason for outcome in outcomes if outcome.reason)


def _task_id(arn: str) -> str:
    return arn.rpartition("/")[2]
