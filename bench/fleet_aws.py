# SPDX-License-Identifier: Apache-2.0
"""A fake of ECS, CloudWatch Logs and DynamoDB for many tasks: their states and lines follow from the clock alone."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REGION, ACCOUNT, CLUSTER = "eu-west-1", "000000000000", "fleet"
GROUP, PREFIX, CONTAINER = "/bench/fleet", "bench", "main"
DEFINITION = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/fleet:1"
PAGE_BYTES, PAGE_EVENTS = 1_000_000, 10_000
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
QUOTAS = {"FilterLogEvents": 5, "GetLogEvents": 25}  # calls a second
CHECKPOINT_EVERY_S, CHECKPOINT_BYTES, PROGRESS_BYTES, SUMMARY_BYTES = 5, 6_400, 1_900, 20_000
CHECKPOINTS_A_SECOND = 10  # of all tasks: the more tasks, the rarer those of each
HEARD_S = 2.0  # interval in seconds at which a task reads the stop in the control table
ENDS_S = 1.0  # seconds from a task's last line to STOPPED


@dataclass
class Task:
    """One task.

    Attributes:
        number: from 0, in the order of the launch.
        created_at: instant of RunTask; s since 1970.
        starts_s: seconds from RunTask to its start.
        runs_s: seconds of its load.
        stops_at: when it reads the request to stop; s since 1970.
    """

    number: int
    created_at: float
    starts_s: float
    runs_s: int
    stops_at: float = float("inf")

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{CLUSTER}/{self.number:032x}"

    @property
    def started_at(self) -> float:
        """When it starts; s since 1970."""
        return self.created_at + self.starts_s

    @property
    def ended_at(self) -> float:
        """When it writes its last line; s since 1970."""
        return max(self.started_at, min(self.started_at + self.runs_s + 0.5, self.stops_at))

    @property
    def stopped_at(self) -> float:
        """When it is STOPPED; s since 1970."""
        return self.ended_at + ENDS_S

    def lines(self, since: float, until: float) -> Iterator[tuple[float, int]]:
        """Yield when it writes which line, from 1, between two instants in s since 1970."""
        first = max(0, int(since - self.started_at) - 1)
        last = min(int(until - self.started_at) + 1, self.whole_seconds)
        for second in range(first, last + 1):
            if since <= (at := self.started_at + second) <= until:
                yield at, second + 1
        if since <= self.ended_at <= until:
            yield self.ended_at, self.whole_seconds + 2

    @property
    def whole_seconds(self) -> int:
        """How many seconds of its load it reports."""
        return max(0, min(self.runs_s, int(self.ended_at - self.started_at)))

    def message(self, line: int, count: int) -> str:
        """Return the text of a line, of one of `count` tasks."""
        last = line == self.whole_seconds + 2
        at = self.ended_at if last else self.started_at + line - 1
        content: dict[str, Any] = {"ts": at, "worker": self.number, "line": line, "task": self.number}
        if line == 1:
            segment = {"index": self.number, "count": count}
            content |= {"event": "run.started", "segment": segment, "planned_operations": 100 * self.runs_s}
        elif last and self.stops_at > self.ended_at:
            content |= {"event": "run.summary", "verdict": "passed", "exit_code": 0, "fill": "x" * SUMMARY_BYTES}
        elif last:
            content |= {"event": "run.failed", "exit_code": 6, "message": "stopped"}
        else:
            fill = (
                CHECKPOINT_BYTES
                if line % max(CHECKPOINT_EVERY_S, count // CHECKPOINTS_A_SECOND) == 0
                else PROGRESS_BYTES
            )
            content |= {"event": "run.progress", "elapsed_s": float(line - 1), "planned_duration_s": self.runs_s}
            content |= {
                "planned_operations": 100 * self.runs_s,
                "total": {"sent": 100 * (line - 1)},
                "fill": "x" * fill,
            }
        return json.dumps(content)

    def described(self, now: float) -> dict[str, Any]:
        """Return the task as DescribeTasks describes it."""
        stopped, started = now >= self.stopped_at, now >= self.started_at
        container: dict[str, Any] = {"name": CONTAINER}
        task: dict[str, Any] = {
            "taskArn": self.arn,
            "taskDefinitionArn": DEFINITION,
            "createdAt": self.created_at,
            "lastStatus": "STOPPED" if stopped else "RUNNING" if started else "PROVISIONING",
            "launchType": "FARGATE",
            "cpu": "1024",
            "memory": "2048",
            "containers": [container],
        }
        if started:
            task["startedAt"] = self.started_at
        if stopped:
            stopped_early = self.stops_at <= self.ended_at
            container["exitCode"] = 6 if stopped_early else 0
            task |= {"stoppedAt": self.stopped_at, "stopCode": "EssentialContainerExited"}
        return task


@dataclass
class FleetAws:
    """The fake.

    Attributes:
        latency_s: seconds that a call takes, by operation; 0 for others.
        starts_s: seconds from a task's creation to its start.
        runs_s: seconds of each task's load.
        delay_s: seconds after which a line can be read.
        count: the number of tasks that the run requests.
        tasks: those that RunTask has created.
        calls: operation and instant of each call; s since 1970.
        throttled: how many calls exceeded their quota.
    """

    latency_s: Mapping[str, float]
    starts_s: float
    runs_s: int
    delay_s: float
    count: int
    tasks: list[Task] = field(default_factory=list)
    calls: list[tuple[float, str]] = field(default_factory=list)
    throttled: int = 0
    stop_written_at: float = 0.0

    @cached_property
    def server(self) -> ThreadingHTTPServer:
        """The HTTP server on a free port of the loopback interface."""
        fleet = self
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # A response in two writes waits for the peer's delayed acknowledgement.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    fleet.calls.append((time.time(), operation))
                    exceeds = fleet.exceeds(operation)
                time.sleep(fleet.latency_s.get(operation, 0.0))
                with lock:
                    status, response = fleet.refusal() if exceeds else (200, fleet.respond(operation, request))
                body = json.dumps(response).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Write nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def exceeds(self, operation: str) -> bool:
        """Return whether the newest call exceeds the operation's quota."""
        if operation not in QUOTAS:
            return False
        now = time.time()
        recent = 0
        for at, name in reversed(self.calls):
            if at <= now - 1:
                break
            recent += name == operation
        return recent > QUOTAS[operation]

    def refusal(self) -> tuple[int, dict[str, Any]]:
        """Count a throttled call; return its response."""
        self.throttled += 1
        return 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}

    def respond(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the response to a call."""
        responses: dict[str, Callable[[], dict[str, Any]]] = {
            "DescribeClusters": lambda: {"clusters": [{"clusterName": CLUSTER, "status": "ACTIVE"}], "failures": []},
            "DescribeTaskDefinition": lambda: {"taskDefinition": _definition()},
            "RunTask": lambda: self._run(request),
            "ListTasks": lambda: {"taskArns": []},
            "DescribeTasks": lambda: self._describe(request),
            "StopTask": lambda: self._stop(request),
            "GetLogEvents": lambda: self._stream(request),
            "FilterLogEvents": lambda: self._group(request),
            "UpdateItem": self._stop_all,
        }
        return responses[operation]()

    @property
    def lines(self) -> int:
        """The number of lines that all tasks have written."""
        return sum(task.whole_seconds + 2 for task in self.tasks)

    def _run(self, request: Mapping[str, Any]) -> dict[str, Any]:
        now = time.time()
        made = [Task(len(self.tasks) + n, now, self.starts_s, self.runs_s) for n in range(request["count"])]
        self.tasks += made
        return {"tasks": [task.described(now) for task in made], "failures": []}

    def _describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        now = time.time()
        return {"tasks": [self._task(arn).described(now) for arn in request["tasks"]], "failures": []}

    def _stop(self, request: Mapping[str, Any]) -> dict[str, Any]:
        task = self._task(request["task"])
        task.stops_at = min(task.stops_at, time.time())
        return {"task": task.described(time.time())}

    def _stop_all(self) -> dict[str, Any]:
        now = self.stop_written_at = time.time()
        for task in self.tasks:
            # Each reads the table at another instant.
            task.stops_at = min(task.stops_at, max(now, task.started_at) + HEARD_S * (task.number % 20) / 20)
        return {}

    def _task(self, arn: str) -> Task:
        return self.tasks[int(arn.rpartition("/")[2], 16)]

    def _stream(self, request: Mapping[str, Any]) -> dict[str, Any]:
        task = self._task(request["logStreamName"])
        readable = time.time() - self.delay_s
        start = int(request.get("nextToken") or 0)
        lines = list(task.lines(0.0, readable))
        events: list[dict[str, Any]] = []
        size = 0
        for at, line in lines[start:]:
            message = task.message(line, self.count)
            size += len(message)
            if size > PAGE_BYTES:
                break
            events.append({"timestamp": round(at * 1000), "message": message})
        return {"events": events, "nextForwardToken": str(start + len(events)), "nextBackwardToken": "0"}

    def _group(self, request: Mapping[str, Any]) -> dict[str, Any]:
        until = time.time() - self.delay_s
        if token := request.get("nextToken"):
            position, _slash, end = token.partition("/")
            start, until = int(position), float(end)
        else:
            start = 0
        since = request["startTime"] / 1000
        found = sorted((at, task.number, line) for task in self.tasks for at, line in task.lines(since, until))
        events: list[dict[str, Any]] = []
        size = 0
        for at, number, line in found[start:]:
            message = self.tasks[number].message(line, self.count)
            size += len(message)
            if size > PAGE_BYTES or len(events) == PAGE_EVENTS:
                return {"events": events, "nextToken": f"{start + len(events)}/{until!r}"}
            stream = f"{PREFIX}/{CONTAINER}/{number:032x}"
            events.append(
                {
                    "logStreamName": stream,
                    "timestamp": round(at * 1000),
                    "message": message,
                    "eventId": f"{number}/{line}",
                }
            )
        return {"events": events}


def _definition() -> dict[str, Any]:
    options = {"awslogs-group": GROUP, "awslogs-stream-prefix": PREFIX, "awslogs-region": REGION}
    container = {
        "name": CONTAINER,
        "image": "bench",
        "essential": True,
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    return {
        "taskDefinitionArn": DEFINITION,
        "family": "fleet",
        "revision": 1,
        "status": "ACTIVE",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "compatibilities": ["EC2", "FARGATE"],
        "cpu": "1024",
        "memory": "2048",
        "containerDefinitions": [container],
    }
