# SPDX-License-Identifier: Apache-2.0
"""A request to a collector: figures as OpenTelemetry's metrics.

The form is that of https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: names in lowerCamelCase, numbers
of 64 bits as text, enumerations as numbers. ``protobuf`` has the binary encoding of the same document. The names of
metrics and attributes follow https://opentelemetry.io/docs/specs/semconv/db/database-metrics/ and
https://opentelemetry.io/docs/specs/semconv/db/dynamodb/ where these have one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ddbload import __version__
from ddbload.stats.hdr import middle_of
from ddbload.stats.histogram import Histogram
from ddbload.telemetry.figures import Figures

DELTA, CUMULATIVE = 1, 2
# Three to seven buckets in each power of ten: the nine that the convention recommends are among them, and are too far
# apart for a table that responds within milliseconds.
BOUNDS_S = (
    *(0.0005, 0.001, 0.0015, 0.002, 0.0025, 0.003, 0.004, 0.005, 0.0075),
    *(0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0),
)
# 32 buckets in each power of two, which are 2.2 % wide.
SCALE = 5
# Operation of a scenario -> name in DynamoDB's API.
API_NAMES = {
    "put": "PutItem",
    "get": "GetItem",
    "update": "UpdateItem",
    "delete": "DeleteItem",
    "batch_write": "BatchWriteItem",
    "batch_get": "BatchGetItem",
    "transact_write": "TransactWriteItems",
    "transact_get": "TransactGetItems",
}
# The convention's value where the class of an error is not known.
OTHER_ERROR = "_OTHER"
Attributes = Mapping[str, str | int]


@dataclass(frozen=True)
class Subject:
    """What the figures are of.

    Attributes:
        resource: attributes of the process.
        table: name of the table under test.
        operations: operation of each entry of the mix, as the scenario has it.
    """

    resource: Mapping[str, str | int]
    table: str
    operations: Mapping[str, str]


def resource(run_id: str, index: int, count: int, task_id: str | None) -> dict[str, str | int]:
    """Return the attributes of a process, which tell the tasks of one run from each other.

    Args:
        run_id: id of the run.
        index: of the segment of the plan that this machine carries out, from 0.
        count: how many segments there are.
        task_id: the ECS task; None outside ECS.
    """
    return {
        # Prometheus keeps this one as the label `instance` of every series, so it starts with the run.
        "service.instance.id": f"{run_id}/{index}",
        "service.version": __version__,
        "ddbload.run.id": run_id,
        "ddbload.segment.index": index,
        "ddbload.segment.count": count,
        **({"aws.ecs.task.id": task_id} if task_id else {}),
    }


def document(figures: Figures, subject: Subject, is_delta: bool, is_exponential: bool) -> dict[str, Any]:
    """Return the body of a request, to be written as JSON or by ``protobuf.encode``.

    Args:
        figures: since the start of the run or, for delta, since the last request that was accepted.
        subject: what they are of.
        is_delta: which of the two.
        is_exponential: whether histograms have exponential buckets instead of explicit ones.
    """
    scope = {"name": "ddbload", "version": __version__}
    metrics = _Metrics(figures, subject, is_delta, is_exponential).all()
    resource = {"attributes": _attributes(subject.resource)}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"scope": scope, "metrics": metrics}]}]}


def api_name(operation: str) -> str:
    """Return the name of an operation in DynamoDB's API."""
    return API_NAMES.get(operation) or "".join(part.capitalize() for part in operation.split("_"))


def explicit_counts(histogram: Histogram) -> list[int]:
    """Count a histogram's values by the explicit buckets; each slot counts whole, in the bucket of its middle."""
    counts = [0] * (len(BOUNDS_S) + 1)
    for slot, count in histogram.slots():
        counts[bisect_left(BOUNDS_S, middle_of(slot) / 1e6)] += count
    return counts


def exponential_counts(histogram: Histogram) -> tuple[int, int, list[int]]:
    """Count a histogram's values by exponential buckets; each slot counts whole, in the bucket of its middle.

    Bucket ``i`` holds what is above ``2 ** (i / 2 ** SCALE)`` seconds, up to that of ``i + 1``
    (https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram).

    Returns:
        How many values are 0, the number of the lowest bucket that counts, and the counts from that one on.
    """
    zeros, found = 0, dict[int, int]()
    for slot, count in histogram.slots():
        seconds = middle_of(slot) / 1e6
        if not seconds:
            zeros += count
            continue
        bucket = math.ceil(math.log2(seconds) * 2**SCALE) - 1
        found[bucket] = found.get(bucket, 0) + count
    lowest = min(found, default=0)
    return zeros, lowest, [found.get(bucket, 0) for bucket in range(lowest, max(found, default=lowest - 1) + 1)]


class _Metrics:
    def __init__(self, figures: Figures, subject: Subject, is_delta: bool, is_exponential: bool) -> None:
        self._figures = figures
        self._subject = subject
        self._temporality = {"aggregationTemporality": DELTA if is_delta else CUMULATIVE}
        self._is_exponential = is_exponential
        self._table: Attributes = {"db.system.name": "aws.dynamodb", "db.collection.name": subject.table}

    def all(self) -> list[dict[str, Any]]:
        figures, counts = self._figures, self._figures.counts
        return [
            self._histogram(
                "db.client.operation.duration",
                "From the instant at which an operation is due to the end of its response; successes only.",
                [(self._entry(name), histogram) for name, histogram in sorted(figures.latency.items())],
            ),
            self._histogram(
                "ddbload.service.duration",
                "From the send of a request to the end of its response; successes only.",
                [({}, figures.service)],
            ),
            self._sum("ddbload.operation.planned", "{operation}", "Operations due.", [({}, counts["planned"])]),
            self._sum("ddbload.operation.sent", "{operation}", "Operations sent.", [({}, counts["sent"])]),
            self._sum("ddbload.operation.count", "{operation}", "Operations by their end.", self._outcomes()),
            self._sum("ddbload.operation.retries", "{attempt}", "Attempts retried.", [({}, counts["retried"])]),
            self._sum(
                "ddbload.item.unprocessed", "{item}", "Items left unprocessed.", [({}, counts["items_unprocessed"])]
            ),
            self._sum("ddbload.consumed.read_units", "{unit}", "Read units consumed.", [({}, figures.read_units)]),
            self._sum("ddbload.consumed.write_units", "{unit}", "Write units consumed.", [({}, figures.write_units)]),
            self._gauge("ddbload.lateness.max", "s", "Longest wait for a send.", figures.late_ms / 1000),
            self._gauge("ddbload.operation.in_flight", "{operation}", "Operations on the wire.", figures.in_flight),
        ]

    def _outcomes(self) -> list[tuple[Attributes, int]]:
        counts = self._figures.counts
        ends = [({"ddbload.outcome": name}, counts[name]) for name in ("ok", "expected")]
        throttled = [
            ({"ddbload.outcome": "throttled", "error.type": reason}, count)
            for reason, count in sorted(self._figures.throttled.items())
        ]
        failures = [
            ({"ddbload.outcome": name, "error.type": OTHER_ERROR if name == "failed" else name}, counts[name])
            for name in ("contention", "cancelled", "failed")
        ]
        return [*ends, *throttled, *failures]

    def _entry(self, name: str) -> Attributes:
        return {"db.operation.name": api_name(self._subject.operations.get(name, name)), "ddbload.mix.entry": name}

    def _point(self, attributes: Attributes) -> dict[str, Any]:
        return {
            "attributes": _attributes({**self._table, **attributes}),
            "startTimeUnixNano": str(self._figures.start_ns),
            "timeUnixNano": str(self._figures.end_ns),
        }

    def _sum(
        self, name: str, unit: str, description: str, values: Iterable[tuple[Attributes, float]]
    ) -> dict[str, Any]:
        points = [self._point(attributes) | _number(value) for attributes, value in values]
        data = {**self._temporality, "isMonotonic": True, "dataPoints": points}
        return {"name": name, "unit": unit, "description": description, "sum": data}

    def _gauge(self, name: str, unit: str, description: str, value: float) -> dict[str, Any]:
        data = {"dataPoints": [self._point({}) | _number(value)]}
        return {"name": name, "unit": unit, "description": description, "gauge": data}

    def _histogram(
        self, name: str, description: str, histograms: Iterable[tuple[Attributes, Histogram]]
    ) -> dict[str, Any]:
        buckets = _exponential if self._is_exponential else _explicit
        points = [
            self._point(attributes)
            | {"count": str(histogram.total), "sum": histogram.mean() * histogram.total / 1e6}
            | buckets(histogram)
            for attributes, histogram in histograms
        ]
        kind = "exponentialHistogram" if self._is_exponential else "histogram"
        return {
            "name": name,
            "unit": "s",
            "description": description,
            kind: {**self._temporality, "dataPoints": points},
        }


def _explicit(histogram: Histogram) -> dict[str, Any]:
    return {"explicitBounds": list(BOUNDS_S), "bucketCounts": [str(count) for count in explicit_counts(histogram)]}


def _exponential(histogram: Histogram) -> dict[str, Any]:
    zeros, offset, counts = exponential_counts(histogram)
    positive = {"offset": offset, "bucketCounts": [str(count) for count in counts]}
    return {"scale": SCALE, "zeroCount": str(zeros), "positive": positive}


def _number(value: float) -> dict[str, Any]:
    return {"asInt": str(value)} if isinstance(value, int) else {"asDouble": value}


def _attributes(pairs: Attributes) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in pairs.items()
    ]
