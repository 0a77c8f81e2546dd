# SPDX-License-Identifier: Apache-2.0
"""After the load: the keys that were written are read again, strongly consistent, and judged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from ddbload.dynamo.client import Bulk, Refused, Throttle, side_by_side
from ddbload.dynamo.responses import codes
from ddbload.dynamo.responses.capacity import units
from ddbload.dynamo.responses.documents import Document
from ddbload.dynamo.responses.errors import Outcome
from ddbload.dynamo.sign import API
from ddbload.scenario.sections import Verification
from ddbload.verify.judge import Tally, chosen, judge
from ddbload.workload.operations.base import Workload
from ddbload.workload.operations.batches import (
    MAX_BATCH_GET,
    RESPONSES,
    BatchGetRequest,
    found_items,
    some_of,
    unprocessed_keys,
)

# Batches under way at the same time.
READERS = 8
TARGET = f"{API}.BatchGetItem"
# Requests for keys that come back unread, at most.
ROUNDS = 10
WAIT_S = 0.1


async def check(
    workload: Workload, rules: Verification, seed: int, bulk: Bulk, is_stopped: Callable[[], bool]
) -> dict[str, Any]:
    """Read the keys that a worker wrote, or a sample of them, and judge each.

    Args:
        workload: with the journal of what was written.
        rules: how many keys are read, and how fast.
        seed: of the sample.
        bulk: sends the requests.
        is_stopped: called before each batch.

    Returns:
        The tally's document, and ``keys`` (written in all), ``share``, ``consumed_read_units``, ``complete``, and
        ``error`` where the table could not be read.
    """
    keys = sum(1 for _index in workload.journal.indexes())
    limit = rules.limit / workload.segment.count
    share = min(rules.share, limit / keys) if keys else rules.share
    tally = Tally(workload.journal, workload.items.names)
    read_units = 0.0
    indexes = _at_least_one(chosen(workload.journal, share, seed), workload.journal.indexes() if share else iter(()))
    throttle = Throttle(rules.rate / workload.segment.count)
    most = throttle.most(MAX_BATCH_GET)
    error = ""

    async def work() -> None:
        nonlocal read_units
        while not is_stopped() and (batch := list(islice(indexes, most))):
            if not await throttle.wait(len(batch), is_stopped):
                return
            found, consumed = await read_keys(workload, batch, bulk)
            read_units += consumed
            for index in batch:
                item = found.get(index)
                tally.add(index, judge(index, item, workload.journal, workload.items), item)

    try:
        await side_by_side(work, READERS, is_stopped)
    except Refused as refusal:
        error = f"{refusal} -> {_remedy(refusal.outcome)}"
    exhausted = not error and not is_stopped() and next(indexes, None) is None
    document = tally.document() | {
        "keys": keys,
        "share": round(share, 6),
        "consumed_read_units": read_units,
        "complete": exhausted,
    }
    if error:
        document["error"] = f"the table could not be read again: {error}"
    return document


def _at_least_one(sample: Iterator[int], keys: Iterator[int]) -> Iterator[int]:
    """Return a sample, or the first key where it came out empty: a check that reads nothing proves nothing."""
    first = next(sample, None)
    return islice(keys, 1) if first is None else chain([first], sample)


def _remedy(outcome: Outcome) -> str:
    remedy = codes.remedy(outcome.reason, outcome.message)
    if remedy == codes.PERMISSION:
        return 'grant the task role dynamodb:BatchGetItem (task_operations: "verify"), or set verify.enabled to false'
    if outcome.kind == "fatal":
        return remedy
    return "read the keys again with ddbload verify once the table answers"


async def read_keys(workload: Workload, batch: list[int], bulk: Bulk) -> tuple[dict[int, Mapping[str, Any]], float]:
    """Read up to 100 keys, strongly consistent.

    Returns:
        The items that are there, by index, and the read units that were consumed.

    Raises:
        Refused: the table cannot be read, or goes on leaving keys unread.
    """
    request = BatchGetRequest(workload.table, True, "TOTAL")
    found: dict[int, Mapping[str, Any]] = {}
    read_units = 0.0
    left = batch

    def read(document: Document) -> tuple[dict[int, Document], list[int], float]:
        items, keys = found_items(document, workload.table), unprocessed_keys(document, workload.table)
        found_indexes = [workload.keys.index_of(element) for element in (*items, *keys)]
        some_of(left, found_indexes, RESPONSES)
        by_index = {index: item for index, item in zip(found_indexes, items, strict=False) if index is not None}
        unread = [index for index in found_indexes[len(items) :] if index is not None]
        return by_index, unread, units(document, writes=False)[0]

    for turn in range(ROUNDS):
        body = request.body([workload.keys.json(index) for index in left])
        more, left, consumed = await bulk.ask(TARGET, body, read)
        found |= more
        read_units += consumed
        if not left:
            return found, read_units
        await asyncio.sleep(WAIT_S * (turn + 1))
    raise Refused(Outcome("throttled", "UnprocessedKeys", f"{len(left)} keys were left unread {ROUNDS} times"))
