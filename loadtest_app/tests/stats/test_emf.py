# SPDX-License-Identifier: Apache-2.0
"""Documents of the embedded metric format, validated by a schema written from its specification."""

import json
import math
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ddbload.stats import emf
from ddbload.stats.hdr import middle_of
from ddbload.stats.histogram import MAX_US, Histogram
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).parents[1] / "data" / "emf_schema.json").read_text())
WHEN = 1_767_323_045_678

DOCUMENT = Draft202012Validator(SCHEMA)
DIMENSION, METRIC = (
    Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]}) for name in ("dimension", "metric")
)


def spread(seed: int, width: float, count: int) -> Histogram:
    source = random.Random(seed)
    return Histogram.from_values(round(source.lognormvariate(8, width)) for _ in range(count))


few = st.lists(st.integers(0, MAX_US), min_size=1, max_size=10).map(Histogram.from_values)
many = st.builds(spread, st.integers(0, 2**32), st.floats(0.1, 2.5), st.integers(200, 2000))
histograms = st.one_of(few, many)


def check(document: dict[str, Any]) -> None:
    written = json.loads(json.dumps(document, allow_nan=False))
    DOCUMENT.validate(written)
    for directive in written["_aws"]["CloudWatchMetrics"]:
        for name in directive["Dimensions"][0]:
            DIMENSION.validate(written[name])
        for metric in directive["Metrics"]:
            METRIC.validate(written[metric["Name"]])


def test_a_document_defines_and_contains_its_metrics() -> None:
    latency = Histogram.from_values([1000, 1000, 2000])
    document = emf.document(
        WHEN,
        "ddbload",
        {"table": "users", "operation": "put"},
        {"latency": ("Milliseconds", latency), "sent": ("Count", 3), "rate": ("Count/Second", 1.5)},
        {"run_id": "20260102-030405", "seconds": [1, 2]},
    )
    check(document)
    assert document == {
        "_aws": {
            "Timestamp": WHEN,
            "CloudWatchMetrics": [
                {
                    "Namespace": "ddbload",
                    "Dimensions": [["table", "operation"]],
                    "Metrics": [
                        {"Name": "latency", "Unit": "Milliseconds"},
                        {"Name": "sent", "Unit": "Count"},
                        {"Name": "rate", "Unit": "Count/Second"},
                    ],
                }
            ],
        },
        "table": "users",
        "operation": "put",
        "latency": {"Values": [1.0, 2.0], "Counts": [2, 1]},
        "sent": 3,
        "rate": 1.5,
        "run_id": "20260102-030405",
        "seconds": [1, 2],
    }


def test_an_empty_histogram_is_no_metric() -> None:
    document = emf.document(
        WHEN, "ddbload", {}, {"latency": ("Seconds", Histogram()), "sent": ("Count", 0)}, {"note": "idle"}
    )
    check(document)
    assert [metric["Name"] for metric in document["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["sent"]
    assert "latency" not in document


def test_a_document_with_no_metric_left_is_a_plain_event() -> None:
    document = emf.document(WHEN, "ddbload", {"table": "t"}, {"latency": ("Seconds", Histogram())})
    check(document)
    assert document == {"_aws": {"Timestamp": WHEN, "CloudWatchMetrics": []}, "table": "t"}


def test_the_units_are_those_of_cloudwatch() -> None:
    assert set(SCHEMA["$defs"]["definition"]["properties"]["Unit"]["enum"]) == emf.UNITS


@settings(max_examples=50)
@given(histograms, st.sampled_from(sorted(emf.MICROSECONDS_IN)))
def test_a_histogram_keeps_its_count_sum_and_ends(histogram: Histogram, unit: str) -> None:
    document = emf.document(WHEN, "ddbload", {}, {"latency": (unit, histogram)})
    check(document)
    values, counts = document["latency"]["Values"], document["latency"]["Counts"]
    scale = emf.MICROSECONDS_IN[unit]
    slots = [slot for slot, _ in histogram.slots()]
    assert sum(counts) == histogram.total
    assert values == sorted(values)
    assert sum(value * count for value, count in zip(values, counts, strict=True)) * scale == pytest.approx(
        histogram.mean() * histogram.total, rel=1e-5
    )
    assert values[0] * scale == pytest.approx(middle_of(slots[0]), rel=1e-5)
    assert values[-1] * scale == pytest.approx(middle_of(slots[-1]), rel=1e-5)


@settings(max_examples=50)
@given(histograms)
def test_values_are_merged_no_further_than_needed(histogram: Histogram) -> None:
    """No value is further from the counted ones than a hundred values require."""
    values, counts = emf.values_and_counts(histogram)
    middles = [middle_of(slot) for slot, _ in histogram.slots()]
    # A hundred values that cover a range evenly, from one doubling to the next, are this far apart.
    widest = max(0.0101, (middles[-1] / middles[1]) ** (1 / 97) - 1 + 0.002) if len(middles) > 100 else 0.0
    ranks = [value for value, count in zip(values, counts, strict=True) for _ in range(count)]
    recorded = [middle_of(slot) for slot, count in histogram.slots() for _ in range(count)]
    for seen, true in zip(ranks, recorded, strict=True):
        assert abs(seen - true) <= (widest + 1e-5) * true


def test_a_thousand_close_times_stay_within_one_percent() -> None:
    histogram = Histogram.from_values(range(2000, 4000))
    values, counts = emf.values_and_counts(histogram)
    assert len(values) < 100
    assert sum(counts) == 2000
    assert max(after / before for before, after in pairwise(values)) < 1.011


def test_times_over_the_whole_range_are_a_hundred_values() -> None:
    histogram = Histogram.from_values(round(10 ** (position / 1000)) for position in range(0, 9500))
    histogram.record(MAX_US)
    histogram.record(0)
    values, counts = emf.values_and_counts(histogram)
    assert 90 < len(values) <= 100
    assert sum(counts) == 9502
    assert values[0] == 0


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"namespace": ""}, "no namespace"),
        ({"namespace": " "}, "no namespace"),
        ({"namespace": "AWS/DynamoDB"}, "no namespace"),
        ({"namespace": ":load"}, "no namespace"),
        ({"namespace": "n" * 256}, "no namespace"),
        ({"metrics": {f"m{position}": ("Count", 1) for position in range(101)}}, "101 metrics .* at most 100"),
        ({"dimensions": {f"d{position}": "v" for position in range(31)}}, "31 dimensions .* at most 30"),
        ({"metrics": {"": ("Count", 1)}}, "1 to 255 characters"),
        ({"metrics": {"m" * 256: ("Count", 1)}}, "1 to 255 characters"),
        ({"metrics": {"m": ("count", 1)}}, "'count' is no unit"),
        ({"metrics": {"m": ("Count", math.nan)}}, "nan is no number"),
        ({"metrics": {"m": ("Count", math.inf)}}, "inf is no number"),
        ({"metrics": {"m": ("Count", 1e300)}}, "no number"),
        ({"metrics": {"m": ("Count", True)}}, "True is no number"),
        ({"metrics": {"m": ("Bytes", Histogram())}}, "cannot be written in Bytes"),
        ({"dimensions": {"d": ""}}, "1 to 1024 characters"),
        ({"dimensions": {"d": "é"}}, "ASCII"),
        ({"dimensions": {"d": "v" * 1025}}, "1 to 1024 characters"),
        ({"dimensions": {":d": "v"}}, "colon"),
        ({"dimensions": {"m": "v"}}, "'m' is taken twice"),
        ({"properties": {"m": 1}}, "'m' is taken twice"),
        ({"properties": {"_aws": 1}}, "'_aws' is taken twice"),
    ],
)
def test_invalid_documents_are_refused_in_one_line(changed: dict[str, Any], reason: str) -> None:
    arguments: dict[str, Any] = {"namespace": "ddbload", "dimensions": {"d": "v"}, "metrics": {"m": ("Count", 1)}}
    check(emf.document(WHEN, **arguments))
    with pytest.raises(ValueError, match=reason) as caught:
        emf.document(WHEN, **(arguments | changed))
    assert "\n" not in str(caught.value)


def test_a_document_at_its_limits_is_written() -> None:
    metrics = {f"m{position}": ("Count", position) for position in range(100)}
    check(emf.document(WHEN, "n" * 255, {f"d{position}": "v" * 1024 for position in range(30)}, metrics))
