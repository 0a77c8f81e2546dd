# SPDX-License-Identifier: Apache-2.0
"""The barrier: workers wait for the last, and start at the same instant; none starts without its supervisor."""

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from ddbload.control.problems import NotStarted
from ddbload.run.workers.barrier import BARRIER, Barrier


@dataclass
class Ends:
    """The descriptors of a barrier: a worker's two, and its supervisor's two."""

    ready: tuple[int, int] = field(default_factory=os.pipe)
    start: tuple[int, int] = field(default_factory=os.pipe)

    @property
    def of_the_worker(self) -> tuple[int, int]:
        return self.ready[1], self.start[0]

    def is_ready(self) -> bool:
        return os.read(self.ready[0], 9) == b"r"

    def send(self, text: bytes) -> None:
        """Send the instant, or nothing, and close the pipe, as a supervisor does."""
        os.write(self.start[1], text)
        os.close(self.start[1])

    def close(self) -> None:
        for descriptor in (*self.ready, self.start[0]):
            os.close(descriptor)


@pytest.fixture
def three() -> Iterator[list[Ends]]:
    ends = [Ends(), Ends(), Ends()]
    yield ends
    for one in ends:
        one.close()


def test_workers_start_at_the_given_instant(three: list[Ends]) -> None:
    instant = time.perf_counter_ns() + 50_000_000

    async def together() -> list[int]:
        waiting = [asyncio.create_task(Barrier(*ends.of_the_worker).wait()) for ends in three]
        loop = asyncio.get_running_loop()
        assert all([await loop.run_in_executor(None, ends.is_ready) for ends in three])
        assert not any(task.done() for task in waiting)
        for ends in three:
            ends.send(b"%d" % instant)
        return await asyncio.gather(*waiting)

    assert asyncio.run(together()) == [instant] * 3


def test_a_worker_without_an_instant_does_not_start(three: list[Ends]) -> None:
    """The supervisor closes the pipe where it has ended, or where another worker ended before the start."""
    for ends in three:
        ends.send(b"")
        with pytest.raises(NotStarted, match="nothing was sent"):
            asyncio.run(Barrier(*ends.of_the_worker).wait())
        assert ends.is_ready()


def test_a_worker_whose_supervisor_has_ended_does_not_start() -> None:
    ready, start = os.pipe(), os.pipe()
    os.close(ready[0])
    os.close(start[1])
    with pytest.raises(NotStarted, match="nothing was sent"):
        asyncio.run(Barrier(ready[1], start[0]).wait())
    os.close(ready[1])
    os.close(start[0])


def test_a_barrier_is_inherited_once(three: list[Ends], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BARRIER, raising=False)
    assert Barrier.inherited() is None
    for ends in three:
        monkeypatch.setenv(BARRIER, ",".join(map(str, ends.of_the_worker)))
        barrier = Barrier.inherited()
        assert barrier is not None
        # A process that this one starts must not take it for its own.
        assert BARRIER not in os.environ
        assert Barrier.inherited() is None
        ends.send(b"12345")
        assert asyncio.run(barrier.wait()) == 12345
        assert ends.is_ready()
