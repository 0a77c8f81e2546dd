# SPDX-License-Identifier: Apache-2.0
from collections import Counter

from ddbload.keys import KeyAttribute, KeySpace, uniform
from ddbload.plan import NANOSECONDS, ClosedPacer, ConstantRatePacer, Mix, pacer
from ddbload.scenario import Closed, ConstantRate
from hypothesis import given
from hypothesis import strategies as st

rates = st.floats(0.5, 100_000)
durations = st.floats(0.1, 1000)
mixes = st.dictionaries(st.sampled_from(["put", "get"]), st.integers(1, 50), min_size=1)


@given(rates, durations, st.floats(0, 1))
def test_due_and_planned_agree(rate: float, duration: float, share: float) -> None:
    plan = ConstantRatePacer(rate, duration)
    elapsed = int(duration * NANOSECONDS * share)
    due = plan.due(elapsed)
    assert 0 <= due <= plan.operations
    assert due == 0 or plan.planned_ns(due - 1) <= elapsed
    assert due == plan.operations or plan.planned_ns(due) > elapsed


@given(rates, durations)
def test_the_plan_is_its_rate_times_its_duration(rate: float, duration: float) -> None:
    plan = ConstantRatePacer(rate, duration)
    assert abs(plan.operations - rate * duration) <= 1
    assert plan.due(plan.duration_ns) in (plan.operations, plan.operations - 1)
    assert plan.due(-1) == 0


def test_pacers_of_plans() -> None:
    assert pacer(ConstantRate(5, 2)) == ConstantRatePacer(5, 2)
    assert pacer(Closed(concurrency=8, operations=3)) == ClosedPacer(3, 3)
    assert ClosedPacer(3, 30).due(0) == 30


@given(mixes, st.integers(0, 1000))
def test_before_counts_what_came_before(weights: dict[str, int], number: int) -> None:
    mix = Mix(weights)
    counted = Counter(mix.operation(place) for place in range(number))
    assert {name: mix.before(name, number) for name in weights} == {name: counted[name] for name in weights}
    assert mix.before("scan", number) == 0


@given(mixes)
def test_a_cycle_keeps_the_weights_exactly(weights: dict[str, int]) -> None:
    assert Counter(Mix(weights).cycle) == weights


@given(st.integers(0, 2**63), st.integers(0, 10**9), st.integers(1, 10**12))
def test_a_choice_is_within_its_range_and_the_same_again(seed: int, number: int, count: int) -> None:
    assert 0 <= uniform(seed, number, count) < count
    assert uniform(seed, number, count) == uniform(seed, number, count)


def test_choices_are_spread_evenly() -> None:
    counts = Counter(uniform(1, number, 10) for number in range(100_000))
    assert all(9_500 < count < 10_500 for count in counts.values())


@given(st.sampled_from("SNB"), st.sets(st.integers(0, 10**12 - 1), min_size=2, max_size=20))
def test_keys_differ(type_: str, indexes: set[int]) -> None:
    keys = KeySpace([KeyAttribute("pk", type_), KeyAttribute("sk", "S")], "prefix")
    assert len({str(keys.key(index)) for index in indexes}) == len(indexes)
    assert all(set(keys.key(index)) == {"pk", "sk"} for index in indexes)
