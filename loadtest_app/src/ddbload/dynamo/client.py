# SPDX-License-Identifier: Apache-2.0
"""Requests before and after the load, which are not measured: retried until they succeed."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ddbload.dynamo.http1 import Connection
from ddbload.dynamo.pool import Pool
from ddbload.dynamo.responses.documents import Document, InvalidAnswer, read_success
from ddbload.dynamo.responses.errors import BAD_CHECKSUM, RETRYABLE, Outcome, classify, invalid
from ddbload.dynamo.sign import Signer

ATTEMPTS = 10
FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 2.0
IDLE_WAIT_S = 0.01
# A loop that waits for its rate checks this often whether it was stopped.
LONGEST_NAP_S = 0.1
# How long to wait for responses after a stop: ECS kills a task 30 s after it.
LAST_ANSWERS_S = 3.0

T = TypeVar("T")


class Refused(Exception):
    """A request failed with a permanent error, or in each of its attempts."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"{outcome.reason}: {outcome.message}".removesuffix(": "))
        self.outcome = outcome


class Bulk:
    """Sends requests over the pool's connections and awaits their responses."""

    def __init__(self, pool: Pool, signer: Signer, timeout_s: float) -> None:
        self._pool = pool
        self._signer = signer
        self._timeout_s = timeout_s
        pool.serve(self)

    async def ask(self, target: str, body: bytes, read: Callable[[Document], T], attempts: int = ATTEMPTS) -> T:
        """Send a request, and return what ``read`` makes of the response.

        Args:
            target: the value of X-Amz-Target.
            body: the request.
            read: takes the response's document, and raises InvalidAnswer where it is not DynamoDB's.
            attempts: how often it is sent at most.

        Raises:
            Refused: it failed with a permanent error, or in each of its attempts.
        """
        outcome = Outcome("network", "Unanswered")
        for attempt in range(attempts):
            if attempt:
                await asyncio.sleep(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1)))
            status, response, intact = await self._exchange(target, body)
            try:
                if status == 200 and intact:
                    return read(read_success(response))
                outcome = _outcome(status, response, intact)
            except InvalidAnswer as error:
                outcome = invalid(error)
            if outcome.kind not in RETRYABLE:
                break
        raise Refused(outcome)

    async def _exchange(self, target: str, body: bytes) -> tuple[int, bytes, bool]:
        until = time.monotonic() + self._timeout_s
        while not self._pool.idle:
            if time.monotonic() > until:
                return 0, b"NoConnection", True
            await asyncio.sleep(IDLE_WAIT_S)
        connection = self._pool.idle.popleft()
        future: asyncio.Future[tuple[int, bytes, bool]] = asyncio.get_running_loop().create_future()
        connection.call = future
        self._signer.at_now()
        connection.begin(self._signer.request(target, body))
        try:
            async with asyncio.timeout(self._timeout_s):
                return await future
        except TimeoutError:
            return 0, b"Timeout", True
        finally:
            if connection.busy:
                connection.abort("Abandoned")

    def succeeded(self, connection: Connection, body: bytes) -> None:
        """Take a response of status 200."""
        self.answered(connection, 200, body, True)

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        """Take any response."""
        if connection.usable:
            self._pool.idle.append(connection)
        self._resolve(connection, (status, body, intact))

    def lost(self, connection: Connection, reason: str) -> None:
        """Take the loss of a connection."""
        self._resolve(connection, (0, reason.encode(), True))

    def _resolve(self, connection: Connection, response: tuple[int, bytes, bool]) -> None:
        future = connection.call
        if isinstance(future, asyncio.Future) and not future.done():
            future.set_result(response)


def _outcome(status: int, response: bytes, intact: bool) -> Outcome:
    if not status:  # no response: the body is the reason
        return Outcome("network", response.decode())
    return classify(status, response) if intact else BAD_CHECKSUM


async def side_by_side(
    work: Callable[[], Coroutine[Any, Any, None]], count: int, is_stopped: Callable[[], bool]
) -> None:
    """Run ``count`` loops of the same work at once; once stopped, wait only a moment for requests under way.

    Raises:
        Refused: one of them could not go on; the others were ended.
    """
    tasks = [asyncio.create_task(work()) for _worker in range(count)]
    pending, until_s = set(tasks), math.inf
    try:
        while pending and time.monotonic() < until_s:
            done, pending = await asyncio.wait(pending, timeout=LONGEST_NAP_S, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
            if is_stopped():
                until_s = min(until_s, time.monotonic() + LAST_ANSWERS_S)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Throttle:
    """Gives each of several loops its own turn, so that together they keep to a number of items a second."""

    def __init__(self, rate: float) -> None:
        """Set the rate in items a second; 0 for no limit."""
        self._rate = rate
        # The end of the last turn that was given out, in seconds of ``time.monotonic``.
        self._taken_s = 0.0

    def most(self, limit: int) -> int:
        """Return how many items a turn may have, at most ``limit``: no more than the rate allows in a second."""
        return max(1, min(limit, int(self._rate))) if self._rate else limit

    async def wait(self, items: int, is_stopped: Callable[[], bool]) -> bool:
        """Wait for a turn of that many items; return False where it was stopped first.

        A turn ends when the rate has allowed its items, and the next one starts then. Time that no loop used is lost.
        """
        if not self._rate:
            return not is_stopped()
        due_s = self._taken_s = max(self._taken_s, time.monotonic()) + items / self._rate
        while not is_stopped():
            ahead_s = due_s - time.monotonic()
            if ahead_s <= 0:
                return True
            await asyncio.sleep(min(ahead_s, LONGEST_NAP_S))
        return False
