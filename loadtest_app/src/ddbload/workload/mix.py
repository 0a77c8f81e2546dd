# SPDX-License-Identifier: Apache-2.0
"""The mix: the entry of each operation number, and the new keys written before it, in closed form."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from math import gcd

from ddbload.pacing.duplicates import Duplicates
from ddbload.workload.keys import splitmix64


class Mix:
    """Operations in a cycle, exactly by weight, and the keys that they insert.

    A cycle has one slot for every unit of weight, weights reduced to lowest terms; operations are spread evenly over it
    (each at the middles of equal parts of the cycle). With weights of 3 puts and 1 get, the cycle is p p g p. Every
    cycle starts at another of its slots, so that workers that take every n-th operation each have their share of all
    entries. Keys are inserted in the order of the operations that insert some: 0, 1, 2, ... All results are closed
    formulas, so that any worker computes those of the others.
    """

    def __init__(
        self, weights: Mapping[str, int], inserts: Mapping[str, int], duplicates: Duplicates | None = None
    ) -> None:
        """Build a mix.

        Args:
            weights: weight by entry.
            inserts: how many new keys an operation of an entry writes; 0 or left out for those that write none.
            duplicates: which puts of a mix of puts alone write a key again.
        """
        divisor = gcd(*weights.values())
        self.weights = {name: weight // divisor for name, weight in weights.items()}
        self.duplicates = duplicates
        spread = [((unit + 0.5) / weight, name) for name, weight in self.weights.items() for unit in range(weight)]
        self.cycle = [name for _middle, name in sorted(spread)]
        self.length = len(self.cycle)
        # Two cycles in a row: p p g p p p g p holds the cycles that start at any of the first four slots.
        self.doubled_cycle = self.cycle * 2
        self._before = {
            name: list(accumulate((other == name for other in self.doubled_cycle), initial=0)) for name in weights
        }
        self._inserted = list(accumulate((inserts.get(name, 0) for name in self.doubled_cycle), initial=0))
        self._in_cycle = self._inserted[self.length]
        self._last_cycle, self._last_start = -1, 0
        # New keys of each operation, where there is but one kind of it.
        self._every = self._in_cycle if self.length == 1 and not duplicates else 0

    def slot(self, number: int) -> int:
        """Return the index in ``doubled_cycle`` of the entry of an operation."""
        cycles, slot = divmod(number, self.length)
        return self._start_of(cycles) + slot

    def operation(self, number: int) -> str:
        """Return the entry of an operation."""
        return self.doubled_cycle[self.slot(number)]

    def before(self, name: str, number: int) -> int:
        """Return how many operations of an entry have numbers below ``number``."""
        cycles, slot = divmod(number, self.length)
        start, counts = self._start_of(cycles), self._before[name]
        return cycles * self.weights[name] + counts[start + slot] - counts[start]

    def inserted_before(self, number: int) -> int:
        """Return how many new keys the operations before ``number`` write."""
        if self._every:
            return number * self._every
        if self.duplicates:
            return self.duplicates.originals_before(number)
        cycles, slot = divmod(number, self.length)
        start, inserted = self._start_of(cycles), self._inserted
        return cycles * self._in_cycle + inserted[start + slot] - inserted[start]

    @property
    def inserts(self) -> bool:
        """Whether any operation writes new keys."""
        return self._in_cycle > 0

    def number_of(self, index: int) -> int:
        """Return the operation that inserts key ``index`` first.

        Raises:
            ValueError: no operation of the mix inserts keys.
        """
        if not self.inserts:
            raise ValueError("the mix inserts no keys")
        if self.duplicates:
            originals = self.duplicates.total - self.duplicates.count
            number = index * self.duplicates.total // originals  # but for rounding
            while self.inserted_before(number + 1) <= index:
                number += 1
            while self.inserted_before(number) > index:
                number -= 1
            return number
        cycles, rest = divmod(index, self._in_cycle)
        start = self._start_of(cycles)
        return cycles * self.length + bisect_right(self._inserted, self._inserted[start] + rest) - 1 - start

    def _start_of(self, cycle: int) -> int:
        """Return the start slot of the n-th cycle. Starts are pseudo-random, so that workers do not synchronise."""
        if cycle != self._last_cycle:
            # Several calls for each operation of a cycle have the same argument.
            self._last_cycle, self._last_start = cycle, splitmix64(cycle) % self.length
        return self._last_start
