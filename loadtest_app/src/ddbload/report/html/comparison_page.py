# SPDX-License-Identifier: Apache-2.0
"""Comparisons as a page: verdict and effects first, then the runs' curves on top of each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ddbload.report.html import facts, run_charts
from ddbload.report.html.charts import HUES, Chart, Line, figures
from ddbload.report.html.markup import Markup, element, table
from ddbload.report.html.page import page, section, theme_switch
from ddbload.report.text import comparison as text
from ddbload.report.timeline import Point, points
from ddbload.report.words import number, percentile_ms
from ddbload.results.comparing.comparison import BETTER, CONFIDENCE, WORSE, Comparison, Effect
from ddbload.stats.histogram import Histogram

SIGNS = {BETTER: "✓", WORSE: "✕"}
KINDS = {BETTER: "better", WORSE: "worse"}
CLASSES = {BETTER: "good", WORSE: "bad"}
LABELS = "BCDEFGHIJKLMNOPQRSTUVWXYZ"


def render(comparisons: Sequence[Comparison], runs: Sequence[Mapping[str, Any]]) -> str:
    """Return the page.

    Args:
        comparisons: of each run with the baseline, or one of two groups of runs.
        runs: results of the baselines, then of the runs in the same order.
    """
    labels = _labels(comparisons)
    charts = _charts(labels, runs, len(comparisons[0].first))
    ids = {"run id": [str(run["run_id"]) for run in runs]}
    rows = {
        **ids,
        "verdict of its own": [str(run["verdict"]) for run in runs],
        "started": [str(run["started_at"] or "-") for run in runs],
        "length": [facts.duration(run["elapsed_s"]) for run in runs],
        "table": [facts.table_name(run) for run in runs],
        "cost": [facts.money((run["cost"] or {}).get("total")) for run in runs],
    }
    body = [
        _heading(comparisons),
        [
            _comparison("runs" if one.has_groups else label, one)
            for label, one in zip(labels[1 : len(comparisons) + 1], comparisons, strict=True)
        ],
        section("Over each other", figures(charts)),
        section(
            "The runs",
            table(["", *labels], [[name, *values] for name, values in rows.items()], texts=1 + len(runs)),
        ),
        element("footer", facts.source(runs[0])),
    ]
    worst = next((kind for kind in (WORSE, BETTER) if any(one.verdict == kind for one in comparisons)), "no difference")
    several = f"{len(comparisons)} compared with run {runs[0]['run_id']}"
    compared = text.title(comparisons[0]) if comparisons[0].has_groups else several
    return page(f"{worst}: {compared}", body, charts)


def _labels(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a label for each run, the baselines first."""
    if not comparisons[0].has_groups:
        return ["baseline", *(_label(number, len(comparisons)) for number in range(len(comparisons)))]
    sides = (("baseline", comparisons[0].first), ("run", comparisons[0].second))
    return [f"{name} {number}" for name, ids in sides for number in range(1, len(ids) + 1)]


def _label(number: int, count: int) -> str:
    return "run" if count == 1 else f"run {LABELS[number]}" if number < len(LABELS) else f"run {number + 2}"


def _heading(comparisons: Sequence[Comparison]) -> Markup:
    names = ", ".join(run_id for comparison in comparisons for run_id in comparison.second)
    baselines = "the baseline" if len(comparisons[0].first) == 1 else f"{len(comparisons[0].first)} baselines"
    return element(
        "header",
        element("div", element("p", "Load tests of DynamoDB, compared", class_="kind"), theme_switch(), class_="bar"),
        element("h1", names),
        element("p", f"beside {baselines} {', '.join(comparisons[0].first)}"),
    )


def _comparison(label: str, comparison: Comparison) -> Markup:
    verdict = comparison.verdict
    box = element(
        "div",
        element(
            "p",
            element("span", SIGNS.get(verdict, "="), aria_hidden="true"),
            f" {verdict}" if label in ("run", "runs") else f" {verdict}: {label}",
            class_="word",
        ),
        element("p", f"{text.said(comparison)}."),
        class_=f"verdict {KINDS.get(verdict, 'same')}",
    )
    most = max((_reach(effect) for effect in comparison.effects), default=1.0)
    rows = [
        [
            f"{effect.name}, {effect.unit}",
            element("span", text.remark(effect), class_=f"remark {CLASSES.get(effect.verdict, '')}".strip()),
            _bar(effect, most),
            number(effect.first),
            number(effect.second),
            *([text.spread(effect)] if comparison.has_groups else []),
            text.change(effect),
            text.interval(effect),
        ]
        for effect in comparison.effects
    ]
    confidence = f"{100 * CONFIDENCE:.0f} % interval"
    sides = ["baselines", label, "run to run"] if comparison.has_groups else ["baseline", label]
    head = ["figure", "verdict", "change and its interval; middle: none", *sides, "change", confidence]
    remarks = [f"{said[:1].upper()}{said[1:]}." for said in (text.method(comparison), text.limit(comparison)) if said]
    return element(
        "section",
        box,
        element("ul", [element("li", note) for note in comparison.notes], class_="warnings")
        if comparison.notes
        else None,
        table(head, rows, caption=text.title(comparison), texts=3),
        [element("p", remark, class_="note") for remark in remarks],
    )


def _reach(effect: Effect) -> float:
    """Return how far an effect's bar has to reach; the scale is a logarithm's, so that all can be seen."""
    return max(abs(_on_scale(value)) for value in (effect.low, effect.high, effect.change)) or 1e-9


def _on_scale(value: float) -> float:
    return math.copysign(math.log1p(abs(value)), value)


def _bar(effect: Effect, most: float) -> Markup:
    def at(value: float) -> float:
        return 50.0 + 49.0 * _on_scale(value) / most

    low, high = at(effect.low), at(effect.high)
    return element(
        "span",
        element("i", class_="none", style="left:50%"),
        element("i", class_="range", style=f"left:{low:.2f}%;width:{high - low:.2f}%"),
        element("i", class_="point", style=f"left:{at(effect.change):.2f}%"),
        class_=f"effect {CLASSES.get(effect.verdict, '')}".strip(),
        role="img",
        aria_label=f"{text.change(effect)}, {text.interval(effect)}",
    )


def _charts(labels: Sequence[str], runs: Sequence[Mapping[str, Any]], baselines: int) -> list[Chart]:
    timelines = [points(run) for run in runs]
    if not all(timelines):
        return []
    longest = max(timelines, key=lambda timeline: timeline[-1].start_s)
    x = [point.start_s for point in longest]
    end = longest[-1].start_s + longest[-1].length_s
    charts = [
        Chart(
            f"compared-{name}",
            title,
            "ms",
            "All operations, from the planned instant, of the responses that were ok.",
            x,
            _lines(labels, timelines, x, percent, baselines),
            is_logarithmic=True,
            end=end,
        )
        for name, title, percent in (("median", "p50 over time", 50.0), ("tail", "p99 over time", 99.0))
    ]
    whole = []
    for run in runs:
        together = Histogram()
        for operation in run["operations"].values():
            if ok := operation["histograms"].get("ok"):
                together.add(ok["latency"])
        whole.append(together)
    return [*charts, *run_charts.percentile_curve([*zip(labels, whole, HUES * len(runs), strict=False)])]


def _lines(
    labels: Sequence[str], timelines: Sequence[Sequence[Point]], x: Sequence[float], percent: float, baselines: int
) -> list[Line]:
    lines = []
    for at, (label, timeline) in enumerate(zip(labels, timelines, strict=True)):
        reported = {point.start_s: percentile_ms(point.latency, percent) for point in timeline}
        lines.append(Line(label, [reported.get(second) for second in x], HUES[at % len(HUES)], at < baselines))
    return lines
