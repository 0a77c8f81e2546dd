# SPDX-License-Identifier: Apache-2.0
"""When a run starts: at once, at a given instant, or together with the run's other tasks."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, NamedTuple, Protocol

from ddbload.control import clock, decisions
from ddbload.control.member import NAP_S, Member
from ddbload.control.problems import ControlError, NotStarted
from ddbload.control.settings import Settings, Start
from ddbload.control.table import ControlTable
from ddbload.control.watch import Events, Watch
from ddbload.dynamo.endpoint import Target, TargetError, open_target
from ddbload.dynamo.sign import Signer


class Instant(Protocol):
    """What a process of several waits for."""

    async def wait(self) -> int:
        """Return the instant of the start, on the clock of ``perf_counter_ns``."""


def task_name(task_id: str | None) -> str:
    """Return the name by which the control table knows this task: ECS's id, or the host and the process."""
    return task_id or f"{socket.gethostname()}/{os.getpid()}"


class Context(NamedTuple):
    """A run's id, its table under test, and DynamoDB's endpoint as the command line has it."""

    run_id: str
    table: str
    endpoint_url: str | None
    region: str | None
    environment: Mapping[str, str]

    def target(self) -> Target:
        """Return the table under test, whose endpoint the control table shares.

        Raises:
            ControlError: it was not found.
        """
        try:
            return open_target(self.table, self.endpoint_url, self.region, self.environment)
        except TargetError as error:
            raise ControlError(str(error)) from error


def _table_of(control: Settings | None, run_id: str, target: Target, signer: Signer) -> ControlTable | None:
    return ControlTable.of(control.table, control.run or run_id, target, signer) if control else None


def claim(start: Start, context: Context) -> Start:
    """Return the start of this task with its index, which no other task has.

    Raises:
        NotStarted: the run is stopped already.
        Surplus: all indexes are taken.
        ControlError: the table cannot be used, or the clocks differ.
    """
    control, target = start.control, context.target()
    table = _table_of(control, context.run_id, target, target.signer())
    assert control and table

    async def claimed() -> int:
        await table.open()
        try:
            return await Member(control, table, start.task).claim()
        finally:
            await table.close()

    return start._replace(index=asyncio.run(claimed()))


def gather(start: Start, context: Context, events: Events, is_stopped: Callable[[], bool]) -> int:
    """Wait for the start in the name of several processes; see ``Together.wait``."""
    target = context.target()
    together = Together(start, context.run_id, target, target.signer())

    async def gathered() -> int:
        try:
            return await together.wait(is_stopped, events)
        finally:
            await together.close()

    return asyncio.run(gathered())


class Together:
    """One process's part in the common start and the common stop.

    Args:
        start: when the run starts.
        run_id: the run's.
        target: the table under test; the control table is at the same endpoint.
        signer: of the requests.
        supervised: what the process waits for, where a supervisor takes part in its name.

    Attributes:
        at: the instant of the start in RFC 3339, once it is known; None where the run starts at once.
    """

    def __init__(
        self, start: Start, run_id: str, target: Target, signer: Signer, supervised: Instant | None = None
    ) -> None:
        self.at: str | None = None
        self._watch: Watch | None = None
        self._start = start
        self._supervised = supervised
        self._table = _table_of(start.control, run_id, target, signer)

    @property
    def table(self) -> ControlTable | None:
        """The control table, opened once the start is known; None without one."""
        return self._table

    async def wait(self, is_stopped: Callable[[], bool], events: Events) -> int:
        """Wait for the start, up to half a second before it.

        Args:
            is_stopped: whether this task was stopped itself.
            events: where run.ready is written once this task is ready.

        Returns:
            The instant of the start on the clock of ``perf_counter_ns``; 0 for at once.

        Raises:
            NotStarted: this task sends nothing.
            ControlError: the control table cannot be used, or the clocks differ.
        """
        start_ns = 0
        if self._table:
            await self._table.open()
        if self._supervised:
            start_ns = await self._supervised.wait()
        elif self._start.control and self._table:
            member = Member(self._start.control, self._table, self._start.task)
            at_ms = await member.gather(self._start.index, is_stopped, self._ready_writer(events))
            start_ns = clock.performance_ns(at_ms)
        elif self._start.at_ms is not None:
            self._ready_writer(events)()
            await until(self._start.at_ms, is_stopped)
            start_ns = clock.performance_ns(self._start.at_ms)
        self.at = clock.instant_text(start_ns) if start_ns else None
        return start_ns

    async def watch(
        self, own: Callable[[], tuple[str, str] | None], heard: Callable[[str, str], None], events: Events
    ) -> None:
        """Poll for a stop until cancelled; see ``Watch``."""
        if self._table:
            self._watch = Watch(self._table, decisions.spoken(self._start.index), own, heard, events)
            await self._watch.run()

    def document(self, start_ns: int) -> dict[str, Any]:
        """Return ``start`` of run.started."""
        return {
            "barrier": self._table is not None,
            "at": self.at,
            "late_s": round(max(0.0, -left_s(start_ns)), 3),
        }

    def warnings(self) -> list[str]:
        """Return a line about polls that failed."""
        if not self._watch or not self._watch.failures:
            return []
        return [f"{self._watch.failures} requests to the control table failed, the last one: {self._watch.failure}"]

    async def close(self) -> None:
        """Report a stop that the other tasks do not know yet, and close the connection."""
        if self._watch:
            await self._watch.report()
        if self._table:
            await self._table.close()

    def _ready_writer(self, events: Events) -> Callable[[], object]:
        def say() -> None:
            offset_ms = self._table.clock_offset_ms if self._table else None
            events.write("run.ready", index=self._start.index, clock_offset_ms=offset_ms)

        return say


async def until(
    at_ms: int,
    is_stopped: Callable[[], bool],
    now_ms: Callable[[], int] = clock.now_ms,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Wait up to half a second before an instant.

    Raises:
        NotStarted: it has passed, or this task was stopped.
    """
    step = decisions.after_go(at_ms, now_ms())
    if step.kind == "late":
        raise NotStarted(f"{step.text} for its start: nothing was sent")
    while (left_s := (at_ms - decisions.LAST_LOOK_MS - now_ms()) / 1000) > 0:
        if is_stopped():
            raise NotStarted("stopped before the start: nothing was sent")
        await sleep(min(left_s, NAP_S))


def left_s(start_ns: int) -> float:
    """Return the seconds to an instant of ``perf_counter_ns``; 0 for the instant 0, which is now."""
    return (start_ns - time.perf_counter_ns()) / 1e9 if start_ns else 0.0


async def work_from(start_ns: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do some work from an instant of ``perf_counter_ns`` on."""
    await asyncio.sleep(max(0.0, left_s(start_ns)))
    await work()
