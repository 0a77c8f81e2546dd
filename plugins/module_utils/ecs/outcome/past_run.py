# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of a job, found by its id alone: from ECS while it knows the task, afterwards from the job's log group.

ECS keeps a stopped task for an hour: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogEvent, LogReader
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.cost import architecture_of, fargate_cost
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.cause import stop_cause
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import Task, describe_tasks, find_tasks, task_of
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

# A UUID, which Fargate writes without hyphens.
TASK_ID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}(\1[0-9a-f]{4}){2}\1[0-9a-f]{12}")
# The run ids that role job makes start with the time of the launch.
TIMED_ID = re.compile(r"([0-9]{8}T[0-9]{6}Z)-[0-9a-f]{6}")
# Pages of a search through a log group; a page is up to 10,000 lines or 1 MB:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
SEARCH_PAGES = 50
NOT_FOUND = ("ResourceNotFoundException",)
FORGOTTEN = ("status", "exit code", "cause", "instants of start and stop")


class PastJob(NamedTuple):
    """A job whose runs are searched.

    Attributes:
        name: of the job and its container.
        family: of its task definition.
        log_group: of its log lines.
        cluster: name of its cluster.
    """

    name: str
    family: str
    log_group: str
    cluster: str


class PastRun(NamedTuple):
    """What is known of a run.

    Attributes:
        job: name of the job.
        task: of the run's newest task, in the fields of `task_of`; those that nothing knows are None.
        source: ``ecs`` or ``log``.
        attempts: tasks of the run: one, or one for each receive of a message.
        cause: why the task ended, in one line; empty where it runs or nothing knows.
        duration_s: of the containers, or from the first to the last line; None where neither is known.
        cost: what the task cost, see `fargate_cost`; None where its size or its time is not known.
        log_group: of the log lines.
        log_stream: of the log lines; empty where the task has none.
        log_lines: number of the lines.
        log_events: the newest lines.
        unknown: what is not known any more.
    """

    job: str
    task: Task
    source: str
    attempts: int
    cause: str
    duration_s: float | None
    cost: Mapping[str, Any] | None
    log_group: str
    log_stream: str
    log_lines: int
    log_events: Sequence[LogEvent]
    unknown: Sequence[str]


def past_job(project: str, environment: str, name: str, cluster: str = "") -> PastJob:
    """Return a job of a system, whose template names its family and its log group.

    Args:
        project: first part of the system's names.
        environment: name of the environment.
        name: the job.
        cluster: what follows project and environment in the name of its cluster; empty for nothing.
    """
    base = f"{project}-{environment}"
    clustered = f"{base}-{cluster}" if cluster else base
    return PastJob(name, f"{base}-{name}", f"/{project}/{environment}/{name}", clustered)


def find_run(ecs: Any, logs: Any, jobs: Sequence[PastJob], run_id: str, keep: int, now: datetime) -> PastRun | None:
    """Find a run.

    Args:
        ecs: a boto3 ECS client.
        logs: a boto3 CloudWatch Logs client.
        jobs: whose runs are searched.
        run_id: id of the run, of the message that it handled, or of its task.
        keep: log lines that are kept, the newest ones.
        now: with its time zone.

    Returns:
        None where neither ECS nor a log group knows the run.
    """
    if known := next(_described(ecs, jobs, run_id), None):
        return _known(ecs, logs, *known, keep, now)
    for job in jobs:
        if stream := _stream(logs, job, run_id):
            return _forgotten(ecs, logs, job, stream, keep, now)
    return None


def run_lines(run_id: str, run: PastRun) -> list[str]:
    """Return what is known of a run as lines for a person."""
    task = run.task
    code = f", exit code {task['exit_code']}" if task["exit_code"] is not None else ""
    status = task["last_status"] or "status not known any more"
    lines = [f"run {run_id} of job {run.job}: {status}{code}, task {task['task_id']}"]
    if run.attempts > 1:
        lines.append(f"{run.attempts} tasks, of which this is the newest")
    if run.cause:
        lines.append(f"cause: {run.cause}")
    if run.duration_s is not None:
        least = "at least " if run.source == "log" else ""
        lines.append(f"duration: {least}{run.duration_s:g} s")
    if run.cost:
        lines.append(f"cost: about {run.cost['usd']:.6f} US dollars for {run.cost['billed_s']} s on Fargate")
    if run.unknown:
        lines.append(f"not known any more: {', '.join(run.unknown)}; ECS keeps a stopped task for an hour")
    shown = f", the last {len(run.log_events)} follow" if len(run.log_events) < run.log_lines else ""
    lines.append(
        f"log: {run.log_lines} lines in {run.log_group}, stream {run.log_stream}{shown}"
        if run.log_stream
        else f"log: no lines in {run.log_group}"
    )
    return lines


def unknown_run(run_id: str, jobs: Sequence[PastJob]) -> Problem:
    """Return the problem of a run that neither ECS nor a log group knows."""
    names = ", ".join(job.name for job in jobs) or "none"
    return Problem(
        "absent",
        f"ECS knows no task of run {run_id} (jobs: {names}), and no log line names it",
        "check run_id, system and env; after an hour name the task instead of the run",
    )


# ---- ECS knows the task


def _described(ecs: Any, jobs: Sequence[PastJob], run_id: str) -> Iterator[tuple[PastJob, list[dict[str, Any]]]]:
    """Yield each job with the tasks of the run, the eldest first."""
    for job in jobs:
        if found := find_tasks(ecs, job.cluster, f"{job.name}/{run_id}"):
            yield job, found
    if TASK_ID.fullmatch(run_id):
        for job in jobs:
            found, _missing = describe_tasks(ecs, job.cluster, [run_id])
            own = [each for each in found if f"/{job.family}:" in each["taskDefinitionArn"]]
            if own:
                yield job, own


def _known(
    ecs: Any, logs: Any, job: PastJob, described: Sequence[Mapping[str, Any]], keep: int, now: datetime
) -> PastRun:
    newest = described[-1]
    task = task_of(newest, [job.name])
    definition = ecs.describe_task_definition(taskDefinition=newest["taskDefinitionArn"])["taskDefinition"]
    cause = stop_cause(task)
    reader = _read(logs, job, _stream_of(job, task["task_id"]), keep)
    return PastRun(
        job=job.name,
        task=task,
        source="ecs",
        attempts=len(described),
        cause=cause.line() if cause else "",
        duration_s=task["phases"]["run_s"] if task["stopped_at"] else _seconds(task["started_at"], now),
        cost=fargate_cost(task, architecture_of(definition), None, now),
        log_group=job.log_group,
        log_stream=reader.stream if reader.lines else "",
        log_lines=reader.lines,
        log_events=reader.events,
        unknown=[],
    )


def _seconds(since: str | None, now: datetime) -> float | None:
    return round((now - datetime.fromisoformat(since)).total_seconds(), 3) if since else None


# ---- Only the log knows the task


def _stream(logs: Any, job: PastJob, run_id: str) -> str:
    """Return the stream of the run: that of the task id, else the newest one with a line that names the run."""
    try:
        if TASK_ID.fullmatch(run_id):
            stream = _stream_of(job, run_id)
            page = logs.describe_log_streams(logGroupName=job.log_group, logStreamNamePrefix=stream, limit=1)
            return str(page["logStreams"][0]["logStreamName"]) if page["logStreams"] else ""
        return _searched(logs, job, run_id)
    except Exception as error:
        if error_code(error) in NOT_FOUND:
            return ""
        raise


def _searched(logs: Any, job: PastJob, run_id: str) -> str:
    request: dict[str, Any] = {
        "logGroupName": job.log_group,
        "filterPattern": f'"{run_id}"',
        "logStreamNamePrefix": f"{job.name}/",
    }
    if timed := TIMED_ID.fullmatch(run_id):
        launched = datetime.strptime(timed[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        request["startTime"] = int(launched.timestamp() * 1000)
    newest = ""
    for _page in range(SEARCH_PAGES):
        page = logs.filter_log_events(**request)
        for event in page["events"]:
            newest = str(event["logStreamName"])
        if not page.get("nextToken"):
            break
        request["nextToken"] = page["nextToken"]
    return newest


def _forgotten(ecs: Any, logs: Any, job: PastJob, stream: str, keep: int, now: datetime) -> PastRun:
    reader = _read(logs, job, stream, max(keep, 1))
    head = logs.get_log_events(logGroupName=job.log_group, logStreamName=stream, startFromHead=True, limit=1)["events"]
    first, last = (
        datetime.fromtimestamp(events[-1]["timestamp"] / 1000, UTC) if events else None
        for events in (head, reader.events)
    )
    definition = _newest_definition(ecs, job)
    described = {
        "taskArn": f"{job.cluster}/{stream.rpartition('/')[2]}",
        "lastStatus": "STOPPED",
        "launchType": "FARGATE",
        "createdAt": first,
        "startedAt": first,
        "stoppedAt": last,
        **{name: definition[name] for name in ("cpu", "memory", "ephemeralStorage") if name in definition},
    }
    task = task_of(described, [job.name])
    newest_revision = [] if not definition else ["the revision, so that the cost is that of the newest one"]
    return PastRun(
        job=job.name,
        task={**task, "task_arn": None, "last_status": None, "started_at": None, "stopped_at": None},
        source="log",
        attempts=1,
        cause="",
        duration_s=round((last - first).total_seconds(), 3) if first and last else None,
        cost=fargate_cost(task, architecture_of(definition), None, now) if definition else None,
        log_group=job.log_group,
        log_stream=stream,
        log_lines=reader.lines,
        log_events=reader.events if keep else [],
        unknown=[*FORGOTTEN, *newest_revision],
    )


def _newest_definition(ecs: Any, job: PastJob) -> Mapping[str, Any]:
    """Return the newest task definition of a job; empty where none is active."""
    try:
        found: Mapping[str, Any] = ecs.describe_task_definition(taskDefinition=job.family)["taskDefinition"]
    except Exception as error:
        if error_code(error) != "ClientException":
            raise
        return {}
    return found


# ---- Log lines


def _stream_of(job: PastJob, task_id: str) -> str:
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html
    return f"{job.name}/{job.name}/{task_id}"


def _read(logs: Any, job: PastJob, stream: str, keep: int) -> LogReader:
    reader = LogReader(job.log_group, stream, keep)
    reader.read_again(logs)
    return reader
