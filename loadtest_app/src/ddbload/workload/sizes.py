# SPDX-License-Identifier: Apache-2.0
"""Item sizes in bytes: pure functions of seed, index and version."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate
from statistics import NormalDist
from typing import Any, Protocol

from ddbload.workload.keys import splitmix64

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
LARGEST_ITEM = 409_600
# Versions of an item and neighbouring items must not draw from the same sequence of numbers.
VERSION_STEP = 0xD1342543DE82EF95
# So that sizes and choices of one seed are independent.
SALT = 0x5851F42D4C957F2D


class Sizes(Protocol):
    """How large the items are, in bytes, name and value of every attribute together."""

    @property
    def smallest(self) -> int:
        """The smallest size that comes up."""

    @property
    def largest(self) -> int:
        """The largest size that comes up."""

    @property
    def mean(self) -> float:
        """The expected size."""

    def size(self, index: int, version: int) -> int:
        """Return the size of a version of the item at an index."""

    def share_above(self, size: int) -> float:
        """Return the share of items that are larger than ``size`` bytes."""


def mean_units(sizes: Sizes, unit_bytes: int) -> float:
    """Return how many capacity units an item takes on average.

    The mean of a positive integer is the sum over n = 0, 1, 2, ... of the chance that it is above n.

    Args:
        sizes: the sizes of the items.
        unit_bytes: how many bytes one unit covers: 1,024 for a write, 4,096 for a read.

    Returns:
        The expected value of ceil(size / unit_bytes).
    """
    return math.fsum(sizes.share_above(below) for below in range(0, sizes.largest, unit_bytes))


class Fixed:
    """Items all of one size."""

    def __init__(self, size: int) -> None:
        self.smallest = self.largest = size
        self.mean = float(size)
        _check(size, size)

    def size(self, index: int, version: int) -> int:
        """Return the size of a version of the item at an index."""
        return self.largest

    def share_above(self, size: int) -> float:
        """Return the share of items that are larger than ``size`` bytes."""
        return float(size < self.largest)


class _Random:
    """A number of 64 random bits for every version of every item."""

    def __init__(self, seed: int) -> None:
        self._mixed_seed = splitmix64(seed ^ SALT)

    def _bits(self, index: int, version: int) -> int:
        return splitmix64(self._mixed_seed ^ (index + version * VERSION_STEP))


class UniformSize(_Random):
    """Sizes from ``low`` to ``high``, each as often as the others."""

    def __init__(self, seed: int, low: int, high: int) -> None:
        super().__init__(seed)
        _check(low, high)
        self.smallest, self.largest = low, high
        self.mean = (low + high) / 2
        self._count = high - low + 1

    def size(self, index: int, version: int) -> int:
        """Return the size of a version of the item at an index."""
        return self.smallest + self._bits(index, version) % self._count

    def share_above(self, size: int) -> float:
        """Return the share of items that are larger than ``size`` bytes."""
        return min(max((self.largest - size) / self._count, 0.0), 1.0)


class LogNormal(_Random):
    """Sizes with a log-normal distribution, those outside ``low`` to ``high`` moved to the nearer of the two.

    Args:
        seed: of the draws.
        median: in bytes, half of the items are smaller.
        sigma: the standard deviation of the natural logarithm of the size; above 0.
        low: the smallest size in bytes.
        high: the largest size in bytes.
    """

    def __init__(self, seed: int, median: float, sigma: float, low: int, high: int) -> None:
        super().__init__(seed)
        _check(low, high)
        if not (median > 0 and sigma > 0 and math.isfinite(median) and math.isfinite(sigma)):
            raise ValueError(f"log-normal sizes need a median and a sigma above 0, not {median} and {sigma}")
        self.smallest, self.largest = low, high
        self._logarithm = NormalDist(math.log(median), sigma)

    def size(self, index: int, version: int) -> int:
        """Return the size of a version of the item at an index."""
        # 53 bits and a half: neither 0 nor 1, where the inverse has no value.
        chance = ((self._bits(index, version) >> 12) + 0.5) * 2.0**-52
        logarithm = self._logarithm.inv_cdf(chance)
        # A logarithm far out must not become a number too large for a float.
        size = round(math.exp(min(logarithm, 64.0)))
        return min(max(size, self.smallest), self.largest)

    def share_above(self, size: int) -> float:
        """Return the share of items that are larger than ``size`` bytes."""
        if size < self.smallest:
            return 1.0
        return 0.0 if size >= self.largest else 1.0 - self._logarithm.cdf(math.log(size + 0.5))

    @cached_property
    def mean(self) -> float:
        """The expected size: computed on request, since it is a sum over all sizes between the bounds."""
        return self.smallest + math.fsum(self.share_above(size) for size in range(self.smallest, self.largest))


class Choices(_Random):
    """A few sizes, each with a weight.

    Args:
        seed: of the draws.
        weights: how often a size in bytes comes up, in proportion to the others; whole numbers, 0 for never.
    """

    def __init__(self, seed: int, weights: Mapping[int, int]) -> None:
        super().__init__(seed)
        if any(weight < 0 for weight in weights.values()) or not any(weights.values()):
            raise ValueError("sizes with weights: no weight may be below 0, and one must be above")
        self._sizes = sorted(size for size, weight in weights.items() if weight)
        self._bounds = list(accumulate(weights[size] for size in self._sizes))
        self._total = self._bounds[-1]
        self.smallest, self.largest = self._sizes[0], self._sizes[-1]
        _check(self.smallest, self.largest)
        self.mean = sum(size * weights[size] for size in self._sizes) / self._total

    def size(self, index: int, version: int) -> int:
        """Return the size of a version of the item at an index."""
        return self._sizes[bisect_right(self._bounds, self._bits(index, version) % self._total)]

    def share_above(self, size: int) -> float:
        """Return the share of items that are larger than ``size`` bytes."""
        count = bisect_right(self._sizes, size)
        return 1.0 - self._bounds[count - 1] / self._total if count else 1.0


def _check(low: int, high: int) -> None:
    if not 1 <= low <= high <= LARGEST_ITEM:
        raise ValueError(f"item sizes from {low} to {high} bytes: from 1 to {LARGEST_ITEM} are possible")


def sizes_of(size: int | Mapping[str, Any], seed: int) -> Sizes:
    """Return the sizes that a scenario's ``item.size`` (bytes, or a distribution) describes."""
    if isinstance(size, int):
        return Fixed(size)
    if size["type"] == "choices":
        return Choices(seed, {int(text): int(weight) for text, weight in size["weights"].items()})
    if size["type"] == "uniform":
        return UniformSize(seed, size["low"], size["high"])
    return LogNormal(seed, size["median"], size["sigma"], size["low"], size["high"])
