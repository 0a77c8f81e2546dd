# SPDX-License-Identifier: Apache-2.0
"""The benchmark of comparisons: it judges as ddbload compare does, the same each time, and counts what is wrong."""

from __future__ import annotations

import random
from typing import Any

import pytest
from ddbload.results.comparing import comparison, groups

from bench import wavering
from bench.wavering import CHANGES, SIDES, SPREADS, Sides, Spread


def results(number: int, run: wavering.Run) -> dict[str, Any]:
    """Return a results file with what a comparison reads."""
    return {
        "run_id": f"run-{number}",
        "started_at": None,
        "scenario": {"plan": {"type": "closed"}},
        "plan": {"rate_asked": None, "kept": True},
        "partial": False,
        "search": None,
        "warm_up_s": 0.0,
        "operations": {wavering.OPERATION: {}},
        # The last second of a run is left out of a comparison.
        "series": [*run.seconds, run.seconds[-1]],
    }


@pytest.mark.parametrize("sides", [Sides(1, 1), Sides(3, 1)])
def test_the_benchmark_judges_as_the_command_does(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wavering, "MOST_RUNS", 3)
    monkeypatch.setattr(wavering, "SECONDS", 30)
    case = (0, Spread(0.0, 0.0), sides)
    found = [wavering.experiment(f"judge/{number}")[case] for number in range(3)]
    expected = []
    for number in range(3):
        chance = random.Random(f"judge/{number}")
        runs = [results(at, wavering.simulated(chance)) for at in range(6)]
        compared = groups.compare(runs[: sides.before], runs[3 : 3 + sides.after])
        expected.append(compared.verdict != comparison.SAME)
    assert found == expected


def test_the_same_seed_gives_the_same_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table depends on the seed alone, not on the number of processes."""
    monkeypatch.setattr(wavering, "SECONDS", 30)
    monkeypatch.setattr(wavering, "MOST_RUNS", 2)
    tables = [wavering.table(wavering.measure(2, seed, processes), 2) for seed, processes in ((1, 1), (1, 2), (2, 1))]
    assert tables[0] == tables[1] != tables[2]


def test_levels_of_runs_make_pairs_wrong() -> None:
    """Equal runs at levels far apart are a false alarm of the comparison by seconds, and a true change is found."""
    wrong = wavering.experiment("levels")
    assert wrong[0, Spread(0.2, 0.2), Sides(1, 1)]
    assert not wrong[50, Spread(0.0, 0.0), Sides(5, 5)]


def test_the_table_has_a_row_for_each_change_and_spread() -> None:
    cases = {(change, spread, sides): 0 for change in CHANGES for spread in SPREADS for sides in SIDES}
    cases[0, Spread(0.05, 0.15), Sides(5, 2)] = 3
    rows = wavering.table(cases, 40).splitlines()
    assert len(rows) == 2 + len(CHANGES) * len(SPREADS)
    assert rows[7] == "| none, false alarm | 5 %, then 15 % | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 7.5 |"


@pytest.mark.parametrize("arguments", [["--experiments", "0"], ["--processes", "x"]])
def test_numbers_that_measure_nothing_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        wavering.main(arguments)
    assert "must be a number from 1" in capsys.readouterr().err
