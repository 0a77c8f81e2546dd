# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container of the process engine: one child process, and what is known of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from embedded_aws.engine import health_check
from embedded_aws.engine.health_check import Health, HealthCheck
from embedded_aws.engine.sandbox import Bind, Sandbox

STDOUT, STDERR = 1, 2
NEVER = "0001-01-01T00:00:00Z"  # Docker's text for an instant that has not come
OUTPUT_GRACE = 1.0  # seconds in which output is read that descendants outside of the process group still hold open
NETWORK = "loopback"  # the engine's only network
ADDRESS_VARIABLE = "TASK_ADDRESS"  # of the environment: the task listens on this address
MAX_LINE = 1024**2  # bytes; a longer line is delivered in pieces


@dataclass
class Container:
    """One child process and what is known of it; its output is kept in memory, line by line."""

    id: str
    name: str
    image: str
    argv: list[str]
    environment: dict[str, str]
    labels: dict[str, str]
    address: str
    created_at: str
    sandbox: Sandbox
    binds: list[Bind] = field(default_factory=list)
    check: HealthCheck | None = None
    health: Health | None = None  # None without a check that this machine can run
    started_at: str = NEVER
    finished_at: str = NEVER
    process: asyncio.subprocess.Process | None = None
    pid: int = 0  # of the program, which is not that of the process where binds are mounted for it
    exit_code: int | None = None
    lines: list[tuple[int, bytes]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    watcher: asyncio.Task[None] | None = None

    @property
    def status(self) -> str:
        """The Engine API's word for the state."""
        if self.exit_code is not None:
            return "exited"
        return "running" if self.process else "created"

    async def start(self) -> None:
        """Start the process; OSError where its command cannot be run."""
        binds = self.sandbox.accepted(self.binds)
        folder = tempfile.mkdtemp(prefix="ddbload-task-")
        # The pipes are not asyncio's, since its wait() waits for the end of its pipes in some versions only.
        pipes = {stream: os.pipe() for stream in (STDOUT, STDERR)}
        try:
            process, self.pid = await self.sandbox.launch(
                binds,
                self.argv,
                cwd=folder,
                env={"HOME": folder} | self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=pipes[STDOUT][1],
                stderr=pipes[STDERR][1],
                start_new_session=True,
            )
            self.process = process
        except BaseException:
            for read_end, _write_end in pipes.values():
                os.close(read_end)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            for _read_end, write_end in pipes.values():
                os.close(write_end)
        self.started_at = timestamp()
        checks = self._start_checks(binds, folder)
        outputs = [
            asyncio.create_task(self._read(stream, read_end)) for stream, (read_end, _write_end) in pipes.items()
        ]
        self.watcher = asyncio.create_task(self._watch(process, outputs, checks, folder))

    def _start_checks(self, binds: list[Bind], folder: str) -> asyncio.Task[None] | None:
        """Start the health checks where this machine has their program; they see what the container sees."""
        check, environment = self.check, {"HOME": folder} | self.environment
        if check is None:
            return None
        if program := check.missing(environment.get("PATH")):
            print(f"{self.name}: the health is unknown, this machine has no {program} for its health check", flush=True)
            return None

        async def passes() -> bool:
            silent = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.DEVNULL)
            options = {"cwd": folder, "env": environment, "start_new_session": True, **silent}
            try:
                process, _pid = await self.sandbox.launch(binds, check.command, **options)
            except OSError:
                return False
            return await health_check.passes(process, check.timeout)

        self.health = Health(check, time.monotonic())
        return asyncio.create_task(health_check.follow(self.health, passes))

    async def _watch(
        self,
        process: asyncio.subprocess.Process,
        outputs: list[asyncio.Task[None]],
        checks: asyncio.Task[None] | None,
        folder: str,
    ) -> None:
        code = await process.wait()
        if checks is not None:
            checks.cancel()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # a container's end ends all that is in it
        _finished, unfinished = await asyncio.wait(outputs, timeout=OUTPUT_GRACE)
        for output in unfinished:
            output.cancel()
        await asyncio.gather(*outputs, *([checks] if checks else []), return_exceptions=True)
        shutil.rmtree(folder, ignore_errors=True)
        async with self.changed:
            self.finished_at = timestamp()
            # Docker reports a death by signal n as 128 + n. It is set after the last output, so that readers miss none.
            self.exit_code = code if code >= 0 else 128 - code
            self.changed.notify_all()

    async def _read(self, stream: int, descriptor: int) -> None:
        reader = asyncio.StreamReader(limit=MAX_LINE)
        transport, _protocol = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
        )
        rest = b""
        try:
            while chunk := await reader.read(MAX_LINE):
                *complete, rest = (rest + chunk).split(b"\n")
                if len(rest) >= MAX_LINE:
                    complete, rest = [*complete, rest], b""
                await self._append(stream, complete)
        finally:
            transport.close()
            if rest:
                await self._append(stream, [rest])

    async def _append(self, stream: int, lines: list[bytes]) -> None:
        async with self.changed:
            self.lines.extend((stream, line + b"\n") for line in lines)
            self.changed.notify_all()

    def signal(self, number: int) -> None:
        """Send a signal to the process, as Docker does: what it started is its own business until it ends."""
        if self.process and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def wait(self) -> int:
        """Wait for the end of a started process; returns its exit code."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.status != "running")
        return self.exit_code or 0

    async def stop(self, grace: float) -> None:
        """End the process: SIGTERM, and SIGKILL after ``grace`` seconds."""
        if self.status != "running":
            return
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.wait(), grace)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self.wait()

    async def output(self, follow: bool) -> AsyncIterator[tuple[int, bytes]]:
        """Yield every line from the first on; with ``follow`` up to the process's end, also of a removed container."""
        position = 0
        while True:
            async with self.changed:
                while follow and len(self.lines) == position and self.status != "exited":
                    await self.changed.wait()
                batch, more = self.lines[position:], follow and self.status != "exited"
            for line in batch:
                yield line
            position += len(batch)
            if not more:
                return

    def summary(self) -> dict[str, Any]:
        """Describe it as GET /containers/json does."""
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "Image": self.image,
            "Labels": self.labels,
            "State": self.status,
            "Status": self.status,
        }

    def details(self) -> dict[str, Any]:
        """Describe it as GET /containers/{id}/json does."""
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Image": self.image,
            "Created": self.created_at,
            "State": {
                "Status": self.status,
                "Running": self.status == "running",
                "Pid": self.pid if self.status == "running" else 0,
                "ExitCode": self.exit_code or 0,
                "StartedAt": self.started_at,
                "FinishedAt": self.finished_at,
                **({"Health": {"Status": self.health.status}} if self.health else {}),
            },
            "Config": {"Image": self.image, "Labels": self.labels, "Tty": False, "Cmd": self.argv},
            "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {}}, "NetworkMode": "host"},
            "NetworkSettings": {"Networks": {NETWORK: {"IPAddress": self.address}}, "Ports": {}},
        }


def task_environment(given: Mapping[str, str], path: str, address: str) -> dict[str, str]:
    """Build a task's environment: what the API gave, its address, and the way to the programs.

    Args:
        given: the task's variables.
        path: folders of programs, as PATH has them; they come before those of the task's own PATH.
        address: of the task.
    """
    # The name by which a container reaches its host: here both are one machine.
    task = {name: value.replace("host.docker.internal", "127.0.0.1") for name, value in given.items()}
    own = {ADDRESS_VARIABLE: address, "PATH": os.pathsep.join(filter(None, [path, task.get("PATH")]))}
    return {"LANG": "C.UTF-8"} | task | own


def timestamp() -> str:
    """Now, as the Engine API writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
