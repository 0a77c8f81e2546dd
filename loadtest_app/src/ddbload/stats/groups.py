# SPDX-License-Identifier: Apache-2.0
"""The difference of two groups of whole runs, and how uncertain it is.

A run's figure contains what differs from run to run and what differs within the run. The spread of the figures of whole
runs therefore contains both, and their number gives the degrees of freedom (Kalibera and Jones, Quantifying Performance
Changes with Effect Size Confidence Intervals, 2020, https://arxiv.org/abs/2007.10899).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple


class Difference(NamedTuple):
    """By how much two groups differ in a figure.

    Attributes:
        change: the mean of the second group less that of the first.
        error: its standard error.
        spread: the standard deviation from run to run within a group.
        degrees: of freedom of the spread.
        residuals: each run's figure less the mean of its group, the first group first.
    """

    change: float
    error: float
    spread: float
    degrees: int
    residuals: Sequence[float]


def difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Compare two groups by the figures of their runs.

    Both groups are taken to have the same spread (Student, The Probable Error of a Mean, Biometrika 6, 1908,
    https://doi.org/10.1093/biomet/6.1.1): Welch's separate ones have as little as one degree of freedom for two runs a
    side, and find half as many changes.

    Args:
        first: one value a run.
        second: of the other group; together there are three values at least.
    """
    means = [statistics.fmean(values) for values in (first, second)]
    residuals = [value - mean for values, mean in zip((first, second), means, strict=True) for value in values]
    degrees = len(residuals) - 2
    spread = math.sqrt(math.fsum(residual * residual for residual in residuals) / degrees)
    error = spread * math.sqrt(1 / len(first) + 1 / len(second))
    return Difference(means[1] - means[0], error, spread, degrees, residuals)


def effective_count(residuals: Sequence[Sequence[float]], degrees: int) -> float:
    """Return how many independent figures some correlated ones equal.

    A slow run is slow in p50, p90 and p99: three figures that move together allow hardly more false alarms than one.
    The count is that of Galwey, A New Measure of the Effective Number of Tests, Genetic Epidemiology 33(7), 2009,
    https://doi.org/10.1002/gepi.20408, from the eigenvalues of the correlation matrix. Few runs do not show each of its
    elements, so all are taken to be equal, with the mean of the squared correlations. Figures of few runs are
    correlated by chance: squared correlations are corrected for the degrees of freedom (Ezekiel, Methods of Correlation
    Analysis, 1930).

    Args:
        residuals: of each figure, each run's deviation from the mean of its group.
        degrees: of freedom of the deviations.

    Returns:
        From 1 to the number of figures; that number where the runs are too few to know a correlation.
    """
    count = len(residuals)
    pairs = list(combinations(residuals, 2))
    if degrees < 2 or not pairs:
        return float(count)
    found = [1.0 - (1.0 - _squared_correlation(*pair)) * degrees / (degrees - 1) for pair in pairs]
    correlation = math.sqrt(min(1.0, max(0.0, statistics.fmean(found))))
    # The eigenvalues of a matrix with equal correlations: one that is larger than 1, and equal ones below.
    roots = math.sqrt(1.0 + (count - 1) * correlation) + (count - 1) * math.sqrt(1.0 - correlation)
    return max(1.0, roots * roots / count)


def _squared_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the squared correlation of deviations; 0 where one of the figures does not vary."""
    lengths = [math.fsum(value * value for value in values) for values in (first, second)]
    product = math.fsum(map(float.__mul__, first, second))
    below = lengths[0] * lengths[1]
    return min(1.0, product * product / below) if below > 0.0 else 0.0
