# SPDX-License-Identifier: Apache-2.0
"""The verify and clean commands: for a run that is over, from its results file and the table alone.

The journal of acknowledged writes ends with the run; the results hold its counts. So one missing key does not prove a
loss, but fewer keys than acknowledged writes do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import uvloop

from ddbload.dynamo.client import Bulk
from ddbload.dynamo.endpoint import open_target
from ddbload.dynamo.pool import Pool
from ddbload.pacing.segment import WHOLE
from ddbload.results.file import ResultsError
from ddbload.scenario import scenario
from ddbload.verify.check import read_keys
from ddbload.verify.cleanup import clean_conditionally
from ddbload.verify.judge import version_of
from ddbload.workload import build as workload
from ddbload.workload.items import EXPIRY_ATTRIBUTE, ItemFactory
from ddbload.workload.operations.base import Workload
from ddbload.workload.operations.batches import MAX_BATCH_GET

CONNECTIONS = 16
TIMEOUT_S = 10.0
EXAMPLES = 20

Environment = Mapping[str, str]
Work = Callable[[Workload, Bulk], Awaitable[dict[str, Any]]]


def verify(
    results: Mapping[str, Any], endpoint_url: str | None, region: str | None, environment: Environment
) -> dict[str, Any]:
    """Read every key that a run may have written, and count its items.

    Returns:
        ``checked``, ``present`` (items of the run, intact), ``corrupt``, ``missing``, ``overwritten`` (items of others,
        for example a later run with the same keys), ``acknowledged`` (as the run counted), ``lost_at_least``
        (acknowledged, less those that are there or were overwritten; None after a cleanup or where keys were deleted)
        and up to 20 ``examples`` of corrupt keys.

    Raises:
        ResultsError: the run left no summary, or wrote nothing.
        TargetError, Unreachable, Refused: the table cannot be read.
    """
    below, known = _below(results), results["keys"]

    async def work(load: Workload, bulk: Bulk) -> dict[str, Any]:
        found = {"checked": 0, "present": 0, "corrupt": 0, "missing": 0, "overwritten": 0}
        examples: list[str] = []
        for indexes in _batches(below):
            items, _units = await read_keys(load, list(indexes), bulk)
            for index in indexes:
                item = items.get(index)
                found["checked"] += 1
                if item is None:
                    found["missing"] += 1
                elif item.get(load.items.names.run) != {"S": load.run_id}:
                    found["overwritten"] += 1
                elif _is_intact(load.items, index, item):
                    found["present"] += 1
                else:
                    found["corrupt"] += 1
                    examples.append(f"key {index}: its content is not that of the version it names")
        deletes = any(entry["operation"] == "delete" for entry in results["scenario"]["mix"].values())
        there = found["present"] + found["corrupt"] + found["overwritten"]
        lost = None if deletes or results["cleanup"] else max(0, known["acknowledged"] - there)
        return found | {
            "acknowledged": known["acknowledged"],
            "lost_at_least": lost,
            "examples": examples[:EXAMPLES],
        }

    return _on_table(results, endpoint_url, region, environment, work)


def clean(
    results: Mapping[str, Any], rate: float, endpoint_url: str | None, region: str | None, environment: Environment
) -> dict[str, Any]:
    """Delete the run's items that no other writer has replaced, at ``rate`` items a second (0: without a limit).

    Raises:
        ResultsError: the run left no summary, or wrote nothing.
        TargetError, Unreachable: the table cannot be reached.
    """
    below = _below(results)

    async def work(load: Workload, bulk: Bulk) -> dict[str, Any]:
        return await clean_conditionally(load, range(below), rate, bulk, lambda: False)

    return _on_table(results, endpoint_url, region, environment, work)


def _batches(below: int) -> Iterator[range]:
    for start in range(0, below, MAX_BATCH_GET):
        yield range(start, min(start + MAX_BATCH_GET, below))


def _below(results: Mapping[str, Any]) -> int:
    if not results["keys"] or not results["scenario"]:
        raise ResultsError("the results hold no summary: which keys the run wrote is not known")
    below: int = results["keys"]["below"]
    if not below:
        raise ResultsError("the run wrote no keys")
    return below


def _on_table(
    results: Mapping[str, Any], endpoint_url: str | None, region: str | None, environment: Environment, work: Work
) -> dict[str, Any]:
    requested = scenario.parse(results["scenario"])
    target = open_target(requested.table, endpoint_url, region, environment)
    load = workload.build(requested, target, str(results["run_id"]), WHOLE).workload

    async def main() -> dict[str, Any]:
        pool = Pool(target.host, target.port, target.tls_context(), CONNECTIONS)
        await pool.open()
        try:
            return await work(load, Bulk(pool, target.signer(), TIMEOUT_S))
        finally:
            await pool.close()
            await asyncio.sleep(0)

    return uvloop.run(main())


def _is_intact(items: ItemFactory, index: int, item: Mapping[str, Any]) -> bool:
    version = version_of(item, items.names)
    if version is None:
        return False
    if items.expires_at is not None:
        # The expiry of a run's items is fixed at its start: each has it.
        stamp = str((item.get(EXPIRY_ATTRIBUTE) or {}).get("N", ""))
        if not stamp.isdigit():
            return False
        items = items.expiring(int(stamp))
    return items.matches(item, index, version)
