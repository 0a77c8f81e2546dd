# SPDX-License-Identifier: Apache-2.0
"""The one question that the engine has about a plan: which of this worker's operations are due."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol


class Pacer(Protocol):
    """When one worker's operations are due. A position counts this worker's operations from 0.

    All instants are nanoseconds from the start of the load.
    """

    @property
    def duration_ns(self) -> int | None:
        """The instant from which nothing more falls due; None where only the number of operations ends the plan."""

    @property
    def expected(self) -> float | None:
        """The operations of this worker, a mean where arrivals are random; None where only time ends the plan."""

    @property
    def callers(self) -> int | None:
        """The most operations that may be under way; None in an open plan, which has no limit."""

    @property
    def callers_vary(self) -> bool:
        """Whether that limit changes during the plan."""

    @property
    def planned_ns(self) -> Callable[[int], int] | None:
        """From a position to its planned instant; None where a caller sends as soon as it has its response."""

    def due(self, elapsed_ns: int, sent: int = 0, under_way: int | None = None) -> int:
        """Return how many positions are due: those below this number may be sent.

        Args:
            elapsed_ns: the present instant, not before that of an earlier call.
            sent: how many positions were sent; the pacer may drop what it knows of them.
            under_way: operations without a response, those that wait for a retry included; None where every caller has
                a connection of its own, so that free connections are the limit.
        """

    def instants(self, position: int) -> Iterator[int]:
        """Yield the planned instants from a position on, then ``duration_ns`` without end; none in a closed plan."""

    def is_over(self, elapsed_ns: int, sent: int) -> bool:
        """Return whether nothing falls due after this instant."""

    def sent_at_most(self, elapsed_ns: int) -> int | None:
        """Return an upper bound of the operations sent up to an instant; None where there is none."""


def planned_operations(pacer: Pacer) -> int | None:
    """Return how many operations a worker is expected to send; None where only time ends the plan."""
    return None if pacer.expected is None else round(pacer.expected)
