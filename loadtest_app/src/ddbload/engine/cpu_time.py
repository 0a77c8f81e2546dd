# SPDX-License-Identifier: Apache-2.0
"""The CPU time that this process had and waited for, between two readings."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from ddbload.sizing import machine

PROC = Path("/proc")
# A process that uses, or waits for, so much of its CPU time has no time left to be punctual.
SATURATED = 0.95
# A quota that holds the process back for so much of the time delays many operations.
THROTTLED = 0.05


class Reading(NamedTuple):
    """The counters of CPU time at an instant.

    Attributes:
        wall_ns: the instant, by ``perf_counter_ns``.
        used_ns: CPU time of this process, of user and system.
        waited_ns: time that its main thread was ready to run and had no CPU; a quota's throttling counts, a stopped
            process does not. None where the kernel does not say.
        throttled_ns: time that a quota held the process's control group back; 0 without a quota.
        stolen_ns: time that the hypervisor gave to other machines, on average a CPU; None where it is unknown.
    """

    wall_ns: int
    used_ns: int
    waited_ns: int | None
    throttled_ns: int
    stolen_ns: int | None


class CpuTime(NamedTuple):
    """The CPU time of this process between two readings, in seconds.

    Attributes:
        elapsed_s: between the readings.
        used_s: CPU time.
        waited_s: ready to run, without a CPU; None where it is unknown.
        throttled_s: held back by a quota.
        stolen_s: by the hypervisor, on average a CPU; None where it is unknown.
        cpus: how many CPUs the process may use at a time, above 0 and at most 1: its event loop runs in one thread.
    """

    elapsed_s: float
    used_s: float
    waited_s: float | None
    throttled_s: float
    stolen_s: float | None
    cpus: float

    @property
    def busy(self) -> float:
        """The share of the CPU time that the process may use which it has used: 1 is all of it."""
        usable_s = self.elapsed_s * self.cpus
        return self.used_s / usable_s if usable_s else 0.0

    @property
    def waited(self) -> float:
        """The share of the time in which the process waited for a CPU, 0 to 1; 0 where it is unknown."""
        return min(1.0, (self.waited_s or 0.0) / self.elapsed_s) if self.elapsed_s else 0.0

    @property
    def is_exhausted(self) -> bool:
        """Whether the process used all CPU time that it may use, or its quota held it back: its own limit."""
        # A group's throttled time adds up that of all its processes; what this one waited is the most that is its own.
        throttled_s = self.throttled_s if self.waited_s is None else min(self.throttled_s, self.waited_s)
        return self.busy > SATURATED or throttled_s > THROTTLED * self.elapsed_s > 0

    @property
    def is_saturated(self) -> bool:
        """Whether the process had no time left to be punctual, at its own limit or because others had the CPU."""
        if not self.elapsed_s:
            return False
        return self.is_exhausted or self.used_s / self.elapsed_s + self.waited > SATURATED

    def figures(self) -> dict[str, float | None]:
        """Return the figures of run.summary, in seconds and CPUs."""
        return {
            "cpus": round(self.cpus, 3),
            "used_s": round(self.used_s, 3),
            "waited_s": None if self.waited_s is None else round(self.waited_s, 3),
            "throttled_s": round(self.throttled_s, 3),
            "stolen_s": None if self.stolen_s is None else round(self.stolen_s, 3),
        }


def read(proc: Path = PROC) -> Reading:
    """Read the counters of this process.

    https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat and
    https://man7.org/linux/man-pages/man5/proc_stat.5.html

    Args:
        proc: where the proc file system is mounted.
    """
    return Reading(
        time.perf_counter_ns(), time.process_time_ns(), _waited_ns(proc), machine.throttled_ns(), _stolen_ns(proc)
    )


def between(start: Reading, end: Reading, cpus: float) -> CpuTime:
    """Return the CPU time between two readings of a process that may use ``cpus`` CPUs at a time."""
    return CpuTime(
        elapsed_s=(end.wall_ns - start.wall_ns) / 1e9,
        used_s=(end.used_ns - start.used_ns) / 1e9,
        waited_s=_difference_s(start.waited_ns, end.waited_ns),
        throttled_s=max(0, end.throttled_ns - start.throttled_ns) / 1e9,
        stolen_s=_difference_s(start.stolen_ns, end.stolen_ns),
        cpus=cpus,
    )


def _difference_s(start_ns: int | None, end_ns: int | None) -> float | None:
    return None if start_ns is None or end_ns is None else max(0, end_ns - start_ns) / 1e9


def _waited_ns(proc: Path) -> int | None:
    """Return the second of the numbers of schedstat: nanoseconds on the run queue."""
    try:
        used_ns, waited_ns, _slices = map(int, (proc / "self" / "schedstat").read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return None
    # A kernel that does not count has a zero for the time that was used, too.
    return waited_ns if used_ns else None


def _stolen_ns(proc: Path) -> int | None:
    """Return the eighth number of the line of all CPUs, for one CPU on average."""
    try:
        lines = (proc / "stat").read_text(encoding="ascii").splitlines()
        ticks = int(lines[0].split()[8])
        cpus = sum(1 for line in lines[1:] if line.startswith("cpu"))
        return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK") // max(1, cpus)
    except (OSError, ValueError, IndexError):
        return None
