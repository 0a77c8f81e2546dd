# SPDX-License-Identifier: Apache-2.0
"""Comparisons: real differences are found, equal runs have none, and slow variation is no difference."""

import math
import random
from pathlib import Path
from typing import Any

import pytest
from ddbload import cli
from ddbload.results import file
from ddbload.results.comparing import comparison, samples
from ddbload.results.comparing.comparison import BETTER, SAME, WORSE
from ddbload.stats import bootstrap
from hypothesis import given, settings
from hypothesis import strategies as st
from run_results import SCENARIO, made, steady

# ---- The error of a figure


@given(st.integers(5, 500), st.integers(1, 100))
def test_blocks_hold_every_second_once(count: int, length: int) -> None:
    cut = bootstrap.blocks(count, min(length, count))
    assert [second for block in cut for second in block] == list(range(count))
    assert all(len(block) >= min(length, count) for block in cut)


@given(st.lists(st.floats(-1e6, 1e6), max_size=200), st.integers(0, 100))
def test_blocks_are_never_longer_than_a_fifth_of_the_run(values: list[float], more: int) -> None:
    series = [*values, *[0.0] * (5 + more)]
    length = bootstrap.block_length([series])
    assert 1 <= length <= len(series) // bootstrap.FEWEST_BLOCKS
    assert bootstrap.correlation_time(series) >= 1.0


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_the_correlation_time_is_that_of_theory(memory: float) -> None:
    # Of an autoregressive process of order one it is (1 + r) / (1 - r).
    chance, level, series = random.Random(5), 0.0, []
    for _number in range(8000):
        level = memory * level + chance.gauss(0.0, 1.0)
        series.append(level)
    assert bootstrap.correlation_time(series) == pytest.approx((1 + memory) / (1 - memory), rel=0.2)


def test_the_error_of_a_mean_is_that_of_theory() -> None:
    chance = random.Random(3)
    values = [chance.gauss(0.0, 1.0) for _number in range(60)]

    def mean(times: Any) -> float:
        return sum(value * count for value, count in zip(values, times, strict=True)) / len(values)

    spread = math.sqrt(sum((value - sum(values) / 60) ** 2 for value in values) / 59)
    assert bootstrap.standard_error(60, mean) == pytest.approx(spread / math.sqrt(60), rel=0.15)


# ---- Differences


def verdicts(first: dict[str, Any], second: dict[str, Any]) -> dict[str, str]:
    return {effect.name: effect.verdict for effect in comparison.compare(first, second).effects}


@settings(max_examples=10)
@given(st.integers(1, 1000), st.floats(0.0, 0.9))
def test_a_run_does_not_differ_from_itself(seed: int, memory: float) -> None:
    run = made(steady(2000, seed, memory=memory))
    found = comparison.compare(run, run)
    assert found.verdict == SAME
    assert all(effect.spread is None for effect in found.effects)
    assert all(effect.change == effect.low == effect.high == 0.0 and effect.is_certain for effect in found.effects)


@pytest.mark.parametrize("other_plan", [False, True])
def test_a_third_slower_is_worse_and_faster_better(other_plan: bool) -> None:
    """A third slower is worse, and the reverse is better."""
    more = {"scenario": SCENARIO | {"plan": {"type": "ramp"}}} if other_plan else {}
    slow, quick = made(steady(2600, 1, memory=0.5), run_id="slow"), made(steady(2000, 2, memory=0.5), **more)
    worse, better = comparison.compare(quick, slow), comparison.compare(slow, quick)
    assert (worse.verdict, better.verdict) == (WORSE, BETTER)
    assert worse.is_paired is not other_plan
    (median,) = [effect for effect in worse.effects if effect.name == "put p50"]
    assert median.low < 30.0 < median.high
    (mirrored,) = [effect for effect in better.effects if effect.name == "put p50"]
    assert (1 + median.change / 100) * (1 + mirrored.change / 100) == pytest.approx(1.0)


def test_a_difference_within_the_tolerance_is_none() -> None:
    """A difference within the tolerance is not reported."""
    first = made(steady(2000, 1, spread=0.01, answers=200))
    second = made(steady(2060, 2, spread=0.01, answers=200))
    (median,) = [effect for effect in comparison.compare(first, second).effects if effect.name == "put p50"]
    assert median.low > 0.0
    assert median.verdict == SAME
    strict = comparison.compare(first, second, tolerance_percent=0.5)
    assert strict.verdict == WORSE


def test_slow_variation_is_rarely_a_difference() -> None:
    # Runs of the same table, which varies slowly. A comparison that treats seconds as independent calls 11 of
    # these 30 pairs different; 1 or 2 may be.
    found = [
        comparison.compare(
            made(steady(2000, 2 * seed, count=120, answers=20, memory=0.8, spread=0.2)),
            made(steady(2000, 2 * seed + 1, count=120, answers=20, memory=0.8, spread=0.2)),
        ).verdict
        for seed in range(30)
    ]
    assert sum(verdict != SAME for verdict in found) <= 4


def test_throttles_are_compared_in_points() -> None:
    calm = made(steady(2000, 1))
    throttled = made(steady(2000, 1), throttled=[{"R": 4}] * 60)
    assert verdicts(calm, throttled)["throttled"] == WORSE
    (effect,) = [effect for effect in comparison.compare(calm, throttled).effects if effect.name == "throttled"]
    assert effect.is_share
    assert effect.change == pytest.approx(100 * 4 / 44, rel=0.01)


def test_rate_is_compared_where_the_plans_agree() -> None:
    full, half = made(steady(2000, 1, answers=40)), made(steady(2000, 1, answers=20))
    assert verdicts(full, half)["rate reached"] == WORSE
    assert verdicts(half, full)["rate reached"] == BETTER
    other = half | {"scenario": SCENARIO | {"plan": {"type": "ramp"}}}
    assert "rate reached" not in verdicts(full, other)


def test_the_highest_rates_of_two_searches_are_compared() -> None:
    def search(rate: float | None, passed: float | None, failed: float | None) -> dict[str, Any]:
        return made(steady(2000, 1)) | {"search": {"rate": rate, "interval": [passed, failed]}}

    assert comparison.compare(search(1000, 1000, 1050), search(800, 800, 840)).verdict == WORSE
    assert comparison.compare(search(1000, 1000, 1300), search(1200, 1200, None)).verdict == SAME
    with pytest.raises(samples.SampleError, match="found no rate"):
        comparison.compare(search(None, None, 10.0), search(800, 800, 840))


def test_a_percentile_of_too_few_responses_is_left_out() -> None:
    few = made(steady(2000, 1, answers=4))
    names = {effect.name for effect in comparison.compare(few, few).effects}
    assert "put p90" in names
    assert "put p99" not in names


# ---- Notes


def test_limits_of_a_comparison_are_noted() -> None:
    first = made(steady(2000, 1))
    other = made(steady(2000, 2, count=30), run_id="run-2", partial=True) | {
        "scenario": SCENARIO | {"item": {"size": 9}}
    }
    other["plan"] = other["plan"] | {"kept": False}
    notes = "\n".join(comparison.compare(first, other).notes)
    for text in ("scenarios of the runs differ: item", "run run-2 are partial", "did not keep its plan", "30 s long"):
        assert text in notes
    assert comparison.compare(first, first).notes == []


def saved(path: Path, run: dict[str, Any]) -> str:
    file.save(path, run)
    return str(path)


def test_the_command_says_whether_any_run_is_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick, same, slow = (
        saved(tmp_path / f"{name}.json", made(steady(mean, seed), run_id=name))
        for name, mean, seed in (("quick", 2000, 1), ("same", 2000, 2), ("slow", 4000, 3))
    )
    assert cli.main(["compare", quick, same]) == 0
    said = capsys.readouterr().out
    assert "verdict: NO DIFFERENCE" in said
    assert "\none run a side cannot show how much runs differ: compare 3 to 5 a side\n" in said
    assert cli.main(["compare", quick, same, slow, "--html", str(tmp_path / "comparison.html")]) == 3
    said = capsys.readouterr().out
    assert said.index("verdict: NO DIFFERENCE") < said.index("verdict: WORSE")
    assert max(map(len, said.splitlines())) <= 110
    assert "chart-compared-tail" in (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert cli.main(["compare", slow, quick, "--colour", "always"]) == 0
    assert "\x1b[32mBETTER" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (made(steady(2000, 1)), made(steady(2000, 1, count=5), run_id="short"), "run short has 4 whole seconds"),
        (made(steady(2000, 1)), made(steady(2000, 1)) | {"operations": {}}, "no operation in common"),
    ],
)
def test_incomparable_runs_are_refused_in_one_line(
    first: dict[str, Any], second: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [saved(tmp_path / "first.json", first), saved(tmp_path / "second.json", second)]
    assert cli.main(["compare", *paths]) == 2
    line = capsys.readouterr().err
    assert said in line
    assert " -> " in line
    assert line.count("\n") == 1


@pytest.mark.parametrize("value", ["x", "-1", "nan"])
def test_an_invalid_tolerance_is_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["compare", "a", "b", f"--tolerance={value}"])
    assert ended.value.code == 2
    assert "must be a number from 0 to 1000" in capsys.readouterr().err


def test_seconds_of_a_long_run_are_merged_without_loss() -> None:
    seconds = made(steady(2000, 1, count=2 * samples.MOST_SAMPLES + 5, answers=2))["series"]
    each = samples.histograms(seconds, "put")
    assert len(each) <= samples.MOST_SAMPLES
    assert [histogram.total for histogram in each] == [6] * (len(each) - 1) + [2 * len(seconds) - 6 * (len(each) - 1)]
