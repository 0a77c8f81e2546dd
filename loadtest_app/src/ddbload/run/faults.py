# SPDX-License-Identifier: Apache-2.0
"""Faults of the load tester itself: recorded, so that a run with a fault still reports its measurements."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ddbload.scenario.scenario import ScenarioError

T = TypeVar("T")


class Faults:
    """Runs the parts of a run, each of which may fail without ending the others.

    Attributes:
        text: the first fault in one line; empty while there is none.
    """

    def __init__(self, on_fault: Callable[[], None]) -> None:
        """Take the callback of every fault, for example one that ends the load."""
        self.text = ""
        self._on_fault = on_fault

    async def outlast(self, part: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Return the result of a part of the run; None where it fails.

        Raises:
            ScenarioError: the scenario is at fault.
        """
        try:
            return await work
        except ScenarioError:
            raise
        except Exception as error:  # of any type: the summary must be written
            self._note(part, error)
            return None

    def attempt(self, part: str, work: Callable[[], T], otherwise: T) -> T:
        """Return a function's result, or ``otherwise`` where it fails."""
        try:
            return work()
        except Exception as error:  # of any type: the summary must be written
            self._note(part, error)
            return otherwise

    def beside(self, part: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task that runs concurrently with the run until it is cancelled."""

        async def outlasting() -> None:
            await self.outlast(part, work)

        return asyncio.get_running_loop().create_task(outlasting())

    def _note(self, part: str, error: Exception) -> None:
        traceback.print_exception(error)
        self.text = self.text or f"{type(error).__name__} in {part}: {error}"
        self._on_fault()
