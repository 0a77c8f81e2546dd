# SPDX-License-Identifier: Apache-2.0
"""The seconds of a run as samples: the figures in which runs are compared, and how certain a difference is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from ddbload.stats import bootstrap
from ddbload.stats.histogram import Histogram, highest_of

FEWEST_SECONDS = 10
# A percentile with fewer responses beyond it is too uncertain.
FEWEST_BEYOND = 10
HALF_A_MICROSECOND = 0.5
# Hours would take long, and blocks of them are longer than this anyway.
MOST_SAMPLES = 600

Second = Mapping[str, Any]
Figure = Callable[[Sequence[int]], float]


class SampleError(Exception):
    """A run that cannot be compared; the text states the cause."""


class Measure(NamedTuple):
    """A figure of a run, and the function that resamples it.

    Attributes:
        value: of the run.
        series: about the same figure second by second: what it remembers decides how long blocks are.
        figure: takes blocks of seconds, and returns what computes the figure from how often each block counts. What
            comes out is as it is compared: the logarithm of a time or a rate, a share as it is.
    """

    value: float
    series: Sequence[float]
    figure: Callable[[Sequence[range]], Figure]


class Estimate(NamedTuple):
    """A figure of a run as it is compared.

    Attributes:
        value: of the figure.
        error: its standard error.
        degrees: of freedom that the error has.
    """

    value: float
    error: float
    degrees: int


class Difference(NamedTuple):
    """By how much a figure of one run differs from that of another, as it is compared.

    Attributes:
        change: the second run's less the first one's.
        error: its standard error.
        degrees: of freedom that the error has.
    """

    change: float
    error: float
    degrees: float


def loaded_seconds(results: Mapping[str, Any]) -> list[Second]:
    """Return the whole seconds of a run after its warm-up.

    Raises:
        SampleError: there are too few.
    """
    warm_up_s = math.ceil(results["warm_up_s"])
    # The last second may be short of operations: it ends with the load, not with the clock.
    seconds = [second for second in results["series"][:-1] if second["elapsed_s"] > warm_up_s]
    if len(seconds) < FEWEST_SECONDS:
        raise SampleError(
            f"run {results['run_id']} has {len(seconds)} whole seconds after its warm-up -> "
            f"compare runs of {FEWEST_SECONDS} seconds at least; minutes are better"
        )
    return seconds


def histograms(seconds: Sequence[Second], operation: str) -> list[Histogram]:
    """Return an operation's latency second by second, of long runs by several seconds together."""
    width = -(-len(seconds) // MOST_SAMPLES)
    found = [Histogram() for _start in range(0, len(seconds), width)]
    for at, second in enumerate(seconds):
        if histogram := second["histograms"].get(operation):
            found[at // width].add(histogram)
    return found


def percentile(each: Sequence[Histogram], percent: float) -> Measure | None:
    """Return a percentile in ms; None where it has too few responses.

    It is computed from the merged histogram of all seconds, in each draw, too: percentiles are never averaged.

    Args:
        each: the latency of each second, or of several.
        percent: above 0, below 100.
    """
    whole = _together(each)
    if whole.total * (1 - percent / 100) < FEWEST_BEYOND:
        return None
    slots = [slot for slot, _count in whole.slots()]
    value = whole.percentile(percent)
    # A second without a response has no percentile: it takes the run's own.
    by_second = [histogram.percentile(percent) if histogram.counts else value for histogram in each]

    def figure(cut: Sequence[range]) -> Figure:
        sums = [_cumulated([each[at] for at in block], slots) for block in cut]
        return _drawn_percentile(sums, slots, percent)

    return Measure(value / 1000, [math.log(max(HALF_A_MICROSECOND, time)) for time in by_second], figure)


def rate(seconds: Sequence[Second]) -> Measure:
    """Return how many operations were sent a second."""
    counts = [float(second["sent"]) for second in seconds]

    def figure(cut: Sequence[range]) -> Figure:
        sums = [(sum(counts[at] for at in block), float(len(block))) for block in cut]
        return lambda times: _log(_ratio(sums, times))

    return Measure(sum(counts) / len(counts), counts, figure)


def share(seconds: Sequence[Second], outcome: str) -> Measure:
    """Return how many operations ended with an outcome, in percent of those that were sent."""
    counts = [100.0 * _count(second, outcome) for second in seconds]
    sent = [float(second["sent"]) for second in seconds]

    def figure(cut: Sequence[range]) -> Figure:
        sums = [(sum(counts[at] for at in block), sum(sent[at] for at in block)) for block in cut]
        return lambda times: _ratio(sums, times)

    return Measure(sum(counts) / (sum(sent) or 1.0), counts, figure)


def paired(first: Measure, second: Measure) -> Difference:
    """Compare two runs that carried out the same plan, second by second.

    The same blocks are drawn of both, so that effects of the plan on both cancel out.
    """
    apart = [later - earlier for earlier, later in zip(first.series, second.series, strict=True)]
    cut = bootstrap.blocks(len(apart), bootstrap.block_length([apart]))
    earlier, later = first.figure(cut), second.figure(cut)
    error = bootstrap.standard_error(len(cut), lambda times: later(times) - earlier(times))
    once = [1] * len(cut)
    return Difference(later(once) - earlier(once), error, len(cut) - 1)


def unpaired(first: Measure, second: Measure) -> Difference:
    """Compare two runs that have nothing to do with each other."""
    return apart([alone(first)], [alone(second)])


def alone(measure: Measure) -> Estimate:
    """Return a run's figure, and its standard error from the run's own seconds."""
    cut = bootstrap.blocks(len(measure.series), bootstrap.block_length([measure.series]))
    figure = measure.figure(cut)
    return Estimate(figure([1] * len(cut)), bootstrap.standard_error(len(cut), figure), len(cut) - 1)


def apart(first: Sequence[Estimate], second: Sequence[Estimate]) -> Difference:
    """Return the difference of the means of two groups of runs, with the error that their seconds show.

    The degrees of freedom are Welch's (Biometrika 34, 1947, https://doi.org/10.1093/biomet/34.1-2.28).
    """
    means = [fmean(one.value for one in side) for side in (first, second)]
    parts = [((one.error / len(side)) ** 2, one.degrees) for side in (first, second) for one in side]
    variance = sum(part for part, _degrees in parts)
    below = sum(part**2 / degrees for part, degrees in parts)
    return Difference(means[1] - means[0], math.sqrt(variance), variance**2 / below if below else math.inf)


def _count(second: Mapping[str, Any], outcome: str) -> int:
    count = second[outcome]
    return sum(count.values()) if isinstance(count, Mapping) else int(count)


def _together(histograms: Sequence[Histogram]) -> Histogram:
    together = Histogram()
    for histogram in histograms:
        together.add(histogram)
    return together


def _cumulated(histograms: Sequence[Histogram], slots: Sequence[int]) -> list[int]:
    """Return the cumulative count of each slot."""
    together = _together(histograms)
    counts, below = [], 0
    for slot in slots:
        below += together.counts.get(slot, 0)
        counts.append(below)
    return counts


def _drawn_percentile(sums: Sequence[Sequence[int]], slots: Sequence[int], percent: float) -> Figure:
    def figure(times: Sequence[int]) -> float:
        drawn = [(block, count) for block, count in zip(sums, times, strict=True) if count]

        def at_or_below(position: int) -> int:
            return sum(block[position] * count for block, count in drawn)

        wanted = max(1, math.ceil(math.nextafter(percent, 0.0) * at_or_below(len(slots) - 1) / 100))
        low, high = 0, len(slots) - 1
        while low < high:
            middle = (low + high) // 2
            if at_or_below(middle) >= wanted:
                high = middle
            else:
                low = middle + 1
        return math.log(max(HALF_A_MICROSECOND, highest_of(slots[low])))

    return figure


def _ratio(sums: Sequence[tuple[float, float]], times: Sequence[int]) -> float:
    above = sum(part[0] * count for part, count in zip(sums, times, strict=True))
    below = sum(part[1] * count for part, count in zip(sums, times, strict=True))
    return above / below if below else 0.0


def _log(value: float) -> float:
    # A run that sends nothing in a whole block would make the ratio undefined; any small floor works.
    return math.log(max(value, 1e-3))
