# SPDX-License-Identifier: Apache-2.0
import pytest
from ddbload.histogram import MAX_US, SLOTS, Histogram, highest_of, lowest_of, slot_of
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

values = st.lists(st.one_of(st.integers(0, 5000), st.integers(0, MAX_US)), min_size=1, max_size=200)


@given(st.integers(0, MAX_US))
def test_a_slot_holds_its_values_within_three_digits(value: int) -> None:
    slot = slot_of(value)
    assert 0 <= slot < SLOTS
    assert lowest_of(slot) <= value <= highest_of(slot)
    assert highest_of(slot) - lowest_of(slot) <= max(0, value // 1000)


@given(values, st.sampled_from([1, 50, 90, 99, 99.9, 100]))
def test_percentiles_are_those_of_hdrhistogram(recorded: list[int], percentile: float) -> None:
    ours, reference = Histogram(), HdrHistogram(1, MAX_US, 3)
    for value in recorded:
        ours.record(value)
        reference.record_value(value)
    assert ours.percentile(percentile) == reference.get_value_at_percentile(percentile)


@settings(max_examples=30, deadline=None)
@given(values)
def test_encoding_loses_nothing(recorded: list[int]) -> None:
    histogram = Histogram()
    for value in recorded:
        histogram.record(value)
    again = Histogram.decode(histogram.encode())
    assert (again.counts, again.total) == (histogram.counts, histogram.total)


@settings(max_examples=20, deadline=None)
@given(st.lists(values, min_size=1, max_size=5))
def test_many_merged_are_one_of_all(parts: list[list[int]]) -> None:
    merged, whole = Histogram(), Histogram()
    for part in parts:
        one = Histogram()
        for value in part:
            one.record(value)
            whole.record(value)
        merged.add(Histogram.decode(one.encode()))
    assert (merged.counts, merged.total) == (whole.counts, whole.total)


def test_an_empty_histogram_has_no_figures() -> None:
    assert (Histogram().percentile(99), Histogram().maximum(), Histogram().mean()) == (0, 0, 0.0)


def test_what_is_no_histogram_is_refused() -> None:
    with pytest.raises(ValueError, match="not an HdrHistogram"):
        Histogram.decode("HISTFAAA")
