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
from ddbload.authoring import commands as authoring
from ddbload.control import settings as starting
from ddbload.control.problems import ControlError, NotStarted, Surplus
from ddbload.files import write_text
from ddbload.pacing.segment import Segment
from ddbload.pacing.segment import parse as parse_segment
from ddbload.report import commands as reporting
from ddbload.results import commands as merging
from ddbload.results import file as results
from ddbload.results.events import RUN_ID, RUN_ID_RULE, EventWriter
from ddbload.results.exit_codes import BAD_CONFIGURATION, INTERNAL, LOST_WRITES, PASSED, STOPPED, TARGET_UNUSABLE
from ddbload.run.checks import open_files, permissions, segments
from ddbload.run.checks import size as sizes
from ddbload.run.search import supervised
from ddbload.run.task import read_task
from ddbload.run.workers import supervisor
from ddbload.run.workers.barrier import WORKER, Barrier
from ddbload.scenario import scenario
from ddbload.scenario.load import load as load_scenario
from ddbload.scenario.parameters import SourceError, from_parameters, read_parameters
from ddbload.sizing import division, machine
from ddbload.stats import hlog
from ddbload.telemetry import settings as telemetry

EXIT_CODES = """
exit codes: 0 passed, 1 internal error, 2 bad configuration, 3 a threshold failed,
4 lost or corrupt writes, 5 target unusable (credentials, permissions, no such table, no network) or nothing
proved (an operation of the mix never succeeded, the writes could not be checked, or the cleanup failed),
6 stopped early (results are partial)
"""


class _Stopped(BaseException):
    """A signal came before the run could take it; no Exception, so that no library swallows it."""


class _Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_CONFIGURATION, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(reporting.divided(sys.argv[1:] if arguments is None else arguments))
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
    run.add_argument(
        "--otlp", metavar="URL", help=f"send live figures to this collector of OpenTelemetry ({telemetry.ENDPOINT})"
    )
    starting.add(run)
    run.set_defaults(command=_run)

    validate = commands.add_parser("validate", help="check a scenario, say which tasks it wants, and run nothing")
    _add_scenario(validate)
    validate.add_argument(
        "--segments", metavar="N", type=_segments, default=1, help="how many machines are to share the plan (1)"
    )
    validate.add_argument(
        "--control-table", action="store_true", help="these machines have a control table, which find_max needs"
    )
    sizes.add_options(validate)
    validate.set_defaults(command=_validate)

    merging.add(commands)

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
    authoring.add(commands)
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
    worker = os.environ.get(WORKER)
    events = EventWriter(run_id, None, int(worker or 0))
    if given and given != run_id:
        return events.fail(BAD_CONFIGURATION, f"--run-id: {RUN_ID_RULE}, got {json.dumps(given[:60])}")
    # Until the run sets its own handlers: a container's first process ignores signals without a handler.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop_early)
    try:
        start = _start(options)
        collector = _collector(options) if worker is None else None
        shared = f"0/{start.control.tasks}" if start.control else os.environ.get("DDBLOAD_SEGMENT") or "0/1"
        segment = _segment(options.segment or shared)
        task = read_task(os.environ)
        size = machine.size(task.vcpu)
        is_together = start.control is not None
        requested = _load(options, os.environ, segment.count, size, lambda: _read_parameters(options), is_together)
        events.context["task_id"] = task.id
        from ddbload.control import together

        context = together.Context(run_id, requested.table, options.endpoint_url, options.region, os.environ)
        start = start._replace(index=segment.index, task=together.task_name(task.id))
        if start.control and worker is None:
            start = together.claim(start, context)
            segment = segment._replace(index=start.index)
            options.segment = f"{segment.index}/{segment.count}"
        if collector:
            _follow(events, collector, requested, segment)
        if requested.processes > 1 and worker is not None:
            segment = segment.within(Segment(int(worker), requested.processes))
        # Of all workers of the run, so that no two have the same; what a supervisor says is said by its first.
        events.context["worker"] = segment.index
        task = task.shared(requested.processes)
        if requested.processes > 1 and worker is None:
            from ddbload.run.after import remains

            recover = partial(remains.recover, requested, options.endpoint_url, options.region, os.environ, run_id)
            # Each worker divides the plan as its supervisor does.
            divides = [f"--set={name}={getattr(requested, name)}" for name in ("processes", "connections")]
            arguments = ["run", f"--run-id={run_id}", *_given(options), *divides]
            serve = None if start.control else supervised.service(requested)
            meet = partial(together.gather, start, context, events) if start.control or start.at_ms else None
            return supervisor.supervise(arguments, requested.processes, events, segment, recover, meet, serve)
        from ddbload.run import run  # the event loop, which the other commands do not need

        barrier = Barrier.inherited()
        return run.run(
            requested, options.endpoint_url, options.region, events, os.environ, segment, task, barrier, start
        )
    except (scenario.ScenarioError, SourceError) as error:
        return events.fail(BAD_CONFIGURATION, "; ".join(error.problems))
    except ControlError as error:
        return events.fail(TARGET_UNUSABLE, str(error))
    except NotStarted as error:
        return events.fail(STOPPED, str(error))
    except Surplus as error:
        events.write("run.warning", "warning", message=str(error), surplus=True)
        return PASSED
    except _Stopped as stopped:
        return events.fail(STOPPED, f"stopped early by {stopped} before the start: nothing was sent")
    except Exception as error:  # whatever it is, the log has to say so
        traceback.print_exc()
        return events.fail(INTERNAL, f"internal error, please report it: {type(error).__name__}: {error}")


def _load(
    options: argparse.Namespace,
    environment: Mapping[str, str],
    machines: int,
    size: machine.Size,
    parameters: Callable[[], Mapping[str, Any]] = dict,
    has_control_table: bool = False,
) -> scenario.Scenario:
    """Return the scenario of a command line, with the processes and connections of each machine.

    Raises:
        ScenarioError: it is invalid, machines cannot share it, the task's role does not allow what it needs, or a
            process may not open its connections.
    """
    loaded = load_scenario(options.scenario, options.set, environment, options.table, parameters)
    loaded = division.divided(
        loaded,
        machines,
        size.vcpu,
        lambda trial: not segments.unfit(trial, machines, has_control_table),
        size.connection_limit,
    )
    others = (
        permissions.lacking(loaded, environment.get(permissions.VARIABLE, "")),
        open_files.excess(loaded, machines, size.connection_limit),
    )
    if problems := [*segments.unfit(loaded, machines, has_control_table), *filter(None, others)]:
        raise scenario.ScenarioError(problems)
    return loaded


def _segment(text: str) -> Segment:
    try:
        return parse_segment(text)
    except ValueError as error:
        raise scenario.ScenarioError([f"--segment: {error}"]) from error


def _start(options: argparse.Namespace) -> starting.Start:
    try:
        control, at_ms = starting.read(options, os.environ), starting.start_at_ms(options)
        if control and (at_ms or (options.segment and os.environ.get(WORKER) is None)):
            raise ValueError(
                "--control-table gives a task its segment and its start -> leave --segment and --start-at out"
            )
        return starting.Start(at_ms, control)
    except ValueError as error:
        raise scenario.ScenarioError([str(error)]) from error


def _collector(options: argparse.Namespace) -> telemetry.Settings | None:
    try:
        return telemetry.read(options.otlp, os.environ)
    except ValueError as error:
        raise scenario.ScenarioError([str(error)]) from error


def _follow(events: EventWriter, settings: telemetry.Settings, requested: scenario.Scenario, segment: Segment) -> None:
    """Start the process that sends live figures, of all workers of this machine; the run goes on without it."""
    from ddbload.telemetry.document import Subject, resource
    from ddbload.telemetry.exporter import Exporter

    operations = {name: entry.operation for name, entry in requested.mix.items()}
    own = resource(events.context["run_id"], segment.index, segment.count, events.context["task_id"])
    try:
        events.follower = Exporter(settings, Subject(own | settings.resource, requested.table, operations))
    except OSError as error:
        events.write("run.warning", "warning", message=f"no process for the metrics could be started: {error}")


def _given(options: argparse.Namespace) -> list[str]:
    """Return the options of a run as a worker has to be given them."""
    given = [f"--set={field}" for field in options.set]
    for name in ("scenario", "table", "endpoint_url", "region", "segment", *starting.OPTIONS):
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
    environment = {"DDBLOAD_TABLE": "unnamed"} | dict(os.environ)
    requested = _load(
        options, environment, options.segments, sizes.size_of(options), has_control_table=options.control_table
    )
    print(sizes.report(requested, options))
    return 0


def _verify(options: argparse.Namespace) -> int:
    found = _after(options, "verify", lambda after, loaded: after.verify(loaded, *_target(options)))
    if found is None:
        return TARGET_UNUSABLE
    return LOST_WRITES if found["corrupt"] or found["lost_at_least"] else 0


def _clean(options: argparse.Namespace) -> int:
    found = _after(options, "clean", lambda after, loaded: after.clean(loaded, options.rate, *_target(options)))
    return 0 if found and found["complete"] else TARGET_UNUSABLE


def _target(options: argparse.Namespace) -> tuple[str | None, str | None, Mapping[str, str]]:
    return options.endpoint_url, options.region, os.environ


def _after(options: argparse.Namespace, name: str, work: Callable[[Any, Any], dict[str, Any]]) -> dict[str, Any] | None:
    """Carry out a command on the table of a run that is over, and print its result."""
    from ddbload.dynamo.client import Refused
    from ddbload.dynamo.endpoint import SettingsError, TargetError
    from ddbload.dynamo.pool import Unreachable
    from ddbload.run.after import commands as aftermath  # the event loop, which the other commands do not need

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


def _segments(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"must be a number of machines from 1, got {json.dumps(text[:60])}")
    return int(text)
