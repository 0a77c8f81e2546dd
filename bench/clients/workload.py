# SPDX-License-Identifier: Apache-2.0
"""What every client of the comparison does, and how it measures itself."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

TABLE = "bench"
CALLERS = 64
ITEM_BYTES = 400
# Requests before the measurement, so that every connection is open.
WARM_UP = 4 * CALLERS
RUN_ID = "bench"


class Arguments(NamedTuple):
    """The command line of a client."""

    url: str
    requests: int


def arguments() -> Arguments:
    """Read the command line: the endpoint's URL and how many requests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("requests", type=int)
    return Arguments(**vars(parser.parse_args()))


def item(number: int) -> dict[str, str]:
    """Return an item of 400 bytes as DynamoDB counts them (names and values), all of its attributes texts."""
    key = f"bench#{number:012d}"
    rest = ITEM_BYTES - len("pk") - len(key) - len("run") - len(RUN_ID) - len("data")
    return {"pk": key, "run": RUN_ID, "data": f"{number}:".ljust(rest, "x")}


def typed_item(number: int) -> dict[str, dict[str, str]]:
    """Return the same item in DynamoDB's JSON."""
    return {name: {"S": value} for name, value in item(number).items()}


def check(answer: Mapping[str, Any]) -> None:
    """Read the members of a response that a caller reads; KeyError where one is missing."""
    if answer["ConsumedCapacity"]["CapacityUnits"] != 1.0:
        raise ValueError(f"not the answer of the benchmark's server: {answer}")


class Meter:
    """CPU time and wall time of this process while the block runs."""

    def __enter__(self) -> Meter:
        self._usage, self._begun_s = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.user_s = usage.ru_utime - self._usage.ru_utime
        self.system_s = usage.ru_stime - self._usage.ru_stime
        self.wall_s = time.perf_counter() - self._begun_s

    def print(self, requests: int) -> None:
        """Write the figures to stdout, as one line of JSON."""
        figures = {"user_s": self.user_s, "system_s": self.system_s, "wall_s": self.wall_s}
        print(json.dumps({"requests": requests} | figures))


async def measure(put: Callable[[int], Awaitable[None]], requests: int) -> None:
    """Make the requests from 64 tasks, each sending its next request after the last response; print the figures."""
    await _all(put, WARM_UP)
    with Meter() as meter:
        await _all(put, requests)
    meter.print(requests)


async def _all(put: Callable[[int], Awaitable[None]], requests: int) -> None:
    numbers = iter(range(requests))

    async def caller() -> None:
        for number in numbers:
            await put(number)

    async with asyncio.TaskGroup() as tasks:
        for _caller in range(CALLERS):
            tasks.create_task(caller())


def region() -> str:
    """Return the region that the environment names."""
    return os.environ["AWS_REGION"]
