# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load tester's log lines: JSON events recognised, and put into lines for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

MAX_SHOWN = 400  # characters of a line on the screen
NOTHING = "-"


def parse_event(message: str) -> dict[str, Any] | None:
    """Return the event that a log line holds; None where the line is not a JSON object with an ``event``."""
    if not message.lstrip().startswith("{"):
        return None
    try:
        event = json.loads(message)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def shown_line(message: str, show_all: bool = False) -> str | None:
    """Put a log line into what is shown of it, one plain line.

    Args:
        message: the line as it was logged.
        show_all: whether JSON that is none of the load tester's events is shown too.

    Returns:
        None where the line is not to be shown.
    """
    event = parse_event(message)
    if event is None:
        return printable(message) if show_all or not _is_json_object(message) else None
    return progress_line(event) if event["event"] == "run.progress" else printable(event_line(event))


def event_line(event: Mapping[str, Any]) -> str:
    """Put an event into its name and what it says; a summary into its verdict."""
    name, level = event["event"], event.get("level", "info")
    mark = "" if level == "info" else f" [{level}]"
    if name == "run.summary":
        plan = _mapping(event.get("plan"))
        text = (
            f"{event.get('verdict', NOTHING)}, exit code {event.get('exit_code', NOTHING)}, "
            f"sent {_count(plan.get('sent'))} of {_count(plan.get('planned'))} in {_seconds(event.get('elapsed_s'))}"
            + (", partial" if event.get("partial") else "")
        )
    elif name == "run.started" and not event.get("message"):
        table = _mapping(event.get("table")).get("name", NOTHING)
        duration = _seconds(event.get("planned_duration_s"))
        text = f"table {table}, {_count(event.get('planned_operations'))} operations" + (
            "" if duration == NOTHING else f" in {duration}"
        )
    else:
        text = str(event.get("message", ""))
    return f"{name}{mark}" + (f": {text}" if text else "")


def progress_line(event: Mapping[str, Any]) -> str:
    """Put a ``run.progress`` event into one line of steady columns."""
    interval, total = _mapping(event.get("interval")), _mapping(event.get("total"))
    elapsed, duration = event.get("elapsed_s"), event.get("planned_duration_s")
    planned = event.get("planned_operations")
    left = _left(elapsed, duration, planned, total.get("sent"), interval.get("rate"))
    return "  ".join(
        [
            f"{_seconds(elapsed):>6}" + (f"/{_seconds(duration)}" if duration else ""),
            f"sent {_count(total.get('sent')):>7}" + (f"/{_count(planned)}" if planned else ""),
            f"{_count(interval.get('rate')):>6}/s",
            f"ok {_count(total.get('ok')):>7}",
            f"throttled {_count(_sum(total.get('throttled')))}",
            f"failed {_count(_sum(total.get('failed')))}",
            f"p99 {_milliseconds(interval.get('p99_ms')):>8}",
            f"left {left}",
        ]
    )


def last_lines(messages: Sequence[str], count: int = 10) -> list[str]:
    """Return the last log lines that say something of the end: no progress, the summary abbreviated."""
    lines: list[str] = []
    for message in reversed(messages):
        event = parse_event(message)
        if event is None or event["event"] != "run.progress":
            lines.append(printable(event_line(event) if event else message))
        if len(lines) == count:
            break
    return lines[::-1]


def printable(text: str) -> str:
    """Keep a line from moving the cursor or changing colours of the terminal, and from filling the screen."""
    plain = "".join(character if character.isprintable() else " " for character in text.rstrip())
    return plain if len(plain) <= MAX_SHOWN else plain[: MAX_SHOWN - 1] + "…"


def _is_json_object(message: str) -> bool:
    try:
        return isinstance(json.loads(message), dict)
    except ValueError:
        return False


def _left(elapsed: Any, duration: Any, planned: Any, sent: Any, rate: Any) -> str:
    """Estimate the seconds to the end: by the clock where the plan has a duration, else by the present rate."""
    if _is_number(elapsed) and _is_number(duration) and duration:
        return _seconds(max(0.0, duration - elapsed))
    if _is_number(planned) and _is_number(sent) and _is_number(rate) and rate > 0:
        return _seconds(max(0.0, (planned - sent) / rate))
    return NOTHING


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sum(value: Any) -> Any:
    """Add up what is counted by reason."""
    return sum(value.values()) if isinstance(value, Mapping) else value


def _count(value: Any) -> str:
    return f"{value:,.0f}" if _is_number(value) else NOTHING


def _seconds(value: Any) -> str:
    return f"{value:.0f}s" if _is_number(value) else NOTHING


def _milliseconds(value: Any) -> str:
    return f"{value:.1f} ms" if _is_number(value) else NOTHING
