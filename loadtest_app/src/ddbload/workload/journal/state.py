# SPDX-License-Identifier: Apache-2.0
"""What a run knows of the keys it wrote: which versions of each may stand in the table at the end."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from heapq import merge
from typing import Protocol

from ddbload.workload.journal.bits import LAST_BYTE, PAGE_SHIFT, Bits
from ddbload.workload.journal.register import ABSENT, Register, State

__all__ = ["ABSENT", "InsertJournal", "Journal", "State", "VersionJournal"]

# In pages of a VersionJournal: a key to which nothing was sent.
UNSENT = ABSENT - 1
UNSENT_PAGE = array("q", [UNSENT] * 32)


class Journal(Protocol):
    """Hears of each write to a key twice: when it is sent, and when it is answered or given up.

    All writes to a key must come to one journal, in the order in which they happen; between ``sent`` and the answer no
    other write with the same version may be sent to the key. A write that is never answered counts as indeterminate.
    """

    newest_acknowledged: int
    """The highest index with an acknowledged put, -1 before the first."""

    def sent(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a put or update to this version, or a delete with this number, is about to be sent."""

    def acknowledged(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write was done."""

    def refused(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write was not done and will not be: throttled, not valid, condition not met, never sent."""

    def indeterminate(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write may have been done, or may be done yet: time-out, reset, server error."""

    def is_acknowledged(self, index: int) -> bool:
        """Tell whether an acknowledged put or update may still stand at a key."""

    def indexes(self) -> Iterator[int]:
        """Return the indexes of all keys to which a write was sent, in ascending order."""

    def counts(self) -> dict[str, int]:
        """Return how many keys there are of each kind; takes a look at every key.

        Returns:
            ``acknowledged``: keys with an acknowledged write; ``indeterminate``: keys at which a write that may or
            may not have happened could stand, those with acknowledged writes included; ``refused``: keys to which
            every write was refused.
        """

    def state(self, index: int) -> State:
        """Return what may stand at a key."""


class VersionJournal:
    """A journal for keys that are overwritten, updated and deleted: a number for each, a register where it takes more.

    Eight bytes for a key in pages of 32 neighbours, made as they are touched.
    """

    def __init__(self) -> None:
        self.newest_acknowledged = -1
        self._pages: dict[int, array[int]] = {}
        # The one write under way to a key, where what stood before it is one number.
        self._outstanding: dict[int, int] = {}
        self._registers: dict[int, Register] = {}

    def sent(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write is about to be sent."""
        write = -1 - version if delete else version
        if index in self._outstanding or index in self._registers:
            self._widen(index).send(write)
            return
        page = self._pages.get(index >> 5)
        if page is None:
            page = self._pages[index >> 5] = UNSENT_PAGE[:]
        if page[index & 31] == UNSENT:
            page[index & 31] = ABSENT
        self._outstanding[index] = write

    def acknowledged(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write was done."""
        write = -1 - version if delete else version
        if register := self._registers.get(index):
            register.acknowledge(write)
            self._narrow(index, register)
        else:
            self._answer(index, write)
            self._pages[index >> 5][index & 31] = write
        if index > self.newest_acknowledged and not delete:
            self.newest_acknowledged = index

    def refused(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write was not done."""
        write = -1 - version if delete else version
        if register := self._registers.get(index):
            register.refuse(write)
            self._narrow(index, register)
        else:
            self._answer(index, write)

    def indeterminate(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write may have been done or may be done yet."""
        self._widen(index).doubt(-1 - version if delete else version)

    def is_acknowledged(self, index: int) -> bool:
        """Tell whether an acknowledged put or update may still stand at a key."""
        register = self._registers.get(index)
        return max(register.standing) >= 0 if register else self._standing(index) >= 0

    def indexes(self) -> Iterator[int]:
        """Return the indexes of all keys to which a write was sent, in ascending order."""
        for number in sorted(self._pages):
            for place, standing in enumerate(self._pages[number]):
                if standing != UNSENT:
                    yield (number << 5) + place

    def counts(self) -> dict[str, int]:
        """Return how many keys there are of each kind."""
        counts = {"acknowledged": 0, "indeterminate": 0, "refused": 0}
        for index in self.indexes():
            state = self.state(index)
            acknowledged = ABSENT not in state.acknowledged
            counts["acknowledged"] += acknowledged
            counts["indeterminate"] += state.possible
            counts["refused"] += not (acknowledged or state.possible)
        return counts

    def state(self, index: int) -> State:
        """Return what may stand at a key."""
        if register := self._registers.get(index):
            return register.state()
        acknowledged = frozenset([self._standing(index)])
        if index in self._outstanding:
            return State(acknowledged | {self._outstanding[index]}, acknowledged)
        return State(acknowledged, acknowledged)

    def _standing(self, index: int) -> int:
        page = self._pages.get(index >> 5)
        return max(page[index & 31], ABSENT) if page else ABSENT

    def _answer(self, index: int, write: int) -> None:
        if self._outstanding.pop(index, None) != write:
            raise ValueError(f"key {index}: a write was answered that is not under way")

    def _widen(self, index: int) -> Register:
        """Return the register of a key, made from its numbers if there is none."""
        register = self._registers.get(index)
        if register is None:
            register = self._registers[index] = Register(self._standing(index))
            if index in self._outstanding:
                register.send(self._outstanding.pop(index))
        return register

    def _narrow(self, index: int, register: Register) -> None:
        """Put a key back into one number if that can tell it."""
        standing = register.settled
        if standing is not None:
            self._pages[index >> 5][index & 31] = standing
            del self._registers[index]


class InsertJournal:
    """A journal for keys of which each is written once in a run: a bit for a key, and more for those that went wrong.

    It need not hear of what is sent: until a write is answered or given up, the key is as if nothing had been sent.

    Args:
        version_of: the version that the one put of a key writes, from its index.
    """

    def __init__(self, version_of: Callable[[int], int]) -> None:
        self.newest_acknowledged = -1
        self._version_of = version_of
        self._done = Bits()
        self._pages = self._done.pages
        self._doubtful = Bits()
        self._refused = Bits()

    def sent(self, index: int, version: int, *, delete: bool = False) -> None:
        """Nothing has to be noted."""

    def acknowledged(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write was done."""
        # The hot path: as in Bits.add, without the calls.
        page = self._pages.get(index >> PAGE_SHIFT)
        if page is None:
            page = self._done.page(index)
        page[index >> 3 & LAST_BYTE] |= 1 << (index & 7)
        if index > self.newest_acknowledged:
            self.newest_acknowledged = index

    def refused(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write was not done."""
        self._refused.add(index)

    def indeterminate(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write may have been done or may be done yet."""
        self._doubtful.add(index)

    def is_acknowledged(self, index: int) -> bool:
        """Tell whether an acknowledged put may stand at a key."""
        return index in self._done

    def indexes(self) -> Iterator[int]:
        """Return the indexes of all keys of which a write was answered or given up, in ascending order."""
        others = self._doubtful.without(self._done)
        refused = self._refused.without(self._done).without(self._doubtful)
        return merge(self._done, others, refused)

    def counts(self) -> dict[str, int]:
        """Return how many keys there are of each kind."""
        doubtful = self._doubtful.without(self._done)
        return {
            "acknowledged": len(self._done),
            "indeterminate": len(doubtful),
            "refused": len(self._refused.without(self._done).without(self._doubtful)),
        }

    def state(self, index: int) -> State:
        """Return what may stand at a key."""
        if index in self._done:
            certain = frozenset([self._version_of(index)])
            return State(certain, certain)
        absent = frozenset([ABSENT])
        return State(absent | {self._version_of(index)} if index in self._doubtful else absent, absent)
