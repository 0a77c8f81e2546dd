# SPDX-License-Identifier: Apache-2.0
"""The control table's client: a connection of its own, apart from the load's and its figures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from ddbload.control.clock import LARGEST_OFFSET_MS, Clock
from ddbload.control.items import Item, Request, Requests, RunItem, read_item, read_items, run_item
from ddbload.control.problems import ControlError
from ddbload.dynamo.client import ATTEMPTS, Bulk, Refused
from ddbload.dynamo.endpoint import Target
from ddbload.dynamo.http1 import Connection, Layout
from ddbload.dynamo.pool import Pool, Unreachable
from ddbload.dynamo.responses import codes
from ddbload.dynamo.responses.documents import Document
from ddbload.dynamo.responses.errors import Outcome
from ddbload.dynamo.sign import Signer

TIMEOUT_S = 1.0
CONDITION_FAILED = "ConditionalCheckFailedException"
NO_TABLE = "ResourceNotFoundException"
PERMISSION_REMEDY = "allow the task's role dynamodb:GetItem, UpdateItem and Query on it"
TABLE_REMEDY = "deploy the stack task again, or run without a control table"
THROTTLED_REMEDY = "raise the account's quotas of DynamoDB, or run fewer tasks"
NETWORK_REMEDY = "check the network path to DynamoDB"

T = TypeVar("T")


class Transport(Protocol):
    """Carries requests to the control table."""

    clock: Clock

    async def open(self) -> None:
        """Prepare to send; may raise Unreachable."""

    async def ask(self, request: Request, read: Callable[[Document], T], attempts: int) -> T:
        """Send a request and return what ``read`` makes of the response; may raise Refused."""

    async def close(self) -> None:
        """Send nothing any more."""


class ControlTable:
    """Reads and writes the items of one run.

    Args:
        name: the table's name.
        run_id: the run's.
        where: DynamoDB's address, for messages.
        transport: carries the requests.
    """

    def __init__(self, name: str, run_id: str, where: str, transport: Transport) -> None:
        self.requests = Requests(name, run_id)
        self._name = name
        self._where = where
        self._transport = transport

    @classmethod
    def of(cls, name: str, run_id: str, target: Target, signer: Signer) -> ControlTable:
        """Return the table at the endpoint of the table under test."""
        return cls(name, run_id, target.url, Wire(target, signer))

    async def open(self) -> None:
        """Open the connection.

        Raises:
            ControlError: that failed.
        """
        try:
            await self._transport.open()
        except Unreachable as error:
            raise self._error(str(error), NETWORK_REMEDY) from error

    async def close(self) -> None:
        """Close the connection."""
        await self._transport.close()

    async def read(self, attempts: int = ATTEMPTS) -> RunItem:
        """Return the state of the run.

        Raises:
            ControlError: the table cannot be used.
        """
        return await self._ask(self.requests.get(), lambda document: run_item(read_item(document)), attempts)

    async def query(self, prefix: str) -> list[Item]:
        """Return the items whose part has a prefix.

        Raises:
            ControlError: the table cannot be used.
        """
        found: list[Item] = []
        after: Document | None = None
        while True:
            items, after = await self._ask(self.requests.query(prefix, after), _page)
            found += items
            if not after:
                return found

    async def write(self, request: Request, attempts: int = ATTEMPTS) -> Item | None:
        """Send a write, and return the item as it is then; None where its condition did not hold.

        Raises:
            ControlError: the table cannot be used.
        """
        try:
            return await self._transport.ask(request, lambda document: read_item(document, "Attributes"), attempts)
        except Refused as error:
            if error.outcome.reason == CONDITION_FAILED:
                return None
            raise self._refusal(request, error.outcome) from error

    def check_clock(self) -> None:
        """Compare this machine's clock with DynamoDB's, as the responses so far show it.

        Raises:
            ControlError: they are more than a second apart.
        """
        clock = self._transport.clock
        if not clock.is_usable:
            raise ControlError(
                f"this machine's clock and that of DynamoDB at {self._where} are {clock.apart_ms / 1000:.1f} s apart, "
                f"a common start allows {LARGEST_OFFSET_MS / 1000:g} s -> set this machine's clock"
            )

    @property
    def clock_offset_ms(self) -> int | None:
        """By how many milliseconds DynamoDB's clock is ahead of this machine's at least; None if unknown."""
        return self._transport.clock.offset_ms

    async def _ask(self, request: Request, read: Callable[[Document], T], attempts: int = ATTEMPTS) -> T:
        try:
            return await self._transport.ask(request, read, attempts)
        except Refused as error:
            raise self._refusal(request, error.outcome) from error

    def _refusal(self, request: Request, outcome: Outcome) -> ControlError:
        text = f"{outcome.reason}: {outcome.message}".removesuffix(": ")
        if outcome.reason == NO_TABLE:
            return self._error("there is no such table", TABLE_REMEDY)
        if outcome.kind == "throttled":
            return self._error(f"{request.operation} is throttled, {text}", THROTTLED_REMEDY)
        if outcome.kind in ("network", "server"):
            return self._error(f"{request.operation} fails, {text}", NETWORK_REMEDY)
        remedy = codes.remedy(outcome.reason, outcome.message)
        return self._error(
            f"{request.operation} is refused, {text}", PERMISSION_REMEDY if remedy == codes.PERMISSION else remedy
        )

    def _error(self, what: str, remedy: str) -> ControlError:
        return ControlError(f"control table {self._name} at {self._where}: {what} -> {remedy}")


class Wire:
    """One connection to DynamoDB, with one request at a time."""

    def __init__(self, target: Target, signer: Signer) -> None:
        self.clock = Clock()
        self._pool = Pool(target.host, target.port, target.tls_context(), 1)
        # The client reads whole heads, and with them the Date of each response.
        self._pool.layout = _WholeHeads()
        self._client = _DatedBulk(self._pool, signer, self.clock)
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Open the connection."""
        await self._pool.open()

    async def close(self) -> None:
        """Close the connection."""
        await self._pool.close()

    async def ask(self, request: Request, read: Callable[[Document], T], attempts: int) -> T:
        """Send a request and return what ``read`` makes of the response."""
        async with self._turn:
            return await self._client.ask(request.target, request.body, read, attempts)


class _WholeHeads(Layout):
    """Learns no offsets: each head is read."""

    __slots__ = ()

    def learn(self, head: bytes) -> None:
        """Learn nothing."""


class _DatedBulk(Bulk):
    """Observes the Date of each response."""

    def __init__(self, pool: Pool, signer: Signer, clock: Clock) -> None:
        super().__init__(pool, signer, TIMEOUT_S)
        self._clock = clock
        self._sent_ms = 0.0

    async def _exchange(self, target: str, body: bytes) -> tuple[int, bytes, bool]:
        self._sent_ms = time.time() * 1000
        return await super()._exchange(target, body)

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        """Take any response, and its Date."""
        self._clock.observe(connection.date, self._sent_ms, time.time() * 1000)
        super().answered(connection, status, body, intact)


def _page(document: Document) -> tuple[list[Item], Document | None]:
    return read_items(document), document.get("LastEvaluatedKey")
