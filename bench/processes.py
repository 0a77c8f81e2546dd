# SPDX-License-Identifier: Apache-2.0
"""Clients as child processes: pinned to one core, measured by the kernel's counters, ended with the benchmark."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.server import BenchError, find

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "loadtest_app" / "src"
STOP_TIMEOUT_S = 10.0
# No client may read the machine's own configuration; the credentials are invented.
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
REGION = "us-east-1"


class Ended(NamedTuple):
    """The end of a client.

    CPU time is that of the process and its children, in user mode and in the kernel (system);
    memory is the peak of the resident set.
    """

    stdout: str
    started_s: float
    wall_s: float
    user_s: float
    system_s: float
    peak_mb: float


def cores() -> tuple[int, int]:
    """Return the core for the server and the one for the clients, of those that this process may use.

    Raises:
        BenchError: there is only one.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise BenchError("the benchmark needs two cores, one for the server and one for the client")
    return allowed[0], allowed[1]


def environment(certificate: Path, source: Path = SOURCE) -> dict[str, str]:
    """Return the environment of every client, which trusts the certificate; ddbload is that of a source directory."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(source)]),
        # The image's modules are compiled too.
        "PYTHONDONTWRITEBYTECODE": "",
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CA_BUNDLE": str(certificate),
    }


def run(command: Sequence[str], core: int, environment: Mapping[str, str], timeout_s: float) -> Ended:
    """Run a client to its end, in the root directory of the repository.

    Raises:
        BenchError: it failed, or took too long.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        pinned = [find("taskset"), "--cpu-list", str(core), *command]
        started_s, begun = time.time(), time.perf_counter()
        process = subprocess.Popen(
            pinned, cwd=ROOT, env=dict(environment), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
        try:
            usage = _wait(process, timeout_s)
        finally:
            _end(process)
        wall_s = time.perf_counter() - begun
        stdout.seek(0)
        text = stdout.read().decode(errors="replace")
        if process.returncode or usage is None:
            stderr.seek(0)
            said = (stderr.read().decode(errors="replace") or text).strip().splitlines()
            how = f"exit code {process.returncode}" if usage else f"not at its end after {timeout_s:g} s"
            raise BenchError(f"{' '.join(command[:4])}: {how}: {said[-1] if said else 'it says nothing'}")
    return Ended(text, started_s, wall_s, *usage)


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> tuple[float, float, float] | None:
    """Wait for the end and return user seconds, system seconds and peak MB; None after the time limit.

    Only ``os.wait4`` returns the kernel's figures of a child, so Popen's wait is not used.
    """
    handle = os.pidfd_open(process.pid)
    try:
        ended, _written, _failed = select.select([handle], [], [], timeout_s)
    finally:
        os.close(handle)
    if not ended:
        return None
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts the peak in units of 1,024 bytes.
    return usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
        if process.returncode is None:
            process.kill()
            process.wait()
