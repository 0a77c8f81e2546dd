# SPDX-License-Identifier: Apache-2.0
"""A scripted server like DynamoDB, for tests: a real table, and faults on request."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from server.clock import new_event_loop
from server.control import Control
from server.http import Connection
from server.log import Injection, Log
from server.schema import DEFAULT
from server.script import Function, Request, ScriptError, parse
from server.service import Service
from server.values import Item

__all__ = ["Function", "Injection", "Log", "Request", "ScriptError", "Server", "serve"]

# The listen backlog.
BACKLOG = 4096
RECEIVE_BYTES = 65_536
START_S = 60.0


class Ports(NamedTuple):
    """The ports of a server: for DynamoDB's clients, and for requests about the server."""

    port: int
    control: int


Script = Sequence[Mapping[str, Any]] | Function
Certificate = tuple[Path, Path]


async def serve(service: Service, port: int, tls: ssl.SSLContext | None) -> tuple[Ports, Sequence[asyncio.Server]]:
    """Listen on a port of the loopback, 0 for any that is free, and on one for requests about the server."""
    loop = asyncio.get_running_loop()
    received = memoryview(bytearray(RECEIVE_BYTES))
    servers = [
        await loop.create_server(lambda: Connection(service, received), "127.0.0.1", port, ssl=tls, backlog=BACKLOG),
        await loop.create_server(lambda: Control(service), "127.0.0.1", 0),
    ]
    return Ports(*(server.sockets[0].getsockname()[1] for server in servers)), servers


def tls_context(certificate: Certificate) -> ssl.SSLContext:
    """Return a TLS context with a certificate and its key, each in a file."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


class Server:
    """A running server, to be used in a ``with``.

    Args:
        script: rules in JSON's shape (see ``server.script``), or a function that is called with each request, which
            needs ``process=False``.
        process: in a separate process, with a core and a precise clock; otherwise in a thread.
        tls: files of a certificate and of its key.
        table: the table, in the shape of CreateTable's request; what is left out is that of ``server.schema.DEFAULT``.
        fast: no PutItem is read or stored, and all have the same response.
        clock_offset_s: seconds by which the server's clock is ahead of the machine's.
    """

    def __init__(
        self,
        script: Script = (),
        process: bool = True,
        tls: Certificate | None = None,
        table: Mapping[str, Any] = DEFAULT,
        fast: bool = False,
        clock_offset_s: float = 0.0,
    ) -> None:
        if process and callable(script):
            raise ScriptError("a script that is a function needs process=False")
        self._ports = Ports(0, 0)
        self._script = script
        self._tls = tls
        self._settings = {"table": dict(table), "fast": fast, "clock_offset_s": clock_offset_s}
        self._log: Log | None = None
        self._runner: _Process | _Thread = _Process() if process else _Thread()

    def __enter__(self) -> Server:
        self._ports = self._runner.start(self._script, self._tls, self._settings)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._log = self.log
        finally:
            self._runner.stop()

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return self._ports.port

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def table(self) -> list[Item]:
        """The items of the table now."""
        items: list[Item] = self._ask("/table")
        return items

    @property
    def control(self) -> list[Item]:
        """The items of the control table now."""
        items: list[Item] = self._ask("/control")
        return items

    @property
    def log(self) -> Log:
        """The log so far; after the end, the whole log."""
        return self._log or Log.of_document(self._ask("/log"))

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._ports.control}{path}", timeout=START_S) as answer:
            return json.load(answer)


class _Process:
    """The server as a child process, which ends when its standard input does: it outlives no test."""

    def start(self, script: Script, tls: Certificate | None, settings: Mapping[str, Any]) -> Ports:
        command = [sys.executable, "-m", "server", "--port", "0", "--until-input-ends"]
        command += ["--script", json.dumps(script), "--table", json.dumps(settings["table"])]
        command += ["--clock-offset", str(settings["clock_offset_s"])]
        command += ["--tls", *map(str, tls)] if tls else []
        command += ["--fast"] if settings["fast"] else []
        self._child = subprocess.Popen(
            command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._child.stdout
        line = self._child.stdout.readline()
        if not line:
            self.stop()
            raise ScriptError("the server did not start: see its standard error")
        return Ports(**json.loads(line))

    def stop(self) -> None:
        self._child.communicate(timeout=START_S)


class _Thread:
    """The server in a thread of this process."""

    def start(self, script: Script, tls: Certificate | None, settings: Mapping[str, Any]) -> Ports:
        self._loop = new_event_loop()
        rules = script if callable(script) else parse(script)
        self._service = Service(
            self._loop, settings["table"], rules, fast=settings["fast"], clock_offset_s=settings["clock_offset_s"]
        )
        ports, self._listening = self._loop.run_until_complete(
            serve(self._service, 0, tls_context(tls) if tls else None)
        )
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return ports

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._finish)
        self._thread.join(START_S)
        self._loop.close()

    def _finish(self) -> None:
        for listening in self._listening:
            listening.close()
        for connection in self._service.connections:
            connection.close()
        # The closed connections' callbacks run first.
        self._loop.call_soon(self._loop.stop)
