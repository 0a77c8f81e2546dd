# SPDX-License-Identifier: Apache-2.0
"""Requests that are not measured: what is asked before and after the load, sent again until it is answered."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ddbload.dynamo.documents import Document, InvalidAnswer, read_success
from ddbload.dynamo.errors import BAD_CHECKSUM, RETRYABLE, Verdict, classify, invalid
from ddbload.dynamo.http1 import Connection
from ddbload.dynamo.pool import Pool
from ddbload.dynamo.sign import Signer

ATTEMPTS = 10
FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 2.0
IDLE_WAIT_S = 0.01
# Who waits for a rate looks so often whether it is still wanted.
LONGEST_NAP_S = 0.1
# So long what was asked may still be answered after a stop: ECS kills whoever does not end in 30 s.
LAST_ANSWERS_S = 3.0

T = TypeVar("T")


class Refused(Exception):
    """DynamoDB does not answer a request with success, however often it is asked."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"{verdict.reason}: {verdict.message}".removesuffix(": "))
        self.verdict = verdict


class Bulk:
    """Sends requests over the pool's connections and awaits their answers."""

    def __init__(self, pool: Pool, signer: Signer, timeout_s: float) -> None:
        self._pool = pool
        self._signer = signer
        self._timeout_s = timeout_s
        pool.succeeded = self._succeeded
        pool.answered = self._answered
        pool.on_lost = self._lost

    async def ask(self, target: str, body: bytes, read: Callable[[Document], T]) -> T:
        """Return what the answer of a success tells.

        Args:
            target: the value of X-Amz-Target.
            body: the request.
            read: takes the answer's document, and raises InvalidAnswer where it is none of DynamoDB's.

        Raises:
            Refused: it was not answered with success, or not within ten attempts.
        """
        verdict = Verdict("network", "Unanswered")
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1)))
            status, answer, intact = await self._exchange(target, body)
            try:
                if status == 200 and intact:
                    return read(read_success(answer))
                verdict = _verdict(status, answer, intact)
            except InvalidAnswer as error:
                verdict = invalid(error)
            if verdict.outcome not in RETRYABLE:
                break
        raise Refused(verdict)

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

    def _succeeded(self, connection: Connection, body: bytes) -> None:
        self._answered(connection, 200, body, True)

    def _answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        if connection.usable:
            self._pool.idle.append(connection)
        self._tell(connection, (status, body, intact))

    def _lost(self, connection: Connection, reason: str) -> None:
        self._tell(connection, (0, reason.encode(), True))

    def _tell(self, connection: Connection, answer: tuple[int, bytes, bool]) -> None:
        future = connection.call
        if isinstance(future, asyncio.Future) and not future.done():
            future.set_result(answer)


def _verdict(status: int, answer: bytes, intact: bool) -> Verdict:
    if not status:  # no answer: the reason stands in its place
        return Verdict("network", answer.decode())
    return classify(status, answer) if intact else BAD_CHECKSUM


async def side_by_side(
    work: Callable[[], Coroutine[Any, Any, None]], count: int, is_stopped: Callable[[], bool]
) -> None:
    """Do the same work so many times at once; once stopped, wait only a moment for what is under way.

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
    """Holds a loop to so many items a second."""

    def __init__(self, rate: float) -> None:
        """Set the rate in items a second; 0 for no limit."""
        self._rate = rate
        self._items = 0
        self._start_s = time.monotonic()

    async def wait(self, items: int, is_stopped: Callable[[], bool]) -> bool:
        """Wait until so many items more may go; False where it was stopped before."""
        self._items += items
        while self._rate and not is_stopped():
            ahead_s = self._items / self._rate - (time.monotonic() - self._start_s)
            if ahead_s <= 0:
                break
            await asyncio.sleep(min(ahead_s, LONGEST_NAP_S))
        return not is_stopped()
