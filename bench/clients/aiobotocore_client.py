# SPDX-License-Identifier: Apache-2.0
"""PutItem by aiobotocore: 64 tasks, 64 connections, no retries."""

from __future__ import annotations

import asyncio

from aiobotocore.config import AioConfig  # type: ignore[import-not-found, unused-ignore]
from aiobotocore.session import get_session  # type: ignore[import-not-found, unused-ignore]

from bench.clients import workload


async def main(arguments: workload.Arguments) -> None:
    """Make the requests and print the figures."""
    config = AioConfig(max_pool_connections=workload.CALLERS, retries={"total_max_attempts": 1})
    session = get_session()
    async with session.create_client(
        "dynamodb", region_name=workload.region(), endpoint_url=arguments.url, config=config
    ) as client:

        async def put(number: int) -> None:
            answer = await client.put_item(
                TableName=workload.TABLE, Item=workload.typed_item(number), ReturnConsumedCapacity="TOTAL"
            )
            workload.check(answer)

        await workload.measure(put, arguments.requests)


if __name__ == "__main__":
    asyncio.run(main(workload.arguments()))
