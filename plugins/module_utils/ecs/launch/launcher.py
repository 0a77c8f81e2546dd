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
    explain_failures,
    is_capacity,
    may_pass,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.request import environment_container, run_request
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.task_search import find_tasks
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import token_of
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tokens import (
    TOKEN_VARIABLE,
    batch_token,
    parse_token_value,
    token_value,
)

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
BATCH = 10  # tasks a RunTask takes
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html
CALLS_PER_SECOND = 20.0  # RunTask
TASKS_PER_SECOND = 20.0  # launches on Fargate, once the burst is used up
TASKS_BURST = 100.0
PAUSE_FIRST, PAUSE_GROWTH, PAUSE_LAST = 1.0, 2.0, 15.0  # seconds between two tries for tasks that ECS did not give
# A request whose answer was lost may still be under way: so many seconds it may take to be seen.
DOUBT = 4.0
DOUBT_PAUSE = 1.0
SURPLUS_WITHIN = 60.0  # seconds after a doubt for which a request may still be carried out a second time
# An empty strategy is launch type FARGATE (see run_request).
ON_DEMAND: list[dict[str, Any]] = []


@dataclass
class Batch:
    """Tasks that one request asks for.

    Attributes:
        number: which batch of the run it is, from 0.
        size: how many tasks it is to have.
        attempt: which request comes next; a new one is due once ECS answered the one before.
        launched: how many tasks it has.
        in_doubt: whether the answer to the last request was lost.
    """

    number: int
    size: int
    attempt: int = 0
    launched: int = 0
    in_doubt: bool = False

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
        note: tells the user what goes on.
        clock: seconds, monotonic.
        sleep: waits for so many seconds.
        interrupted: tells whether to stop launching.
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
    ) -> None:
        self._ecs, self._params, self._run, self._add, self._note = ecs, params, run, add, note
        self._clock, self._sleep, self._interrupted = clock, sleep, interrupted
        self._indexed = bool(params.get("index_variable"))
        self.batches = batches(params["count"], 1 if self._indexed else BATCH)
        self._batch_of: dict[str, Batch] = {}
        self._strategy: list[dict[str, Any]] | None = None
        self._rate = LaunchRate(clock, sleep)
        self._why = ""
        self._hopeless = False
        self._refusal: Exception | None = None
        self._doubted_at: float | None = None

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
        """Launch what is missing; ``launch_error`` of the run says why where not all could be.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: ECS refused, and no task was launched.
        """
        self._fill()
        # Whatever ended it: what was launched has to be known, or it could not be stopped.
        for batch in self.batches:
            if batch.in_doubt:
                self._settled(batch)
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
            count = sum(batch.missing for batch in self.batches)
            if not count or self._interrupted():
                return
            fills = self._params["partial_launch"] == "fill"
            if self._hopeless or not fills or self._clock() + pause > until:
                self._run.launch_error = (
                    f"ECS launched {self._run.wanted - count} of {self._run.wanted} task(s): {self._why}"
                )
                return
            self._note(f"{count} of {self._run.wanted} task(s) not launched yet, trying again: {self._why}")
            self._wait(pause)
            pause = min(pause * PAUSE_GROWTH, PAUSE_LAST)

    def replace(self, task_arn: str) -> bool:
        """Launch a task on FARGATE in place of one that Spot had no capacity for; returns whether that worked."""
        if not self._wants_fallback() or task_arn not in self._batch_of:
            return False
        self._strategy = ON_DEMAND
        batch = self._batch_of[task_arn]
        batch.launched -= 1
        self._request(batch)
        return not batch.missing

    def surplus(self) -> list[str]:
        """Return the ARNs of tasks of this launch that are too many: a request was carried out after it was repeated.

        ECS itself keeps that from happening by the client token; not everything that speaks its protocol does.
        """
        if self._doubted_at is None or self._clock() - self._doubted_at > SURPLUS_WITHIN:
            return []
        try:
            found = self._look_up(self._ecs())
        except Exception:
            # The next look makes up for it; who may not look has the client token to rely on.
            return []
        return [described["taskArn"] for described, batch, _attempt in found if not batch.missing]

    def _request(self, batch: Batch) -> None:
        """Ask ECS for what a batch lacks."""
        if batch.in_doubt and self._settled(batch):
            return
        self._rate.wait(batch.missing)
        try:
            answer = self._ecs().run_task(**self._arguments(batch))
        except Exception as error:
            self._failed(batch, error)
            return
        batch.in_doubt = False
        for described in answer["tasks"]:
            self._take(batch, described, batch.attempt)
        batch.attempt += 1
        failures = answer.get("failures", [])
        if batch.missing:
            self._short(failures)

    def _short(self, failures: list[Mapping[str, Any]]) -> None:
        """Note why ECS launched fewer tasks than asked, and whether to ask again."""
        self._why = explain_failures(failures) or "ECS gave no reason"
        if self._wants_fallback() and self._strategy is None and any(is_capacity(failure) for failure in failures):
            self._note("Fargate Spot has no capacity: what is missing is launched on FARGATE")
            self._strategy = ON_DEMAND
        elif failures and not any(may_pass(failure) for failure in failures):
            self._hopeless = True

    def _failed(self, batch: Batch, error: Exception) -> None:
        """Note what came in place of an answer, and whether a repetition may mend it."""
        self._why = explain(error, "RunTask failed", f"cluster {self._run.cluster}")
        if is_ambiguous(error):
            batch.in_doubt, self._doubted_at = True, self._clock()
            return
        if is_transient(error):
            return
        failure = {"reason": str(error)}
        if is_capacity(failure):
            # Capacity may be told as an error too, and then nothing was launched by this request.
            batch.attempt += 1
            self._short([failure])
            return
        self._refusal, self._hopeless = error, True

    def _settled(self, batch: Batch) -> bool:
        """Look for what a request whose answer was lost has launched; returns whether nothing is missing any more."""
        until = self._clock() + DOUBT
        while True:
            try:
                mine = [(one, attempt) for one, its, attempt in self._look_up(self._ecs()) if its is batch]
            except Exception as error:
                if not is_transient(error):
                    # Who may not look has the client token alone to rely on.
                    return False
                mine = []
            if mine:
                for described, attempt in mine:
                    self._take(batch, described, attempt + 1)
                batch.in_doubt = False
                return not batch.missing
            if self._clock() >= until or self._interrupted():
                # Not carried out, it seems: the same request with the same token is repeated.
                return False
            self._wait(DOUBT_PAUSE)

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
            self._sleep(min(left, 0.5))


class LaunchRate:
    """Keeps launches within what Fargate takes: so many calls and so many tasks a second.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock, self._sleep = clock, sleep
        self._tokens, self._at = TASKS_BURST, clock()
        self._next_call = clock()

    def wait(self, tasks: int) -> None:
        """Wait until so many tasks may be launched by one call."""
        now = self._clock()
        self._tokens = min(TASKS_BURST, self._tokens + (now - self._at) * TASKS_PER_SECOND)
        self._at = now
        pause = max((tasks - self._tokens) / TASKS_PER_SECOND, self._next_call - now, 0.0)
        self._tokens -= tasks
        self._next_call = now + pause + 1 / CALLS_PER_SECOND
        if pause:
            self._sleep(pause)


def batches(count: int, size: int) -> list[Batch]:
    """Share so many tasks out to batches of a size; the last may be smaller."""
    return [Batch(number, min(size, count - first)) for number, first in enumerate(range(0, count, size))]
