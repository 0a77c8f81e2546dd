# SPDX-License-Identifier: Apache-2.0
"""The merge command: makes a results file of the events of a run's workers."""

from __future__ import annotations

import argparse
import json
import math
import sys
from itertools import chain
from pathlib import Path
from typing import Any

from ddbload.files import FileError, read_lines
from ddbload.results import file, merge
from ddbload.results.events import RUN_ID, RUN_ID_RULE
from ddbload.results.exit_codes import INTERNAL
from ddbload.results.merging.coverage import Expected

MOST_TASKS = 100_000


def add(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = commands.add_parser(
        "merge",
        help="merge the events of a run's workers into a results file",
        epilog="exit codes: 0 the file is written, 1 it is written and a part of the plan is missing or came twice, "
        "2 it cannot be written",
    )
    parser.add_argument("events", nargs="+", type=Path, help="files of log lines")
    parser.add_argument("--output", required=True, type=Path, help="results file to write")
    parser.add_argument(
        "--exit-code",
        action="append",
        default=[],
        metavar="TASK=CODE",
        type=_exit_code,
        help="a task's exit code by ECS",
    )
    parser.add_argument("--run-id", type=_run_id, help="the run whose events count, where there are those of several")
    parser.add_argument(
        "--tasks", type=_tasks, default=0, metavar="N", help="how many tasks were launched, so that none is missed"
    )
    parser.add_argument(
        "--task-cost",
        action="append",
        default=[],
        metavar="TASK=DOLLARS",
        type=_task_cost,
        help="what a task cost by ECS's times; it counts where the task did not report its cost to the end",
    )
    parser.set_defaults(command=_merge)


def _merge(options: argparse.Namespace) -> int:
    # Bytes that are no UTF-8 are no event, and counted as a foreign line.
    lines = chain.from_iterable(read_lines(path) for path in options.events)
    expected = Expected(options.tasks)
    try:
        merged = merge.merge(lines, dict(options.exit_code), options.run_id, expected, dict(options.task_cost))
    except FileError as error:
        raise file.ResultsError(str(error)) from error
    try:
        file.save(options.output, merged)
    except OSError as error:
        raise file.ResultsError(f"cannot write {options.output}: {error.strerror}") from error
    problems = merged["fleet"]["problems"]
    for text in [*problems, *(warning for warning in merged["warnings"] if "malformed" in warning)]:
        print(f"ddbload merge: {text}", file=sys.stderr)
    outcome = {name: merged[name] for name in ("run_id", "verdict", "exit_code", "partial")}
    print(json.dumps(outcome | {"missed": merge.explain(merged)}))
    return INTERNAL if problems else 0


def _run_id(text: str) -> str:
    if not RUN_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{RUN_ID_RULE}, got {json.dumps(text[:60])}")
    return text


def _tasks(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MOST_TASKS:
        raise argparse.ArgumentTypeError(f"must be a number of tasks from 1 to {MOST_TASKS:,}, got {text[:60]!r}")
    return int(text)


def _exit_code(text: str) -> tuple[str, int]:
    task, _equals, code = text.rpartition("=")
    if not task or not code.isdigit():
        raise argparse.ArgumentTypeError(f'must be TASK=CODE, got "{text}"')
    return task, int(code)


def _task_cost(text: str) -> tuple[str, float]:
    task, _equals, dollars = text.rpartition("=")
    try:
        value = float(dollars)
    except ValueError:
        value = -1.0
    if not task or not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f'must be TASK=DOLLARS, got "{text}"')
    return task, value
