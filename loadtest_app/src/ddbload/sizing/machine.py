# SPDX-License-Identifier: Apache-2.0
"""The size of this machine: the vCPUs that its quota leaves, and the files that a process may open."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CONTROL_GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
# Files other than connections: logs, pipes, the event loop's.
SPARE_FILES = 64


class Size(NamedTuple):
    """A machine's size: its vCPUs, and the connections that one of its processes may have open."""

    vcpu: float
    connection_limit: float


def size(task_vcpu: float = 0.0) -> Size:
    """Return this machine's size; ``task_vcpu`` is the limit of the ECS task, 0 where there is none."""
    return Size(vcpus(task_vcpu), connection_limit())


def vcpus(task_vcpu: float = 0.0) -> float:
    """Return the vCPUs of this machine, above 0.

    Args:
        task_vcpu: the limit of the ECS task; 0 where there is none. Else the quota of the control groups counts, at
            most the CPUs that this process may use.
    """
    if task_vcpu:
        return task_vcpu
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([float(usable), *quotas()])


def quotas(root: Path = CONTROL_GROUPS, own: Path = OWN_GROUPS) -> list[float]:
    """Return the CPU quotas of this process's control groups and of those above them, in CPUs.

    https://www.kernel.org/doc/html/latest/admin-guide/cgroup-v2.html#cpu-interface-files and
    https://www.kernel.org/doc/html/latest/scheduler/sched-bwc.html

    Args:
        root: where the control groups are mounted.
        own: the file with the control groups of this process.
    """
    return [quota for folder in _folders(root, own) if (quota := _quota(folder))]


def throttled_ns(root: Path = CONTROL_GROUPS, own: Path = OWN_GROUPS) -> int:
    """Return for how long a quota has held the control groups of this process back, in nanoseconds; 0 without one."""
    return max(map(_throttled_ns, _folders(root, own)), default=0)


def connection_limit() -> float:
    """Return the most connections that a process may have open: the hard limit of its files, to which it raises it."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return float("inf") if hard == resource.RLIM_INFINITY else max(1, hard - SPARE_FILES)


def _folders(root: Path, own: Path) -> Iterator[Path]:
    """Yield the folders of the own groups and of those above them; a container sees its own as the root."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    found = {root, root / "cpu", root / "cpu,cpuacct"}
    for line in lines:
        _number, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / controllers
        inner = Path(path.lstrip("/"))
        found |= {top / part for part in (inner, *inner.parents) if ".." not in part.parts}
    yield from sorted(found)


def _quota(folder: Path) -> float | None:
    """Return the quota of one group; None for "max" in version 2, for -1 in version 1, and without the files."""
    names = ("cpu.max",) if (folder / "cpu.max").is_file() else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    try:
        words = " ".join((folder / name).read_text(encoding="utf-8") for name in names).split()
        quota, period = map(float, words)
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 and period > 0 else None


def _throttled_ns(folder: Path) -> int:
    """Return the throttled time of one group: microseconds in version 2, nanoseconds in version 1."""
    try:
        words = (folder / "cpu.stat").read_text(encoding="utf-8").split()
        counts = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    except (OSError, ValueError):
        return 0
    return counts.get("throttled_time", 1000 * counts.get("throttled_usec", 0))
