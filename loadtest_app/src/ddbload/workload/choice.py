# SPDX-License-Identifier: Apache-2.0
"""Which of the existing keys an operation takes: pure functions of seed and operation number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

from ddbload.workload.keys import splitmix64

# Full period modulo every power of two (Hull, Dobell 1962), so that a walk along it comes to every number.
MULTIPLIER = 0x9E3779B97F4A7C15
# 53 random bits to a number in [0, 1).
UNIT = 2.0**-53


class Chooser(Protocol):
    """Chooses one of the keys that exist."""

    # Whether the choice counts backwards from the newest key that was acknowledged.
    from_newest: bool

    def choose(self, number: int, count: int) -> int:
        """Return the choice of operation ``number`` among ``count`` keys.

        Args:
            number: of the operation; the same number with the same count always makes the same choice.
            count: how many keys there are, 1 to 10**12; it may be another with every call.

        Returns:
            An index in [0, count).
        """


class Sequential:
    """Every key in its turn, and again from the first."""

    from_newest = False

    def choose(self, number: int, count: int) -> int:
        """Return the choice of operation ``number`` among ``count`` keys."""
        return number % count


class Uniform:
    """Every key with the same chance."""

    from_newest = False

    def __init__(self, seed: int) -> None:
        self._mixed_seed = splitmix64(seed)

    def choose(self, number: int, count: int) -> int:
        """Return the choice of operation ``number`` among ``count`` keys."""
        return splitmix64(self._mixed_seed ^ number) % count


class Zipfian:
    """A few keys often, most of them hardly ever: rank 1, 2, ... with a chance in proportion to rank**-exponent.

    Rejection-inversion after W. Hoermann, G. Derflinger, "Rejection-inversion to generate variates from monotone
    discrete distributions", ACM TOMACS 6(3), 1996: no table, so a new count costs one power.

    Args:
        seed: of the draws, and of the key of each rank.
        exponent: 0 is uniform; 0.99 is what YCSB takes (Cooper et al., "Benchmarking cloud serving systems with
            YCSB", SoCC 2010).
        scrambled: spread the ranks over the keys; otherwise the key of index 0 is the most frequent, then 1, and so on.

    Raises:
        ValueError: the exponent is below 0 or no number.
    """

    from_newest = False

    def __init__(self, seed: int, exponent: float = 0.99, scrambled: bool = True) -> None:
        if not (exponent >= 0 and math.isfinite(exponent)):
            raise ValueError(f"a zipfian distribution needs an exponent of 0 or more, not {exponent}")
        self._mixed_seed = splitmix64(seed)
        self._spread = Spread(seed) if scrambled else None
        self._exponent = exponent
        # H below is the integral of x**-exponent from 1; H(x) = (x**power - 1) / power.
        self._power = 1.0 - exponent
        self._lowest = self._integral(1.5) - 1.0
        # Between a rank and this much below it, no draw is rejected.
        self._sure = 2.0 - self._inverse(self._integral(2.5) - 2.0**-exponent)
        self._count = 0
        self._width = 0.0
        self._highest = 0.0

    def choose(self, number: int, count: int) -> int:
        """Return the choice of operation ``number`` among ``count`` keys."""
        if count != self._count:
            self._count = count
            self._highest = self._integral(count + 0.5)
            self._width = self._highest - self._lowest
        bits = self._mixed_seed ^ number
        while True:
            bits = splitmix64(bits)
            area = self._highest - (bits >> 11) * UNIT * self._width
            position = self._inverse(area)
            rank = int(position + 0.5)
            if rank < 1:
                rank = 1
            elif rank > count:
                rank = count
            if rank - position <= self._sure or area >= self._integral(rank + 0.5) - rank**-self._exponent:
                return self._spread.key_of(rank - 1, count) if self._spread else rank - 1

    def _integral(self, position: float) -> float:
        logarithm = math.log(position)
        return math.expm1(self._power * logarithm) / self._power if self._power else logarithm

    def _inverse(self, area: float) -> float:
        if not self._power:
            return math.exp(area)
        # For a large exponent the area of all ranks together is that of infinitely many, as a float.
        return math.exp(math.log1p(max(self._power * area, UNIT - 1.0)) / self._power)


class Latest:
    """New keys often, old ones hardly ever: how far from the newest key to go back, in a zipfian distribution."""

    from_newest = True

    def __init__(self, seed: int, exponent: float = 0.99) -> None:
        self._distance = Zipfian(seed, exponent, scrambled=False)

    def choose(self, number: int, count: int) -> int:
        """Return how many keys before the newest the choice of operation ``number`` is: 0 is the newest."""
        return self._distance.choose(number, count)


class HotSet:
    """A small share of the keys, spread over all of them, takes a large share of the operations.

    Args:
        seed: of the draws, and of which keys are hot.
        keys_share: share of the keys that are hot, 0 to 1; at least one key is.
        operations_share: share of the operations that take a hot key, 0 to 1. Within hot and within cold keys each
            has the same chance. Where all keys are hot, every operation takes a hot one.

    Raises:
        ValueError: a share is not between 0 and 1.
    """

    from_newest = False

    def __init__(self, seed: int, keys_share: float = 0.01, operations_share: float = 0.9) -> None:
        for name, share in (("keys", keys_share), ("operations", operations_share)):
            if not 0 <= share <= 1:
                raise ValueError(f"hot set: the share of the {name} is between 0 and 1, not {share}")
        self._mixed_seed = splitmix64(seed)
        self._spread = Spread(seed)
        self._keys_share = keys_share
        self._bound = int(operations_share * 2.0**64)

    def choose(self, number: int, count: int) -> int:
        """Return the choice of operation ``number`` among ``count`` keys."""
        bits = splitmix64(self._mixed_seed ^ number)
        hot = max(round(count * self._keys_share), 1)
        # Once it is known on which side of the bound they are, the bits are still uniform there.
        if bits < self._bound or hot == count:
            return self._spread.key_of(bits % hot, count)
        return self._spread.key_of(hot + (bits - self._bound) % (count - hot), count)


class Spread:
    """A bijection on [0, count) that puts neighbours far apart, for a count that may grow with every call.

    An affine map modulo the power of two from ``count`` up, applied again until the result is below ``count`` (cycle
    walking: J. Black, P. Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002), which is less than twice on
    average. So a rank keeps its key while the count grows up to the power of two, but for ranks that walked.
    """

    def __init__(self, seed: int) -> None:
        # Odd, which the full period needs.
        self._offset = splitmix64(seed ^ MULTIPLIER) | 1

    def key_of(self, rank: int, count: int) -> int:
        """Return the index in [0, count) of a rank in [0, count)."""
        mask = (1 << (count - 1).bit_length()) - 1
        index = (rank * MULTIPLIER + self._offset) & mask
        while index >= count:
            index = (index * MULTIPLIER + self._offset) & mask
        return index


def chooser_of(document: Mapping[str, Any], seed: int) -> Chooser:
    """Return the chooser of a distribution that was read."""
    kind = document["type"]
    if kind == "zipfian":
        return Zipfian(seed, document["exponent"])
    if kind == "latest":
        return Latest(seed, document["exponent"])
    if kind == "hot_set":
        return HotSet(seed, document["keys_share"], document["operations_share"])
    return Sequential() if kind == "sequential" else Uniform(seed)
