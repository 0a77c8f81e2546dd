# SPDX-License-Identifier: Apache-2.0
"""Figures as OpenTelemetry's metrics, judged by OpenTelemetry's own messages."""

import json
import math
from email.message import Message
from typing import Any

import collector
import pytest
from ddbload.results.events import to_json
from ddbload.scenario import entries
from ddbload.stats.hdr import middle_of, slot_of
from ddbload.stats.histogram import Histogram
from ddbload.telemetry import document
from ddbload.telemetry.figures import COUNTS, Figures
from ddbload.workload import operations
from hypothesis import given
from hypothesis import strategies as st

LATENCIES = st.lists(st.integers(0, 3_600_000_000), max_size=30)
SUBJECT = document.Subject({"service.name": "s", "ddbload.segment.index": 3}, "shop", {"reads": "get"})
SECOND = 1_000_000_000


def progress(second: int, latencies_us: list[int], **changes: Any) -> Figures:
    """Return the figures of one second's line, as a run writes it."""
    latency = Histogram.from_values(latencies_us)
    interval = dict.fromkeys(COUNTS, 0) | {
        "ok": len(latencies_us),
        "seconds": 1.0,
        "throttled": {},
        "consumed_read_units": 0.5,
        "consumed_write_units": 2.0,
        "late_ms_max": 0.0,
        "histograms": {"reads": latency},
        "service_histogram": latency,
    }
    event = {"ts": f"2026-01-01T00:00:{second:02}.500Z", "in_flight": 1, "interval": interval | changes}
    return Figures.of(json.loads(to_json(event)))


def sent(figures: Figures, is_delta: bool = False, is_exponential: bool = False) -> collector.Request:
    """Return a request as a collector reads it."""
    body = json.loads(json.dumps(document.document(figures, SUBJECT, is_delta, is_exponential)))
    return collector.Request("", Message(), collector.read(body))


def test_every_metric_of_a_second() -> None:
    """Names, units, attributes and values of all metrics."""
    figures = progress(
        5,
        [1500] * 3 + [9000],
        planned=9,
        sent=8,
        throttled={"TableReadX": 2},
        failed=1,
        contention=1,
        retried=4,
        late_ms_max=2.5,
        items_unprocessed=7,
    )
    request = sent(figures)
    assert request.resource == {"service.name": "s", "ddbload.segment.index": 3}
    metric = request.metric("db.client.operation.duration")
    (point,) = metric.histogram.data_points
    assert (metric.unit, point.count, list(point.explicit_bounds)) == ("s", 4, list(document.BOUNDS_S))
    assert point.sum == pytest.approx(0.0135, rel=1e-3)
    table = {"db.system.name": "aws.dynamodb", "db.collection.name": "shop"}
    assert collector.attributes(point) == table | {"db.operation.name": "GetItem", "ddbload.mix.entry": "reads"}
    assert point.time_unix_nano - point.start_time_unix_nano == SECOND
    ends = {
        (found["ddbload.outcome"], found.get("error.type")): each.as_int
        for each in request.metric("ddbload.operation.count").sum.data_points
        if (found := collector.attributes(each)) and each.as_int
    }
    assert ends == {
        ("ok", None): 4,
        ("throttled", "TableReadX"): 2,
        ("contention", "contention"): 1,
        ("failed", "_OTHER"): 1,
    }
    totals = {
        "operation.planned": 9,
        "operation.sent": 8,
        "operation.retries": 4,
        "item.unprocessed": 7,
        "consumed.read_units": 0.5,
        "consumed.write_units": 2,
    }
    assert {name: request.total(f"ddbload.{name}") for name in totals} == totals
    assert request.metric("ddbload.operation.count").sum.is_monotonic
    assert request.metric("ddbload.lateness.max").gauge.data_points[0].as_double == 0.0025
    assert request.metric("ddbload.operation.in_flight").gauge.data_points[0].as_int == 1
    assert request.metric("ddbload.service.duration").histogram.data_points[0].count == 4


@given(LATENCIES)
def test_explicit_buckets_hold_each_value_at_its_bound(values: list[int]) -> None:
    """A bucket's upper bound is part of it."""
    counts = document.explicit_counts(Histogram.from_values(values))
    lows, highs = (-1.0, *document.BOUNDS_S), (*document.BOUNDS_S, math.inf)
    seconds = [middle_of(slot_of(value)) / 1e6 for value in values]
    assert counts == [sum(low < s <= high for s in seconds) for low, high in zip(lows, highs, strict=True)]


@given(LATENCIES)
def test_exponential_buckets_hold_each_value(values: list[int]) -> None:
    zeros, lowest, counts = document.exponential_counts(Histogram.from_values(values))
    assert (zeros, zeros + sum(counts)) == (values.count(0), len(values))
    base = 2 ** (2**-document.SCALE)
    for value in values:
        seconds = middle_of(slot_of(value)) / 1e6
        if seconds:
            bucket = math.ceil(math.log(seconds, base)) - 1
            # Logarithms of two ways may differ at a bound.
            assert any(
                counts[near - lowest] for near in (bucket - 1, bucket, bucket + 1) if 0 <= near - lowest < len(counts)
            )
    if counts:
        assert counts[0] and counts[-1]


@given(LATENCIES)
def test_exponential_histograms_are_read_by_a_collector(values: list[int]) -> None:
    request = sent(progress(1, values), is_exponential=True)
    metric = request.metric("db.client.operation.duration").exponential_histogram
    (point,) = metric.data_points
    assert (point.count, point.zero_count + sum(point.positive.bucket_counts)) == (len(values), len(values))
    assert point.scale == document.SCALE


@given(st.lists(LATENCIES, min_size=1, max_size=5))
def test_seconds_add_up(seconds: list[list[int]]) -> None:
    """The figures of some seconds span them all; gauges are the last, and the worst."""
    whole = Figures()
    for number, values in enumerate(seconds, 1):
        whole.add(progress(number, values, late_ms_max=float(number)))
    assert whole.end_ns - whole.start_ns == len(seconds) * SECOND
    assert whole.counts["ok"] == whole.service.total == whole.latency["reads"].total == sum(map(len, seconds))
    assert whole.late_ms == len(seconds)
    request = sent(whole, is_delta=True)
    assert request.metric("ddbload.operation.count").sum.aggregation_temporality == document.DELTA
    assert sent(whole).metric("ddbload.operation.count").sum.aggregation_temporality == document.CUMULATIVE


def test_adding_nothing_changes_nothing() -> None:
    whole = progress(1, [5])
    whole.add(Figures())
    assert (whole.in_flight, whole.counts["ok"]) == (1, 1)


def test_operations_have_the_names_of_the_api() -> None:
    """A dashboard compares them with those of other clients."""
    classes = [*vars(operations).values(), *vars(operations.statements).values()]
    targets = {each.target.partition(".")[2] for each in classes if hasattr(each, "target")}
    assert {document.api_name(name) for name in entries.OPERATIONS} <= targets


def test_tasks_of_one_run_differ() -> None:
    first, second = (document.resource("run-1", index, 2, None) for index in range(2))
    assert (first["service.instance.id"], second["service.instance.id"]) == ("run-1/0", "run-1/1")
    assert first["ddbload.run.id"] == second["ddbload.run.id"] == "run-1"
    assert document.resource("run-1", 0, 1, "abc")["aws.ecs.task.id"] == "abc"
