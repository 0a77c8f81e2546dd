# SPDX-License-Identifier: Apache-2.0
"""The search for the highest rate: its steps, its results, and its bounds."""

import random
from collections.abc import Callable

import pytest
from ddbload.pacing.search import Search, Trial
from hypothesis import given
from hypothesis import strategies as st

Oracle = Callable[[float], bool]


def walk(search: Search, passes: Oracle, generator_limit: float = float("inf")) -> dict:
    while (rate := search.next_rate()) is not None:
        limited = rate > generator_limit
        passed = passes(rate) and not limited
        search.observe(Trial(rate, passed, min(rate, generator_limit), "" if passed else "put.p99 < 20ms", limited))
    return search.outcome()


def steps(outcome: dict) -> list[tuple[str, float]]:
    return [(step["phase"], step["rate"]) for step in outcome["steps"]]


def test_it_grows_then_bisects_then_confirms() -> None:
    outcome = walk(Search(100, 10_000, precision=0.2), lambda rate: rate <= 600)
    assert steps(outcome) == [
        ("grow", 100),
        ("grow", 200),
        ("grow", 400),
        ("grow", 800),
        ("bisect", 565.685),
        ("bisect", 672.717),
        ("confirm", 565.685),
        ("confirm", 565.685),
    ]
    assert (outcome["rate"], outcome["interval"], outcome["limited_by"]) == (565.685, [565.685, 672.717], "table")
    assert outcome["answer"] == "565.685 operations a second, limited by the table"
    assert "3 of 3 trials" in outcome["acceptance"]


def test_a_failed_confirmation_continues_below() -> None:
    trials = iter([True, True, False, True, False, True, True])
    outcome = walk(Search(100, 400, precision=0.5), lambda _rate: next(trials))
    assert steps(outcome) == [
        ("grow", 100),
        ("grow", 200),
        ("grow", 400),
        ("bisect", 282.843),
        ("confirm", 282.843),
        ("confirm", 200),
        ("confirm", 200),
    ]
    assert (outcome["rate"], outcome["interval"]) == (200, [200, 282.843])


def test_after_a_failed_start_it_goes_down_then_up() -> None:
    outcome = walk(Search(1000, 5000, precision=0.1), lambda rate: rate <= 300)
    assert steps(outcome)[:4] == [("grow", 1000), ("descend", 500), ("descend", 250), ("bisect", 353.553)]
    assert 300 / 1.1 <= outcome["rate"] <= 300


def test_it_ends_at_the_floor() -> None:
    outcome = walk(Search(640, 5000), lambda _rate: False)
    assert [rate for _phase, rate in steps(outcome)] == [640, 320, 160, 80, 40, 20, 10]
    assert (outcome["rate"], outcome["confidence"], outcome["interval"]) == (None, None, [None, 10])
    assert outcome["limited_by"] == "table"


def test_a_ceiling_that_passes_is_the_result() -> None:
    outcome = walk(Search(100, 410), lambda _rate: True)
    assert [rate for _phase, rate in steps(outcome)] == [100, 200, 410, 410, 410]
    assert (outcome["rate"], outcome["limited_by"], outcome["interval"]) == (410, "ceiling", [410, None])


def test_a_limit_of_the_generator_is_not_the_table_s() -> None:
    """A rate that the generator cannot send is no failure of the table."""
    outcome = walk(Search(100, 10_000), lambda _rate: True, generator_limit=750)
    assert outcome["limited_by"] == "generator"
    assert "limited by the generator, not by the table" in outcome["answer"]
    assert [step["generator_limited"] for step in outcome["steps"]][3] is True


def test_a_plan_that_was_not_kept_does_not_pass() -> None:
    search = Search(100, 1000)
    search.observe(Trial(100, True, 60, "", generator_limited=True))
    assert search.next_rate() == 50
    assert search.outcome()["steps"][0]["passed"] is False


@pytest.mark.parametrize(("confirmations", "bound"), [(1, 0.05), (3, 0.3684), (10, 0.7411)])
def test_the_confidence_is_that_of_clopper_and_pearson(confirmations: int, bound: float) -> None:
    outcome = walk(Search(100, 100, confirmations=confirmations), lambda _rate: True)
    assert outcome["confidence"] == {"passes": confirmations, "trials": confirmations, "lower_bound": bound}


def test_there_is_no_result_before_the_end() -> None:
    search = Search(100, 1000)
    search.observe(Trial(100, True, 100))
    outcome = search.outcome()
    assert (outcome["rate"], outcome["limited_by"], outcome["answer"]) == (None, "none", "the search is not over")


def test_a_trial_at_another_rate_is_refused() -> None:
    search = Search(100, 100, confirmations=1)
    with pytest.raises(ValueError, match="a trial at 100 operations a second is expected, got one at 101"):
        search.observe(Trial(101, True, 101))
    search.observe(Trial(100, True, 100))
    with pytest.raises(ValueError, match="the search is over"):
        search.observe(Trial(100, True, 100))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"start": 0}, "start must be a rate above 0"),
        ({"ceiling": 99}, "ceiling must be a rate of at least the start"),
        ({"precision": 0}, "precision must be a share"),
        ({"growth": 1}, "growth must be a factor"),
        ({"confirmations": 0}, "confirmations must be a whole number"),
    ],
)
def test_settings_out_of_range_are_refused(changed: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Search(**{"start": 100, "ceiling": 1000} | changed)


searches = st.builds(
    Search,
    start=st.floats(0.5, 10_000),
    ceiling=st.floats(10_000, 1e6),
    precision=st.floats(0.001, 1),
    growth=st.floats(1.05, 10),
    confirmations=st.integers(1, 5),
)


@given(searches, st.floats(1e-3, 2e6))
def test_any_limit_is_found_within_the_precision(search: Search, limit: float) -> None:
    outcome = walk(search, lambda rate: rate <= limit)
    assert len(outcome["steps"]) < search.most_trials
    if limit < search.floor:
        assert (outcome["rate"], outcome["limited_by"]) == (None, "table")
    elif limit >= search.ceiling:
        assert (outcome["rate"], outcome["limited_by"]) == (search.ceiling, "ceiling")
    else:
        assert outcome["rate"] <= limit < outcome["rate"] * (1 + search.precision) * (1 + 1e-9)


@given(searches, st.integers(0, 2**32), st.floats(0.01, 0.99), st.booleans())
def test_varying_trials_end_with_a_true_result(search: Search, seed: int, chance: float, is_generator: bool) -> None:
    chances = random.Random(seed)
    passes: dict[float, int] = {}
    lowest_failed = float("inf")
    while (rate := search.next_rate()) is not None:
        assert search.floor <= rate <= search.ceiling
        assert rate < lowest_failed
        passed = chances.random() < chance
        if passed:
            passes[rate] = passes.get(rate, 0) + 1
        else:
            lowest_failed = rate
        search.observe(Trial(rate, passed, rate, "" if passed else "failed", is_generator and not passed))
        assert len(search.trials) <= search.most_trials
    outcome = search.outcome()
    if outcome["rate"] is not None:
        assert passes[outcome["rate"]] == search.confirmations
        assert outcome["rate"] < lowest_failed
        assert outcome["rate"] == search.ceiling or lowest_failed / outcome["rate"] <= 1 + search.precision
    else:
        assert lowest_failed == search.floor or len(search.trials) == search.most_trials


def test_endless_setbacks_end_the_search_as_such() -> None:
    tried: set[float] = set()

    def passes_once(rate: float) -> bool:
        is_new = rate not in tried
        tried.add(rate)
        return is_new

    search = Search(100, 100_000)
    outcome = walk(search, passes_once)
    assert len(outcome["steps"]) == search.most_trials
    assert sum(step["phase"] == "confirm" and not step["passed"] for step in outcome["steps"]) >= 10
    assert (outcome["rate"], outcome["confidence"], outcome["limited_by"]) == (None, None, "none")
    assert "vary too much" in outcome["answer"]


@given(searches, st.integers(0, 10))
def test_ten_setbacks_at_the_last_trial_do_not_end_it(search: Search, setbacks: int) -> None:
    passes: dict[float, int] = {}
    left = setbacks if search.confirmations > 1 else 0

    def fails_at_the_last(rate: float) -> bool:
        nonlocal left
        passes[rate] = passes.get(rate, 0) + 1
        if left and passes[rate] == search.confirmations:
            left -= 1
            return False
        return rate <= search.ceiling / 2

    outcome = walk(search, fails_at_the_last)
    assert len(outcome["steps"]) < search.most_trials
    assert outcome["rate"] is not None or outcome["interval"] == [None, search.floor]


def test_an_abandoned_search_has_no_result_but_its_last_rate() -> None:
    search = Search(100, 1000)
    search.observe(Trial(100, True, 100))
    search.observe(Trial(200, False, 200, "put.p99 < 20ms"))
    search.abandon("no vote came from worker 1 of 2")
    outcome = search.outcome()
    assert (search.next_rate(), outcome["rate"], outcome["limited_by"], outcome["confidence"]) == (
        None,
        None,
        "none",
        None,
    )
    assert (outcome["interval"], outcome["incomplete"]) == ([100, 200], "no vote came from worker 1 of 2")
    last = "the last confirmed rate is 100 operations a second, with 1 of 3 trials"
    assert outcome["answer"] == f"incomplete: no vote came from worker 1 of 2; {last}"


def test_a_search_abandoned_without_a_rate_is_reported() -> None:
    search = Search(100, 1000)
    search.abandon("the control table fails")
    assert search.outcome()["answer"] == "incomplete: the control table fails; no rate had passed"
