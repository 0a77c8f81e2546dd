# SPDX-License-Identifier: Apache-2.0
"""Work in slices between the turns of the event loop, so that it does not hold the loop for long."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from time import perf_counter_ns
from typing import TypeVar

Result = TypeVar("Result")
# A computation that yields after each slice, and returns its result.
Sliced = Generator[None, None, Result]
# After a slice, the loop is left alone for this many times as long: it then catches up with what fell due in the
# meantime, also where it is busy for four fifths of the time.
REST = 4


def at_once(work: Sliced[Result]) -> Result:
    """Do all slices in one go, and return the result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result


class Turns:
    """Does work between the turns of a loop, and measures for how long it holds the loop.

    Attributes:
        longest_ns: of all slices so far.
    """

    def __init__(self) -> None:
        self.longest_ns = 0
        self._last_ns = 0

    async def run(self, work: Sliced[Result]) -> Result:
        """Do the slices one by one, with everything else that is due in between; return the result.

        All slices together take a fifth of the time at most.
        """
        while True:
            with self.slice():
                try:
                    next(work)
                except StopIteration as end:
                    result: Result = end.value
                    return result
            await asyncio.sleep(REST * self._last_ns / 1e9)

    @contextmanager
    def slice(self) -> Iterator[None]:
        """Measure one slice."""
        start_ns = perf_counter_ns()
        try:
            yield
        finally:
            self._last_ns = perf_counter_ns() - start_ns
            self.longest_ns = max(self.longest_ns, self._last_ns)
