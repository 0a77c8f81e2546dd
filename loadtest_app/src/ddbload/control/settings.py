# SPDX-License-Identifier: Apache-2.0
"""How a run is to start, as the command line and the environment say it."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from typing import NamedTuple

from ddbload.control import clock
from ddbload.control.items import ALL, ANY

TABLE, TASKS, RUN = "DDBLOAD_CONTROL_TABLE", "DDBLOAD_TASKS", "DDBLOAD_CONTROL_RUN"
START, READY_TIMEOUT = "DDBLOAD_START", "DDBLOAD_READY_TIMEOUT"
DEFAULT_TIMEOUT_S = 300.0
MOST_TASKS = 99_999
# The options of a run that its worker processes get as well.
OPTIONS = ("control_table", "tasks", "start", "ready_timeout")


class Settings(NamedTuple):
    """How the tasks of a run start together.

    Attributes:
        table: the control table's name.
        tasks: how many there are.
        start: whether all of them must be ready in time, or any.
        timeout_s: for how many seconds they wait for each other.
        run: the run's key in the table; empty for the run id. A run id that is used again needs another key.
    """

    table: str
    tasks: int
    start: str = ALL
    timeout_s: float = DEFAULT_TIMEOUT_S
    run: str = ""


class Start(NamedTuple):
    """When a run starts.

    Attributes:
        at_ms: the instant, in milliseconds since the epoch; None where none was given.
        control: how the tasks of the run start together; None where they do not.
        index: of this task among them.
        task: its id, or its host.
    """

    at_ms: int | None = None
    control: Settings | None = None
    index: int = 0  # type: ignore[assignment]  # the tuple method of this name is of no use here
    task: str = ""


AT_ONCE = Start()


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options to the command line of a run."""
    parser.add_argument("--control-table", metavar="TABLE", help=f"table in which the run's tasks meet ({TABLE})")
    parser.add_argument("--tasks", metavar="N", help=f"how many tasks meet there ({TASKS})")
    parser.add_argument("--start", metavar="all|any", help=f"whether all must be ready in time, or any ({START}; all)")
    parser.add_argument(
        "--ready-timeout", metavar="SECONDS", help=f"how long they wait for each other ({READY_TIMEOUT}; 300)"
    )
    parser.add_argument(
        "--start-at", metavar="INSTANT", help="start at this instant of ISO 8601, on machines that share no table"
    )


def read(options: argparse.Namespace, environment: Mapping[str, str]) -> Settings | None:
    """Return how the tasks start together; None where no control table is given.

    Raises:
        ValueError: with what is wrong.
    """
    table = options.control_table or environment.get(TABLE, "")
    if not table:
        return None
    tasks = options.tasks or environment.get(TASKS, "")
    if not tasks.isdecimal() or not 1 <= int(tasks) <= MOST_TASKS:
        raise ValueError(f"--tasks (or {TASKS}): must be a number from 1 to {MOST_TASKS}, got {tasks[:60]!r}")
    start = options.start or environment.get(START) or ALL
    if start not in (ALL, ANY):
        raise ValueError(f"--start (or {START}): must be {ALL} or {ANY}, got {start[:60]!r}")
    timeout_s = _timeout_s(options.ready_timeout or environment.get(READY_TIMEOUT))
    return Settings(table, int(tasks), start, timeout_s, environment.get(RUN, ""))


def start_at_ms(options: argparse.Namespace) -> int | None:
    """Return the instant of --start-at in milliseconds since the epoch; None where it is not given.

    Raises:
        ValueError: it is no instant, or has passed.
    """
    text = options.start_at
    if not text:
        return None
    try:
        at_ms = clock.read_instant(text)
    except ValueError as error:
        raise ValueError(
            f"--start-at: must be an instant with its offset from UTC such as 2026-01-31T12:00:00Z, got {text[:60]!r}"
        ) from error
    passed_s = (clock.now_ms() - at_ms) / 1000
    if passed_s > 0:
        raise ValueError(f"--start-at: {text} passed {passed_s:.1f} s ago -> give an instant to come")
    return at_ms


def _timeout_s(text: str | None) -> float:
    if not text:
        return DEFAULT_TIMEOUT_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(f"--ready-timeout (or {READY_TIMEOUT}): must be a number of seconds, got {text[:60]!r}")
    return seconds
