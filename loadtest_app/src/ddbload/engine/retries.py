# SPDX-License-Identifier: Apache-2.0
"""Retries: off unless asked for, since they hide what they retry; where on, every attempt is accounted for."""

from __future__ import annotations

import heapq
import random
from itertools import count
from typing import Any

from ddbload.dynamo.errors import RETRYABLE, UNCERTAIN, Verdict


class Attempts:
    """What is known of one operation's attempts."""

    __slots__ = ("body", "call", "due_ns", "failed", "uncertain", "verdict")

    def __init__(self, body: bytes) -> None:
        self.body = body
        # Attempts that failed so far, and whether one of them may have been done after all.
        self.failed = 0
        self.uncertain = False
        self.due_ns = 0
        self.call: Any = None
        self.verdict = Verdict("network", "Unfinished")


class Retries:
    """Full-jitter exponential back-off.

    Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    def __init__(self, attempts: int, base_ms: float, cap_ms: float, seed: int) -> None:
        """Set the rules up.

        Args:
            attempts: how often an operation is sent at most; 1 for no retry.
            base_ms: milliseconds up to which the first retry waits, doubled with every further one.
            cap_ms: milliseconds that no wait exceeds.
            seed: of the jitter.
        """
        self.attempts = attempts
        self.enabled = attempts > 1
        self._base_ns = base_ms * 1e6
        self._cap_ns = cap_ms * 1e6
        self._random = random.Random(seed)
        self._queue: list[tuple[int, int, Attempts]] = []
        self._turn = count()

    @property
    def waiting(self) -> int:
        """How many operations wait for their next attempt."""
        return len(self._queue)

    def begin(self, body: bytes) -> Attempts:
        """An operation goes out for the first time."""
        return Attempts(body)

    def again(self, attempts: Attempts, call: object, verdict: Verdict, now_ns: int) -> bool:
        """Plan the next attempt after one that failed; False where there is to be none."""
        attempts.failed += 1
        attempts.verdict = verdict
        attempts.call = call
        if verdict.outcome not in RETRYABLE or attempts.failed >= self.attempts:
            return False
        attempts.uncertain |= verdict.outcome in UNCERTAIN
        longest_ns = min(self._cap_ns, self._base_ns * 2 ** (attempts.failed - 1))
        attempts.due_ns = now_ns + int(self._random.random() * longest_ns)
        heapq.heappush(self._queue, (attempts.due_ns, next(self._turn), attempts))
        return True

    def next_due(self, now_ns: int) -> Attempts | None:
        """Take the operation whose next attempt is due, if there is one."""
        if self._queue and self._queue[0][0] <= now_ns:
            return heapq.heappop(self._queue)[2]
        return None

    def give_up(self) -> list[Attempts]:
        """Take all that still wait."""
        left = [attempts for _due, _turn, attempts in self._queue]
        self._queue.clear()
        return left
