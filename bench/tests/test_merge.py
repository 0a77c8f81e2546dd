# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the merge: its lines are those of a run that passes, and its table has the cost of a merge."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import merge
from bench.merge import Merged


def test_the_lines_are_those_of_a_run_that_passes(tmp_path: Path) -> None:
    found = merge.measure(2, 12, tmp_path)
    assert (found.tasks, found.verdict) == (2, "passed")
    assert found.peak_bytes > merge.MEBIBYTE < found.events_bytes * 100


def test_the_table_has_a_row_for_each_measurement() -> None:
    rows = merge.table([Merged(500, 1 << 30, 61.24, 60.0, 299 << 20, "passed")]).splitlines()
    assert rows[2:] == ["| 500 | 1,024 MiB | 61.2 s | 60.0 s | 299 MiB | passed |"]


def test_more_memory_than_allowed_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert merge.main(["--tasks", "1", "--seconds", "1", "--most-memory", "1"]) == 1
    assert "| 1 |" in capsys.readouterr().out
