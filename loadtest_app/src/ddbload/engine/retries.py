# SPDX-License-Identifier: Apache-2.0
"""Retries: off by default, since they hide what they retry; where on, every attempt is counted."""

from __future__ import annotations

import heapq
import random
from itertools import count
from typing import Any

from ddbload.dynamo.responses.errors import RETRYABLE, UNCERTAIN, Outcome


class Attempts:
    """The attempts of one operation."""

    __slots__ = ("body", "call", "due_ns", "failed", "outcome", "uncertain")

    def __init__(self, body: bytes) -> None:
        self.body = body
        # Failed attempts so far, and whether one of them may have been applied.
        self.failed = 0
        self.uncertain = False
        self.due_ns = 0
        self.call: Any = None
        self.outcome = Outcome("network", "Unfinished")


class Retries:
    """Full-jitter exponential back-off.

    Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    def __init__(self, attempts: int, base_ms: float, cap_ms: float, seed: int) -> None:
        """Set the rules.

        Args:
            attempts: the most times that an operation is sent; 1 for no retry.
            base_ms: the longest wait before the first retry, in milliseconds; it doubles with each further one.
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
        """Return the attempts of an operation that is sent for the first time."""
        return Attempts(body)

    def again(self, attempts: Attempts, call: object, outcome: Outcome, now_ns: int) -> bool:
        """Plan the next attempt after a failed one; return whether there is one."""
        attempts.failed += 1
        attempts.outcome = outcome
        attempts.call = call
        if outcome.kind not in RETRYABLE or attempts.failed >= self.attempts:
            return False
        attempts.uncertain |= outcome.kind in UNCERTAIN
        longest_ns = min(self._cap_ns, self._base_ns * 2 ** (attempts.failed - 1))
        attempts.due_ns = now_ns + int(self._random.random() * longest_ns)
        heapq.heappush(self._queue, (attempts.due_ns, next(self._turn), attempts))
        return True

    def next_due(self, now_ns: int) -> Attempts | None:
        """Remove and return an operation whose next attempt is due; None where there is none."""
        if self._queue and self._queue[0][0] <= now_ns:
            return heapq.heappop(self._queue)[2]
        return None

    def give_up(self) -> list[Attempts]:
        """Remove and return all operations that wait."""
        left = [attempts for _due, _turn, attempts in self._queue]
        self._queue.clear()
        return left
