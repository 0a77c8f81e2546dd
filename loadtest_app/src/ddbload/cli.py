# SPDX-License-Identifier: Apache-2.0
"""The command line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

from ddbload import __version__, results, scenario
from ddbload.events import EventWriter, read_task_id
from ddbload.exit_codes import BAD_CONFIGURATION, INTERNAL, STOPPED
from ddbload.report import terminal

EXIT_CODES = """
exit codes: 0 passed, 1 internal error, 2 bad configuration, 3 a threshold failed,
4 lost or corrupt writes, 5 target unusable (credentials, permissions, no such table, no network),
6 stopped early (results are partial)
"""


class _Stopped(BaseException):
    """A signal came before the run could take it; no Exception, so that no library swallows it."""


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_CONFIGURATION, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except scenario.ScenarioError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return BAD_CONFIGURATION
    except results.ResultsError as error:
        print(f"ddbload: {error}", file=sys.stderr)
        return BAD_CONFIGURATION
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="ddbload", description="An open-model load tester for DynamoDB with honest numbers.")
    parser.add_argument("--version", action="version", version=f"ddbload {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)

    run = commands.add_parser(
        "run", help="run a scenario", epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    _add_scenario(run)
    run.add_argument("--endpoint-url", help="DynamoDB's endpoint, in place of AWS_ENDPOINT_URL and the region's")
    run.add_argument("--region", help="AWS region, in place of AWS_REGION")
    run.add_argument("--run-id", help="name of the run (DDBLOAD_RUN_ID; else made from the time)")
    run.set_defaults(command=_run)

    validate = commands.add_parser("validate", help="check a scenario, and run nothing")
    _add_scenario(validate)
    validate.set_defaults(command=_validate)

    merge = commands.add_parser("merge", help="merge the events of a run's workers into a results file")
    merge.add_argument("events", nargs="+", type=Path, help="files of log lines")
    merge.add_argument("--output", required=True, type=Path, help="results file to write")
    merge.add_argument(
        "--exit-code",
        action="append",
        default=[],
        metavar="TASK=CODE",
        type=_exit_code,
        help="a task's exit code by ECS",
    )
    merge.add_argument("--run-id", help="the run's name, where no event tells it")
    merge.set_defaults(command=_merge)

    report = commands.add_parser("report", help="show a results file as a table")
    report.add_argument("results", type=Path, help="results file")
    report.set_defaults(command=_report)
    return parser


def _add_scenario(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scenario", metavar="FILE|JSON", help="the scenario (else DDBLOAD_SCENARIO, else defaults)")
    parser.add_argument("--table", help="table to test (else the scenario's, else DDBLOAD_TABLE)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="one field of the scenario, such as plan.rate=500",
    )


def _run(options: argparse.Namespace) -> int:
    run_id = options.run_id or os.environ.get("DDBLOAD_RUN_ID") or datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    events = EventWriter(run_id, None)
    # Until the run's own handlers stand; the first process of a container would not even die of a signal.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop_early)
    try:
        from ddbload import run  # the event loop, which the other commands do not need

        events.context["task_id"] = read_task_id(os.environ)
        asked = scenario.load(options.scenario, options.set, os.environ, options.table)
        return run.run(asked, options.endpoint_url, options.region, events, os.environ)
    except scenario.ScenarioError as error:
        return events.fail(BAD_CONFIGURATION, "; ".join(error.problems))
    except _Stopped as stopped:
        return events.fail(STOPPED, f"stopped early by {stopped} before the start: nothing was sent")
    except Exception as error:  # whatever it is, the log has to say so
        traceback.print_exc()
        return events.fail(INTERNAL, f"internal error, please report it: {type(error).__name__}: {error}")


def _stop_early(number: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped(signal.Signals(number).name)


def _validate(options: argparse.Namespace) -> int:
    # The table's name may come later, from the task definition.
    scenario.load(options.scenario, options.set, {"DDBLOAD_TABLE": "unnamed"} | dict(os.environ), options.table)
    return 0


def _merge(options: argparse.Namespace) -> int:
    lines: list[str] = []
    for path in options.events:
        try:
            lines += path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise results.ResultsError(f"cannot read {path}: {error.strerror}") from error
    results.save(options.output, results.merge(lines, dict(options.exit_code), options.run_id))
    return 0


def _report(options: argparse.Namespace) -> int:
    print(terminal.render(results.load(options.results)))
    return 0


def _exit_code(text: str) -> tuple[str, int]:
    task, _equals, code = text.rpartition("=")
    if not task or not code.isdigit():
        raise argparse.ArgumentTypeError(f'must be TASK=CODE, got "{text}"')
    return task, int(code)
