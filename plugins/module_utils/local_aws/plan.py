# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of the embedded AWS: which processes run, with which commands and environments."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import docker
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import port as local_port
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.folder import LocalAwsFolder, proof
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.process import (
    BackgroundProcess,
    ProcessError,
    clean_environment,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

LOOPBACK = "127.0.0.1"
PACKAGES = ("ministack", "aiohttp", "docker")
HEALTH_PATH = "/_ddbload/health"
APPLICATION = "embedded_aws.application:application"
# What version 0.1.0 served has no guard: it is known so that it can be stopped.
EMULATOR_MARKS = (APPLICATION, "ministack.app:app")
ENGINE_MARKS = ("process_engine.py",)
ENVOY_MARKS = ("envoy",)
# All that the two processes see of the operator's environment: no credentials, no profile, no proxy.
INHERITED = ("HOME", "USER", "LOGNAME", "TZ", "TMPDIR", "DDBLOAD_MINUTE_SECONDS")
STOP_FIRST = "stop it first (this removes its stacks): -e local_aws_state=stopped"


@dataclass(frozen=True)
class Settings:
    """The settings of the embedded AWS."""

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
        """Endpoint of every service of the embedded AWS."""
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
    def envoy(self) -> BackgroundProcess:
        """The load balancers' Envoy, which MiniStack's process starts once the first load balancer exists."""
        return BackgroundProcess("envoy", self.directory, ENVOY_MARKS)

    @property
    def processes(self) -> list[BackgroundProcess]:
        """All that can run."""
        return [self.engine, self.emulator, self.envoy]


@dataclass(frozen=True)
class Part:
    """One of the two processes: its command, its environment, and whether it is healthy."""

    process: BackgroundProcess
    command: list[str]
    environment: dict[str, str]
    healthy: Callable[[], bool]


@dataclass(frozen=True)
class Plan:
    """What a start runs.

    Attributes:
        settings: what the embedded AWS is like.
        engine: what runs tasks, ``process`` or ``docker``.
        host: the Docker Engine API that runs tasks, as DOCKER_HOST writes it.
        addresses: where MiniStack listens.
        warnings: for the operator.
    """

    settings: Settings
    engine: str
    host: str
    addresses: list[str]
    warnings: list[Problem] = field(default_factory=list)

    @property
    def notes(self) -> dict[str, str]:
        """What the pid files keep of the start."""
        return {"engine": self.engine, "docker_host": self.host, "port": str(self.settings.port)}

    def parts(self, environ: Mapping[str, str]) -> list[Part]:
        """Return the processes in the order of their start.

        Args:
            environ: the operator's environment.
        """
        settings = self.settings
        emulator = Part(
            settings.emulator,
            emulator_command(settings, self.addresses),
            emulator_environment(settings, self.engine, self.host, self.addresses, environ),
            lambda: emulator_answers(settings),
        )
        engine = Part(
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
            Problem(
                "no_engine",
                f"no Docker engine answers on {host}",
                "start it, name it by DOCKER_HOST (unix:// or tcp://), "
                "or let tasks run as processes of this machine: -e local_task_engine=process",
            )
        )
    return "process", ""


def bind_addresses(host: str) -> list[str]:
    """Return where MiniStack listens: the loopback, and with Docker also its bridge, for containers."""
    bridge = docker.bridge_address(host) if host else ""
    # With Docker Desktop the bridge is in a virtual machine, and containers reach the loopback.
    return [LOOPBACK, bridge] if bridge and local_port.can_listen(bridge, 0) else [LOOPBACK]


def process_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Build the environment of both processes: nothing of the operator's AWS settings and proxies is in it.

    Args:
        settings: the settings of the embedded AWS.
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
        settings: the settings of the embedded AWS.
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
        "DDBLOAD_FRONT": str(settings.folder.front),
        "DDBLOAD_DATABASES": str(settings.folder.databases),
        "GATEWAY_PORT": str(settings.port),
        "DOCKER_HOST": host,
        "LOG_LEVEL": settings.log_level.upper(),
        "STATE_DIR": str(state),
        "S3_DATA_DIR": str(state / "s3"),
        "TMPDIR": str(state),
        # Listeners that the embedded AWS does not need; the first one on port 8883 of every address.
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
    """Return whether the folder's own emulator listens on the port: it has to prove that it has the secret."""
    secret, nonce = settings.folder.secret(), secrets.token_hex(16)
    status, body = docker.get(settings.endpoint_url, f"{HEALTH_PATH}?{nonce}")
    try:
        answered = json.loads(body)["proof"] if status == 200 else ""
    except (ValueError, KeyError, TypeError):
        return False
    return secret is not None and secrets.compare_digest(str(answered).encode(), proof(secret, nonce).encode())


def port_of(settings: Settings) -> int:
    """Return the port of what runs in the folder; that of the settings where nothing is known."""
    known = settings.emulator.note("port", "") or settings.engine.note("port", "")
    return int(known) if known.isdigit() else settings.port


def make_plan(settings: Settings, wanted: str, environ: Mapping[str, str]) -> Plan:
    """Return what a start would run, and start nothing.

    Args:
        settings: what the embedded AWS is like.
        wanted: what runs tasks: ``auto``, ``process`` or ``docker``.
        environ: the operator's environment.

    Raises:
        ProcessError: it cannot be started like this.
        OSError: the folder cannot be read.
    """
    settings.folder.check()
    return _plan_running(settings, wanted) if settings.emulator.running_pid() else _plan_new(settings, wanted, environ)


def _plan_new(settings: Settings, wanted: str, environ: Mapping[str, str]) -> Plan:
    engine, host = choose_engine(wanted, environ)
    addresses = bind_addresses(host)
    for address in addresses:
        try:
            free = local_port.can_listen(address, settings.port)
        except OSError as error:
            raise ProcessError(
                Problem(
                    "port",
                    f"port {settings.port} of {address} cannot be used ({error.strerror})",
                    "choose one from 1024 on: -e local_aws_port=4566",
                )
            ) from error
        if not free:
            other = local_port.next_free_port(address, settings.port)
            raise ProcessError(
                Problem(
                    "port",
                    f"port {settings.port} of {address} is taken by {local_port.port_owner(settings.port)}",
                    f"stop it, or choose another port: -e local_aws_port={other}",
                )
            )
    _check_packages(settings.python)
    return Plan(settings, engine, host, addresses)


def _plan_running(settings: Settings, wanted: str) -> Plan:
    """Keep the engine of the running emulator: its stacks are in memory, a restart would lose them."""
    port = port_of(settings)
    if port != settings.port:
        raise ProcessError(
            Problem(
                "running",
                f"the embedded AWS of {settings.directory} runs on port {port} since it was started",
                f"call with -e local_aws_port={port}, or {STOP_FIRST}",
            )
        )
    if settings.folder.secret() is None:
        raise ProcessError(
            Problem(
                "running",
                f"the embedded AWS of {settings.directory} has no credentials file, as if started by an earlier "
                "version, which lets every user and web page in",
                "stop it (this removes its stacks): -e local_aws_state=stopped",
            )
        )
    engine = settings.emulator.note("engine", "process")
    host = settings.emulator.note("docker_host", "")
    warnings: list[Problem] = []
    if wanted not in ("auto", engine):
        warnings.append(
            Problem(
                "running",
                f"the embedded AWS runs its tasks by the {engine} engine since it was started",
                f"for {wanted}, {STOP_FIRST}",
            )
        )
    return Plan(settings, engine, host, [LOOPBACK], warnings)


def _check_packages(python: str) -> None:
    script = f"import importlib.util as u; print(*(name for name in {PACKAGES!r} if not u.find_spec(name)))"
    try:
        found = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        raise ProcessError(
            Problem("python", f"{python} cannot be run ({error.strerror})", "set local_aws_python to an interpreter")
        ) from error
    if found.returncode or found.stdout.strip():
        raise ProcessError(
            Problem(
                "python",
                f"{python} lacks packages of the embedded AWS ({found.stdout.strip() or found.stderr.strip()})",
                f"run {python} -m pip install --requirement requirements/local.txt, "
                "or name another by local_aws_python",
            )
        )
