# SPDX-License-Identifier: Apache-2.0
"""The charts of one run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ddbload.report.html.charts import HUES, Chart, Line
from ddbload.report.timeline import Point
from ddbload.report.words import number, percentile_ms
from ddbload.stats.histogram import Histogram, highest_of

# Nines from which on a percentile's curve is drawn, and its steps: 0.05 nines are 20 points from p90 to p99.
NINES_STEP = 0.05
MOST_NINES = 5.0
TOLD_PERCENTILES = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0)
ROWS_A_DOUBLING = 3
# From the bottom up: successes are on top, so that all other outcomes start at the axis.
OUTCOMES = (
    ("failed", "failed", "red"),
    ("throttled", "throttled", "orange"),
    ("contention", "contention", "purple"),
    ("cancelled", "cancelled", "brown"),
    ("expected", "condition not met", "teal"),
    ("ok", "ok", "blue"),
)
# Capacity above this multiple of the consumed units would flatten their line: the note states it instead.
FAR_ABOVE = 4.0


def marks(results: Mapping[str, Any]) -> list[tuple[float, float, str]]:
    """Return the stretches of a run that are not like the rest: warm-up, and the breaker open."""
    found = [(0.0, float(results["warm_up_s"]), "warm-up")] if results["warm_up_s"] else []
    for opening in (results["breaker"] or {}).get("openings", []):
        closed_s = opening["closed_s"] if opening["closed_s"] is not None else results["elapsed_s"]
        found.append((opening["opened_s"], closed_s, "breaker open"))
    return found


def throughput(results: Mapping[str, Any], points: Sequence[Point]) -> list[Chart]:
    """Return the charts of the requested and the reached rate, and of how late operations were sent."""
    x, end, shaded = _x(points), _end(points), marks(results)
    sent = Line("reached (sent)", [point.rate(point.counts["sent"]) for point in points], "blue")
    requested = Line("requested", [point.rate(point.requested) for point in points], "grey", is_dashed=True)
    is_open = bool(results["plan"]) and results["plan"]["rate_asked"] is not None
    rate = Chart(
        "throughput",
        "Throughput requested and reached" if is_open else "Throughput reached",
        "operations a second",
        "Requested is what falls due by the plan if all tasks start together; reached is what was sent, by the wall "
        "clock. Where they part, the load tester fell behind, or a task started late, ended early or is missing."
        if is_open
        else "A closed plan: each caller sends when its last response has come, so no rate is requested.",
        x,
        [requested, sent] if is_open else [sent],
        marks=shaded,
        end=end,
    )
    if not is_open:
        return [rate]
    late = Chart(
        "lateness",
        "How late operations were sent",
        "ms",
        "The latest operation of each moment, after its planned instant. It is part of the latency.",
        x,
        [Line("latest", [point.late_ms for point in points], "orange")],
        marks=shaded,
        end=end,
    )
    return [rate, late]


def latency(results: Mapping[str, Any], points: Sequence[Point]) -> list[Chart]:
    """Return latency over time: percentiles from the plan and from the send, by operation, and as a heat map."""
    answered = [point for point in points if point.latency.counts]
    if not answered:
        return []
    x, end, shaded = _x(points), _end(points), marks(results)
    lines = [
        Line(f"{label}, from the plan", _percentiles(points, lambda point: point.latency, percentile), hue)
        for label, percentile, hue in (("p50", 50.0, "blue"), ("p99", 99.0, "orange"), ("max", 100.0, "grey"))
    ]
    if any(point.service for point in points):
        lines += [
            Line(f"{label}, from the send", _percentiles(points, lambda point: point.service, percentile), hue, True)
            for label, percentile, hue in (("p50", 50.0, "blue"), ("p99", 99.0, "orange"))
        ]
    note = "Of the responses that were ok. "
    note += (
        "From the plan is what a user would have waited; from the send is what network and DynamoDB took. "
        "The gap between them is waiting for a connection, or for a retry."
        if len(lines) > 3
        else "From the planned instant: what a user would have waited."
    )
    over_time = Chart("latency", "Latency over time", "ms", note, x, lines, is_logarithmic=True, marks=shaded, end=end)
    charts = [over_time]
    names = list(results["operations"])
    if len(names) > 1:
        by_operation = [
            Line(name, _percentiles(points, _latency_of(name), 99.0), hue)
            for name, hue in zip(names, _hues(len(names)), strict=True)
        ]
        charts.append(
            Chart(
                "latency-operations",
                "p99 of each operation",
                "ms",
                "From the planned instant, of the responses that were ok.",
                x,
                by_operation,
                is_logarithmic=True,
                marks=shaded,
                end=end,
            )
        )
    return [*charts, _heat(points, over_time)]


def curve(results: Mapping[str, Any]) -> list[Chart]:
    """Return the percentiles of each operation as a curve, from the plan and from the send."""
    found: list[tuple[str, Histogram, str]] = []
    names = list(results["operations"])
    for name, hue in zip(names, _hues(len(names)), strict=True):
        if ok := results["operations"][name]["histograms"].get("ok"):
            found.append((f"{name}, from the plan", ok["latency"], hue))
            found.append((f"{name}, from the send", ok["service"], hue))
    return percentile_curve(found, dashed_ending="from the send")


def percentile_curve(found: Sequence[tuple[str, Histogram, str]], dashed_ending: str = "baseline") -> list[Chart]:
    """Return curves of percentiles, up to the highest percentile that the number of responses supports.

    Args:
        found: label, histogram and colour of each.
        dashed_ending: those whose label ends so are dashed.
    """
    known = [one for one in found if one[1].counts]
    if not known:
        return []
    most = min(MOST_NINES, max(math.log10(histogram.total) for _label, histogram, _hue in known))
    x = [step * NINES_STEP for step in range(math.ceil(most / NINES_STEP) + 1)]
    percents = [100.0 * (1.0 - 10.0**-nines) or 1e-9 for nines in x]
    lines = [
        Line(label, _values(histogram, percents), hue, label.endswith(dashed_ending)) for label, histogram, hue in known
    ]
    reported = [_values(histogram, TOLD_PERCENTILES) for _label, histogram, _hue in known]
    rows = [
        ["max" if percent == 100.0 else f"p{percent:g}", *(number(values[at]) for values in reported)]
        for at, percent in enumerate(TOLD_PERCENTILES)
    ]
    head = ["percentile", *(line.label for line in lines)]
    note = (
        "A point is the share of responses that came within a number of milliseconds. Each step to the right is ten "
        "times rarer. The warm-up is left out."
    )
    return [Chart("percentiles", "Percentiles", "ms", note, x, lines, "curve", is_logarithmic=True, rows=(head, rows))]


def outcomes(results: Mapping[str, Any], points: Sequence[Point]) -> list[Chart]:
    """Return how operations ended over time, and why they were throttled."""
    x, end, shaded = _x(points), _end(points), marks(results)
    known = [outcome for outcome in OUTCOMES if any(point.counts[outcome[0]] for point in points)]
    if not known:
        return []
    stack = Chart(
        "outcomes",
        "How operations ended",
        "operations a second",
        "On top of each other, ok last. A throttle is no error: DynamoDB refused for want of capacity.",
        x,
        [Line(label, [point.rate(point.counts[name]) for point in points], hue) for name, label, hue in known],
        "stack",
        marks=shaded,
        end=end,
    )
    reasons = sum((point.throttled for point in points), Counter[str]())
    if not reasons:
        return [stack]
    named = [reason for reason, _count in reasons.most_common()]
    throttles = Chart(
        "throttles",
        "Throttles by DynamoDB's reason",
        "operations a second",
        "The first of the reasons in the response.",
        x,
        [
            Line(reason, [point.rate(point.throttled[reason]) for point in points], hue)
            for reason, hue in zip(named, _hues(len(named)), strict=True)
        ],
        marks=shaded,
        end=end,
    )
    return [stack, throttles]


def capacity(results: Mapping[str, Any], points: Sequence[Point]) -> list[Chart]:
    """Return the charts of the consumed capacity units and the table's capacity."""
    charts = []
    for name, hue in (("read", "blue"), ("write", "orange")):
        units = [point.rate(point.read_units if name == "read" else point.write_units) for point in points]
        most = max(units, default=0.0)
        if not most:
            continue
        kind, there = capacity_of(results["table"], name)
        lines = [Line("consumed", units, hue)]
        note = "As DynamoDB's responses report it, secondary indexes included."
        if there and there <= FAR_ABOVE * most:
            lines.append(Line(kind, [float(there)] * len(points), "grey", is_dashed=True))
        elif there:
            note += f" The table's {kind} throughput, {there:,} a second, lies far above."
        elif kind == "on demand":
            note += " The table is on demand: there is no provisioned line to stay below."
        title = f"{name.capitalize()} capacity consumed"
        charts.append(
            Chart(
                f"{name}-units",
                title,
                "units a second",
                note,
                _x(points),
                lines,
                marks=marks(results),
                end=_end(points),
            )
        )
    return charts


def capacity_of(table: Mapping[str, Any] | None, name: str) -> tuple[str, float]:
    """Return a table's capacity mode for `read` or `write`, and its units a second; 0 where these are unknown."""
    table = table or {}
    provisioned = table.get("billing_mode") == "PROVISIONED"
    found = table.get("provisioned" if provisioned else "warm_throughput") or {}
    kind = "provisioned" if provisioned else "warm" if found else "on demand"
    return kind, found.get(f"{name}_units") or 0


def _heat(points: Sequence[Point], over_time: Chart) -> Chart:
    """Return the heatmap of latencies over time; its rows grow by a constant factor."""
    rows: list[dict[int, int]] = []
    for point in points:
        row: dict[int, int] = {}
        for slot, count in point.latency.slots():
            at = math.floor(ROWS_A_DOUBLING * math.log2(max(1, highest_of(slot))))
            row[at] = row.get(at, 0) + count
        rows.append(row)
    used = [at for row in rows for at in row]
    lowest, highest = min(used), max(used)
    cells = {
        "edges": [round(2 ** (at / ROWS_A_DOUBLING) / 1000, 6) for at in range(lowest, highest + 2)],
        "counts": [[row.get(at, 0) for at in range(lowest, highest + 1)] for row in rows],
        "ends": [round(point.start_s + point.length_s, 3) for point in points],
    }
    return Chart(
        "heat",
        "Where the responses lie",
        "ms",
        "Latency from the planned instant: the stronger the colour, the more responses of that moment had it "
        "(logarithmic). Two bands are two kinds of responses; a percentile alone hides that.",
        over_time.x,
        over_time.lines[:3],
        "heat",
        is_logarithmic=True,
        end=over_time.end,
        cells=cells,
    )


def _percentiles(
    points: Sequence[Point], of: Callable[[Point], Histogram | None], percentile: float
) -> list[float | None]:
    return [percentile_ms(of(point), percentile) for point in points]


def _values(histogram: Histogram, percents: Sequence[float]) -> list[float | None]:
    return [percentile_ms(histogram, percent) for percent in percents]


def _latency_of(name: str) -> Callable[[Point], Histogram | None]:
    return lambda point: point.by_operation.get(name)


def _x(points: Sequence[Point]) -> list[float]:
    return [point.start_s for point in points]


def _end(points: Sequence[Point]) -> float:
    return points[-1].start_s + points[-1].length_s if points else 0.0


def _hues(count: int) -> list[str]:
    return [HUES[at % len(HUES)] for at in range(count)]
