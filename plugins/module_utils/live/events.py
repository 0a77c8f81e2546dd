# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load tester's log lines: its events recognised, and put into lines for people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.text.figures import (
    NOTHING,
    clock_text,
    count_text,
    exact_count_text,
    milliseconds_text,
    number_of,
    total_of,
)

MAX_SHOWN = 400  # characters of a line on the screen
# What docs/figures.md knows.
EVENTS = frozenset(
    f"run.{name}"
    for name in (
        *("ready", "started", "progress", "breaker", "checkpoint", "trial", "warning", "phase", "telemetry"),
        *("summary", "died", "failed"),
    )
)
# Nothing in them for people to read on its own.
FIGURES_ONLY = frozenset({"run.ready", "run.progress", "run.checkpoint", "run.telemetry"})
METRICS_START = '{"_aws":'  # CloudWatch's embedded metric format
# Control sequences of ECMA-48, and strings for the terminal such as its title: removed as a whole.
TERMINAL_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")


def parse_event(message: str) -> dict[str, Any] | None:
    """Return the load tester's event that a log line holds; None where the line is anything else.

    Others log JSON with an ``event`` too; only the names that the load tester knows count.
    """
    content = parse_object(message)
    return content if content and event_of(content) else None


def parse_object(message: str) -> dict[str, Any] | None:
    """Return the JSON object that a log line holds; None where the line is anything else."""
    if not message.lstrip().startswith("{"):
        return None
    try:
        content = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def event_of(content: Mapping[str, Any]) -> str:
    """Return the name of the load tester's event that a JSON object is; empty where it is none."""
    name = content.get("event")
    return name if isinstance(name, str) and name in EVENTS else ""


def event_line(event: Mapping[str, Any]) -> str:
    """Put an event into one plain line: its name, and what it says."""
    name = _text(event.get("event"))
    texts = {
        "run.started": _started,
        "run.summary": _summary,
        "run.trial": _trial,
        "run.phase": lambda each: _text(each.get("phase")),
        "run.breaker": _breaker,
        "run.died": _died,
    }
    level, worker = _text(event.get("level")) or "info", number_of(event.get("worker"))
    mark = f" of worker {worker:.0f}" if worker else ""
    mark += "" if level == "info" else f" [{level}]"
    message = _text(event.get("message"))
    text = message if message or name not in texts else texts[name](event)
    return printable(f"{name}{mark}" + (f": {text}" if text else ""))


def _died(event: Mapping[str, Any]) -> str:
    deleted = number_of(_mapping(event.get("cleanup")).get("deleted"))
    cleaned = "" if deleted is None else f", {exact_count_text(deleted)} items deleted after it"
    return _text(event.get("how")) + cleaned


def last_lines(messages: Sequence[str], count: int = 10) -> list[str]:
    """Return the last log lines that say something of the end, each as one plain line.

    Left out are figures of a moment, metrics and empty lines; events are put into words.

    Args:
        messages: the log's lines, in order.
        count: how many lines at most.
    """
    lines: list[str] = []
    for message in reversed(messages):
        if len(lines) >= count:
            break
        event = parse_event(message)
        if event:
            line = "" if event["event"] in FIGURES_ONLY else event_line(event)
        else:
            line = "" if message.startswith(METRICS_START) else printable(message)
        if line.strip():
            lines.append(line)
    return lines[::-1]


def printable(text: str, limit: int | None = MAX_SHOWN) -> str:
    """Keep a line from moving the cursor or changing colours of the terminal, and from filling the screen.

    Args:
        text: any text.
        limit: characters at most, the last of them an ellipsis where text was cut off; None for all.
    """
    # Only the displayed part is read: log lines may have a megabyte.
    beginning = text if limit is None else text[: 10 * limit]
    whole = TERMINAL_SEQUENCE.sub("", beginning).expandtabs()
    plain = "".join(character if character.isprintable() else " " for character in whole).rstrip()
    is_cut = limit is not None and (len(plain) > limit or len(beginning) < len(text.rstrip()))
    return plain[: limit - 1] + "…" if limit is not None and is_cut else plain


def _started(event: Mapping[str, Any]) -> str:
    table = _text(_mapping(event.get("table")).get("name")) or NOTHING
    operations, duration = number_of(event.get("planned_operations")), number_of(event.get("planned_duration_s"))
    cost = _mapping(event.get("estimate")).get("total")
    return _joined(
        f"table {table}",
        "" if operations is None else f"{exact_count_text(operations)} operations",
        "" if duration is None else f"in {clock_text(duration)}",
        "" if number_of(cost) is None else f"about {_dollars(cost)}",
    )


def _summary(event: Mapping[str, Any]) -> str:
    plan, search = _mapping(event.get("plan")), _mapping(event.get("search"))
    never_sent, warnings = number_of(plan.get("never_sent")), event.get("warnings")
    words = [_text(one) for one in warnings] if isinstance(warnings, list) else []
    text = _joined(
        _text(event.get("verdict")) or NOTHING,
        f"exit code {exact_count_text(event.get('exit_code'))}",
        f"partial: stopped by {_text(event.get('stopped')) or NOTHING}" if event.get("partial") else "",
        f"sent {exact_count_text(plan.get('sent'))} of {exact_count_text(plan.get('planned'))}"
        f" in {clock_text(event.get('elapsed_s'))}",
        f"{exact_count_text(never_sent)} never sent" if never_sent else "",
        f"{count_text(plan.get('rate_reached'))}/s",
        *_outcomes(_mapping(event.get("operations"))),
        _dollars(_mapping(event.get("cost")).get("total")),
        _text(search.get("answer")),
    )
    return text + "".join(f"; warning: {word}" for word in words if word)


def _outcomes(operations: Mapping[str, Any]) -> list[str]:
    """Return what the answers were, of all operations together, and how slow the slowest of them was."""
    entries = [(_text(name), entry) for name, entry in operations.items() if isinstance(entry, Mapping)]
    if not entries:
        return []
    counts = []
    for outcome in ("ok", "throttled", "failed"):
        known = [total_of(entry.get(outcome)) for name, entry in entries]
        counts.append(f"{outcome} {exact_count_text(sum(one for one in known if one is not None))}")
    latencies = [
        (number, name)
        for name, entry in entries
        if (number := number_of(_mapping(entry.get("latency_ms")).get("p99"))) is not None
    ]
    if latencies:
        worst, name = max(latencies)
        counts.append(f"p99 {milliseconds_text(worst)}" + (f" ({name})" if len(entries) > 1 else ""))
    return counts


def _trial(event: Mapping[str, Any]) -> str:
    following = number_of(event.get("next_rate"))
    reason = _text(event.get("reason"))
    return _joined(
        f"{_rate(event.get('rate'))} {'passed' if event.get('passed') is True else 'failed'}"
        + (f" ({reason})" if reason else ""),
        f"reached {_rate(event.get('reached'))}",
        "the search is over" if following is None else f"next {_rate(following)}",
    )


def _breaker(event: Mapping[str, Any]) -> str:
    reason, probes = _text(event.get("reason")), number_of(event.get("probes"))
    return _joined(
        f"{_text(event.get('state')) or NOTHING} at {clock_text(event.get('elapsed_s'))}",
        reason,
        f"{exact_count_text(probes)} probes" if probes else "",
    )


def _rate(value: Any) -> str:
    number = number_of(value)
    return NOTHING if number is None else f"{number:.1f}/s" if abs(number) < 100 else f"{exact_count_text(number)}/s"


def _dollars(value: Any) -> str:
    number = number_of(value)
    if number is None:
        return ""
    return f"${number:.4f}" if abs(number) < 1 else f"${number:,.2f}" if abs(number) < 1e12 else f"${number:.3g}"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    """Return a string as it is, a number in few digits, and nothing of anything else."""
    if isinstance(value, str):
        return value
    number = number_of(value)
    return "" if number is None else f"{number:g}"
