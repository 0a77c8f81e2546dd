# SPDX-License-Identifier: Apache-2.0
"""What a run costs in dollars: DynamoDB's requests and Fargate's compute. Prices are in prices.json, with their date.

Not counted, since the plan does not determine them: storage, secondary indexes' own writes, data transfer, logs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

HOME_REGION = "us-east-1"
WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096
TRANSACTIONAL = 2
MILLION = 1_000_000
HOUR_S = 3600
FARGATE_LEAST_S = 60

PROVISIONED_NOTE = "the table's capacity is provisioned: it is paid by the hour, used or not, so requests add nothing"


class FargatePrice(NamedTuple):
    """Dollars for an hour of one vCPU, and of one GB of memory."""

    vcpu_hour: float
    gb_hour: float


class Prices(NamedTuple):
    """A region's prices in dollars.

    Attributes:
        region: the region whose prices these are.
        region_known: whether that is the requested region.
        date: the day on which the prices were last written down, as YYYY-MM-DD.
        sources: the pages that name them.
        write_units_million: a million write request units.
        read_units_million: a million read request units.
        fargate: by architecture, as ECS spells it: X86_64, ARM64.
    """

    region: str
    region_known: bool
    date: str
    sources: tuple[str, ...]
    write_units_million: float
    read_units_million: float
    fargate: Mapping[str, FargatePrice]


class Expected(NamedTuple):
    """What a plan asks of a table by one kind of operation.

    Attributes:
        name: the operation's name.
        count: how many operations.
        read_units_each: read units that one consumes.
        write_units_each: write units that one consumes.
    """

    name: str
    count: float  # type: ignore[assignment]  # a tuple's method of that name is not missed here
    read_units_each: float
    write_units_each: float


class Estimate(NamedTuple):
    """What a run costs.

    Attributes:
        requests: dollars for read and write request units.
        compute: dollars for Fargate.
        total: dollars for both.
        read_units: units that the run reads.
        write_units: units that the run writes.
        note: costs that the figures do not include; may be empty.
    """

    requests: float
    compute: float
    total: float
    read_units: float
    write_units: float
    note: str


@cache
def load_prices(region: str) -> Prices:
    """Read a region's prices from prices.json, once; us-east-1's for a region that the file does not hold."""
    document = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
    known = region in document["regions"]
    found = region if known else HOME_REGION
    prices = document["regions"][found]
    return Prices(
        region=found,
        region_known=known,
        date=document["date"],
        sources=tuple(document["sources"]),
        write_units_million=prices["write_units_million"],
        read_units_million=prices["read_units_million"],
        fargate={architecture: FargatePrice(**price) for architecture, price in prices["fargate"].items()},
    )


def write_units(size_bytes: int, transactional: bool = False) -> int:
    """Return the write units of one item: one for each KB begun, twice that in a transaction.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """
    return max(1, -(-size_bytes // WRITE_UNIT_BYTES)) * (TRANSACTIONAL if transactional else 1)


def read_units(size_bytes: int, consistent: bool, transactional: bool = False) -> float:
    """Return the read units of one item, or of one query's items together.

    One for each 4 KB begun, half of that where the read may be eventually consistent, twice in a transaction
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html). An item that is not
    there costs as one of up to 4 KB.
    """
    blocks = max(1, -(-size_bytes // READ_UNIT_BYTES))
    if transactional:
        return float(blocks * TRANSACTIONAL)
    return float(blocks) if consistent else blocks / 2


def request_cost(read_units: float, write_units: float, prices: Prices) -> float:
    """Return the dollars for units that an on-demand table consumes; requests that are throttled consume none."""
    return (read_units * prices.read_units_million + write_units * prices.write_units_million) / MILLION


def fargate_cost(vcpu: float, memory_gb: float, seconds: float, architecture: str, prices: Prices) -> float:
    """Return the dollars for one task, billed by the second with one minute at least.

    https://aws.amazon.com/fargate/pricing/: from the pull of the image to the end, Linux, 20 GB of storage included.

    Args:
        vcpu: virtual CPUs, for example 0.25; 0 where the run is not on Fargate.
        memory_gb: memory in GB.
        seconds: how long the task runs.
        architecture: X86_64 or ARM64.
        prices: the region's.

    Raises:
        ValueError: Fargate does not have this architecture.
    """
    if architecture not in prices.fargate:
        raise ValueError(f"no price is known for {architecture!r}: Fargate has {' and '.join(prices.fargate)}")
    price = prices.fargate[architecture]
    hours = max(FARGATE_LEAST_S, math.ceil(seconds)) / HOUR_S
    return (vcpu * price.vcpu_hour + memory_gb * price.gb_hour) * hours


def estimate(
    expected: Sequence[Expected],
    prices: Prices,
    provisioned: bool,
    seconds: float,
    vcpu: float,
    memory_gb: float,
    architecture: str,
    tasks: int = 1,
) -> Estimate:
    """Return the cost of a run: before it from the plan, after it from the consumed units.

    Args:
        expected: the requests of each kind of operation.
        prices: the region's.
        provisioned: whether the table's capacity is provisioned, and so paid for by the hour.
        seconds: how long each task runs.
        vcpu: virtual CPUs of each task; 0 where the run is not on Fargate.
        memory_gb: memory of each task, in GB; 0 where the run is not on Fargate.
        architecture: X86_64 or ARM64.
        tasks: how many tasks there are.

    Raises:
        ValueError: Fargate does not have this architecture.
    """
    reads = math.fsum(kind.count * kind.read_units_each for kind in expected)
    writes = math.fsum(kind.count * kind.write_units_each for kind in expected)
    requests = 0.0 if provisioned else request_cost(reads, writes, prices)
    compute = tasks * fargate_cost(vcpu, memory_gb, seconds, architecture, prices)
    notes = []
    if provisioned:
        notes.append(PROVISIONED_NOTE)
    if not prices.region_known:
        notes.append(f"the region's prices are not known: these are {prices.region}'s of {prices.date}")
    return Estimate(requests, compute, requests + compute, reads, writes, "; ".join(notes))
