# SPDX-License-Identifier: Apache-2.0
"""A task as one of several: claims an index, reports that it is ready, and waits for the common start."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from ddbload.control import clock, decisions
from ddbload.control.decisions import Step
from ddbload.control.items import STOP, RunItem, run_item
from ddbload.control.problems import ControlError, NotStarted, Surplus
from ddbload.control.settings import Settings
from ddbload.control.table import ControlTable

# How often a task looks whether it was stopped itself while it waits.
NAP_S = 0.1


class Member:
    """One task of a run.

    Args:
        settings: of the run.
        table: the control table, opened.
        task: this task's id, or its host.
        now_ms: returns the present instant, in milliseconds since the epoch.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        settings: Settings,
        table: ControlTable,
        task: str,
        now_ms: Callable[[], int] = clock.now_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._table = table
        self._task = task
        self._now_ms = now_ms
        self._sleep = sleep

    async def claim(self) -> int:
        """Return the index of this task, from 0, which no other task has.

        Raises:
            NotStarted: the run is stopped already.
            Surplus: all indexes are taken.
            ControlError: the table cannot be used, or the clocks differ.
        """
        settings, now_ms = self._settings, self._now_ms()
        ready_by_ms = now_ms + round(settings.timeout_s * 1000)
        request = self._table.requests.number(settings.tasks, settings.start, ready_by_ms, now_ms)
        run = run_item(await self._table.write(request) or {})
        self._table.check_clock()
        if run.state == STOP:
            raise NotStarted(f"stopped before the start by {decisions.stop_text(run)}: nothing was sent")
        if run.count != settings.tasks:
            raise ControlError(
                f"this task is one of {settings.tasks}, the run has {run.count} -> give all tasks the same --tasks"
            )
        index: int | None = run.next - 1 if run.next <= run.count else await self._free_index()
        while index is not None:
            if await self._table.write(self._table.requests.claim(index, self._task, self._now_ms())) is not None:
                return index
            index = await self._free_index()
        raise Surplus(f"all {settings.tasks} indexes of the run are taken: this task was launched once too often")

    async def gather(
        self, index: int, is_stopped: Callable[[], bool], ready: Callable[[], object] = lambda: None
    ) -> int:
        """Report that this task is ready, and wait; returns the instant of the start in milliseconds since the epoch.

        Args:
            index: of this task.
            is_stopped: whether this task was stopped itself.
            ready: is called once the other tasks know that this one is ready.

        Raises:
            NotStarted: the run is stopped, or this task is late or stopped.
            ControlError: the table cannot be used, or the clocks differ.
        """
        run = run_item(await self._table.write(self._table.requests.ready(index)) or {})
        self._table.check_clock()
        ready()
        while True:
            step = decisions.before_start(run, self._now_ms(), self._settings.timeout_s)
            if step.kind == "start" and step.at_ms - self._now_ms() <= decisions.LAST_LOOK_MS:
                return step.at_ms
            if step.kind in ("stopped", "late"):
                raise NotStarted(_not_started(step))
            if step.kind in ("go", "give_up"):
                run = await self._announce(step, index)
                continue
            await self._pause(step, is_stopped)
            run = await self._table.read()

    async def _announce(self, step: Step, index: int) -> RunItem:
        """Write what the tasks do, unless another task was first; returns the state that then holds."""
        requests = self._table.requests
        if step.kind == "go":
            request = requests.go(step.at_ms)
        else:
            request = requests.stop(step.text, decisions.spoken(index), "", self._now_ms(), only_waiting=True)
        written = await self._table.write(request)
        return await self._table.read() if written is None else run_item(written)

    async def _pause(self, step: Step, is_stopped: Callable[[], bool]) -> None:
        """Wait for the next poll, which is at the latest shortly before the start."""
        pause_s = decisions.poll_s(decisions.WAITING_POLL_S, random.random())
        if step.kind == "start":
            pause_s = min(pause_s, (step.at_ms - decisions.LAST_LOOK_MS - self._now_ms()) / 1000)
        until_ms = self._now_ms() + pause_s * 1000
        while (left_s := (until_ms - self._now_ms()) / 1000) > 0:
            if is_stopped():
                raise NotStarted("stopped before the start: nothing was sent")
            await self._sleep(min(left_s, NAP_S))

    async def _free_index(self) -> int | None:
        """Return an index whose number was taken by a request without a response; None where all are taken."""
        items = await self._table.query("task#")
        own = [item for item in items if item.get("task") == self._task]
        parts = [str(item["part"]) for item in (own or items)]
        indexes = frozenset(int(part.rpartition("#")[2]) for part in parts)
        return min(indexes) if own else decisions.free_index(indexes, self._settings.tasks)


def _not_started(step: Step) -> str:
    if step.kind == "late":
        return f"{step.text}: the other tasks have started, nothing was sent"
    return f"stopped before the start by {step.text}: nothing was sent"
