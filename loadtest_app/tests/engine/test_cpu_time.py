# SPDX-License-Identifier: Apache-2.0
"""The CPU time of a process, from the files of the kernel, and whether the process had enough."""

from pathlib import Path

import pytest
from ddbload.engine import cpu_time
from ddbload.engine.cpu_time import CpuTime, Reading
from hypothesis import given
from hypothesis import strategies as st

STAT = "cpu  1 0 2 3 4 0 5 200 0 0\ncpu0 1 0 2 3 4 0 5 150 0 0\ncpu1 0 0 0 0 0 0 0 50 0 0\nintr 1\n"
seconds = st.floats(0, 1e4)


def proc(directory: Path, schedstat: str = "300 1700 12\n", stat: str = STAT) -> Path:
    (directory / "self").mkdir()
    (directory / "self" / "schedstat").write_text(schedstat)
    (directory / "stat").write_text(stat)
    return directory


def test_the_counters_are_those_of_the_kernel(tmp_path: Path) -> None:
    reading = cpu_time.read(proc(tmp_path))
    # 200 ticks of 10 ms on two CPUs.
    assert (reading.waited_ns, reading.stolen_ns) == (1700, 1_000_000_000)


@pytest.mark.parametrize(
    ("schedstat", "stat"), [("", ""), ("1 2", "cpu 1 2"), ("a b c", "cpu  a b c d e f g h"), ("0 0 0", "\n")]
)
def test_counters_that_the_kernel_lacks_are_unknown(tmp_path: Path, schedstat: str, stat: str) -> None:
    reading = cpu_time.read(proc(tmp_path, schedstat, stat))
    assert (reading.waited_ns, reading.stolen_ns) == (None, None)
    reading = cpu_time.read(tmp_path / "missing")
    assert (reading.waited_ns, reading.stolen_ns) == (None, None)


def test_a_counter_missing_at_one_end_is_unknown() -> None:
    known, unknown = Reading(0, 0, 5, 0, 6), Reading(10**9, 10**8, None, 0, None)
    found = cpu_time.between(known, unknown, 1.0)
    assert (found.waited_s, found.stolen_s, found.waited, found.is_saturated) == (None, None, 0.0, False)
    assert found.busy == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("found", "is_saturated"),
    [
        (CpuTime(10, 9.8, 0.1, 0.0, 0.0, 1.0), True),
        (CpuTime(10, 5.0, 0.1, 0.0, 0.0, 1.0), False),
        # A quota of 0.15 of a CPU, used up: with the kernel's count of waits, and without it.
        (CpuTime(10, 1.5, 8.3, 0.0, 0.0, 1.0), True),
        (CpuTime(10, 1.5, None, 0.0, None, 0.15), True),
        (CpuTime(10, 1.5, None, 0.0, None, 1.0), False),
        # Others use the CPU.
        (CpuTime(10, 0.05, 9.9, 0.0, 0.0, 1.0), True),
        # A quota that limits the process, where the kernel counts it.
        (CpuTime(10, 0.05, None, 0.6, 0.0, 1.0), True),
        (CpuTime(10, 0.05, None, 0.4, 0.0, 1.0), False),
        # The quota limits other processes of the group.
        (CpuTime(10, 0.05, 0.1, 0.6, 0.0, 1.0), False),
        (CpuTime(10, 0.05, 0.6, 0.6, 0.0, 1.0), True),
        (CpuTime(10, 0.05, 4.0, 0.0, 0.0, 1.0), False),
        (CpuTime(0, 0.0, 0.0, 0.0, 0.0, 1.0), False),
    ],
)
def test_a_process_without_time_left_is_saturated(found: CpuTime, is_saturated: bool) -> None:
    assert found.is_saturated == is_saturated


@given(seconds, seconds, st.none() | seconds, st.floats(0.01, 1), seconds)
def test_more_use_or_wait_is_never_less_saturated(
    elapsed_s: float, used_s: float, waited_s: float | None, cpus: float, more_s: float
) -> None:
    found = CpuTime(elapsed_s, used_s, waited_s, 0.0, None, cpus)
    assert 0 <= found.waited <= 1
    if found.is_saturated:
        assert found._replace(used_s=used_s + more_s).is_saturated
        assert found._replace(waited_s=(waited_s or 0) + more_s).is_saturated
        assert found._replace(cpus=cpus / 2).is_saturated
        assert found._replace(throttled_s=found.throttled_s + more_s).is_saturated
    assert found.is_saturated or not found.is_exhausted
