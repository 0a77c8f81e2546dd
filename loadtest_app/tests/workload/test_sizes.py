# SPDX-License-Identifier: Apache-2.0
"""Item sizes: within their bounds, with their distribution, and their units."""

import math

import pytest
from ddbload.workload.sizes import Choices, Fixed, LogNormal, Sizes, UniformSize, mean_units
from hypothesis import given
from hypothesis import strategies as st

DRAWS = 20_000
every_kind = pytest.mark.parametrize(
    "sizes",
    [
        Fixed(1500),
        UniformSize(1, 100, 5000),
        UniformSize(2, 7, 7),
        LogNormal(1, 800.0, 0.7, 200, 6000),
        LogNormal(2, 3.0, 1.5, 1, 40),
        LogNormal(3, 1000.0, 0.2, 2000, 3000),
        Choices(1, {400: 8, 2000: 1, 1024: 3, 9: 0}),
    ],
    ids=lambda sizes: type(sizes).__name__,
)


@every_kind
def test_the_share_above_a_size_is_as_computed(sizes: Sizes) -> None:
    drawn = [sizes.size(index, index % 3) for index in range(DRAWS)]
    assert sizes.smallest <= min(drawn) <= max(drawn) <= sizes.largest
    for size in {0, 2, 10, 399, 400, 1000, 1024, 2000, 2500, sizes.smallest - 1, sizes.smallest, sizes.largest}:
        share = sizes.share_above(size)
        found = sum(one > size for one in drawn)
        assert abs(found - DRAWS * share) <= 5 * math.sqrt(DRAWS * share * (1 - share)) + 1e-6


@every_kind
@pytest.mark.parametrize("unit", [1, 100, 1024, 4096])
def test_the_mean_units_are_the_expected_ones(sizes: Sizes, unit: int) -> None:
    chances = {
        size: sizes.share_above(size - 1) - sizes.share_above(size) for size in range(sizes.smallest, sizes.largest + 1)
    }
    expected = math.fsum(-(-size // unit) * chance for size, chance in chances.items())
    assert mean_units(sizes, unit) == pytest.approx(expected, rel=1e-9)


@every_kind
def test_the_mean_of_units_of_one_byte_is_the_mean_size(sizes: Sizes) -> None:
    assert sizes.mean == pytest.approx(mean_units(sizes, 1), rel=1e-9)


@every_kind
def test_no_size_is_above_the_largest(sizes: Sizes) -> None:
    assert sizes.share_above(sizes.largest) == 0
    assert sizes.share_above(sizes.largest - 1) > 0
    assert sizes.share_above(sizes.smallest - 1) == 1


@given(st.integers(0, 2**64), st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_size_depends_on_seed_index_and_version_alone(seed: int, index: int, version: int) -> None:
    assert UniformSize(seed, 1, 409_600).size(index, version) == UniformSize(seed, 1, 409_600).size(index, version)


def test_sizes_differ_by_seed_index_and_version() -> None:
    sizes = UniformSize(1, 1, 409_600)
    assert len({sizes.size(index, 0) for index in range(100)}) > 90
    assert len({sizes.size(0, version) for version in range(100)}) > 90
    assert len({UniformSize(seed, 1, 409_600).size(0, 0) for seed in range(100)}) > 90


def test_half_of_log_normal_sizes_are_above_the_median() -> None:
    sizes = LogNormal(5, 1000.0, 1.0, 1, 409_600)
    assert sizes.share_above(1000) == pytest.approx(0.5, abs=0.001)
    assert sizes.mean == pytest.approx(1000 * math.exp(0.5), rel=0.001)


@pytest.mark.parametrize(("size", "units"), [(1, 1), (1024, 1), (1025, 2), (409_600, 400)])
def test_a_partial_unit_counts_as_one(size: int, units: int) -> None:
    assert mean_units(Fixed(size), 1024) == units


def test_invalid_values_are_refused() -> None:
    with pytest.raises(ValueError, match="from 1 to 409600"):
        Fixed(409_601)
    with pytest.raises(ValueError, match="from 0 to 5"):
        UniformSize(1, 0, 5)
    with pytest.raises(ValueError, match="from 9 to 5"):
        LogNormal(1, 5.0, 1.0, 9, 5)
    with pytest.raises(ValueError, match="above 0"):
        LogNormal(1, 5.0, 0.0, 1, 5)
    with pytest.raises(ValueError, match="one must be above"):
        Choices(1, {5: 0})
    with pytest.raises(ValueError, match="no weight may be below 0"):
        Choices(1, {5: 2, 6: -1})
