# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops the embedded AWS: MiniStack and the engine that runs its tasks, two processes of this machine."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import private_files
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.folder import LOCK, LocalAwsFolder
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import Settings, make_plan
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.process import (
    BackgroundProcess,
    ProcessError,
    wait_until,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

STOP_GRACE = 15.0  # seconds: MiniStack gives its tasks 2 s and its connections 3 s, the engine its processes 3 s
RUNNING_HEALTH_SECONDS = 10.0  # a process that runs already has had its time to start
LOCK_SECONDS = 150.0  # that another start or stop in the same folder may take


@dataclass(frozen=True)
class Outcome:
    """The outcome of a start: whether it started a process, the engine of the tasks, warnings for the operator."""

    changed: bool
    engine: str
    warnings: list[Problem]


def start(
    settings: Settings, wanted: str, environ: Mapping[str, str], timeout: float, interrupted: Callable[[], bool]
) -> Outcome:
    """Start MiniStack and the process engine unless they run, and wait until both respond.

    Args:
        settings: its settings.
        wanted: what runs tasks: ``auto``, ``process`` or ``docker``.
        environ: the operator's environment.
        timeout: seconds within which each has to respond.
        interrupted: returns whether to give the start up.

    Raises:
        ProcessError: it cannot be started; what this call started is stopped again.
        OSError: the folder cannot be written.
    """
    with _alone(settings.directory, interrupted):
        plan = make_plan(settings, wanted, environ)
        if settings.emulator.running_pid() is None:
            _end(settings, [settings.engine, settings.envoy])  # both are of no use without their emulator
            socket = settings.folder.prepare(environ)
            plan = replace(plan, host=plan.host or f"unix://{socket}")
        started: list[BackgroundProcess] = []
        try:
            for part in plan.parts(environ):
                limit = RUNNING_HEALTH_SECONDS
                if part.process.running_pid() is None:
                    started.append(part.process)
                    part.process.start(part.command, part.environment, plan.notes)
                    limit = timeout
                part.process.await_health(part.healthy, limit, interrupted)
        except BaseException:
            _end(settings, list(reversed(started)))
            raise
        return Outcome(bool(started), plan.engine, plan.warnings)


def preview(settings: Settings, wanted: str, environ: Mapping[str, str]) -> Outcome:
    """Return the outcome of a start, and start nothing; ProcessError where the request cannot be met."""
    plan = make_plan(settings, wanted, environ)
    return Outcome(any(part.process.running_pid() is None for part in plan.parts(environ)), plan.engine, plan.warnings)


def running_pids(settings: Settings) -> dict[str, int]:
    """Return the pids of what runs, by name; ForeignFileError where the folder is another user's."""
    private_files.check_folder(settings.directory)
    return {process.name: pid for process in settings.processes if (pid := process.running_pid())}


def stop(settings: Settings, interrupted: Callable[[], bool]) -> bool:
    """Stop all; MiniStack first, since it stops its tasks through the engine. Returns whether one of them ran.

    Args:
        settings: its settings; the port of its start takes precedence over theirs.
        interrupted: returns whether the caller has given the wait up.

    Raises:
        ProcessError: one does not end, or another start or stop does not.
    """
    if not settings.directory.is_dir():
        return False
    with _alone(settings.directory, interrupted):
        return _end(settings, [settings.emulator, settings.engine, settings.envoy])


def _end(settings: Settings, processes: list[BackgroundProcess]) -> bool:
    """Stop processes, and remove a start's files unless the emulator still runs; returns whether one of them ran."""
    host = next((known for process in settings.processes if (known := process.note("docker_host", ""))), "")
    is_own = "process" in [process.note("engine", "") for process in settings.processes]
    ran = [process.stop(STOP_GRACE) for process in processes]
    if settings.emulator.running_pid() is None:
        settings.folder.forget(Path(host.removeprefix("unix://")) if host and is_own else None)
    return any(ran)


@contextmanager
def _alone(directory: Path, interrupted: Callable[[], bool]) -> Iterator[None]:
    """Let one start or stop at a time work on a folder."""
    try:
        LocalAwsFolder(directory).check()
        private_files.own_folder(directory)
        lock = private_files.open_for_appending(directory / LOCK)
    except private_files.ForeignFileError:
        raise
    except OSError as error:
        raise ProcessError(
            Problem("folder", f"{directory} cannot be written ({error.strerror})", private_files.OTHER_FOLDER)
        ) from error
    with lock:
        if not wait_until(lambda: interrupted() or _has_locked(lock), LOCK_SECONDS):
            what = f"another start or stop has been at work in {directory} for {LOCK_SECONDS:g} s"
            raise ProcessError(Problem("locked", what))
        if interrupted():
            raise ProcessError(Problem("interrupted", "interrupted"))
        yield


def _has_locked(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
