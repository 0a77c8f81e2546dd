# SPDX-License-Identifier: Apache-2.0
"""The report of one run: a page from its results file alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ddbload.report.html import facts, run_charts
from ddbload.report.html.charts import Chart, figures
from ddbload.report.html.markup import Content, Markup, element, table
from ddbload.report.html.page import page, section, theme_switch
from ddbload.report.timeline import Point, points
from ddbload.report.words import number, percentile_ms
from ddbload.results.judging import count_of, value_text
from ddbload.stats.histogram import Histogram

SIGNS = {"passed": "✓", "failed": "✕", "stopped": "■", "incomplete": "?"}
TIMES = ("p50", "p90", "p99", "p99_9", "max")


def render(results: Mapping[str, Any]) -> str:
    """Return the page: verdict and thresholds first, then figures, charts, and the scenario."""
    timeline = points(results)
    throughput = run_charts.throughput(results, timeline) if timeline else []
    latency = [*run_charts.latency(results, timeline), *run_charts.curve(results)]
    outcomes = run_charts.outcomes(results, timeline)
    capacity = run_charts.capacity(results, timeline)
    charts: list[Chart] = [*throughput, *latency, *outcomes, *capacity]
    body: list[Content] = [
        _heading(results),
        _verdict(results),
        section("Thresholds", _thresholds(results["thresholds"]), name="thresholds"),
        section("Know this before you trust the figures", _warnings(results), name="warnings"),
        section("In short", _tiles(results, timeline), name="summary"),
        section("Operations", _operations(results), name="operations"),
        section("Throughput", figures(throughput), name="throughput"),
        section("Latency", figures(latency), name="latency"),
        section("Outcomes", figures(outcomes), facts.reasons(results), name="outcomes"),
        section("Capacity", figures(capacity), facts.capacity(results), name="capacity"),
        section("Search for the highest rate", facts.search(results), name="search"),
        section("Was everything written?", facts.check(results), name="check"),
        section("Cost", facts.cost(results), name="cost"),
        section("Connections", facts.connections(results), name="connections"),
        section("Tasks", facts.tasks(results), name="tasks"),
        section("Table", facts.table_facts(results), name="table"),
        section("The scenario", facts.scenario(results), name="scenario"),
        element("footer", facts.source(results)),
    ]
    return page(f"{results['verdict']}: run {results['run_id']} on {facts.table_name(results)}", body, charts)


def _heading(results: Mapping[str, Any]) -> Markup:
    started = element("time", _instant(results["started_at"]), datetime=str(results["started_at"] or ""))
    where = f" in {results['region']}" if results.get("region") else ""
    return element(
        "header",
        element("div", element("p", "Load test of DynamoDB", class_="kind"), theme_switch(), class_="bar"),
        element("h1", facts.table_name(results)),
        element("p", f"Run {results['run_id']}{where}, started ", started, f", {facts.duration(results['elapsed_s'])}"),
    )


def _instant(text: str | None) -> str:
    """Write an instant for a reader, in UTC as the results have it."""
    return f"{text[:10]} {text[11:19]} UTC" if text else "at an unknown time"


def _verdict(results: Mapping[str, Any]) -> Markup:
    verdict = str(results["verdict"])
    failed = [item for item in results["thresholds"] if not item["passed"]]
    count = len(results["thresholds"])
    if failed:
        said = f"{len(failed)} of {count} thresholds failed."
    elif count:
        said = f"All {count} thresholds were met." if count > 1 else "The threshold was met."
    else:
        said = "No threshold was judged."
    if results["plan"] and not results["plan"]["kept"]:
        said += " The plan was not kept."
    partial = ", the results are partial" if results["partial"] else ""
    return element(
        "section",
        element("p", element("span", SIGNS.get(verdict, "?"), aria_hidden="true"), f" {verdict}", class_="word"),
        element("p", f"{said} Exit code {results['exit_code']}{partial}."),
        element("ul", [element("li", text) for text in results["failures"]]) if results["failures"] else None,
        class_=f"verdict {verdict if verdict in SIGNS else 'incomplete'}",
        id="verdict",
        aria_label="Verdict",
    )


def _thresholds(thresholds: Sequence[Mapping[str, Any]]) -> Markup | None:
    if not thresholds:
        return None
    rows = []
    for item in sorted(thresholds, key=lambda item: bool(item["passed"])):
        mark = element("span", "✓ met", class_="good") if item["passed"] else element("span", "✕ failed", class_="bad")
        rows.append([element("code", item["expression"]), mark, value_text(item)])
    return table(["threshold", "", "was"], rows, texts=2)


def _warnings(results: Mapping[str, Any]) -> Markup | None:
    warnings = list(results["warnings"])
    if results["clock_corrections"]:
        warnings.append(f"the clock by which requests are signed was corrected {results['clock_corrections']} times")
    if not warnings:
        return None
    return element("ul", [element("li", text) for text in warnings], class_="warnings")


def _tiles(results: Mapping[str, Any], timeline: Sequence[Point]) -> Markup | None:
    operations, plan = results["operations"], results["plan"]
    if not operations or not plan:
        return None
    latency = Histogram()
    for operation in operations.values():
        if ok := operation["histograms"].get("ok"):
            latency.add(ok["latency"])
    sent = sum(operation["sent"] for operation in operations.values())
    requested = plan["rate_asked"]
    tiles = [
        (
            "Rate reached",
            f"{number(plan['rate_reached'])}/s",
            "" if requested is None else f"of {number(requested)}/s requested",
        ),
        ("Median latency", _ms(percentile_ms(latency, 50.0)), "p50, from the plan"),
        ("99 of 100 within", _ms(percentile_ms(latency, 99.0)), "p99, from the plan"),
        _share("Throttled", [count_of(operation, "throttled") for operation in operations.values()], sent),
        _share("Failed", [count_of(operation, "failed") for operation in operations.values()], sent),
    ]
    if cost := results["cost"]:
        estimate = "" if cost["estimated"] is None else f"estimated {facts.money(cost['estimated'])}"
        tiles.append(("Cost", facts.money(cost["total"]), estimate))
    return element(
        "dl",
        [
            element("div", element("dt", label), element("dd", value), element("dd", note, class_="note"))
            for label, value, note in tiles
        ],
        class_="tiles",
    )


def _share(label: str, counts: Sequence[float], sent: int) -> tuple[str, str, str]:
    count = int(sum(counts))
    share = f"{number(float(f'{100.0 * count / sent:.3g}'))} %" if sent else "-"
    return (label, share, f"{count:,} of {sent:,} operations")


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{number(value)} ms"


def _operations(results: Mapping[str, Any]) -> Markup | None:
    if not results["operations"]:
        return None
    counts, times = [], []
    for name, operation in results["operations"].items():
        other = sum(count_of(operation, outcome) for outcome in ("expected", "contention", "cancelled"))
        requested = operation["rate_asked"]
        counts.append(
            [
                name,
                f"{operation['sent']:,}",
                f"{operation['ok']:,}",
                f"{count_of(operation, 'throttled'):,}",
                f"{count_of(operation, 'failed'):,}",
                f"{other:,}",
                number(requested),
                number(operation["rate_reached"]),
            ]
        )
        for label, key in (("from the plan", "latency_ms"), ("from the send", "service_ms")):
            figures_ms = operation[key] or {}
            times.append([name, label, *(number(figures_ms.get(time)) for time in TIMES)])
    names = [time.replace("_", ".") for time in TIMES]
    head = ["operation", "sent", "ok", "throttled", "failed", "other", "due/s", "reached/s"]
    return Markup(
        table(head, counts, caption="How many, and what became of them")
        + table(["operation", "time", *names], times, caption="Latency in ms, of the responses that were ok", texts=2)
    )
