# SPDX-License-Identifier: Apache-2.0
"""The standard error of a figure of a run, estimated from the seconds of that run.

Consecutive seconds are correlated: a table that is slow now is slow in the next second, too. Treated as independent,
they would give too small an error. So a run is cut into blocks that are longer than the correlation time, and whole
blocks are drawn (Carlstein, The Use of Subseries Values for Estimating the
Variance of a General Statistic from a Stationary Sequence, Annals of Statistics 14(3), 1986,
https://doi.org/10.1214/aos/1176350057).
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterator, Sequence

DRAWS = 400
SEED = 1
# Fewer blocks give a poor estimate of their variance; more cost time and add nothing.
FEWEST_BLOCKS = 5
MOST_BLOCKS = 60
# Where the sum of correlations is cut off, in units of itself: Sokal, Monte Carlo Methods in Statistical Mechanics,
# 1997, https://doi.org/10.1007/978-1-4899-0319-8_6.
WINDOW = 5.0


def correlation_time(values: Sequence[float]) -> float:
    """Return the integrated autocorrelation time: the number of consecutive values that equal one independent value.

    Args:
        values: in the order of time.

    Returns:
        1 for values that are uncorrelated, or all the same; never below 1.
    """
    if len(values) < 2:
        return 1.0
    mean = statistics.fmean(values)
    apart = [value - mean for value in values]
    variance = sum(value * value for value in apart)
    if variance <= 1e-12 * (mean * mean + 1e-12) * len(values):
        return 1.0
    time = 1.0
    for lag in range(1, len(values)):
        time += 2.0 * sum(map(float.__mul__, apart[lag:], apart)) / variance
        if lag >= WINDOW * time:
            break
    return max(1.0, time)


def block_length(series: Sequence[Sequence[float]]) -> int:
    """Return how many seconds belong together.

    Args:
        series: figures of the run second by second, all equally long.

    Returns:
        Twice the longest correlation time, the cube root of the length at least, so that there are neither too few
        blocks nor too many.
    """
    count = max(map(len, series), default=0)
    longest = max((correlation_time(values) for values in series), default=1.0)
    wanted = math.ceil(max(2.0 * longest, math.cbrt(count), count / MOST_BLOCKS))
    return max(1, min(wanted, count // FEWEST_BLOCKS))


def blocks(count: int, length: int) -> list[range]:
    """Cut ``count`` seconds into blocks of ``length``; the last block takes the rest."""
    starts = list(range(0, count - length + 1, length))
    return [range(start, end) for start, end in zip(starts, [*starts[1:], count], strict=True)]


def draws(count: int, seed: int = SEED) -> Iterator[list[int]]:
    """Draw as many blocks as there are, with replacement, again and again.

    Args:
        count: how many blocks there are.
        seed: the same one gives the same draws.

    Yields:
        How often each block was drawn.
    """
    chance = random.Random(seed)
    for _draw in range(DRAWS):
        times = [0] * count
        for chosen in chance.choices(range(count), k=count):
            times[chosen] += 1
        yield times


def standard_error(count: int, figure: Callable[[Sequence[int]], float], seed: int = SEED) -> float:
    """Return the standard error of a figure.

    Args:
        count: how many blocks there are.
        figure: computes it from how often each block counts.
        seed: of the draws.
    """
    if count < 2:
        return math.inf
    spread = statistics.stdev(figure(times) for times in draws(count, seed))
    # Drawn blocks vary about their own mean, which is nearer to them than the true one.
    return spread * math.sqrt(count / (count - 1))
