# SPDX-License-Identifier: Apache-2.0
"""A control table in memory, which evaluates the real requests; any request may be lost, before or after it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from ddbload.control.clock import Clock
from ddbload.control.items import Request
from ddbload.control.table import ControlTable
from ddbload.dynamo.client import Refused
from ddbload.dynamo.responses.errors import Outcome
from server.database import CONTROL, Database
from server.errors import ApiError
from server.schema import DEFAULT

NAME = CONTROL["TableName"]
T = TypeVar("T")
# Whether a request, or its response, is lost.
Loss = Callable[[Request], str]


class Memory:
    """The table: the written items, in order."""

    def __init__(self) -> None:
        self.database = Database(DEFAULT)
        self.written: list[tuple[Request, dict[str, Any]]] = []
        self.requests: Counter[str] = Counter()

    def execute(self, request: Request) -> dict[str, Any]:
        """Carry a request out; raises ApiError."""
        self.requests[request.operation] += 1
        response = self.database.execute(request.operation, json.loads(request.body))
        if request.operation == "UpdateItem":
            self.written.append((request, response["Attributes"]))
        return response

    def states(self) -> list[str]:
        """Return the states of the run, in their order, each once in a row."""
        states = [item["state"]["S"] for _request, item in self.written if "state" in item]
        return [state for at, state in enumerate(states) if at == 0 or states[at - 1] != state]


class Transport:
    """Carries requests to a table in memory."""

    def __init__(self, memory: Memory, lose: Loss = lambda _request: "") -> None:
        self.clock = Clock()
        self._memory = memory
        self._lose = lose

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def ask(self, request: Request, read: Callable[[dict[str, Any]], T], attempts: int) -> T:
        """Carry a request out as often as its response is lost."""
        for _attempt in range(attempts):
            lost = self._lose(request)
            if lost == "request":
                continue
            try:
                response = self._memory.execute(request)
            except ApiError as error:
                if lost:
                    continue
                raise Refused(Outcome("expected", error.name)) from error
            if not lost:
                return read(response)
        raise Refused(Outcome("network", "Timeout"))


def table(memory: Memory, run_id: str = "r", lose: Loss = lambda _request: "") -> ControlTable:
    """Return a client of a table in memory."""
    return ControlTable(NAME, run_id, "http://memory", Transport(memory, lose))
