# SPDX-License-Identifier: Apache-2.0
"""The vCPUs of a machine: the task's limit, else the quota of the control groups, else the usable CPUs."""

import os
import resource
from pathlib import Path
from unittest import mock

import pytest
from ddbload.sizing import machine

USABLE = len(os.sched_getaffinity(0))


def groups(root: Path, own: str, **files: str) -> tuple[Path, Path]:
    """Make a tree of control groups; names of files have __ for / and a dot as it is written."""
    for name, text in files.items():
        file = root / "cgroup" / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "own").write_text(own)
    return root / "cgroup", root / "own"


@pytest.mark.parametrize(
    ("own", "files", "found"),
    [
        ("0::/\n", {"cpu_dot_max": "150000 100000\n"}, [1.5]),
        ("0::/\n", {"cpu_dot_max": "max 100000\n"}, []),
        ("0::/a/b\n", {"a__cpu_dot_max": "50000 100000", "a__b__cpu_dot_max": "max 100000"}, [0.5]),
        (
            "4:cpu,cpuacct:/\n3:memory:/\n",
            {"cpu,cpuacct__cpu_dot_cfs_quota_us": "25000\n", "cpu,cpuacct__cpu_dot_cfs_period_us": "100000\n"},
            [0.25],
        ),
        ("4:cpu:/\n", {"cpu__cpu_dot_cfs_quota_us": "-1\n", "cpu__cpu_dot_cfs_period_us": "100000\n"}, []),
        ("0::/\n", {"cpu_dot_max": "nonsense"}, []),
        ("0::/\n", {"cpu_dot_max": "0 0"}, []),
        ("", {}, []),
    ],
)
def test_quotas_of_both_versions(tmp_path: Path, own: str, files: dict[str, str], found: list[float]) -> None:
    """Version 1 and version 2 are read; "max", -1 and invalid values are no quota."""
    assert machine.quotas(*groups(tmp_path, own, **files)) == found


def test_vcpus_are_the_task_limit() -> None:
    """ECS's limit of the task outranks everything else."""
    assert machine.vcpus(0.25) == 0.25
    assert machine.vcpus(16) == 16


@pytest.mark.parametrize(("quotas", "found"), [([], USABLE), ([0.15], 0.15), ([USABLE + 1.0], USABLE), ([8, 0.5], 0.5)])
def test_vcpus_outside_ecs(quotas: list[float], found: float) -> None:
    """The smallest quota counts, and no quota adds CPUs."""
    with mock.patch.object(machine, "quotas", return_value=quotas):
        assert machine.vcpus() == found


@pytest.mark.parametrize(("hard", "limit"), [(65_535, 65_471), (10, 1), (resource.RLIM_INFINITY, float("inf"))])
def test_connection_limit_is_the_hard_limit(hard: int, limit: float) -> None:
    """The pool raises the soft limit of open files to the hard one, less what other files need."""
    with mock.patch("resource.getrlimit", return_value=(5, hard)):
        assert machine.connection_limit() == limit
