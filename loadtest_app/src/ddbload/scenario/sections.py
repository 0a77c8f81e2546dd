# SPDX-License-Identifier: Apache-2.0
"""The sections of a scenario, one value each: what they hold, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ddbload.scenario.reader import Reader, is_integer, show
from ddbload.stats import emf

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MAX_ITEM_BYTES = 409_600
# The highest number that a range of the user's may start with.
HIGHEST_FIRST = 10**36
FIRST = {"type": ["integer", "null"], "minimum": 0, "maximum": HIGHEST_FIRST}
WEIGHTS = {
    "type": "object",
    "description": "Weights by size in bytes.",
    "minProperties": 1,
    "propertyNames": {"pattern": "^0*[1-9][0-9]*$"},
    "additionalProperties": {"type": "integer", "minimum": 1},
}


@dataclass(frozen=True)
class Keys:
    """Which keys are used: 0, 1, 2, ... modulo ``count``, with ``per_partition`` of them in one partition.

    ``first`` is the number of key 0 where the partition key is one; None for a range that only ddbload uses.
    """

    prefix: str = "ddbload"
    count: int = 1_000_000
    per_partition: int = 1
    first: int | None = None


@dataclass(frozen=True)
class Item:
    """What is written: bytes as DynamoDB counts them, one number or a distribution; seconds until TTL may delete it."""

    size: int | Mapping[str, Any] = 400
    ttl: int = 0


@dataclass(frozen=True)
class RetryRules:
    """How often an operation is sent at most, and how long is waited before it is sent again."""

    attempts: int = 1
    base_ms: float = 50.0
    cap_ms: float = 1000.0


@dataclass(frozen=True)
class BreakerRules:
    """After how many failures in a row arrivals pause (0: never), and how often one is tried."""

    failures: int = 0
    probe_interval: float = 1.0
    action: str = "pause"


@dataclass(frozen=True)
class Verification:
    """Whether a share of the keys is read again at the end: at most ``limit`` keys, at ``rate`` keys a second."""

    enabled: bool = True
    share: float = 1.0
    limit: int = 100_000
    rate: float = 0.0


@dataclass(frozen=True)
class Cleanup:
    """Whether the run's items are deleted at the end, at ``rate`` items a second (0: without a limit)."""

    enabled: bool = False
    rate: float = 500.0


@dataclass(frozen=True)
class Metrics:
    """Whether CloudWatch is given metrics, by log lines in its embedded format; seconds between two of them."""

    enabled: bool = False
    namespace: str = "ddbload"
    interval: float = 10.0


def keys(reader: Reader) -> Keys:
    """Read `keys`."""
    return Keys(
        prefix=reader.text("prefix", Keys.prefix, "a text of at most 1,024 characters"),
        count=reader.integer("count", Keys.count, 1, 10**12),
        per_partition=reader.integer("per_partition", 1, 1, 10**9),
        first=reader.checked("first", None, "null or a whole number from 0 to 10^36", _is_first, FIRST),
    )


def item(reader: Reader) -> Item:
    """Read `item`."""
    ttl = reader.integer("ttl", 0, 0, 10 * 365 * 86_400)
    if not isinstance(reader.document.get("size"), Mapping):
        return Item(reader.integer("size", 400, 1, MAX_ITEM_BYTES), ttl)
    part = reader.section("size")
    kind = part.choice("type", "uniform", ("uniform", "lognormal", "choices"))
    document: dict[str, Any] = {"type": kind}
    if kind == "choices":
        document["weights"] = part.take("weights", {}, WEIGHTS)
        weights = document["weights"]
        if (
            not isinstance(weights, Mapping)
            or not weights
            or not all(_is_size_weight(*pair) for pair in weights.items())
        ):
            part.problem(
                "weights", f'must be weights by size in bytes such as {{"400": 9, "4000": 1}}, got {show(weights)}'
            )
            return Item(400, ttl)
        return Item(document, ttl)
    document["low"] = part.integer("low", 200, 1, MAX_ITEM_BYTES)
    document["high"] = part.integer("high", MAX_ITEM_BYTES if kind == "lognormal" else 2000, 1, MAX_ITEM_BYTES)
    if document["high"] < document["low"]:
        part.problem("high", f"must not be below low, {document['low']}, got {document['high']}")
    if kind == "lognormal":
        document["median"] = part.number("median", 400, 1, MAX_ITEM_BYTES, "bytes")
        document["sigma"] = part.number("sigma", 1.0, 0.01, 5, "standard deviation of the logarithm")
    return Item(document, ttl)


def retries(reader: Reader) -> RetryRules:
    """Read `retries`."""
    return RetryRules(
        attempts=reader.integer("attempts", 1, 1, 100),
        base_ms=reader.number("base_ms", 50.0, 0, 60_000, "milliseconds"),
        cap_ms=reader.number("cap_ms", 1000.0, 0, 600_000, "milliseconds"),
    )


def breaker(reader: Reader) -> BreakerRules:
    """Read `breaker`."""
    return BreakerRules(
        failures=reader.integer("failures", 0, 0, 1_000_000),
        probe_interval=reader.number("probe_interval", 1.0, 0.01, 3600, "seconds"),
        action=reader.choice("action", "pause", ("pause", "abort")),
    )


def verify(reader: Reader) -> Verification:
    """Read `verify`."""
    return Verification(
        enabled=reader.boolean("enabled", True),
        share=reader.number("share", 1.0, 0, 1, "share of the keys"),
        limit=reader.integer("limit", 100_000, 0, 10**12),
        rate=reader.number("rate", 0.0, 0, 1_000_000, "items a second, 0 for as fast as it goes"),
    )


def cleanup(reader: Reader) -> Cleanup:
    """Read `cleanup`, which may be true or false alone."""
    part = reader.section("cleanup", short="enabled")
    return Cleanup(
        enabled=part.boolean("enabled", bool(part.document)),
        rate=part.number("rate", 500.0, 0, 1_000_000, "items a second, 0 for as fast as it goes"),
    )


def metrics(reader: Reader) -> Metrics:
    """Read `metrics`."""
    rule = "a CloudWatch namespace, such as ddbload/dev"
    return Metrics(
        enabled=reader.boolean("enabled", False),
        namespace=reader.checked(
            "namespace",
            "ddbload",
            rule,
            lambda given: isinstance(given, str) and bool(emf.NAMESPACE.fullmatch(given)),
            {"type": "string", "pattern": f"^{emf.NAMESPACE.pattern}$"},
        ),
        interval=reader.number("interval", 10.0, 1, 3600, "seconds"),
    )


def _is_first(value: Any) -> bool:
    return value is None or (is_integer(value) and 0 <= value <= HIGHEST_FIRST)


def _is_size_weight(size: Any, weight: Any) -> bool:
    text = str(size)
    return (
        text.isascii() and text.isdecimal() and 1 <= int(text) <= MAX_ITEM_BYTES and is_integer(weight) and weight > 0
    )
