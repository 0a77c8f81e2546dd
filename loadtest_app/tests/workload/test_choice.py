# SPDX-License-Identifier: Apache-2.0
"""Choosers: always within the keys, repeatable, and with their distribution."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from ddbload.workload.choice import Chooser, HotSet, Latest, Sequential, Spread, Uniform, Zipfian
from hypothesis import assume, given
from hypothesis import strategies as st

DRAWS = 30_000
seeds = st.integers(0, 2**64)
numbers = st.integers(0, 10**12)
counts = st.integers(1, 10**12) | st.integers(1, 40)
shares = st.floats(0, 1)


@st.composite
def choosers(draw: st.DrawFn) -> tuple[Chooser, Chooser]:
    """Draw two equal choosers."""
    seed, exponent = draw(seeds), draw(st.floats(0, 50) | st.sampled_from([1.0, 0.99, 1 + 1e-15, 1000.0]))
    keys, operations, scrambled = draw(shares), draw(shares), draw(st.booleans())

    def build(kind: int) -> Chooser:
        return (
            Sequential(),
            Uniform(seed),
            Zipfian(seed, exponent, scrambled),
            Latest(seed, exponent),
            HotSet(seed, keys, operations),
        )[kind]

    kind = draw(st.integers(0, 4))
    return build(kind), build(kind)


def chi_square_fits(observed: Sequence[int], chances: Sequence[float]) -> bool:
    """Return whether draws are within five sigma of a distribution; the sigma of chi-square is sqrt(2 * freedom)."""
    total = sum(observed)
    assert math.fsum(chances) == pytest.approx(1)
    assert min(chances) * total > 5
    statistic = sum(
        (found - total * chance) ** 2 / (total * chance) for found, chance in zip(observed, chances, strict=True)
    )
    freedom = len(chances) - 1
    return statistic < freedom + 5 * math.sqrt(2 * freedom)


def zipfian(exponent: float, count: int) -> list[float]:
    weights = [rank**-exponent for rank in range(1, count + 1)]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


@given(choosers(), numbers, counts, counts)
def test_a_choice_depends_on_number_and_count_only(
    pair: tuple[Chooser, Chooser], number: int, count: int, other: int
) -> None:
    one, two = pair
    first = one.choose(number, count)
    assert 0 <= first < count
    two.choose(number + 1, other)
    assert two.choose(number, count) == first
    one.choose(number, other)
    assert one.choose(number, count) == first


def test_sequential_takes_every_key_in_order() -> None:
    assert [Sequential().choose(number, 3) for number in range(5)] == [0, 1, 2, 0, 1]


def test_uniform_takes_every_key_equally_often() -> None:
    found = Counter(Uniform(7).choose(number, 100) for number in range(DRAWS))
    assert chi_square_fits([found[index] for index in range(100)], [0.01] * 100)


@pytest.mark.parametrize("exponent", [0.0, 0.3, 0.99, 1.0, 1.01, 1.2])
@pytest.mark.parametrize("count", [2, 3, 10, 50])
def test_zipfian_takes_each_rank_by_zipf_s_law(exponent: float, count: int) -> None:
    chooser = Zipfian(11, exponent, scrambled=False)
    found = Counter(chooser.choose(number, count) for number in range(DRAWS))
    assert chi_square_fits([found[rank] for rank in range(count)], zipfian(exponent, count))


@pytest.mark.parametrize("exponent", [2.0, 5.0])
def test_a_large_exponent_takes_the_first_ranks_by_zipfs_law(exponent: float) -> None:
    """A large exponent takes the first ranks as often as Zipf's law says."""
    chooser = Zipfian(12, exponent, scrambled=False)
    found = Counter(min(chooser.choose(number, 1000), 2) for number in range(DRAWS))
    first, second, *others = zipfian(exponent, 1000)
    assert chi_square_fits([found[0], found[1], found[2]], [first, second, math.fsum(others)])


def test_zipfian_over_a_trillion_keys_has_the_right_shares() -> None:
    """Zipfian choice over a trillion keys has the right share in each decade."""
    chooser = Zipfian(13, 0.99, scrambled=False)
    found = Counter(len(str(chooser.choose(number, 10**12) + 1)) for number in range(DRAWS))

    def harmonic(last: int) -> float:
        """Sum rank**-0.99 after Euler and Maclaurin, more exact than these draws."""
        first = 1000
        head = math.fsum(rank**-0.99 for rank in range(1, min(last, first) + 1))
        if last <= first:
            return head
        return head + float((last**0.01 - first**0.01) / 0.01 + (last**-0.99 - first**-0.99) / 2)

    bounds = [harmonic(10**decade - 1) for decade in range(13)]
    # The last rank contributes the thirteenth digit.
    chances = [(high - low) / harmonic(10**12) for low, high in pairwise(bounds)]
    assert chi_square_fits([found[decade] for decade in range(1, 13)], chances)


def test_scrambled_zipfian_has_the_same_law_on_other_keys() -> None:
    plain, scrambled = Zipfian(14, scrambled=False), Zipfian(14)
    spread = Spread(14)
    for number in range(1000):
        assert scrambled.choose(number, 777) == spread.key_of(plain.choose(number, 777), 777)


def test_the_hottest_keys_are_far_apart() -> None:
    spread = Spread(3)
    hottest = sorted(spread.key_of(rank, 1_000_000) for rank in range(100))
    gaps = [after - before for before, after in pairwise(hottest)]
    assert min(gaps) > 100
    assert max(gaps) < 60_000


@given(seeds, st.integers(1, 600))
def test_a_spread_has_every_key_once(seed: int, count: int) -> None:
    spread = Spread(seed)
    assert sorted(spread.key_of(rank, count) for rank in range(count)) == list(range(count))


@given(seeds, st.integers(0, 10**6), st.integers(1, 600))
def test_hot_keys_stay_hot_while_keys_are_added(seed: int, few: int, more: int) -> None:
    spread = Spread(seed)
    count = few + 600
    assume((count - 1).bit_length() == (count + more - 1).bit_length())
    before = {spread.key_of(rank, count) for rank in range(100)}
    after = {spread.key_of(rank, count + more) for rank in range(100)}
    assert all(key >= count for key in after - before)


def test_latest_prefers_the_newest() -> None:
    found = Counter(Latest(15).choose(number, 20) for number in range(DRAWS))
    assert chi_square_fits([found[distance] for distance in range(20)], zipfian(0.99, 20))


def test_hot_keys_take_their_share_of_the_operations_evenly() -> None:
    chooser = HotSet(16, keys_share=0.1, operations_share=0.8)
    found = Counter(chooser.choose(number, 100) for number in range(DRAWS))
    spread = Spread(16)
    by_rank = [found[spread.key_of(rank, 100)] for rank in range(100)]
    assert chi_square_fits(by_rank, [0.08] * 10 + [0.2 / 90] * 90)


@pytest.mark.parametrize(("keys", "operations", "hot"), [(0.0, 1.0, 1), (1.0, 0.0, 10), (0.5, 1.0, 5), (0.5, 0.0, 5)])
def test_a_hot_set_may_be_all_or_nothing(keys: float, operations: float, hot: int) -> None:
    chooser, spread = HotSet(17, keys, operations), Spread(17)
    ranks = range(hot) if operations == 1 or hot == 10 else range(hot, 10)
    assert {chooser.choose(number, 10) for number in range(500)} == {spread.key_of(rank, 10) for rank in ranks}


@pytest.mark.parametrize("exponent", [-0.1, math.inf, math.nan])
def test_an_exponent_below_zero_is_refused(exponent: float) -> None:
    with pytest.raises(ValueError, match="exponent of 0 or more"):
        Zipfian(1, exponent)


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match="share of the operations"):
        HotSet(1, 0.5, 1.5)
