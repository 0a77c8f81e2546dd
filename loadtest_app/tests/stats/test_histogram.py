# SPDX-License-Identifier: Apache-2.0
"""Histograms and their V2 encoding, compared with two other implementations: hdrh, and files of hdr-histogram-js."""

import json
import math
import struct
import time
import zlib
from base64 import b64decode, b64encode
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from ddbload.stats import hdr
from ddbload.stats.histogram import MAX_US, SLOTS, Histogram, highest_of, lowest_of, slot_of
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

FROM_JAVASCRIPT: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "data" / "hdr_js.json").read_text())
INNER = struct.Struct(">IIIIQQd")

value = st.one_of(st.integers(0, 5000), st.integers(0, MAX_US))
values = st.lists(value, min_size=1, max_size=200)
counted = st.dictionaries(st.integers(0, SLOTS - 1), st.integers(1, 2**63 - 1), max_size=100)


def judge_of(recorded: list[int], lowest: int = 1, highest: int = MAX_US, digits: int = 3) -> HdrHistogram:
    judge = HdrHistogram(lowest, highest, digits)
    for each in recorded:
        judge.record_value(each)
    return judge


def payload_of(text: str) -> bytes:
    return zlib.decompress(b64decode(text)[8:])


def encoded(body: bytes, length: int | None = None, cookie: int = 0x1C849313, digits: int = 3) -> str:
    length = len(body) if length is None else length
    packed = zlib.compress(INNER.pack(cookie, length, 0, digits, 1, MAX_US, 1.0) + body)
    return b64encode(struct.pack(">II", 0x1C849314, len(packed)) + packed).decode()


@given(st.integers(0, MAX_US))
def test_a_slot_holds_its_values_within_three_digits(value: int) -> None:
    slot = slot_of(value)
    assert 0 <= slot < SLOTS
    assert lowest_of(slot) <= value <= highest_of(slot)
    assert highest_of(slot) - lowest_of(slot) <= max(0, value // 1000)


@given(st.integers(0, MAX_US))
def test_slots_are_those_of_hdrhistogram(value: int) -> None:
    judge = HdrHistogram(1, MAX_US, 3)
    assert slot_of(value) == judge._counts_index_for(value)
    assert judge.counts_len == SLOTS
    assert highest_of(slot_of(value)) == judge.get_highest_equivalent_value(value)


@given(values, st.sampled_from([1, 30, 50, 90, 99, 99.9, 100]))
def test_a_percentile_bounds_its_share_of_values(recorded: list[int], percentile: float) -> None:
    rank = math.ceil(Fraction(str(percentile)) * len(recorded) / 100)
    assert Histogram.from_values(recorded).percentile(percentile) == highest_of(slot_of(sorted(recorded)[rank - 1]))


@pytest.mark.parametrize("total", [10, 1000, 10_000, 41_000, 10_000_000, 10**12])
@pytest.mark.parametrize("percentile", ["50", "90", "99", "99.9"])
def test_a_percentile_on_a_count_is_not_rounded_past_it(total: int, percentile: str) -> None:
    """A percentile that falls on a count is not rounded past it."""
    at_or_below = Fraction(percentile) * total / 100
    if at_or_below.denominator == 1:
        histogram = Histogram()
        histogram.record(1, int(at_or_below))
        histogram.record(2, total - int(at_or_below))
        assert histogram.percentile(float(percentile)) == 1


@given(values)
def test_the_mean_is_that_of_the_values_within_three_digits(recorded: list[int]) -> None:
    mean = sum(recorded) / len(recorded)
    assert Histogram.from_values(recorded).mean() == pytest.approx(mean, rel=0.001)


@given(values, values)
def test_the_difference_to_a_copy_is_what_was_recorded_since(before: list[int], since: list[int]) -> None:
    histogram = Histogram.from_values(before)
    copy = histogram.copy()
    for each in since:
        histogram.record(each)
    assert histogram.minus(copy).counts == Histogram.from_values(since).counts
    assert copy.counts == Histogram.from_values(before).counts
    with pytest.raises(ValueError, match="no earlier copy: slot"):
        copy.minus(histogram)


@given(st.lists(values, min_size=1, max_size=5))
def test_many_merged_are_one_of_all(parts: list[list[int]]) -> None:
    merged = Histogram()
    for part in parts:
        merged.add(Histogram.decode(Histogram.from_values(part).encode()))
    whole = [value for part in parts for value in part]
    assert (merged.counts, merged.total) == (Histogram.from_values(whole).counts, len(whole))


def test_a_slot_that_was_only_read_counts_nothing() -> None:
    histogram = Histogram.from_values([5])
    assert histogram.counts[7] == 0
    assert list(histogram.slots()) == [(5, 1)]
    assert Histogram.decode(histogram.encode()).counts == {5: 1}


def test_an_empty_histogram_has_no_figures() -> None:
    empty = Histogram.decode(Histogram().encode())
    assert (empty.percentile(99), empty.maximum(), empty.mean(), empty.total) == (0, 0, 0.0, 0)


@given(counted)
def test_encoding_loses_nothing(counts: dict[int, int]) -> None:
    assert hdr.decode(hdr.encode(counts)) == counts


@settings(max_examples=40)
@given(values)
def test_hdrhistogram_reads_the_encoding(recorded: list[int]) -> None:
    judge = judge_of(recorded)
    read = HdrHistogram.decode(Histogram.from_values(recorded).encode())
    assert read.get_total_count() == len(recorded)
    assert [read.get_count_at_index(slot) for slot in range(SLOTS)] == [
        judge.get_count_at_index(slot) for slot in range(SLOTS)
    ]


@settings(max_examples=60)
@given(
    st.lists(st.one_of(st.integers(0, 5000), st.integers(0, 10**7)), min_size=1, max_size=50),
    st.sampled_from([1, 2, 1000, 1024]),
    st.sampled_from([10**7, MAX_US, 10**12]),
    st.integers(1, 5),
)
def test_histograms_of_other_ranges_are_converted(recorded: list[int], lowest: int, highest: int, digits: int) -> None:
    judge = judge_of(recorded, lowest, highest, digits)
    if judge.counts_len > hdr.MOST_SLOTS:
        with pytest.raises(ValueError, match="slots, more than 200,000"):
            hdr.decode(judge.encode().decode())
        return
    expected = Counter(slot_of(judge.get_highest_equivalent_value(value)) for value in recorded)
    assert hdr.decode(judge.encode().decode()) == expected


@pytest.mark.parametrize("case", FROM_JAVASCRIPT, ids=lambda case: case["name"])
def test_histograms_that_javascript_wrote_give_its_percentiles(case: dict[str, Any]) -> None:
    if case["digits"] > 3:
        with pytest.raises(ValueError, match="slots, more than 200,000"):
            Histogram.decode(case["encoded"])
        return
    histogram = Histogram.decode(case["encoded"])
    assert histogram.total == case["total"]
    for percentile, value in case["percentiles"].items():
        assert histogram.percentile(float(percentile)) == pytest.approx(value, rel=0, abs=0)
    if case["digits"] >= 3 and case["lowest"] == 1:
        assert histogram.mean() == pytest.approx(case["mean"], rel=0.001)


@pytest.mark.parametrize(("digits", "reason"), [(5, "slots, more than 200,000"), (3, "does not end")])
def test_a_decompression_bomb_is_refused(digits: int, reason: str) -> None:
    body = b"\x02" * 8_000_000
    inner = INNER.pack(hdr.COUNTS_COOKIE | hdr.LEB128, 23_552, 0, digits, 1, MAX_US, 1.0)
    packed = zlib.compress(inner + body)
    text = b64encode(hdr.OUTER.pack(hdr.COMPRESSED_COOKIE | hdr.LEB128, len(packed)) + packed).decode()
    assert len(text) < 16_000
    begun_s = time.process_time()
    with pytest.raises(ValueError, match=reason):
        hdr.decode(text)
    assert time.process_time() - begun_s < 0.5


@pytest.mark.parametrize("name", ["zero", "small", "borders", "gaps", "large_counts", "latencies"])
def test_the_encoding_has_the_bytes_of_javascript_s(name: str) -> None:
    text = next(case["encoded"] for case in FROM_JAVASCRIPT if case["name"] == name)
    header = INNER.size
    assert payload_of(Histogram.decode(text).encode())[header:] == payload_of(text)[header:]


def test_the_last_slot_can_be_reached_over_zeros_alone() -> None:
    assert hdr.decode(encoded(b"\xfd\xef\x02\x02")) == {SLOTS - 1: 1}


@pytest.mark.parametrize("bits", range(0, 63, 3))
def test_hdrhistogram_reads_counts_of_any_size(bits: int) -> None:
    read = HdrHistogram.decode(hdr.encode({3: 2**bits, 5: 2 ** (bits + 1) - 1}))
    assert (read.get_count_at_index(3), read.get_count_at_index(5)) == (2**bits, 2 ** (bits + 1) - 1)


def test_values_beyond_one_hour_are_counted_there() -> None:
    judge = judge_of([2 * MAX_US, 5], highest=10**12)
    assert hdr.decode(judge.encode().decode()) == {5: 1, slot_of(MAX_US): 1}


def test_a_histogram_that_is_not_compressed_is_read_too() -> None:
    payload = payload_of(Histogram.from_values([0, 3, 3]).encode())
    assert hdr.decode(b64encode(payload).decode()) == {0: 1, 3: 2}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "0 bytes cannot hold a header of 8"),
        ("HISTFAAA", "6 bytes cannot hold a header of 8"),
        ("no base64!", "base64"),
        ("hé", "ASCII"),
        (Histogram.from_values([1]).encode()[:-4], "announces [0-9]+ bytes"),
        (b64encode(struct.pack(">II", 0x1C849301, 40) + bytes(40)).decode(), "cookie is 0x1c849301"),
        (encoded(b"\x02", cookie=0x1C849302), "cookie is 0x1c849302"),
        (encoded(b"\x02", length=2), "announces 2 bytes of counts, 1 follow"),
        (encoded(b"\x82"), "last count is truncated"),
        (encoded(b"\x02", digits=6), "no histogram counts from 1 to 3600000000 with 6 digits"),
        (encoded(b"\xff\xff\xff\xff\x0f\x02"), "more than the 23552 slots"),
        (encoded(b"\xff\xef\x02\x02"), "more than the 23552 slots"),
        (b64encode(struct.pack(">II", 0x1C849314, 12) + zlib.compress(b"a")[:9] + bytes(3)).decode(), "does not end"),
        (b64encode(struct.pack(">II", 0x1C849314, 4) + b"zlib").decode(), "decompress"),
    ],
)
def test_an_invalid_histogram_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^not an HdrHistogram V2: .*{reason}.*$") as caught:
        Histogram.decode(text)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=60))
def test_any_counts_are_read_or_refused(body: bytes) -> None:
    try:
        counts = hdr.decode(encoded(body))
    except ValueError:
        return
    assert all(0 <= slot < SLOTS and count > 0 for slot, count in counts.items())


@given(counted, st.data())
def test_a_text_that_was_cut_short_is_refused(counts: dict[int, int], data: st.DataObject) -> None:
    text = hdr.encode(counts)
    with pytest.raises(ValueError, match="not an HdrHistogram"):
        hdr.decode(text[: data.draw(st.integers(0, len(text) - 1))])


@pytest.mark.parametrize("counts", [{-1: 1}, {SLOTS: 1}, {0: -1}, {0: 2**63}])
def test_values_beyond_the_format_are_not_written(counts: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot count"):
        hdr.encode(counts)
