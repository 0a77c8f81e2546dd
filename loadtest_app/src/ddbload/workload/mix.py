# SPDX-License-Identifier: Apache-2.0
"""The mix: which operation comes at which place, and which new keys were written before it, in closed form."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from math import gcd

from ddbload.pacing.duplicates import Duplicates
from ddbload.workload.keys import splitmix64


class Mix:
    """Operations in a cycle, exactly by weight, and the keys that they insert.

    A cycle has one place for every unit of weight, weights reduced to lowest terms; the operations are spread over it
    as evenly as can be (each at the middles of equal parts of the cycle). Every cycle begins at another of its places,
    so that workers who take every n-th operation each have their share of all. Keys are inserted in the order of the
    operations that insert some: 0, 1, 2, ... All questions have closed answers, so that any worker can answer them.
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
        spread = [((place + 0.5) / weight, name) for name, weight in self.weights.items() for place in range(weight)]
        self.cycle = [name for _middle, name in sorted(spread)]
        self.length = len(self.cycle)
        # Two cycles on end, so that one may begin anywhere in the first.
        self.twice = self.cycle * 2
        self._before = {name: list(accumulate((other == name for other in self.twice), initial=0)) for name in weights}
        self._inserted = list(accumulate((inserts.get(name, 0) for name in self.twice), initial=0))
        self._in_cycle = self._inserted[self.length]
        self._last_cycles, self._last_begin = -1, 0
        # New keys of each operation, where there is but one kind of it.
        self._every = self._in_cycle if self.length == 1 and not duplicates else 0

    def slot(self, number: int) -> int:
        """Return where in ``twice`` the entry of an operation stands."""
        cycles, place = divmod(number, self.length)
        return self._begin(cycles) + place

    def operation(self, number: int) -> str:
        """Return the entry at a place."""
        return self.twice[self.slot(number)]

    def before(self, name: str, number: int) -> int:
        """Return how many operations of an entry have places before ``number``."""
        cycles, place = divmod(number, self.length)
        begin, counts = self._begin(cycles), self._before[name]
        return cycles * self.weights[name] + counts[begin + place] - counts[begin]

    def inserted_before(self, number: int) -> int:
        """Return how many new keys the operations before ``number`` write."""
        if self._every:
            return number * self._every
        if self.duplicates:
            return self.duplicates.originals_before(number)
        cycles, place = divmod(number, self.length)
        begin, inserted = self._begin(cycles), self._inserted
        return cycles * self._in_cycle + inserted[begin + place] - inserted[begin]

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
        begin = self._begin(cycles)
        return cycles * self.length + bisect_right(self._inserted, self._inserted[begin] + rest) - 1 - begin

    def _begin(self, cycles: int) -> int:
        """Return where a cycle begins, after so many: scattered, so that no number of workers falls in step with it."""
        if cycles != self._last_cycles:
            # Asked several times for each operation, and for many in a row.
            self._last_cycles, self._last_begin = cycles, splitmix64(cycles) % self.length
        return self._last_begin
