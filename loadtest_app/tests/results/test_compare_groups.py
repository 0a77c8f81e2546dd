# SPDX-License-Identifier: Apache-2.0
"""Groups of runs: what differs from run to run is no difference between groups, and a change of all runs is one."""

import math
import random
from pathlib import Path
from typing import Any

import pytest
from ddbload import cli
from ddbload.results import file
from ddbload.results.comparing import comparison, groups, samples
from ddbload.results.comparing.comparison import BETTER, SAME, WORSE, Compared
from ddbload.results.comparing.groups import Grouped
from ddbload.results.comparing.samples import Estimate
from hypothesis import given
from hypothesis import strategies as st
from run_results import SCENARIO, made, steady

# Mean latencies of runs in microseconds, as a table gives them whose level differs by some 10 % from run to run.
WAVERING = (2000.0, 2300.0, 1900.0)


def side(name: str, means: tuple[float, ...], **more: Any) -> list[dict[str, Any]]:
    return [
        made(steady(mean, at + len(name), spread=0.02), run_id=f"{name}-{at}", **more) for at, mean in enumerate(means)
    ]


def effect(name: str, found: comparison.Comparison) -> comparison.Effect:
    (one,) = [effect for effect in found.effects if effect.name == name]
    return one


def test_runs_that_waver_do_not_differ() -> None:
    """Runs that differ from each other by seconds alone are no difference as groups."""
    before, after = side("before", WAVERING), side("after", (2250.0, 1950.0, 2150.0))
    assert comparison.compare(before[0], after[0]).verdict == WORSE
    found = groups.compare(before, after)
    assert found.verdict == SAME
    assert (found.first, found.second) == (
        ["before-0", "before-1", "before-2"],
        ["after-0", "after-1", "after-2"],
    )
    median = effect("put p50", found)
    assert median.spread == pytest.approx(10.0, abs=4.0)
    assert median.low < median.change < median.high
    assert not median.is_certain
    assert effect("failed", found)[6:] == (0.0, SAME, True, True, 0.0)


def test_a_change_of_all_runs_is_found_both_ways() -> None:
    before, after = side("before", WAVERING), side("after", tuple(2 * mean for mean in WAVERING))
    worse, better = groups.compare(before, after), groups.compare(after, before)
    assert (worse.verdict, better.verdict) == (WORSE, BETTER)
    median = effect("put p50", worse)
    assert median.change == pytest.approx(100.0, abs=3.0)
    assert median.first == pytest.approx(math.prod(WAVERING) ** (1 / 3) / 1000, rel=0.03)
    assert (1 + median.change / 100) * (1 + effect("put p50", better).change / 100) == pytest.approx(1.0)


def test_one_new_run_takes_the_spread_of_the_baselines() -> None:
    before, after = side("before", WAVERING), side("after", (2400.0,))
    found = groups.compare(before, after)
    assert found.verdict == SAME
    assert "one side has one run" in " ".join(found.notes)
    assert groups.compare(before, side("after", (12000.0,))).verdict == WORSE


def test_an_interval_includes_what_the_seconds_do_not_know() -> None:
    """Runs whose levels are equal by chance have an interval that is no narrower than their seconds allow."""
    before = [made(steady(2000, 1, spread=0.5, answers=4), run_id=f"before-{at}") for at in range(2)]
    after = [made(steady(2200, 1, spread=0.5, answers=4), run_id=f"after-{at}") for at in range(2)]
    median = effect("put p50", groups.compare(before, after))
    assert median.spread == 0.0
    assert median.low < 0.0 < median.high


@given(st.lists(st.floats(5.0, 9.0), min_size=4, max_size=4), st.floats(0.0, 0.2))
def test_more_runs_with_the_same_spread_know_more(values: list[float], error: float) -> None:
    """Twice as many runs with the same values have a narrower interval, or one of no width."""
    compared = Compared("put p50", "ms", [])

    def width(times: int) -> float:
        estimates = [Estimate(value, error, 30) for value in values]
        (one,) = groups.effects([Grouped(compared, estimates[:2] * times, estimates[2:] * times)], 5.0)
        assert one.low <= one.change <= one.high
        return math.log1p(one.high / 100) - math.log1p(one.low / 100)

    # The largest interval that is shown has a limit.
    if width(1) < 20.0:
        assert width(2) <= width(1) + 1e-9


def test_equal_groups_are_rarely_different() -> None:
    # The levels of runs differ by 10 % of standard deviation; by their seconds, nearly all pairs are different.
    chance = random.Random(4)
    compared = [Compared(f"put p{percent}", "ms", []) for percent in (50, 90, 99)]
    alarms = 0
    for _number in range(300):
        levels = [chance.gauss(7.0, 0.1) for _run in range(6)]
        figures = []
        for one in compared:
            estimates = [Estimate(level + chance.gauss(0.0, 0.02), 0.02, 20) for level in levels]
            figures.append(Grouped(one, estimates[:3], estimates[3:]))
        alarms += any(effect.verdict != SAME for effect in groups.effects(figures, 5.0))
    assert alarms <= 0.08 * 300


def test_the_highest_rates_of_searches_are_compared() -> None:
    def searched(name: str, *rates: float | None) -> list[dict[str, Any]]:
        return [
            run | {"search": {"rate": rate, "interval": [rate, rate and rate * 1.05]}}
            for run, rate in zip(side(name, (2000.0,) * len(rates)), rates, strict=True)
        ]

    before = searched("before", 1000.0, 1020.0, 980.0)
    assert groups.compare(before, searched("after", 500.0, 510.0)).verdict == WORSE
    found = groups.compare(before, searched("after", 990.0, 1010.0))
    assert [effect.name for effect in found.effects] == ["highest rate"]
    assert found.verdict == SAME
    # Searches on the same steps find the same rate; the truth lies up to a step away.
    (same,) = groups.compare(searched("before", 1000.0, 1000.0), searched("after", 1000.0, 1000.0)).effects
    assert (same.low, same.high) == pytest.approx((-4.76, 5.0), abs=0.01)
    with pytest.raises(samples.SampleError, match="found no rate"):
        groups.compare(before, searched("after", None, 1000.0))


# ---- Limits


def test_figures_that_a_run_lacks_are_named() -> None:
    before, after = side("before", WAVERING), side("after", WAVERING)
    after[1]["operations"]["scan"] = after[1]["operations"]["put"]
    few = made(steady(2000, 9, answers=4), run_id="after-3")
    found = groups.compare(before, [*after, few])
    assert "put p99" not in {effect.name for effect in found.effects}
    notes = " ".join(found.notes)
    assert "not every run has these, so they are left out: scan, put p99" in notes
    assert "different numbers of runs" in notes


@pytest.mark.parametrize(("starts", "is_noted"), [("01 23", True), ("02 13", False), ("23 01", True)])
def test_sides_that_ran_one_after_the_other_are_noted(starts: str, is_noted: bool) -> None:
    before, after = (
        [
            made(steady(2000, int(hour)), run_id=f"run-{hour}") | {"started_at": f"2026-01-31T0{hour}:00:00Z"}
            for hour in hours
        ]
        for hours in starts.split()
    )
    assert ("run them in turn" in " ".join(groups.compare(before, after).notes)) is is_noted


def saved(folder: Path, runs: list[dict[str, Any]]) -> list[str]:
    paths = [folder / f"{run['run_id']}.json" for run in runs]
    for path, run in zip(paths, runs, strict=True):
        file.save(path, run)
    return [str(path) for path in paths]


def test_the_command_shows_groups_and_their_spread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = (saved(tmp_path, side(name, WAVERING)) for name in ("before", "after"))
    page = tmp_path / "page.html"
    assert cli.main(["compare", *before, "--", *after, "--html", str(page)]) == 0
    said = capsys.readouterr().out
    shown = page.read_text(encoding="utf-8")
    for text in ("3 runs (after-0, after-1, after-2)", "3 baselines (before-0, before-1, before-2)", "run to run"):
        assert text in " ".join(said.split())
        assert text in shown
    assert "± " in shown
    assert "one run a side" not in said + shown
    assert max(map(len, said.splitlines())) <= 110
    slow = saved(tmp_path, side("slow", tuple(3 * mean for mean in WAVERING)))
    # Options may come before the group as well.
    assert cli.main(["compare", *before, "--tolerance", "20", "--", *slow]) == 3
    assert "verdict: WORSE" in capsys.readouterr().out


def test_one_run_a_side_is_the_comparison_of_a_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = saved(tmp_path, side("run", (2000.0, 2600.0)))
    assert cli.main(["compare", *paths]) == 3
    pair = capsys.readouterr().out
    assert cli.main(["compare", paths[0], "--", paths[1]]) == 3
    assert capsys.readouterr().out == pair


OTHER = {"scenario": SCENARIO | {"keys": {"count": 9}}}


@pytest.mark.parametrize(
    ("more", "arguments", "said"),
    [
        ([], "before-0 before-1 -- before-1", "run before-1 is named more than once -> "),
        ([], "before-0 before-0 -- before-1", "run before-0 is named more than once -> "),
        ([], "before-0 -- before-0", "run before-0 is named more than once -> "),
        (side("other", (2000.0,), **OTHER), "before-0 other-0 -- before-1", "other-0 differ in keys -> "),
        (side("other", (2000.0,)), "before-0 before-1 -- other-0 -- before-2", "more than one -- -> "),
        ([], "before-0 before-1 --", "no run after -- -> "),
        ([], "before-0", "before-0.json and no run -> "),
        ([], "before-0 before-1 -- missing", "missing.json"),
        ([made(steady(2000, 1, count=5), run_id="short")], "before-0 before-1 -- short", "run short has 4 whole"),
        (
            [made(steady(2000, 1), run_id="empty") | {"operations": {}}],
            "before-0 before-1 -- empty",
            "before-0, before-1, empty have no operation in common -> ",
        ),
    ],
)
def test_groups_that_say_nothing_are_refused_in_one_line(
    more: list[dict[str, Any]], arguments: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path, [*side("before", WAVERING), *more])
    paths = [text if text == "--" else str(tmp_path / f"{text}.json") for text in arguments.split()]
    assert cli.main(["compare", *paths]) == 2
    line = capsys.readouterr().err
    assert said in line
    assert line.count("\n") == 1
