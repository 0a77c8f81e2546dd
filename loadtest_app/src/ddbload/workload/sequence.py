# SPDX-License-Identifier: Apache-2.0
"""Which keys an operation inserts, and which exist when it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from ddbload.pacing.segment import Segment
from ddbload.workload.mix import Mix


class KeySequence(Protocol):
    """The keys of a run as one worker sees them."""

    # How many there are.
    count: int

    def new(self, number: int, count: int = 1) -> int:
        """Return the index of the first of ``count`` new keys that operation ``number`` writes."""

    def after(self, index: int) -> int:
        """Return the index of the new key after one, within one operation."""

    def below(self, number: int) -> int:
        """Return the index below which all keys lie that were written before operation ``number``."""

    def existing(self, number: int) -> int:
        """Return how many keys there are to choose from when operation ``number`` is sent; at least one."""

    def chosen(self, rank: int) -> int:
        """Return the index of an existing key by its rank, in the order of the inserts."""

    def earlier(self, index: int, distance: int) -> int:
        """Return the index of the key that was inserted ``distance`` keys before another, or of the first key."""

    def written_by(self, numbers: range | None) -> Iterator[int]:
        """Return the indexes of the keys that this worker's operations may write; all its keys for None."""


class SharedKeys:
    """The keys 0, 1, 2, ... modulo their number, in the order of the operations of all workers that insert them.

    All keys are taken to exist where the mix inserts none.
    """

    def __init__(self, mix: Mix, count: int) -> None:
        self.count = count
        self._inserts = mix.inserts
        self._inserted_before = mix.inserted_before

    def new(self, number: int, count: int = 1) -> int:
        """Return the index of the first of ``count`` new keys that operation ``number`` writes."""
        return self._inserted_before(number) % self.count

    def after(self, index: int) -> int:
        """Return the index of the new key after one, within one operation."""
        return (index + 1) % self.count

    def below(self, number: int) -> int:
        """Return the index below which all keys lie that were written before operation ``number``."""
        return min(self._inserted_before(number), self.count) if self._inserts else self.count

    def existing(self, number: int) -> int:
        """Return how many keys there are to choose from when operation ``number`` is sent; at least one."""
        return min(max(self._inserted_before(number), 1), self.count) if self._inserts else self.count

    def chosen(self, rank: int) -> int:
        """Return the index of an existing key by its rank, in the order of the inserts."""
        return rank

    def earlier(self, index: int, distance: int) -> int:
        """Return the index of the key that was inserted ``distance`` keys before another, or of the first key."""
        return max(0, index - distance)

    def written_by(self, numbers: range | None) -> Iterator[int]:
        """Return the indexes of the keys that this worker's operations may write; all its keys for None."""
        if numbers is None or not self._inserts:
            yield from range(self.count)
            return
        for number in numbers:
            yield from (index % self.count for index in _inserted_by(self._inserted_before, number))


class OwnKeys:
    """Of all keys those that this worker alone inserts, writes and reads: every n-th, n being the number of workers.

    A key that several workers write could not be checked: the order of their writes is unknown, and so the version that
    the table should hold. New keys are counted as they are sent.
    """

    def __init__(self, mix: Mix, count: int, segment: Segment) -> None:
        """Take a worker's share of the keys.

        Raises:
            ValueError: there are fewer keys than workers.
        """
        if count < segment.count:
            raise ValueError(f"keys.count: {count} keys are too few for {segment.count} workers")
        self.count = count // segment.count
        self._inserts = mix.inserts
        self._inserted_before = mix.inserted_before
        self._segment = segment
        self._inserted = 0

    def new(self, number: int, count: int = 1) -> int:
        """Return the index of the first of ``count`` new keys that operation ``number`` writes."""
        first = self._inserted
        self._inserted += count
        return self.chosen(first % self.count)

    def after(self, index: int) -> int:
        """Return the index of the new key after one, within one operation."""
        return self.chosen((index // self._segment.count + 1) % self.count)

    def below(self, number: int) -> int:
        """Return the index below which all keys lie that were written before operation ``number``."""
        return self.chosen(min(self._inserted, self.count) if self._inserts else self.count)

    def existing(self, number: int) -> int:
        """Return how many keys there are to choose from when operation ``number`` is sent; at least one."""
        return min(max(self._inserted, 1), self.count) if self._inserts else self.count

    def chosen(self, rank: int) -> int:
        """Return the index of an existing key by its rank, in the order of the inserts."""
        return rank * self._segment.count + self._segment.index

    def earlier(self, index: int, distance: int) -> int:
        """Return the index of the key that was inserted ``distance`` keys before another, or of the first key."""
        return max(self._segment.index, index - distance * self._segment.count)

    def written_by(self, numbers: range | None) -> Iterator[int]:
        """Return the indexes of the keys that this worker's operations may write; all its keys for None."""
        if numbers is None or not self._inserts:
            yield from map(self.chosen, range(self.count))
            return
        # Those that exist are written again, and one is taken to exist before the first insert.
        inserted = sum(len(_inserted_by(self._inserted_before, number)) for number in numbers)
        yield from map(self.chosen, range(min(max(inserted, 1), self.count)))


def _inserted_by(inserted_before: Callable[[int], int], number: int) -> range:
    return range(inserted_before(number), inserted_before(number + 1))
