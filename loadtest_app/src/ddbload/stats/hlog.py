# SPDX-License-Identifier: Apache-2.0
"""The interval log of HdrHistogram (.hlog, format version 1.3): one line an interval and tag.

The format is the one that HistogramLogWriter and HistogramLogReader of https://github.com/HdrHistogram/HdrHistogram
write and read. Its readers merge intervals without loss, split them by tag and cut out any range of time. The log
does not state the unit of its values; ddbload's are microseconds. HistogramLogProcessor assumes nanoseconds, and prints
milliseconds with `-outputValueUnitRatio 1000`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ddbload.instants import epoch_text
from ddbload.stats.histogram import Histogram

VERSION = "1.3"
LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
TAG = "Tag="
# The log has the maximum of an interval in milliseconds, and a histogram's values are microseconds.
MAX_VALUE_UNIT_RATIO = 1000
# A log without a base time whose first stamp lies more than a year before its start time has relative stamps.
YEAR_S = 365 * 24 * 3600
TIME = re.compile(r"#\[(StartTime|BaseTime): *([0-9.]+)")
BREAKS_A_TAG = re.compile(r"[\s,]")


class Interval(NamedTuple):
    """The histogram of a tag and an interval of time.

    Attributes:
        tag: the name of the recorded series, without commas and white space; may be empty.
        start_s: seconds from the log's start to the interval's.
        length_s: the interval's length in seconds.
        histogram: the values, in microseconds.
    """

    tag: str
    start_s: float
    length_s: float
    histogram: Histogram


class Log(NamedTuple):
    """A log that was read.

    Attributes:
        started_s: the log's start, in seconds since the epoch; 0 where the log names none and has relative stamps.
        intervals: in the order of the log.
    """

    started_s: float
    intervals: list[Interval]


def write(intervals: Iterable[Interval], started_s: float) -> str:
    """Write an interval log.

    Args:
        intervals: in any order; the log has them by their start, since its readers rely on that.
        started_s: the log's start, in seconds since the epoch.

    Returns:
        The log's text: stamps are relative to its start, largest values in milliseconds.

    Raises:
        ValueError: a tag would break its line.
    """
    lines = [
        f"#[Histogram log format version {VERSION}]",
        f"#[StartTime: {started_s:.3f} (seconds since epoch), {epoch_text(started_s)}]",
        f"#[BaseTime: {started_s:.3f} (seconds since epoch)]",
        "#[Values are in microseconds, Interval_Max is in milliseconds]",
        LEGEND,
    ]
    lines.extend(_line(interval) for interval in sorted(intervals, key=lambda interval: interval.start_s))
    return "\n".join(lines) + "\n"


def read(text: str) -> Log:
    """Read an interval log, of this or of another writer.

    Args:
        text: the log; its values are read as microseconds. The maximum of each interval is ignored: the histogram
            holds it.

    Returns:
        The log's start and its intervals.

    Raises:
        ValueError: a line is neither a comment nor an interval; one line says which and why.
    """
    started_s: float | None = None
    base_s: float | None = None
    intervals: list[Interval] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            if found := TIME.match(line):
                if found[1] == "StartTime":
                    started_s = float(found[2])
                else:
                    base_s = float(found[2])
            if not line.strip() or line.startswith(("#", '"')):
                continue
            interval = _interval(line)
        except ValueError as error:
            raise ValueError(f"line {number} of the log: {error}") from error
        if started_s is None:
            started_s = interval.start_s if base_s is None else base_s
        if base_s is None:
            base_s = started_s if interval.start_s < started_s - YEAR_S else 0.0
        intervals.append(interval._replace(start_s=interval.start_s + (base_s - started_s)))
    return Log(started_s or 0.0, intervals)


def _line(interval: Interval) -> str:
    tag, start_s, length_s, histogram = interval
    if BREAKS_A_TAG.search(tag):
        raise ValueError(f"the tag {tag!r} has a comma or white space, which a log cannot hold")
    highest = histogram.maximum() / MAX_VALUE_UNIT_RATIO
    return f"{f'{TAG}{tag},' if tag else ''}{start_s:.3f},{length_s:.3f},{highest:.3f},{histogram.encode()}"


def _interval(line: str) -> Interval:
    tag = ""
    if line.startswith(TAG):
        tag, _comma, line = line.removeprefix(TAG).partition(",")
    fields = line.split(",")
    if len(fields) != 4:
        raise ValueError(f"an interval has 4 fields beside its tag, this has {len(fields)}")
    return Interval(tag, float(fields[0]), float(fields[1]), Histogram.decode(fields[3]))
