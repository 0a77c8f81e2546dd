# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The launch of a run's tasks: in batches within the launch rate, filled up where ECS gave fewer, none lost or doubled.

RunTask's client token makes a repeated request launch nothing new. Besides, every task carries the token in its
environment, so that tasks of an earlier call are found again, also where a lost answer leaves open what was launched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain, is_ambiguous, is_transient
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.failures import (
    NO_REASON,
    explain_failures,
    is_capacity,
    may_pass,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.request import environment_container, run_request
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import find_tasks, token_of
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tokens import (
    TOKEN_VARIABLE,
    batch_token,
    parse_token_value,
    token_value,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, combined

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
BATCH = 10  # tasks a RunTask takes
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html
CALLS_PER_SECOND = 20.0  # RunTask
TASKS_PER_SECOND = 20.0  # launches on Fargate, once the burst is used up
TASKS_BURST = 100.0
PAUSE_FIRST, PAUSE_GROWTH, PAUSE_LAST = 1.0, 2.0, 15.0  # seconds between two tries for tasks that ECS did not give
# A request whose response was lost may still be in progress: its tasks may appear within this time.
UNKNOWN_RESULT_WAIT_S = 4.0
UNKNOWN_RESULT_PAUSE_S = 1.0
SURPLUS_WITHIN = 60.0  # seconds after a lost response within which ECS may still carry out the request a second time
# An empty strategy is launch type FARGATE (see run_request).
ON_DEMAND: list[dict[str, Any]] = []


@dataclass
class Batch:
    """Tasks that one request asks for.

    Attributes:
        number: which batch of the run it is, from 0.
        size: number of tasks to launch.
        attempt: number of the next request; it rises once ECS has responded to the one before.
        launched: how many tasks it has.
        result_unknown: whether the response to the last request was lost.
    """

    number: int
    size: int
    attempt: int = 0
    launched: int = 0
    result_unknown: bool = False

    @property
    def missing(self) -> int:
        """How many tasks are still to be launched."""
        return max(0, self.size - self.launched)


class Launcher:
    """Launches what a run asks for.

    Args:
        ecs: gives a boto3 ECS client that tries each call once.
        params: the module's parameters.
        run: the run; its ``definition``, ``client_token`` and ``started_by`` are set.
        add: takes each task into the run, as ECS describes it, with its index (None where tasks have none).
        note: reports progress to the user.
        clock: seconds, monotonic.
        sleep: waits for a number of seconds.
        interrupted: returns whether to stop launching.
        meanwhile: is called between two requests, and while the launch waits.
    """

    def __init__(
        self,
        ecs: Callable[[], Any],
        params: Mapping[str, Any],
        run: Run,
        add: Callable[[Mapping[str, Any], int | None], None],
        note: Callable[[str], None] = lambda text: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        interrupted: Callable[[], bool] = lambda: False,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self._meanwhile = meanwhile
        self._ecs, self._params, self._run, self._add, self._note = ecs, params, run, add, note
        self._clock, self._sleep, self._interrupted = clock, sleep, interrupted
        self._indexed = bool(params.get("index_variable"))
        self.batches = batches(params["count"], 1 if self._indexed else BATCH)
        self._batch_of: dict[str, Batch] = {}
        self._strategy: list[dict[str, Any]] | None = None
        self._rate = LaunchRate(clock, self._wait)
        self._why = Problem("unknown", NO_REASON)
        self._hopeless = self._is_filling = False
        self._refusal: Exception | None = None
        self._result_unknown_at: float | None = None

    def find(self, ecs: Any) -> int:
        """Take the tasks that an earlier call with the same token launched; returns how many there are.

        Args:
            ecs: a boto3 ECS client that repeats its calls: there is nothing yet to go on with.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: ECS refused, or was out of reach.
        """
        found = self._look_up(ecs)
        for described, batch, attempt in found:
            self._take(batch, described, attempt + 1)
        return len(found)

    def launch(self) -> None:
        """Launch the missing tasks; ``launch_problem`` of the run says why some could not be launched.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: ECS refused, and no task was launched.
        """
        self._is_filling = True
        try:
            self._fill()
        finally:
            self._is_filling = False
        # Every launched task has to be known, so that it can be stopped.
        for batch in self.batches:
            if batch.result_unknown:
                self._reconciled(batch)
        if self._refusal and not self._run.tasks:
            raise self._refusal

    def _fill(self) -> None:
        until = self._clock() + float(self._params["launch_timeout"])
        pause = PAUSE_FIRST
        while missing := [batch for batch in self.batches if batch.missing]:
            for batch in missing:
                if self._interrupted() or self._hopeless:
                    break
                self._request(batch)
                self._meanwhile()
            count = sum(batch.missing for batch in self.batches)
            if not count or self._interrupted():
                return
            fills = self._params["partial_launch"] == "fill"
            if self._hopeless or not fills or self._clock() + pause > until:
                self._run.launch_problem = self._why.within(
                    f"ECS launched {self._run.wanted - count} of {self._run.wanted} task(s)"
                )
                return
            self._note(f"{count} of {self._run.wanted} task(s) not launched yet, trying again: {self._why.line()}")
            self._wait(pause)
            pause = min(pause * PAUSE_GROWTH, PAUSE_LAST)

    def replace(self, task_arn: str) -> bool:
        """Launch a task on FARGATE to replace one that Spot had no capacity for.

        Returns:
            Whether it is launched, or the launch in progress requests it again.
        """
        if not self._wants_fallback() or task_arn not in self._batch_of:
            return False
        self._strategy = ON_DEMAND
        batch = self._batch_of[task_arn]
        batch.launched -= 1
        missing = batch.missing
        self._request(batch)
        if self._is_filling or batch.missing < missing:
            return True
        # The stopped task stays in the run: a later request must not launch a second one for it.
        batch.launched += 1
        return False

    def surplus(self) -> list[str]:
        """Return the ARNs of tasks of this launch that are too many: a request was carried out after it was repeated.

        ECS itself keeps that from happening by the client token; not everything that speaks its protocol does.
        """
        if self._result_unknown_at is None or self._clock() - self._result_unknown_at > SURPLUS_WITHIN:
            return []
        try:
            found = self._look_up(self._ecs())
        except Exception:
            # The next look finds them; without permission to list tasks, the client token prevents them.
            return []
        return [described["taskArn"] for described, batch, _attempt in found if not batch.missing]

    def _request(self, batch: Batch) -> None:
        """Request the missing tasks of a batch; a replacement may have completed it meanwhile."""
        if not batch.missing:
            return
        if batch.result_unknown and self._reconciled(batch):
            return
        self._rate.wait(batch.missing)
        if self._interrupted() or not batch.missing:
            return
        try:
            answer = self._ecs().run_task(**self._arguments(batch))
        except Exception as error:
            self._failed(batch, error)
            return
        batch.result_unknown = False
        for described in answer["tasks"]:
            self._take(batch, described, batch.attempt)
        batch.attempt += 1
        failures = answer.get("failures", [])
        if batch.missing:
            self._short(failures)

    def _short(self, failures: list[Mapping[str, Any]]) -> None:
        """Note why ECS launched fewer tasks than requested, and whether to request again."""
        self._why = combined(explain_failures(failures) or [Problem("unknown", NO_REASON)])
        if self._wants_fallback() and self._strategy is None and any(is_capacity(failure) for failure in failures):
            self._note("Fargate Spot has no capacity: what is missing is launched on FARGATE")
            self._strategy = ON_DEMAND
        elif failures and not any(may_pass(failure) for failure in failures):
            self._hopeless = True

    def _failed(self, batch: Batch, error: Exception) -> None:
        """Note the error of a request, and whether to repeat it."""
        self._why = explain(error, "RunTask failed", f"cluster {self._run.cluster}")
        if is_ambiguous(error):
            batch.result_unknown, self._result_unknown_at = True, self._clock()
            return
        if is_transient(error):
            return
        failure = {"reason": str(error)}
        if is_capacity(failure):
            # Lack of capacity may also come as an error; the request has launched nothing then.
            batch.attempt += 1
            self._short([failure])
            return
        self._refusal, self._hopeless = error, True

    def _reconciled(self, batch: Batch) -> bool:
        """Find what a request whose response was lost has launched; returns whether the batch is complete."""
        until = self._clock() + UNKNOWN_RESULT_WAIT_S
        while True:
            try:
                mine = [(one, attempt) for one, its, attempt in self._look_up(self._ecs()) if its is batch]
            except Exception as error:
                if not is_transient(error):
                    # Without permission to list tasks, the client token alone prevents duplicates.
                    return False
                mine = []
            if mine:
                for described, attempt in mine:
                    self._take(batch, described, attempt + 1)
                batch.result_unknown = False
                return not batch.missing
            if self._clock() >= until or self._interrupted():
                # The request seems to be lost: repeat it with the same token.
                return False
            self._wait(UNKNOWN_RESULT_PAUSE_S)

    def _look_up(self, ecs: Any) -> list[tuple[dict[str, Any], Batch, int]]:
        """Find the tasks of this launch that are not in the run, each with its batch and attempt."""
        found = []
        for described in find_tasks(ecs, self._run.cluster, str(self._run.started_by)):
            parsed = parse_token_value(token_of(described) or "")
            if described["taskArn"] in self._batch_of or not parsed or parsed[0] != self._run.client_token:
                continue
            _token, number, attempt = parsed
            if number < len(self.batches):
                found.append((described, self.batches[number], attempt))
        return found

    def _take(self, batch: Batch, described: Mapping[str, Any], next_attempt: int) -> None:
        """Take a task into the run, once."""
        if described["taskArn"] in self._batch_of or not batch.missing:
            return
        self._batch_of[described["taskArn"]] = batch
        batch.attempt = max(batch.attempt, next_attempt)
        batch.launched += 1
        self._add(described, batch.number if self._indexed else None)

    def _arguments(self, batch: Batch) -> dict[str, Any]:
        run, params = self._run, self._params
        environment = {TOKEN_VARIABLE: token_value(str(run.client_token), batch.number, batch.attempt)}
        if self._indexed:
            environment[params["index_variable"]] = f"{batch.number}/{run.wanted}"
        if variable := (params.get("control") or {}).get("run_variable"):
            # That of the tasks that were found: all tasks of a run meet under one key.
            environment[variable] = run.control_run
        return run_request(
            params,
            count=batch.missing,
            client_token=batch_token(str(run.client_token), batch.number, batch.attempt),
            started_by=str(run.started_by),
            container=environment_container(params, run.definition),
            environment=environment,
            strategy=self._strategy,
        )

    def _wants_fallback(self) -> bool:
        strategy = self._params.get("capacity_provider_strategy") or []
        is_spot = any(one["capacity_provider"] == "FARGATE_SPOT" for one in strategy)
        return bool(self._params.get("spot_fallback")) and is_spot

    def _wait(self, seconds: float) -> None:
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0 and not self._interrupted():
            self._sleep(min(left, 0.25))
            self._meanwhile()


class LaunchRate:
    """Keeps launches within what Fargate takes: a number of calls and of tasks a second.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock, self._sleep = clock, sleep
        self._tokens, self._at = TASKS_BURST, clock()
        self._next_call = clock()

    def wait(self, tasks: int) -> None:
        """Wait until a number of tasks may be launched by one call."""
        now = self._clock()
        self._tokens = min(TASKS_BURST, self._tokens + (now - self._at) * TASKS_PER_SECOND)
        self._at = now
        pause = max((tasks - self._tokens) / TASKS_PER_SECOND, self._next_call - now, 0.0)
        self._tokens -= tasks
        self._next_call = now + pause + 1 / CALLS_PER_SECOND
        if pause:
            self._sleep(pause)


def batches(count: int, size: int) -> list[Batch]:
    """Share a number of tasks out to batches of a size; the last may be smaller."""
    return [Batch(number, min(size, count - first)) for number, first in enumerate(range(0, count, size))]
