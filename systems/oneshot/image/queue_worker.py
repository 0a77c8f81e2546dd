#!/usr/bin/env python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes messages of an SQS queue one by one, and runs a command for each: the entry point of a job's workers.

    queue-worker COMMAND [ARGUMENT ...]

``{NAME}`` in the command is a parameter of the message, ``{run_id}`` the message's id. The variable QUEUE_WORKER holds
the job's settings as JSON; the templates of this collection set it. Needs Python 3.11 and boto3, nothing else, so that
any image can have a copy.

A message is deleted only after its command has succeeded. While a command runs, the task has scale-in protection, and
the message stays hidden. SIGTERM and SIGINT go on to the command, and its message goes back to the queue.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

VARIABLE = "QUEUE_WORKER"
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
RUN_ID = "run_id"
# Seconds: of a receive, which is no longer than a stop may take, and between two looks at the command.
POLL, LOOK = 4, 0.5
# Seconds for which a receive hides a message: so soon it comes again where the worker is killed.
HIDE = 300
# Seconds before ECS kills the task in which the message goes back.
MARGIN = 2.0
# Seconds that the ECS agent has for a response, and between two attempts.
AGENT_TIMEOUT, AGENT_PAUSES = 5.0, (1.0, 2.0)
# Seconds between two receives while AWS refuses them or the protection.
PAUSE, LONGEST_PAUSE = 5.0, 60.0
# Minutes of protection: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateTaskProtection.html
MOST_PROTECTION = 2880
# SQS no longer takes this receive of a message for the newest one.
LOST = ("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "ReceiptHandleIsInvalid")


class MessageError(ValueError):
    """A message does not hold the parameters of the job."""


class ProtectionError(RuntimeError):
    """The ECS agent does not protect the task."""


@dataclass(frozen=True)
class Settings:
    """What the worker knows of its job; times in seconds.

    Attributes:
        queue_url: of the queue.
        command: with placeholders.
        environment: variables with placeholders.
        parameters: of the job, by name.
        parameter: the one that takes the body of a message; empty where the body is a JSON object.
        success_exit_codes: of the command.
        timeout: of one run.
        stop_timeout: between the signal of a stop and the kill.
    """

    queue_url: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    parameter: str = ""
    success_exit_codes: Sequence[int] = (0,)
    timeout: float = 3600.0
    stop_timeout: float = 30.0

    @classmethod
    def of(cls, command: Sequence[str], environment: Mapping[str, str]) -> Settings:
        """Return the settings of a command line and its variables; ValueError where they are not those of a worker."""
        if not command:
            raise ValueError("no command is given: queue-worker COMMAND [ARGUMENT ...]")
        if VARIABLE not in environment:
            raise ValueError(f"the variable {VARIABLE} is missing")
        given = json.loads(environment[VARIABLE])
        queue_url = environment.get(given.pop("queue_variable"), "")
        if not queue_url:
            raise ValueError("the variable with the URL of the queue is missing")
        return cls(queue_url=queue_url, command=list(command), **given)


@dataclass(frozen=True)
class Run:
    """What a message makes of the command, and of the variables with placeholders."""

    command: Sequence[str]
    environment: Mapping[str, str]


def run_of(settings: Settings, run_id: str, body: str) -> Run:
    """Return the run of a message; MessageError where a parameter is missing, unknown, or of another value."""
    values = {name: str(value) for name, value in _values(settings, body).items() if str(value) != ""}
    for name in values:
        if name not in settings.parameters:
            raise MessageError(f"the job has no parameter {name}")
    for name, parameter in settings.parameters.items():
        value = values.get(name)
        if value is None:
            if parameter.get("required"):
                raise MessageError(f"parameter {name} is missing")
        elif "one_of" in parameter and value not in parameter["one_of"]:
            raise MessageError(f"parameter {name} is none of {', '.join(parameter['one_of'])}")
        elif "pattern" in parameter and not re.fullmatch(parameter["pattern"], value):
            raise MessageError(f"parameter {name} does not match {parameter['pattern']}")
    defaults = {name: str(parameter.get("default", "")) for name, parameter in settings.parameters.items()}
    known = {**defaults, **values, RUN_ID: run_id}
    return Run(
        [_filled(word, known) for word in settings.command],
        {name: _filled(str(value), known) for name, value in settings.environment.items()},
    )


def _values(settings: Settings, body: str) -> Mapping[str, Any]:
    if settings.parameter:
        return {settings.parameter: body}
    with suppress(ValueError):
        values = json.loads(body)
        if isinstance(values, dict):
            return values
    raise MessageError("the body is no JSON object")


def _filled(text: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


class Agent:
    """The ECS agent of the task, which protects it from scale-in.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html

    Args:
        uri: of the agent; empty outside of ECS, where nothing scales in.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def protect(self, seconds: float) -> None:
        """Protect the task; ProtectionError where the agent refuses or does not respond."""
        minutes = min(MOST_PROTECTION, int(seconds // 60) + 1)
        self._put({"ProtectionEnabled": True, "ExpiresInMinutes": minutes})

    def release(self) -> None:
        """End the protection; ProtectionError as before."""
        self._put({"ProtectionEnabled": False})

    def _put(self, state: Mapping[str, Any]) -> None:
        if not self._uri:
            return
        request = urllib.request.Request(
            f"{self._uri}/task-protection/v1/state",
            json.dumps(state).encode(),
            {"Content-Type": "application/json"},
            method="PUT",
        )
        try:
            with urllib.request.urlopen(request, timeout=AGENT_TIMEOUT) as response:
                document = json.loads(response.read())
        except urllib.error.HTTPError as error:
            raise ProtectionError(f"the ECS agent responds with {error.code}: {error.read(500)!r}") from error
        except (OSError, ValueError) as error:
            raise ProtectionError(f"the ECS agent does not respond: {error}") from error
        failure = document.get("failure") or document.get("error")
        # A task without a service is never scaled in.
        if failure and failure.get("Reason") != "TASK_NOT_VALID":
            raise ProtectionError(f"the ECS agent refuses: {json.dumps(failure)}")


class Stop:
    """Whether SIGTERM or SIGINT came; the signal goes on to the command that runs.

    Attributes:
        signal: its number; 0 before one came.
        at: when it came; s on the monotonic clock.
    """

    def __init__(self) -> None:
        self.signal, self.at = 0, 0.0
        self._group = 0

    def __bool__(self) -> bool:
        return self.signal != 0

    def install(self) -> None:
        """Take both signals from now on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def follow(self, group: int) -> None:
        """Send a signal on to a process group; 0 for none."""
        self._group = group
        if self.signal and group:
            send(group, self.signal)

    def _note(self, number: int, _frame: Any) -> None:
        if not self.signal:
            self.signal, self.at = number, time.monotonic()
        if self._group:
            send(self._group, number)


def send(group: int, number: int) -> None:
    """Send a signal to a process group, which may be gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def log(event: str, level: str = "info", **details: Any) -> None:
    """Write a line of JSON."""
    ts = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    print(json.dumps({"ts": ts, "level": level, "event": event, **details}), flush=True)


class Worker:
    """Handles the messages of a queue, one by one, until a stop.

    Args:
        settings: of the job.
        sqs: a client of SQS.
        agent: of the task.
        stop: whether a signal came.
        hide: seconds for which a message is hidden at a time.
    """

    def __init__(self, settings: Settings, sqs: Any, agent: Agent, stop: Stop, hide: int = HIDE) -> None:
        self._settings, self._sqs, self._agent, self._stop, self._hide = settings, sqs, agent, stop, hide
        self._pause = 0.0  # seconds before the next receive

    def work(self) -> int:
        """Handle messages until a stop; returns the exit code. It raises the error of the first receive."""
        message = self._receive()
        log("worker_ready", queue=self._settings.queue_url)
        while True:
            if message is None:
                self._pause = 0.0
            elif not self._handle(message):
                return 1
            self._wait(self._pause)
            if self._stop:
                break
            message = self._next()
        log("worker_stopped", signal=signal.Signals(self._stop.signal).name)
        return 0

    # ---- A message

    def _next(self) -> Mapping[str, Any] | None:
        """Return the next message; waits for as long as AWS refuses."""
        while not self._stop:
            try:
                return self._receive()
            except Exception as error:  # after the SDK's own retries
                self._slow_down(f"{type(error).__name__}: {error}")
                self._wait(self._pause)
        return None

    def _receive(self) -> Mapping[str, Any] | None:
        response = self._sqs.receive_message(
            QueueUrl=self._settings.queue_url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=POLL,
            VisibilityTimeout=self._hide,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return next(iter(response.get("Messages", [])), None)

    def _handle(self, message: Mapping[str, Any]) -> bool:
        """Handle a message; returns whether the worker can go on."""
        name = message["MessageId"]
        log("message_received", run_id=name, receives=message.get("Attributes", {}).get("ApproximateReceiveCount"))
        try:
            run = run_of(self._settings, name, message["Body"])
        except MessageError as error:
            self._put_back(message, "message_failed", str(error))
            return True
        reason = "a stop came before the command" if self._stop else self._protected()
        if reason:
            self._put_back(message, "message_put_back", reason)
            return True
        try:
            return self._run(message, run)
        finally:
            self._release()

    def _run(self, message: Mapping[str, Any], run: Run) -> bool:
        own = {key: value for key, value in os.environ.items() if key != VARIABLE}
        try:
            process = subprocess.Popen(
                run.command, env={**own, **run.environment}, stdin=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            # No message can be handled: ECS reports a task that ends at once, and rolls its revision back.
            self._put_back(message, "command_not_started", f"{run.command[0]}: {error.strerror}")
            return False
        self._stop.follow(process.pid)
        try:
            reason = self._follow(message, process)
        finally:
            self._stop.follow(0)
            send(process.pid, signal.SIGKILL)  # what the command left behind
        code = process.returncode
        if code in self._settings.success_exit_codes:
            self._call("delete_message", message)
            log("message_done", run_id=message["MessageId"], exit_code=code)
        elif self._stop:
            self._put_back(message, "message_put_back", signal.Signals(self._stop.signal).name, exit_code=code)
        else:
            self._put_back(message, "message_failed", reason or "the command failed", exit_code=code)
        return True

    def _follow(self, message: Mapping[str, Any], process: subprocess.Popen[bytes]) -> str:
        """Wait for the end of a command, and hide its message for as long; returns why it was stopped, if it was."""
        settings, reason = self._settings, ""
        now = time.monotonic()
        ends_at, hides_at, kills_at = now + settings.timeout, now + self._hide / 4, float("inf")
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK)
                return reason
            now = time.monotonic()
            if self._stop:
                kills_at = min(kills_at, self._stop.at + max(settings.stop_timeout - MARGIN, settings.stop_timeout / 2))
            elif now >= ends_at:
                reason, ends_at = f"the job's timeout of {settings.timeout:g} s is over", float("inf")
                kills_at = now + settings.stop_timeout
                send(process.pid, signal.SIGTERM)
            if now >= kills_at:
                send(process.pid, signal.SIGKILL)
            if now >= hides_at:
                self._call("change_message_visibility", message, VisibilityTimeout=self._hide)
                hides_at = now + self._hide / 4

    def _put_back(self, message: Mapping[str, Any], event: str, reason: str, **details: Any) -> None:
        """Make a message visible at once; after its last receive the queue moves it to its dead-letter queue."""
        self._call("change_message_visibility", message, VisibilityTimeout=0)
        log(event, "error", run_id=message["MessageId"], reason=reason, **details)

    def _call(self, operation: str, message: Mapping[str, Any], **more: Any) -> None:
        """Delete or hide a message; where that fails, it comes again, and the worker goes on."""
        call = getattr(self._sqs, operation)
        try:
            call(QueueUrl=self._settings.queue_url, ReceiptHandle=message["ReceiptHandle"], **more)
        except Exception as error:
            code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
            event = "message_lost" if code in LOST else "call_failed"
            log(event, "error", run_id=message["MessageId"], operation=operation, reason=str(error))

    # ---- The task

    def _protected(self) -> str:
        """Protect the task; returns why that is not possible, empty where it is."""
        seconds = self._settings.timeout + self._settings.stop_timeout
        reason = ""
        for pause in (*AGENT_PAUSES, None):
            try:
                self._agent.protect(seconds)
                self._pause = 0.0
                return ""
            except ProtectionError as error:
                reason = str(error)
            if pause is not None:
                self._wait(pause)
            if self._stop:
                break
        self._slow_down(reason)
        return reason

    def _release(self) -> None:
        if self._stop:
            return  # the task ends
        try:
            self._agent.release()
        except ProtectionError as error:
            log("protection_kept", "error", reason=str(error))

    def _slow_down(self, reason: str) -> None:
        self._pause = min(self._pause * 2 or PAUSE, LONGEST_PAUSE)
        log("worker_waits", "error", seconds=self._pause, reason=reason)

    def _wait(self, seconds: float) -> None:
        ends_at = time.monotonic() + seconds
        while not self._stop and (left := ends_at - time.monotonic()) > 0:
            time.sleep(min(left, LOOK))


def main() -> int:
    """Work until a signal; returns the exit code."""
    try:
        settings = Settings.of(sys.argv[1:], os.environ)
        # Imported only now, so that its absence is one line of the log.
        import boto3
        from botocore.config import Config

        config = Config(connect_timeout=5, read_timeout=POLL + 10, retries={"mode": "standard", "max_attempts": 5})
        sqs = boto3.client("sqs", region_name=os.environ.get("AWS_REGION"), config=config)
        stop = Stop()
        stop.install()
        return Worker(settings, sqs, Agent(os.environ.get("ECS_AGENT_URI", "")), stop).work()
    except Exception as error:
        log("worker_failed", "error", reason=f"{type(error).__name__}: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
