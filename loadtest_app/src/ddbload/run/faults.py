# SPDX-License-Identifier: Apache-2.0
"""Faults of the load tester's own: noted, so that whatever fails the run still tells what it has measured."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ddbload.scenario.scenario import ScenarioError

T = TypeVar("T")


class Faults:
    """Carries parts of a run out, each of which may fail without taking the others with it.

    Attributes:
        text: the first fault in one line; empty while there is none.
    """

    def __init__(self, on_fault: Callable[[], None]) -> None:
        """Take what is to be done at every fault, such as ending the load."""
        self.text = ""
        self._on_fault = on_fault

    async def outlast(self, part: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what a part of the run comes to; None where it fails.

        Raises:
            ScenarioError: the scenario is at fault.
        """
        try:
            return await work
        except ScenarioError:
            raise
        except Exception as error:  # whatever it is, the summary has to come
            self._note(part, error)
            return None

    def attempt(self, part: str, work: Callable[[], T], otherwise: T) -> T:
        """Return what a function returns, or something else where it fails."""
        try:
            return work()
        except Exception as error:  # whatever it is, the summary has to come
            self._note(part, error)
            return otherwise

    def beside(self, part: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin what goes on beside the run until it is cancelled."""

        async def outlasting() -> None:
            await self.outlast(part, work)

        return asyncio.get_running_loop().create_task(outlasting())

    def _note(self, part: str, error: Exception) -> None:
        traceback.print_exception(error)
        self.text = self.text or f"{type(error).__name__} in {part}: {error}"
        self._on_fault()
