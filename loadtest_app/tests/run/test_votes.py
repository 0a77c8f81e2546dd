# SPDX-License-Identifier: Apache-2.0
"""The judgement of a trial by the votes of all workers: the same by any judge, in any order."""

import random

import pytest
from ddbload.pacing.search import Trial
from ddbload.run.search import votes
from ddbload.run.search.jury import Decision
from ddbload.run.search.votes import Judged, Vote
from ddbload.scenario.plan import FindMaxPlan
from ddbload.scenario.thresholds import parse_rule
from hypothesis import given
from hypothesis import strategies as st
from voting import voted

PLAN = FindMaxPlan(start=100, ceiling=10_000, precision=0.1, confirmations=2, trial_s=1.0, settle_s=0.0, rest_s=0.0)
RULES = [parse_rule("put.p99 < 20ms"), parse_rule("throttled < 1%")]
latencies = st.lists(st.integers(100, 60_000), max_size=40)


def judged(*given_votes: Vote, rate: float = 100.0) -> Judged:
    return votes.judge(rate, dict(enumerate(given_votes)), RULES)


def test_workers_are_judged_by_their_common_figures() -> None:
    """One worker alone misses the percentile, and another one the share; together they miss neither."""
    slow, throttled, others = voted([30_000] * 1), voted([1000] * 20, throttled=1), voted([1000] * 200)
    for alone in (slow, throttled):
        assert judged(alone).trial == Trial(100.0, False, alone.plan["rate_reached"], judged(alone).trial.reason)
    assert judged(slow, throttled, others).trial == Trial(100.0, True, 222.0)


def test_all_limits_of_the_generator_count() -> None:
    kept, broken = voted([1000] * 99), voted([1000], broken="the plan was not kept: late", generator_limited=True)
    trial = judged(kept, broken).trial
    assert trial == Trial(100.0, False, 100.0, "the plan was not kept: late", True)


def test_a_worker_that_stopped_ends_the_search() -> None:
    found = judged(voted([1000]), voted([1000], stopped="SIGTERM"))
    assert found == Judged(stopped="worker 1 stopped by SIGTERM")


def test_an_entry_without_a_success_fails_the_trial() -> None:
    found = judged(voted([], throttled=2), voted([], throttled=3))
    assert found.trial is not None and "none of 5 put operations succeeded" in found.trial.reason


@given(st.lists(st.tuples(latencies, st.integers(0, 2)), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_any_order_and_any_judge_give_the_same_judgement(
    parts: list[tuple[list[int], int]], chance: random.Random
) -> None:
    """A judge that read the votes from their texts, in any order, agrees with one that had them in memory."""
    known = {worker: voted(times, throttled) for worker, (times, throttled) in enumerate(parts)}
    workers = list(known)
    chance.shuffle(workers)
    read = {worker: votes.read(known[worker].to_text()) for worker in workers}
    assert votes.judge(100.0, read, RULES) == votes.judge(100.0, known, RULES)


@given(latencies.filter(len), st.integers(1, 5))
def test_a_trial_of_several_workers_is_that_of_one(times: list[int], workers: int) -> None:
    parts = [voted(times[worker::workers]) for worker in range(workers)]
    one, all_of_them = judged(voted(times)).trial, judged(*parts).trial
    assert one is not None and all_of_them is not None
    assert (one.passed, one.reason) == (all_of_them.passed, all_of_them.reason)
    assert one.reached == pytest.approx(all_of_them.reached)


@given(st.integers(1, 4), st.floats(60, 2000), st.randoms(use_true_random=False))
def test_judges_that_change_each_round_find_the_same_rate(workers: int, limit: float, chance: random.Random) -> None:
    """In each round another judge decides, with the earlier trials only: the rounds are those of one judge."""
    trials: list[Trial] = []
    whole = votes.search_of(PLAN)
    while (rate := votes.search_of(PLAN, trials).next_rate()) is not None:
        assert rate == whole.next_rate()
        each = [voted([1000] * 20, throttled=0 if rate <= limit else 1) for _worker in range(workers)]
        order = list(range(workers))
        chance.shuffle(order)
        found = votes.judge(rate, {worker: votes.read(each[worker].to_text()) for worker in order}, RULES)
        decision = Decision.read(Decision(found, 7).to_text())
        assert decision == Decision(found, 7) and found.trial is not None
        trials.append(found.trial)
        whole.observe(found.trial)
    assert votes.search_of(PLAN, trials).outcome() == whole.outcome()
    assert whole.outcome()["rate"] <= limit < whole.outcome()["rate"] * (1 + PLAN.precision)


@pytest.mark.parametrize(
    ("present", "text"),
    [
        ([0, 2], "no vote came from worker 1 of 3"),
        ([1], "no vote came from 2 workers, the first is worker 0, of 3"),
    ],
)
def test_the_missing_votes_are_named(present: list[int], text: str) -> None:
    assert votes.missing(dict.fromkeys(present), 3) == text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"operations": {"put": {"histograms": {"ok": {"latency": "x"}}}}}'])
def test_an_invalid_vote_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        votes.read(text)
