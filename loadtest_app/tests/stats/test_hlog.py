# SPDX-License-Identifier: Apache-2.0
"""Interval logs, compared with the readers and writers of two other implementations."""

from pathlib import Path

import pytest
from ddbload.stats import hlog
from ddbload.stats.histogram import MAX_US, Histogram, highest_of, slot_of
from ddbload.stats.hlog import Interval
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given
from hypothesis import strategies as st

STARTED_S = 1_767_323_045.678
FROM_JAVASCRIPT = Path(__file__).parents[1] / "data" / "hdr_js.hlog"

seconds = st.integers(0, 10**7).map(lambda milliseconds: milliseconds / 1000)
intervals = st.lists(
    st.builds(
        Interval,
        tag=st.sampled_from(["", "put", "get", "put-throttled"]),
        start_s=seconds,
        length_s=seconds,
        histogram=st.lists(st.integers(0, MAX_US), max_size=20).map(Histogram.from_values),
    ),
    max_size=8,
)


def plain(intervals: list[Interval]) -> list[tuple[str, float, float, dict[int, int]]]:
    return [(tag, round(start, 3), length, dict(histogram.counts)) for tag, start, length, histogram in intervals]


@given(intervals, st.integers(0, 4 * 10**12).map(lambda milliseconds: milliseconds / 1000))
def test_a_written_log_is_read_in_the_order_of_time(written: list[Interval], started_s: float) -> None:
    log = hlog.read(hlog.write(written, started_s))
    assert log.started_s == started_s
    assert plain(log.intervals) == plain(sorted(written, key=lambda interval: interval.start_s))


def test_a_log_has_the_format_of_its_readers() -> None:
    histogram = Histogram.from_values([1500, 250_000])
    lines = hlog.write([Interval("put", 1.0, 0.5, histogram), Interval("", 0.0, 1.0, Histogram())], STARTED_S)
    assert lines.splitlines() == [
        "#[Histogram log format version 1.3]",
        "#[StartTime: 1767323045.678 (seconds since epoch), 2026-01-02T03:04:05.678Z]",
        "#[BaseTime: 1767323045.678 (seconds since epoch)]",
        "#[Values are in microseconds, Interval_Max is in milliseconds]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
        f"0.000,1.000,0.000,{Histogram().encode()}",
        f"Tag=put,1.000,0.500,250.111,{histogram.encode()}",
    ]


def test_hdrhistogram_reads_the_encoding(tmp_path: Path) -> None:
    written = [
        Interval(tag, float(second), 1.0, Histogram.from_values([1000 * second + position, 5000]))
        for second in range(3)
        for position, tag in enumerate(["put", "get"])
    ]
    (tmp_path / "run.hlog").write_text(hlog.write(written, STARTED_S))
    reader = HistogramLogReader(str(tmp_path / "run.hlog"), HdrHistogram(1, MAX_US, 3))
    for tag, start_s, length_s, histogram in written:
        read = reader.get_next_interval_histogram()
        assert read.get_tag() == tag
        assert read.get_start_time_stamp() == pytest.approx((STARTED_S + start_s) * 1000, abs=0.5)
        assert read.get_end_time_stamp() == pytest.approx((STARTED_S + start_s + length_s) * 1000, abs=0.5)
        assert read.get_total_count() == histogram.total
        assert read.get_value_at_percentile(100) == histogram.maximum()
        reader.reference_histogram = None
    assert reader.get_next_interval_histogram() is None
    assert reader.get_start_time_sec() == pytest.approx(STARTED_S)


def test_a_log_that_javascript_wrote_is_read() -> None:
    log = hlog.read(FROM_JAVASCRIPT.read_text())
    assert log.started_s == STARTED_S
    assert [interval.tag for interval in log.intervals] == ["put", "get", ""] * 3
    assert [round(interval.start_s, 3) for interval in log.intervals] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert {interval.length_s for interval in log.intervals} == {1.0}
    assert {interval.histogram.total for interval in log.intervals} == {20}
    for interval, line in zip(log.intervals, FROM_JAVASCRIPT.read_text().splitlines()[5:], strict=True):
        highest = round(float(line.split(",")[-2]) * 1000)
        assert interval.histogram.maximum() == highest_of(slot_of(highest))


def test_a_log_without_base_time_has_absolute_stamps() -> None:
    """A log without a base time has absolute stamps unless they lie more than a year back."""
    text = Histogram.from_values([7]).encode()
    absolute = hlog.read(f"#[StartTime: 1700000000.0 (seconds since epoch)]\n1700000002.5,1,7,{text}\n")
    relative = hlog.read(f"#[StartTime: 1700000000.0 (seconds since epoch)]\n2.5,1,7,{text}\n")
    early = hlog.read(f"#[StartTime: 1700000000.0 (seconds since epoch)]\n1699999999.5,1,7,{text}\n")
    assert [interval.start_s for interval in absolute.intervals] == [2.5]
    assert [interval.start_s for interval in early.intervals] == [-0.5]
    assert plain(absolute.intervals) == plain(relative.intervals)


def test_a_log_without_start_time_starts_with_an_interval() -> None:
    """A log without a start time starts with its first interval."""
    text = Histogram.from_values([7]).encode()
    log = hlog.read(f"1700000002.5,1,7,{text}\n1700000003.5,1,7,{text}\n")
    assert log.started_s == 1700000002.5
    assert [interval.start_s for interval in log.intervals] == [0.0, 1.0]


@pytest.mark.parametrize("tag", ["a b", "a,b", "a\nb"])
def test_a_tag_that_would_break_its_line_is_not_written(tag: str) -> None:
    with pytest.raises(ValueError, match="comma or white space"):
        hlog.write([Interval(tag, 0.0, 1.0, Histogram())], STARTED_S)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0.0,1.0,0.001", "4 fields"),
        ("soon,1.0,0.001,HISTFAAA", "could not convert string to float: 'soon'"),
        ("0.0,1.0,0.001,HISTFAAA", "not an HdrHistogram V2"),
    ],
)
def test_a_line_that_is_no_interval_is_named(line: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^line 3 of the log: .*{reason}"):
        hlog.read(f"#[a comment]\n\n{line}\n")
