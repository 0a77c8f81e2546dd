# SPDX-License-Identifier: Apache-2.0
"""PutItem by aiodynamo over aiohttp: 64 tasks, 64 connections, no retries."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import aiohttp
from aiodynamo.client import Client  # type: ignore[import-not-found, unused-ignore]
from aiodynamo.credentials import EnvironmentCredentials  # type: ignore[import-not-found, unused-ignore]
from aiodynamo.http.aiohttp import AIOHTTP  # type: ignore[import-not-found, unused-ignore]
from aiodynamo.models import RetryConfig  # type: ignore[import-not-found, unused-ignore]
from yarl import URL

from bench.clients import workload


class OneAttempt(RetryConfig):  # type: ignore[misc, unused-ignore]
    """No retries."""

    def delays(self) -> Iterable[float]:
        """Return the delays after each attempt: there is one attempt."""
        return (0.0,)


async def main(arguments: workload.Arguments) -> None:
    """Make the requests and print the figures."""
    connector = aiohttp.TCPConnector(limit=workload.CALLERS)
    async with aiohttp.ClientSession(connector=connector) as session:
        client = Client(
            AIOHTTP(session),
            EnvironmentCredentials(),
            workload.region(),
            endpoint=URL(arguments.url),
            throttle_config=OneAttempt(),
        )
        table = client.table(workload.TABLE)

        async def put(number: int) -> None:
            # It parses the response without returning it, and raises an exception for an error.
            await table.put_item(workload.item(number))

        await workload.measure(put, arguments.requests)


if __name__ == "__main__":
    asyncio.run(main(workload.arguments()))
