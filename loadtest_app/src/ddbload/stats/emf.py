# SPDX-License-Identifier: Apache-2.0
"""CloudWatch Embedded Metric Format: log events from which CloudWatch Logs extracts metrics, without an IAM permission.

Rules and limits are those of the specification
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html)
and of the API reference of MetricDatum and Dimension. That a metric may be `{"Values": [...], "Counts": [...]}`, which
gives CloudWatch true percentiles, is not in the specification: it is what AWS's own writers send (the OpenTelemetry
exporter awsemf, the crate metrique-writer-format-emf), as PutMetricData takes it.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from ddbload.stats.hdr import middle_of
from ddbload.stats.histogram import Histogram

MOST_METRICS = 100
MOST_DIMENSIONS = 30
MOST_VALUES = 100
LONGEST_NAME = 255
LONGEST_DIMENSION = 1024
LARGEST_NUMBER = 2.0**360
# Neighbours are merged within this share at first, and further apart only where they would be too many.
CLOSE = 0.01
# How exactly that distance is found: a ratio of neighbouring trials.
FINE = 1.001

_SIZES = ("Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits")
_AMOUNTS = (*_SIZES, "Terabits", "Count")
UNITS = frozenset(
    ("Seconds", "Microseconds", "Milliseconds", "Percent", "None", *_AMOUNTS, *(f"{unit}/Second" for unit in _AMOUNTS))
)
MICROSECONDS_IN = {"Microseconds": 1, "Milliseconds": 1_000, "Seconds": 1_000_000}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Namespace
NAMESPACE = re.compile(r"(?!AWS/)(?=.*\S)[0-9A-Za-z ._/#-][0-9A-Za-z ._/#:-]{0,254}")


def document(
    timestamp_ms: int,
    namespace: str,
    dimensions: Mapping[str, str],
    metrics: Mapping[str, tuple[str, float | Histogram]],
    properties: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build a log event from which CloudWatch extracts metrics.

    Args:
        timestamp_ms: the instant of the metrics, in milliseconds since the epoch.
        namespace: the metrics' namespace.
        dimensions: names and values, together one set; every new combination of values is a metric that is paid for.
        metrics: unit and value by name. A histogram's values are written in the unit, which has to be one of time;
            an empty one is left out.
        properties: what else the event holds, for queries; any JSON values.

    Returns:
        The event, to be written as one line of JSON with nothing before or after it.

    Raises:
        ValueError: a limit of the specification is passed, or a name, unit or value is none; one line says which.
    """
    properties = properties or {}
    _check_names(namespace, dimensions, metrics, properties)
    targets: dict[str, Any] = {}
    for name, (unit, value) in metrics.items():
        target = _target(name, unit, value)
        if target is not None:
            targets[name] = target
    directive = {
        "Namespace": namespace,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": metrics[name][0]} for name in targets],
    }
    metadata = {"Timestamp": timestamp_ms, "CloudWatchMetrics": [directive] if targets else []}
    return {"_aws": metadata, **dimensions, **targets, **properties}


def values_and_counts(histogram: Histogram, microseconds: int = 1) -> tuple[list[float], list[int]]:
    """Reduce a histogram to as many values as CloudWatch takes.

    Neighbouring slots are merged at the mean of what they counted: the number of values stays exact, their sum as
    exact as the slots. Merged slots lie within 1 % of each other, or as close as 100 values can cover them; the
    lowest and the highest slot are not merged, for the minimum and the maximum.

    Args:
        histogram: counts of microseconds.
        microseconds: how many of them the unit of the values has.

    Returns:
        At most 100 values from low to high in that unit, rounded to six digits, and how often each came.
    """
    slots = list(histogram.slots())
    middles = [middle_of(slot) for slot, _count in slots]
    values: list[float] = []
    counts: list[int] = []
    for start, end in _groups(middles):
        count = sum(count for _slot, count in slots[start:end])
        pairs = zip(middles[start:end], slots[start:end], strict=True)
        weighted = sum(middle * count for middle, (_slot, count) in pairs)
        values.append(float(f"{weighted / count / microseconds:.6g}"))
        counts.append(count)
    return values, counts


def _target(name: str, unit: str, value: float | Histogram) -> float | dict[str, Any] | None:
    if unit not in UNITS:
        raise ValueError(f"metric {name}: {unit!r} is no unit of CloudWatch")
    if isinstance(value, Histogram):
        if unit not in MICROSECONDS_IN:
            raise ValueError(f"metric {name}: a histogram of times cannot be written in {unit}")
        values, counts = values_and_counts(value, MICROSECONDS_IN[unit])
        return {"Values": values, "Counts": counts} if values else None
    if isinstance(value, bool) or not math.isfinite(value) or abs(value) > LARGEST_NUMBER:
        raise ValueError(f"metric {name}: {value} is no number that CloudWatch takes")
    return value


def _check_names(
    namespace: str,
    dimensions: Mapping[str, str],
    metrics: Mapping[str, Any],
    properties: Mapping[str, Any],
) -> None:
    if not NAMESPACE.fullmatch(namespace):
        raise ValueError(f"{namespace!r} is no namespace for metrics")
    if len(metrics) > MOST_METRICS:
        raise ValueError(f"{len(metrics)} metrics in one document: at most {MOST_METRICS} are allowed")
    if len(dimensions) > MOST_DIMENSIONS:
        raise ValueError(f"{len(dimensions)} dimensions in one document: at most {MOST_DIMENSIONS} are allowed")
    for name in (*metrics, *dimensions):
        if not name.strip() or len(name) > LONGEST_NAME:
            raise ValueError(f"{name!r} is no name for a metric or dimension: 1 to {LONGEST_NAME} characters are")
    for name, value in dimensions.items():
        if name.startswith(":") or not name.isascii():
            raise ValueError(f"dimension {name!r}: its name has to be ASCII and not begin with a colon")
        if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_DIMENSION or not value.isascii():
            raise ValueError(f"dimension {name}: {value!r} is no ASCII text of 1 to {LONGEST_DIMENSION} characters")
    seen = {"_aws"}
    for name in (*dimensions, *metrics, *properties):
        if name in seen:
            raise ValueError(f"the name {name!r} is taken twice: dimensions, metrics and properties share one object")
        seen.add(name)


def _groups(values: list[float]) -> list[tuple[int, int]]:
    """Cut ascending values into at most 100 runs of neighbours, each as narrow as that allows."""
    last = len(values) - 1
    if last < MOST_VALUES:
        return [(position, position + 1) for position in range(len(values))]
    most = MOST_VALUES - 2
    # Only the first value can be zero, which has no ratio to its neighbour: it is not merged.
    narrow, wide = 1 + CLOSE, values[last] / values[1]
    cuts = _cuts(values, last, narrow)
    if len(cuts) > most:
        while wide / narrow > FINE:
            middle = math.sqrt(narrow * wide)
            if len(_cuts(values, last, middle)) > most:
                narrow = middle
            else:
                wide = middle
        cuts = _cuts(values, last, wide)
    return list(pairwise([0, *cuts, last, len(values)]))


def _cuts(values: list[float], end: int, ratio: float) -> list[int]:
    """Return where the fewest groups begin that share out values 1 to `end` and hold values within a ratio."""
    cuts = []
    start = 1
    while start < end:
        cuts.append(start)
        start = bisect_right(values, values[start] * ratio, start + 1, end)
    return cuts
