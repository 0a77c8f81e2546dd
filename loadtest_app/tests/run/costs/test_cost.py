# SPDX-License-Identifier: Apache-2.0
"""The cost of a run, by computed examples and by laws."""

import re

import pytest
from ddbload.run.costs.cost import (
    PROVISIONED_NOTE,
    Estimate,
    Expected,
    estimate,
    fargate_cost,
    load_prices,
    read_units,
    request_cost,
    write_units,
)
from hypothesis import given
from hypothesis import strategies as st

PRICES = load_prices("us-east-1")
PUTS = Expected("put", 10_000 * 600, 0.0, float(write_units(1024)))
sizes = st.integers(0, 409_600)


def on_demand(*expected: Expected, seconds: float = 600, vcpu: float = 0, memory_gb: float = 0) -> Estimate:
    return estimate(expected, PRICES, False, seconds, vcpu, memory_gb, "X86_64")


def test_ten_minutes_of_ten_thousand_writes_cost_3_75() -> None:
    """Ten thousand writes a second of 1 kb for ten minutes are 3 dollars 75."""
    found = on_demand(PUTS)
    assert found.requests == pytest.approx(3.75)
    assert (found.compute, found.note) == (0, "")
    assert (found.read_units, found.write_units) == (0, 6_000_000)


def test_a_mix_costs_what_its_parts_cost() -> None:
    gets = Expected("get", 8_000_000, read_units(5000, consistent=False), 0)
    found = on_demand(PUTS, gets)
    assert found.read_units == 8_000_000
    assert found.requests == pytest.approx(3.75 + 1.0)
    assert found.total == found.requests


def test_a_provisioned_table_has_no_cost_by_request() -> None:
    found = estimate([PUTS], PRICES, True, 3600, 1, 2, "X86_64")
    assert found.requests == 0
    assert found.write_units == 6_000_000
    assert found.total == found.compute > 0
    assert found.note == PROVISIONED_NOTE


@pytest.mark.parametrize(
    ("architecture", "dollars"),
    [("X86_64", 0.25 * 0.04048 + 0.5 * 0.004445), ("ARM64", 0.25 * 0.03238 + 0.5 * 0.00356)],
)
def test_an_hour_of_the_smallest_task_costs_the_listed_price(architecture: str, dollars: float) -> None:
    assert fargate_cost(0.25, 0.5, 3600, architecture, PRICES) == pytest.approx(dollars)


@pytest.mark.parametrize(("seconds", "billed"), [(0, 60), (59.9, 60), (60, 60), (60.1, 61), (600.0, 600)])
def test_compute_is_billed_by_the_second_from_a_minute_on(seconds: float, billed: int) -> None:
    assert fargate_cost(1, 2, seconds, "X86_64", PRICES) == pytest.approx((0.04048 + 2 * 0.004445) * billed / 3600)


def test_each_task_is_paid_for() -> None:
    one = estimate([PUTS], PRICES, False, 600, 1, 2, "ARM64")
    four = estimate([PUTS], PRICES, False, 600, 1, 2, "ARM64", tasks=4)
    assert four.compute == pytest.approx(4 * one.compute)
    assert four.requests == one.requests


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="no price is known for 'sparc': Fargate has X86_64 and ARM64"):
        fargate_cost(1, 2, 60, "sparc", PRICES)


@pytest.mark.parametrize(("size", "units"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (409_600, 400)])
def test_a_write_takes_a_unit_for_each_kb_begun(size: int, units: int) -> None:
    assert write_units(size) == units


@pytest.mark.parametrize(
    ("size", "consistent", "units"),
    [(0, True, 1), (4096, True, 1), (4097, True, 2), (4096, False, 0.5), (4097, False, 1), (409_600, True, 100)],
)
def test_a_read_takes_a_unit_for_each_4_kb_or_half_of_it(size: int, consistent: bool, units: float) -> None:
    """A read takes a unit for each 4 kb begun and half where it may be stale."""
    assert read_units(size, consistent) == units


@given(sizes)
def test_transactions_take_twice_as_much(size: int) -> None:
    assert write_units(size, transactional=True) == 2 * write_units(size)
    assert read_units(size, consistent=False, transactional=True) == 2 * read_units(size, consistent=True)


@given(sizes, sizes)
def test_more_bytes_never_take_fewer_units(one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert write_units(small) <= write_units(large)
    assert read_units(small, True) <= read_units(large, True)


@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_reads_and_writes_have_separate_prices(reads: float, writes: float) -> None:
    together = request_cost(reads, writes, PRICES)
    assert together == pytest.approx(request_cost(reads, 0, PRICES) + request_cost(0, writes, PRICES))


def test_an_unknown_region_has_the_prices_of_us_east_1() -> None:
    """An unknown region has the prices of us-east-1 and a note."""
    prices = load_prices("mars-north-1")
    assert (prices.region, prices.region_known, PRICES.region_known) == ("us-east-1", False, True)
    assert prices.write_units_million == PRICES.write_units_million
    found = estimate([PUTS], prices, True, 600, 0, 0, "X86_64")
    unknown = f"the region's prices are not known: these are us-east-1's of {prices.date}"
    assert found.note == f"{PROVISIONED_NOTE}; {unknown}"


def test_prices_have_their_date_and_their_source() -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", PRICES.date)
    assert all(source.startswith("https://aws.amazon.com/") for source in PRICES.sources)
    assert load_prices("us-east-1") is PRICES
