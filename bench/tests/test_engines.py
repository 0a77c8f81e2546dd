# SPDX-License-Identifier: Apache-2.0
"""The comparison of engines: its table has medians over the rounds, and a wrong directory is refused before any run."""

from __future__ import annotations

import pytest

from bench import engines
from bench.measure import Sample


def sample(cpu_us: float, late_ms: tuple[float, float] | None = None) -> Sample:
    """Return the sample of a run of a million requests."""
    return Sample(1_000_000, cpu_us, 0.0, 60.0, late_ms)


def test_the_table_has_medians_over_the_rounds() -> None:
    measured = {
        engines.CLOSED: {"before": [sample(15.0), sample(11.0), sample(12.0)]},
        20_000: {"after": [sample(20.0, (0.4, 2.0)), sample(22.0, (0.6, 9.0)), sample(21.0, (0.5, 3.0))]},
    }
    assert engines.table(measured).splitlines()[2:] == [
        "| 64 callers | before | 12.0 | 11.0 … 15.0 |  |  |  |",
        "| 20,000 a second | after | 21.0 | 20.0 … 22.0 | 0.50 | 3.00 | 2.0 … 9.0 |",
    ]


@pytest.mark.parametrize("source", ["before", "before=/nowhere", "=loadtest_app/src"])
def test_a_directory_without_ddbload_is_refused(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        engines.main([source])
    assert f"{source}: no directory with ddbload's package -> NAME=" in capsys.readouterr().err
