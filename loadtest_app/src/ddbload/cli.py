# SPDX-License-Identifier: Apache-2.0
"""The command line."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from ddbload import __version__
from ddbload.files import FileError, read_text, write_text
from ddbload.pacing.segment import Segment
from ddbload.pacing.segment import parse as parse_segment
from ddbload.report import commands as reporting
from ddbload.results import merge as results
from ddbload.results.events import EventWriter
from ddbload.results.exit_codes import BAD_CONFIGURATION, INTERNAL, LOST_WRITES, STOPPED, TARGET_UNUSABLE
from ddbload.run import permissions, workers
from ddbload.run.task import read_task
from ddbload.scenario import scenario
from ddbload.scenario.parameters import SourceError, from_parameters, read_parameters
from ddbload.scenario.plan import FindMaxPlan
from ddbload.stats import hlog

EXIT_CODES = """
exit codes: 0 passed, 1 internal error, 2 bad configuration, 3 a threshold failed,
4 lost or corrupt writes, 5 target unusable (credentials, permissions, no such table, no network) or nothing
proved (an operation of the mix never succeeded, the writes could not be checked, or the cleanup failed),
6 stopped early (results are partial)
"""


# It stands in keys, in the names of files and folders, and on command lines.
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
RUN_ID_RULE = "must have up to 128 letters, digits, dots, - and _, and begin with a letter or digit"


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
    run.add_argument(
        "--segment",
        metavar="I/N",
        help="of N machines that share the plan, this is number I from 0 (DDBLOAD_SEGMENT; else 0/1)",
    )
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
    merge.add_argument("--run-id", type=_run_id, help="the run whose events count, where there are those of several")
    merge.set_defaults(command=_merge)

    verify = commands.add_parser("verify", help="read again what a run wrote, and count what is there")
    _add_finished(verify)
    verify.set_defaults(command=_verify)

    clean = commands.add_parser("clean", help="delete what a run wrote, and nothing else")
    _add_finished(clean)
    clean.add_argument("--rate", type=float, default=500.0, help="items a second, 0 for as fast as it goes (500)")
    clean.set_defaults(command=_clean)

    hlog = commands.add_parser("hlog", help="write a run's latencies as an HdrHistogram interval log")
    hlog.add_argument("results", type=Path, help="results file")
    hlog.add_argument("--output", required=True, type=Path, help="log file to write")
    hlog.set_defaults(command=_hlog)

    reporting.add(commands)
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


def _add_finished(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, help="results file of the run")
    parser.add_argument("--endpoint-url", help="DynamoDB's endpoint, in place of AWS_ENDPOINT_URL and the region's")
    parser.add_argument("--region", help="AWS region, in place of AWS_REGION")


def _run(options: argparse.Namespace) -> int:
    given = options.run_id or os.environ.get("DDBLOAD_RUN_ID")
    run_id = given if given and RUN_ID.fullmatch(given) else datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    worker = os.environ.get(workers.WORKER)
    events = EventWriter(run_id, None, int(worker or 0))
    if given and given != run_id:
        return events.fail(BAD_CONFIGURATION, f"--run-id: {RUN_ID_RULE}, got {json.dumps(given[:60])}")
    # Until the run's own handlers stand; the first process of a container would not even die of a signal.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop_early)
    try:
        segment = _segment(options.segment or os.environ.get("DDBLOAD_SEGMENT") or "0/1")
        asked = _load(options, os.environ, lambda: _read_parameters(options))
        if segment.count > 1 and isinstance(asked.plan, FindMaxPlan):
            raise scenario.ScenarioError(["--segment: find_max runs on one machine: leave the segment out"])
        if asked.processes > 1 and worker is not None:
            segment = segment.within(Segment(int(worker), asked.processes))
        # Of all workers of the run, so that no two have the same; what a supervisor says is said by its first.
        events.context["worker"] = segment.index
        task = read_task(os.environ).shared(asked.processes)
        events.context["task_id"] = task.id
        if asked.processes > 1 and worker is None:
            from ddbload.run import remains

            recover = partial(remains.recover, asked, options.endpoint_url, options.region, os.environ, run_id)
            arguments = ["run", f"--run-id={run_id}", *_given(options)]
            return workers.supervise(arguments, asked.processes, events, segment, recover)
        from ddbload.run import run  # the event loop, which the other commands do not need

        barrier = workers.Barrier.inherited()
        return run.run(asked, options.endpoint_url, options.region, events, os.environ, segment, task, barrier)
    except (scenario.ScenarioError, SourceError) as error:
        return events.fail(BAD_CONFIGURATION, "; ".join(error.problems))
    except _Stopped as stopped:
        return events.fail(STOPPED, f"stopped early by {stopped} before the start: nothing was sent")
    except Exception as error:  # whatever it is, the log has to say so
        traceback.print_exc()
        return events.fail(INTERNAL, f"internal error, please report it: {type(error).__name__}: {error}")


def _load(
    options: argparse.Namespace, environment: Mapping[str, str], parameters: Callable[[], Mapping[str, Any]] = dict
) -> scenario.Scenario:
    """Return the scenario that is asked for.

    Raises:
        ScenarioError: it is not sound, or the task's role does not allow what it asks for.
    """
    asked = scenario.load(options.scenario, options.set, environment, options.table, parameters)
    if text := permissions.lacking(asked, environment.get(permissions.VARIABLE, "")):
        raise scenario.ScenarioError([text])
    return asked


def _segment(text: str) -> Segment:
    try:
        return parse_segment(text)
    except ValueError as error:
        raise scenario.ScenarioError([f"--segment: {error}"]) from error


def _given(options: argparse.Namespace) -> list[str]:
    """Return the options of a run as a worker has to be given them."""
    given = [f"--set={field}" for field in options.set]
    for name in ("scenario", "table", "endpoint_url", "region", "segment"):
        if value := getattr(options, name):
            # In one argument, so that none is taken for an option of its own.
            given.append(f"--{name.replace('_', '-')}={value}")
    return given


def _read_parameters(options: argparse.Namespace) -> dict[str, Any]:
    path = os.environ.get("DDBLOAD_SSM_PATH", "")
    if not path:
        return {}
    return from_parameters(read_parameters(path, options.region, None), path)


def _stop_early(number: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped(signal.Signals(number).name)


def _validate(options: argparse.Namespace) -> int:
    # The table's name may come later, from the task definition.
    _load(options, {"DDBLOAD_TABLE": "unnamed"} | dict(os.environ))
    return 0


def _merge(options: argparse.Namespace) -> int:
    lines: list[str] = []
    for path in options.events:
        try:
            # What is no UTF-8 is no event, and counted so.
            lines += read_text(path, errors="replace").split("\n")
        except FileError as error:
            raise results.ResultsError(str(error)) from error
    merged = results.merge(lines, dict(options.exit_code), options.run_id)
    try:
        results.save(options.output, merged)
    except OSError as error:
        raise results.ResultsError(f"cannot write {options.output}: {error.strerror}") from error
    for warning in merged["warnings"]:
        if "malformed" in warning:
            print(f"ddbload merge: {warning}", file=sys.stderr)
    outcome = {name: merged[name] for name in ("run_id", "verdict", "exit_code", "partial")}
    print(json.dumps(outcome | {"missed": results.explain(merged)}))
    return 0


def _verify(options: argparse.Namespace) -> int:
    found = _after(options, "verify", lambda after, loaded: after.verify(loaded, *_place(options)))
    if found is None:
        return TARGET_UNUSABLE
    return LOST_WRITES if found["corrupt"] or found["lost_at_least"] else 0


def _clean(options: argparse.Namespace) -> int:
    found = _after(options, "clean", lambda after, loaded: after.clean(loaded, options.rate, *_place(options)))
    return 0 if found and found["complete"] else TARGET_UNUSABLE


def _place(options: argparse.Namespace) -> tuple[str | None, str | None, Mapping[str, str]]:
    return options.endpoint_url, options.region, os.environ


def _after(options: argparse.Namespace, name: str, work: Callable[[Any, Any], dict[str, Any]]) -> dict[str, Any] | None:
    """Carry out a command on the table of a run that is over, and print what came of it."""
    from ddbload.dynamo.client import Refused
    from ddbload.dynamo.endpoint import SettingsError, TargetError
    from ddbload.dynamo.pool import Unreachable
    from ddbload.run import aftermath  # the event loop, which the other commands do not need

    try:
        found = work(aftermath, results.load(options.results))
    except SettingsError as error:
        raise results.ResultsError(str(error)) from error
    except (TargetError, Unreachable, Refused) as error:
        print(f"ddbload {name}: {error}", file=sys.stderr)
        return None
    print(json.dumps(found, indent=1))
    return found


def _hlog(options: argparse.Namespace) -> int:
    loaded = results.load(options.results)
    try:
        write_text(options.output, hlog.write(results.intervals(loaded), results.started_s(loaded)))
    except OSError as error:
        raise results.ResultsError(f"cannot write {options.output}: {error.strerror}") from error
    return 0


def _run_id(text: str) -> str:
    if not RUN_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{RUN_ID_RULE}, got {json.dumps(text[:60])}")
    return text


def _exit_code(text: str) -> tuple[str, int]:
    task, _equals, code = text.rpartition("=")
    if not task or not code.isdigit():
        raise argparse.ArgumentTypeError(f'must be TASK=CODE, got "{text}"')
    return task, int(code)
