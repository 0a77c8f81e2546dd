# SPDX-License-Identifier: Apache-2.0
"""Deletes the items of a run and no others: it computes the keys again, and does not scan the table."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from ddbload.dynamo.client import Bulk, Refused, Throttle, side_by_side
from ddbload.dynamo.responses.capacity import units
from ddbload.dynamo.responses.documents import Document, object_of
from ddbload.dynamo.responses.errors import Outcome
from ddbload.dynamo.sign import API
from ddbload.workload.journal.state import Journal
from ddbload.workload.operations.base import Workload, encode
from ddbload.workload.operations.batches import MAX_BATCH_WRITE, UNPROCESSED_ITEMS, some_of, unprocessed_items

# A write that was given up may still be applied within this time.
LATE_WRITES_S = 1.0
DELETERS = 8
ROUNDS = 20


async def clean_written(workload: Workload, rate: float, bulk: Bulk, is_stopped: Callable[[], bool]) -> dict[str, Any]:
    """Delete every key that this run wrote or may have written, within a rate in items a second.

    Keys whose item must exist are deleted in batches; those whose item may exist one by one, on the condition that the
    item is this run's: it may be older than the run.
    """
    certain, doubtful = _Batches(workload, bulk), _Conditional(workload, bulk)
    throttle = Throttle(rate)
    keys = _batches(_written(workload.journal, surely=True), throttle.most(MAX_BATCH_WRITE))
    document = await _clean(keys, certain, throttle, is_stopped)
    if not document["complete"]:
        return document
    if workload.journal.counts()["indeterminate"] and not is_stopped():
        # Writes that were given up may still be applied.
        await asyncio.sleep(LATE_WRITES_S)
    keys = _batches(_written(workload.journal, surely=False), 1)
    rest = await _clean(keys, doubtful, throttle, is_stopped)
    return rest | {name: document[name] + rest[name] for name in ("deleted", "consumed_write_units")}


async def clean_conditionally(
    workload: Workload, indexes: Iterable[int], rate: float, bulk: Bulk, is_stopped: Callable[[], bool]
) -> dict[str, Any]:
    """Delete the items at indexes that bear this run's id, one request each, since a batch takes no conditions.

    For a run that is over, whose journal is gone: keys that another run wrote since are left alone.
    """
    deleter = _Conditional(workload, bulk)
    return await _clean(_batches(iter(indexes), 1), deleter, Throttle(rate), is_stopped)


async def _clean(
    batches: Iterator[list[int]], deleter: _Batches | _Conditional, throttle: Throttle, is_stopped: Callable[[], bool]
) -> dict[str, Any]:
    error = ""

    async def work() -> None:
        while not is_stopped() and (batch := next(batches, None)):
            if await throttle.wait(len(batch), is_stopped):
                await deleter.delete(batch)

    try:
        await side_by_side(work, DELETERS, is_stopped)
    except Refused as refusal:
        error = f"the table could not be cleaned: {refusal}"
    complete = not error and not is_stopped()
    document = {"deleted": deleter.deleted, "consumed_write_units": deleter.write_units, "complete": complete}
    return document | ({"error": error} if error else {})


class _Batches:
    target = f"{API}.BatchWriteItem"

    def __init__(self, workload: Workload, bulk: Bulk) -> None:
        self.deleted = 0
        self.write_units = 0.0
        self._workload = workload
        self._bulk = bulk

    async def delete(self, batch: list[int]) -> None:
        table, keys = self._workload.table, self._workload.keys
        requested = batch

        def read(document: Document) -> tuple[list[int], float]:
            left = unprocessed_items(document, table)
            found = (keys.index_of(object_of(object_of(request, "DeleteRequest"), "Key")) for request in left)
            return sorted(some_of(requested, found, UNPROCESSED_ITEMS)), units(document, writes=True)[1]

        for turn in range(ROUNDS):
            requests = [{"DeleteRequest": {"Key": keys.key(index)}} for index in requested]
            body = encode({"ReturnConsumedCapacity": "TOTAL", "RequestItems": {table: requests}})
            left, consumed = await self._bulk.ask(self.target, body, read)
            self.write_units += consumed
            self.deleted += len(requested) - len(left)
            if not left:
                return
            requested = left
            await asyncio.sleep(0.05 * (turn + 1))
        raise Refused(Outcome("throttled", UNPROCESSED_ITEMS, f"{len(requested)} items were left {ROUNDS} times"))


class _Conditional:
    target = f"{API}.DeleteItem"

    def __init__(self, workload: Workload, bulk: Bulk) -> None:
        self.deleted = 0
        self.write_units = 0.0
        self._workload = workload
        self._bulk = bulk
        self._common = {
            "TableName": workload.table,
            "ReturnConsumedCapacity": "TOTAL",
            "ConditionExpression": "#run = :run",
            "ExpressionAttributeNames": {"#run": workload.items.names.run},
            "ExpressionAttributeValues": {":run": {"S": workload.run_id}},
        }

    async def delete(self, batch: list[int]) -> None:
        for index in batch:
            body = encode(self._common | {"Key": self._workload.keys.key(index)})
            try:
                consumed = await self._bulk.ask(self.target, body, lambda document: units(document, writes=True)[1])
            except Refused as refusal:
                if refusal.outcome.kind != "expected":
                    raise
                continue  # the table holds no item of this run
            self.write_units += consumed
            self.deleted += 1


def _written(journal: Journal, *, surely: bool) -> Iterator[int]:
    """Yield the keys for which the table must hold an item of this run, or those for which it may."""
    for index in journal.indexes():
        legal = journal.state(index).legal
        if max(legal) >= 0 and surely is (min(legal) >= 0):
            yield index


def _batches(indexes: Iterator[int], size: int) -> Iterator[list[int]]:
    while batch := list(islice(indexes, size)):
        yield batch
