# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded AWS: MiniStack and the engine that runs its tasks, as two processes of this machine."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import docker, private_files
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import port as local_port
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.folder import LOCK, LocalAwsFolder, proof
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.process import (
    BackgroundProcess,
    ProcessError,
    clean_environment,
    wait_until,
)

LOOPBACK = "127.0.0.1"
PACKAGES = ("ministack", "aiohttp", "docker")
HEALTH_PATH = "/_ddbload/health"
APPLICATION = "embedded_aws.application:application"
# What version 0.1.0 served has no guard: it is known so that it can be stopped.
EMULATOR_MARKS = (APPLICATION, "ministack.app:app")
ENGINE_MARKS = ("process_engine.py",)
# All that the two processes see of the operator's environment: no credentials, no profile, no proxy.
INHERITED = ("HOME", "USER", "LOGNAME", "TZ", "TMPDIR")
STOP_GRACE = 15.0  # seconds: MiniStack gives its tasks 2 s and its connections 3 s, the engine its processes 3 s
RUNNING_HEALTH_SECONDS = 10.0  # a process that runs already has had its time to start
LOCK_SECONDS = 150.0  # that another start or stop in the same folder may take


@dataclass(frozen=True)
class Settings:
    """What the embedded AWS is to be like."""

    port: int
    directory: Path
    python: str
    process_engine: Path
    log_level: str
    programs: tuple[str, ...] = ()  # that tasks may run as processes; none where any may

    @property
    def folder(self) -> LocalAwsFolder:
        """What a start keeps in the directory."""
        return LocalAwsFolder(self.directory)

    @property
    def endpoint_url(self) -> str:
        """Where every service of the embedded AWS answers."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def emulator(self) -> BackgroundProcess:
        """MiniStack."""
        return BackgroundProcess("ministack", self.directory, EMULATOR_MARKS)

    @property
    def engine(self) -> BackgroundProcess:
        """The process engine."""
        return BackgroundProcess("process-engine", self.directory, ENGINE_MARKS)

    @property
    def processes(self) -> list[BackgroundProcess]:
        """Both."""
        return [self.engine, self.emulator]


@dataclass(frozen=True)
class Outcome:
    """What a start came to: whether something had to be started, what runs tasks, what the operator should know."""

    changed: bool
    engine: str
    warnings: list[str]


@dataclass(frozen=True)
class _Part:
    process: BackgroundProcess
    command: list[str]
    environment: dict[str, str]
    healthy: Callable[[], bool]


@dataclass(frozen=True)
class _Plan:
    settings: Settings
    engine: str
    host: str
    addresses: list[str]
    warnings: list[str] = field(default_factory=list)

    @property
    def notes(self) -> dict[str, str]:
        return {"engine": self.engine, "docker_host": self.host, "port": str(self.settings.port)}

    def parts(self, environ: Mapping[str, str]) -> list[_Part]:
        settings = self.settings
        emulator = _Part(
            settings.emulator,
            emulator_command(settings, self.addresses),
            emulator_environment(settings, self.engine, self.host, self.addresses, environ),
            lambda: emulator_answers(settings),
        )
        engine = _Part(
            settings.engine,
            engine_command(settings, self.host),
            process_environment(settings, environ),
            lambda: docker.answers(self.host, settings.engine.running_pid()),
        )
        return [engine, emulator] if self.engine == "process" else [emulator]


def choose_engine(wanted: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Choose what runs tasks.

    Args:
        wanted: ``auto``, ``process`` or ``docker``.
        environ: the operator's environment, for DOCKER_HOST.

    Returns:
        ``process`` and an empty string, or ``docker`` and where it is.

    Raises:
        ProcessError: Docker is wanted and does not answer.
    """
    host = docker.docker_host(environ)
    if wanted != "process" and docker.answers(host):
        return "docker", host
    if wanted == "docker":
        raise ProcessError(
            f"no Docker engine answers on {host}: start it, name it by DOCKER_HOST (unix:// or tcp://), "
            "or let tasks run as processes of this machine: -e local_task_engine=process"
        )
    return "process", ""


def bind_addresses(host: str) -> list[str]:
    """Return where MiniStack listens: the loopback, and with Docker also its bridge, by which containers reach it."""
    bridge = docker.bridge_address(host) if host else ""
    # With Docker Desktop the bridge is in a virtual machine, and containers reach the loopback.
    return [LOOPBACK, bridge] if bridge and local_port.can_listen(bridge, 0) else [LOOPBACK]


def process_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Build the environment of both processes: nothing of the operator's AWS settings and proxies is in it.

    Args:
        settings: what the embedded AWS is to be like.
        environ: the operator's environment.
    """
    own = {
        "PATH": os.pathsep.join([str(Path(settings.python).parent), environ.get("PATH", os.defpath)]),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        # The program's folder may be one that is only to be read.
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return clean_environment(environ, INHERITED, own)


def emulator_environment(
    settings: Settings, engine: str, host: str, addresses: list[str], environ: Mapping[str, str]
) -> dict[str, str]:
    """Build the environment of MiniStack.

    Args:
        settings: what the embedded AWS is to be like.
        engine: what runs tasks, ``process`` or ``docker``.
        host: the Docker Engine API that runs tasks, as DOCKER_HOST writes it.
        addresses: where it listens.
        environ: the operator's environment.
    """
    # By the last one a container reaches this machine's loopback where the engine is in a virtual machine.
    names = [*addresses, "localhost", *(["host.docker.internal"] if engine == "docker" else [])]
    state = settings.folder.state
    return process_environment(settings, environ) | {
        "PYTHONPATH": str(settings.process_engine.parent),
        "DDBLOAD_CREDENTIALS": str(settings.folder.credentials),
        "DDBLOAD_HOSTS": ",".join(f"{name}:{settings.port}" for name in names),
        "DDBLOAD_TASK_ENGINE": engine,
        "GATEWAY_PORT": str(settings.port),
        "DOCKER_HOST": host,
        "LOG_LEVEL": settings.log_level.upper(),
        "STATE_DIR": str(state),
        "S3_DATA_DIR": str(state / "s3"),
        "TMPDIR": str(state),
        # Listeners that nobody here asked for; the first one on port 8883 of every address.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def emulator_command(settings: Settings, addresses: list[str]) -> list[str]:
    """Build MiniStack's command: its own program listens on one address only, its server on as many as are named."""
    command = [settings.python, "-m", "hypercorn", APPLICATION, "--workers", "0", "--keep-alive", "75"]
    command += ["--log-level", settings.log_level.upper()]
    return command + [part for address in addresses for part in ("--bind", f"{address}:{settings.port}")]


def engine_command(settings: Settings, host: str) -> list[str]:
    """Build the process engine's command; it serves on the UNIX socket that ``host`` names."""
    engine = [settings.python, str(settings.process_engine)]
    command = [*engine, "--socket", host.removeprefix("unix://"), "--registry", settings.endpoint_url]
    command += ["--credentials", str(settings.folder.credentials)]
    return command + [part for program in settings.programs for part in ("--program", program)]


def emulator_answers(settings: Settings) -> bool:
    """Tell whether what was started in the folder answers on the port: it proves that it knows the secret."""
    secret, nonce = settings.folder.secret(), secrets.token_hex(16)
    status, body = docker.get(settings.endpoint_url, f"{HEALTH_PATH}?{nonce}")
    try:
        answered = json.loads(body)["proof"] if status == 200 else ""
    except (ValueError, KeyError, TypeError):
        return False
    return secret is not None and secrets.compare_digest(str(answered).encode(), proof(secret, nonce).encode())


def start(
    settings: Settings, wanted: str, environ: Mapping[str, str], timeout: float, interrupted: Callable[[], bool]
) -> Outcome:
    """Start what does not run yet of MiniStack and the process engine, and wait until both answer.

    Args:
        settings: what it is to be like.
        wanted: what runs tasks: ``auto``, ``process`` or ``docker``.
        environ: the operator's environment.
        timeout: seconds within which each has to answer.
        interrupted: tells that the start is to be given up.

    Raises:
        ProcessError: it cannot be started; what this call started is stopped again.
        OSError: the folder cannot be written.
    """
    with _alone(settings.directory, interrupted):
        plan = _plan(settings, wanted, environ)
        if settings.emulator.running_pid() is None:
            _end(settings, [settings.engine])  # one that outlived its emulator serves nobody
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
    """Tell what a start would come to, and start nothing; ProcessError where what is asked cannot be."""
    plan = _plan(settings, wanted, environ)
    return Outcome(any(part.process.running_pid() is None for part in plan.parts(environ)), plan.engine, plan.warnings)


def running_pids(settings: Settings) -> dict[str, int]:
    """Return the pids of what runs, by name; ForeignFileError where the folder is another user's."""
    private_files.check_folder(settings.directory)
    return {process.name: pid for process in settings.processes if (pid := process.running_pid())}


def stop(settings: Settings, interrupted: Callable[[], bool]) -> bool:
    """Stop both; MiniStack first, since it stops its tasks through the engine. Returns whether one of them ran.

    Args:
        settings: what is known of it; the port that it was started with counts, whatever this says.
        interrupted: tells that nobody waits for another start or stop any more.

    Raises:
        ProcessError: one does not end, or another start or stop does not.
    """
    if not settings.directory.is_dir():
        return False
    with _alone(settings.directory, interrupted):
        return _end(settings, [settings.emulator, settings.engine])


def _end(settings: Settings, processes: list[BackgroundProcess]) -> bool:
    """Stop processes, and remove what a start left unless the emulator goes on; returns whether one of them ran."""
    host = next((known for process in settings.processes if (known := process.note("docker_host", ""))), "")
    is_own = "process" in [process.note("engine", "") for process in settings.processes]
    ran = [process.stop(STOP_GRACE) for process in processes]
    if settings.emulator.running_pid() is None:
        settings.folder.forget(Path(host.removeprefix("unix://")) if host and is_own else None)
    return any(ran)


def port_of(settings: Settings) -> int:
    """Return the port of what runs in the folder; that of the settings where nothing is known."""
    known = settings.emulator.note("port", "") or settings.engine.note("port", "")
    return int(known) if known.isdigit() else settings.port


def _plan(settings: Settings, wanted: str, environ: Mapping[str, str]) -> _Plan:
    settings.folder.check()
    return _plan_running(settings, wanted) if settings.emulator.running_pid() else _plan_new(settings, wanted, environ)


def _plan_new(settings: Settings, wanted: str, environ: Mapping[str, str]) -> _Plan:
    engine, host = choose_engine(wanted, environ)
    addresses = bind_addresses(host)
    for address in addresses:
        try:
            free = local_port.can_listen(address, settings.port)
        except OSError as error:
            raise ProcessError(
                f"port {settings.port} of {address} cannot be used ({error.strerror}): "
                "choose one from 1024 on: -e local_aws_port=4566"
            ) from error
        if not free:
            other = local_port.next_free_port(address, settings.port)
            raise ProcessError(
                f"port {settings.port} of {address} is taken by {local_port.port_owner(settings.port)}: "
                f"stop it, or choose another port: -e local_aws_port={other}"
            )
    _check_packages(settings.python)
    return _Plan(settings, engine, host, addresses)


def _plan_running(settings: Settings, wanted: str) -> _Plan:
    """It goes on with the engine that it was started with: it keeps its stacks in memory, a restart would lose them."""
    port = port_of(settings)
    if port != settings.port:
        raise ProcessError(
            f"the embedded AWS of {settings.directory} runs on port {port} since it was started: call with "
            f"-e local_aws_port={port}, or stop it first (this removes its stacks): -e local_aws_state=stopped"
        )
    if settings.folder.secret() is None:
        raise ProcessError(
            f"the embedded AWS of {settings.directory} has no credentials file, as if started by an earlier version, "
            "which lets every user and web page in: stop it (this removes its stacks): -e local_aws_state=stopped"
        )
    engine = settings.emulator.note("engine", "process")
    host = settings.emulator.note("docker_host", "")
    warnings = []
    if wanted not in ("auto", engine):
        warnings.append(
            f"the embedded AWS runs its tasks by the {engine} engine since it was started; for {wanted}, "
            "stop it first (this removes its stacks): -e local_aws_state=stopped"
        )
    return _Plan(settings, engine, host, [LOOPBACK], warnings)


def _check_packages(python: str) -> None:
    script = f"import importlib.util as u; print(*(name for name in {PACKAGES!r} if not u.find_spec(name)))"
    try:
        found = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        raise ProcessError(
            f"{python} cannot be run ({error.strerror}): set local_aws_python to an interpreter"
        ) from error
    if found.returncode or found.stdout.strip():
        raise ProcessError(
            f"{python} lacks packages of the embedded AWS ({found.stdout.strip() or found.stderr.strip()}): "
            f"run {python} -m pip install --requirement requirements/local.txt, or name another by local_aws_python"
        )


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
            f"{directory} cannot be written ({error.strerror}): choose another folder: -e local_aws_directory=PATH"
        ) from error
    with lock:
        if not wait_until(lambda: interrupted() or _has_locked(lock), LOCK_SECONDS):
            raise ProcessError(f"another start or stop has been at work in {directory} for {LOCK_SECONDS:g} s")
        if interrupted():
            raise ProcessError("interrupted")
        yield


def _has_locked(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
