# SPDX-License-Identifier: Apache-2.0
"""PutItem by boto3: 64 threads, 64 connections, no retries."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

from bench.clients import workload


def main(arguments: workload.Arguments) -> None:
    """Make the requests and print the figures."""
    config = Config(max_pool_connections=workload.CALLERS, retries={"total_max_attempts": 1})
    client: Any = boto3.client("dynamodb", region_name=workload.region(), endpoint_url=arguments.url, config=config)
    with ThreadPoolExecutor(workload.CALLERS) as pool:
        put_all(client, pool, workload.WARM_UP)
        with workload.Meter() as meter:
            put_all(client, pool, arguments.requests)
    meter.print(arguments.requests)


def put_all(client: Any, pool: ThreadPoolExecutor, requests: int) -> None:
    """Make requests from every thread, each of which sends its next request after the last response."""
    numbers, lock = iter(range(requests)), threading.Lock()

    def caller() -> None:
        while (number := take(numbers, lock)) is not None:
            answer = client.put_item(
                TableName=workload.TABLE, Item=workload.typed_item(number), ReturnConsumedCapacity="TOTAL"
            )
            workload.check(answer)

    for ended in [pool.submit(caller) for _caller in range(workload.CALLERS)]:
        ended.result()


def take(numbers: Iterator[int], lock: threading.Lock) -> int | None:
    """Return the next number, which no other thread gets; None after the last."""
    with lock:
        return next(numbers, None)


if __name__ == "__main__":
    main(workload.arguments())
