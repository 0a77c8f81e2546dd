# SPDX-License-Identifier: Apache-2.0
"""The results as a table for the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ddbload.report.text import sparkline
from ddbload.report.timeline import Point, points
from ddbload.results.judging import count_of, value_text
from ddbload.stats.histogram import Histogram

WIDTH = 110
TIMES = ("p50", "p90", "p99", "p99_9", "max")
FINDINGS = ("present", "lost", "corrupt", "phantom", "indeterminate")
# Columns of a small chart.
CHART = 60
MOST_STARTS = 10
# Earlier starts are as good as the first.
SHOWN_S = 0.01
# Dollars that show in four decimals.
LEAST_TOLD = 0.00005
# Select Graphic Rendition of ECMA-48, https://ecma-international.org/publications-and-standards/standards/ecma-48/.
GOOD, WARNING, BAD, QUIET, PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[1;31m", "\x1b[2m", "\x1b[0m"
COLOURED = (
    (re.compile(r"^  passed|(?<=^verdict: )PASSED", re.MULTILINE), GOOD),
    (re.compile(r"^  FAILED|(?<=^verdict: )FAILED|^failure:", re.MULTILINE), BAD),
    (re.compile(r"(?<=^verdict: )(STOPPED|INCOMPLETE)|^warning:", re.MULTILINE), WARNING),
    (re.compile(r"^  from the send.*|^times in ms.*", re.MULTILINE), QUIET),
)


def render(results: Mapping[str, Any], blocks: str = sparkline.BLOCKS) -> str:
    """Return the table: operations first, then plan, check, cost, thresholds and the verdict.

    Args:
        results: of the run.
        blocks: the characters of small charts, from low to high.

    Returns:
        Lines of at most 110 columns, without anything that a terminal would take for a command.
    """
    parts = [_heading(results)]
    if results["operations"]:
        parts += [_operations(results), _charts(results, blocks), _facts(results)]
    if results["thresholds"]:
        parts.append(_thresholds(results["thresholds"]))
    parts += [_bullets("warning", results["warnings"]), _bullets("failure", results["failures"])]
    partial = ", partial" if results["partial"] else ""
    parts.append(f"verdict: {results['verdict'].upper()} (exit code {results['exit_code']}{partial})")
    text = "\n\n".join(part for part in parts if part)
    return plain(text)


def colour(text: str) -> str:
    """Return the table in colours: what passed, what failed, what to know."""
    return paint(text, COLOURED)


def paint(text: str, rules: Sequence[tuple[re.Pattern[str], str]]) -> str:
    """Return text with each match of a rule's pattern in its colour."""
    for pattern, code in rules:
        text = pattern.sub(rf"{code}\g<0>{PLAIN}", text)
    return text


def plain(text: str) -> str:
    """Return text without a terminal's control characters, which names in results may contain."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)


def _charts(results: Mapping[str, Any], blocks: str) -> str:
    """Draw the latency of all operations over time, and its distribution."""
    latency = Histogram()
    for operation in results["operations"].values():
        if ok := operation["histograms"].get("ok"):
            latency.add(ok["latency"])
    if not latency.counts:
        return ""
    timeline = points(results)
    p99 = [point.latency.percentile(99) / 1000 if point.latency.counts else None for point in timeline]
    known = [value for value in p99 if value]
    low, columns, high = sparkline.distribution(latency, CHART, blocks)
    drawn = [f"responses by latency{_time(low):>7} ms |{columns}| {_time(high)} ms"]
    if known:
        over_time = sparkline.line(p99, CHART, blocks, is_logarithmic=True)
        drawn.insert(0, f"p99 over time       {_time(min(known)):>7} ms |{over_time}| {_time(max(known))} ms")
    return "\n".join([*drawn, *_rates(results, timeline, blocks)])


def _rates(results: Mapping[str, Any], timeline: Sequence[Point], blocks: str) -> list[str]:
    """Draw what the plan requested and what was sent, by the wall clock; nothing of one worker, or without a second."""
    is_alone = len((results.get("fleet") or {}).get("starts", [])) < 2
    if is_alone or not timeline or results["plan"]["rate_asked"] is None:
        return []
    requested = [point.rate(point.requested) for point in timeline]
    sent = [point.rate(point.counts["sent"]) for point in timeline]
    most = max(*requested, *sent)
    drawn = []
    for name, values in (("requested over time", requested), ("sent over time", sent)):
        drawn.append(f"{name:<20}{0:>7}/s |{sparkline.line(values, CHART, blocks, most=most)}| {most:,.0f}/s")
    return drawn


def _heading(results: Mapping[str, Any]) -> str:
    table = _line((results["table"] or {}).get("name", "an unknown table"))
    warm_up = f", the first {results['warm_up_s']:g} s of them not counted" if results["warm_up_s"] else ""
    return f"run {_line(results['run_id'])} on {table}, {results['elapsed_s']:.1f} s{warm_up}"


def _operations(results: Mapping[str, Any]) -> str:
    times = [name.replace("_", ".") for name in TIMES]
    head = ["operation", "sent", "ok", "throttled", "failed", "due/s", "reached/s", *times]
    rows = [head]
    for name, operation in results["operations"].items():
        latency = operation["latency_ms"] or {}
        requested = operation["rate_asked"]
        other = sum(count_of(operation, outcome) for outcome in ("expected", "contention", "cancelled"))
        rows.append(
            [
                _line(name),
                f"{operation['sent']:,}",
                f"{operation['ok']:,}" + (f" (+{other:,})" if other else ""),
                f"{count_of(operation, 'throttled'):,}",
                f"{count_of(operation, 'failed'):,}",
                "-" if requested is None else f"{requested:,.1f}",
                f"{operation['rate_reached']:,.1f}",
                *(_time(latency.get(time)) for time in TIMES),
            ]
        )
        if service := operation["service_ms"]:
            rows.append(["  from the send", *[""] * 6, *(_time(service[time]) for time in TIMES)])
    note = "times in ms from the planned instant, of the responses that were ok"
    return f"{align(rows)}\n{note}"


def _facts(results: Mapping[str, Any]) -> str:
    facts = [_plan(results["plan"]), *_starts(results), _consumed(results)]
    if duplicates := results["duplicates"]:
        facts.append("duplicates: " + ", ".join(f"{count:,} {_words(name)}" for name, count in duplicates.items()))
    if breaker := results["breaker"]:
        facts.append(f"breaker: opened {len(breaker['openings'])} times, paused for {breaker['paused_s']:.1f} s")
    if search := results["search"]:
        facts.append(f"find_max: {search['answer']}")
    if verification := results["verification"]:
        found = ", ".join(f"{verification[name]:,} {name}" for name in FINDINGS)
        facts.append(f"check: {verification['checked']:,} of {verification['keys']:,} keys read again: {found}")
    if cleanup := results["cleanup"]:
        facts.append(f"cleanup: {cleanup['deleted']:,} items deleted")
    if cost := results["cost"]:
        estimated = "" if cost["estimated"] is None else f", estimated ${cost['estimated']:,.4f}"
        most = cost.get("at_most", cost["total"])
        bound = f", at most ${most:,.4f}" if most - cost["total"] >= LEAST_TOLD else ""
        facts.append(f"cost: ${cost['total']:,.4f}{bound}{estimated}")
    return "\n".join(wrap(fact) for fact in facts)


def _plan(plan: Mapping[str, Any]) -> str:
    late = plan["late_ms"]
    passed_over = f", {plan['passed_over']:,} passed over by the breaker" if plan["passed_over"] else ""
    return (
        f"plan: {plan['planned']:,} operations due, {plan['sent']:,} sent, {plan['never_sent']:,} never sent"
        f"{passed_over}; sent late by p50 {_time(late['p50'])}, p99 {_time(late['p99'])}, max {_time(late['max'])} ms"
    )


def _starts(results: Mapping[str, Any]) -> list[str]:
    """Say when workers started, the latest first; nothing of one worker."""
    fleet = results.get("fleet") or {}
    starts = sorted(fleet.get("starts", []), key=lambda start: -float(start["after_s"]))
    if len(starts) < 2 or fleet["skew_s"] is None:
        return []
    late = [one for one in starts if one["after_s"] >= SHOWN_S]
    listed = [f"{_line(one['task_id'] or one['worker'])} +{one['after_s']:.2f} s" for one in late[:MOST_STARTS]]
    more = f", and {len(late) - MOST_STARTS:,} more" if late[MOST_STARTS:] else ""
    share = fleet["distortion"]
    distorted = "" if share is None else f"; the load differed from the requested rate by {100 * share:.1f} %"
    return [
        f"starts: {len(starts):,} workers of {fleet['tasks']:,} tasks within {fleet['skew_s']:.2f} s{distorted}"
        + (f"; the latest: {', '.join(listed)}{more}" if listed else "")
    ]


def _consumed(results: Mapping[str, Any]) -> str:
    operations = results["operations"].values()
    reads = sum(operation["consumed_read_units"] for operation in operations)
    writes = sum(operation["consumed_write_units"] for operation in operations)
    return f"consumed: {reads:,.1f} read units, {writes:,.1f} write units"


def _thresholds(thresholds: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for threshold in thresholds:
        mark = "  passed" if threshold["passed"] else "  FAILED"
        rows.append([mark, _line(threshold["expression"]), f"was {value_text(threshold)}"])
    return "thresholds:\n" + "\n".join(
        f"{row[0]}  {row[1]:<{max(len(other[1]) for other in rows)}}  {row[2]}" for row in rows
    )


def _bullets(title: str, texts: Sequence[str]) -> str:
    return "\n".join(wrap(f"{title}: {text}") for text in texts)


def _line(text: object) -> str:
    return " ".join(str(text).split())


def _words(name: str) -> str:
    return name.replace("_", " ")


def wrap(text: str) -> str:
    """Break a text into lines that fit."""
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=True, break_on_hyphens=False)


def _time(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def align(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a table: the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    gap = "  " if sum(widths) + 2 * (len(widths) - 1) <= WIDTH else " "
    lines = (
        gap.join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
