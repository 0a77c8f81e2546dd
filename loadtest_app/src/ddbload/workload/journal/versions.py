# SPDX-License-Identifier: Apache-2.0
"""A journal for keys that are written again: a version for each key, a register where several are possible."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator

from ddbload.workload.journal.state import ABSENT, State

# In pages of a VersionJournal: no write to the key was sent.
UNSENT = ABSENT - 1
UNSENT_PAGE = array("q", [UNSENT] * 32)


class VersionJournal:
    """A journal for keys that are overwritten, updated and deleted.

    A key takes eight bytes, the number of the version that the table holds, in pages of 32 neighbours. While more than
    one version is possible, the key has a register as well: with version 3 acknowledged and version 5 timed out, the
    register holds both; once version 8 is acknowledged, which was sent after that, the key is the number 8 again.
    """

    inserts_only = False

    def __init__(self) -> None:
        self.newest_acknowledged = -1
        self._pages: dict[int, array[int]] = {}
        # The write under way to a key without a register.
        self._outstanding: dict[int, int] = {}
        self._registers: dict[int, Register] = {}

    def sent(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write is about to be sent."""
        write = -1 - version if delete else version
        if index in self._outstanding or index in self._registers:
            self._to_register(index).send(write)
            return
        page = self._pages.get(index >> 5)
        if page is None:
            page = self._pages[index >> 5] = UNSENT_PAGE[:]
        if page[index & 31] == UNSENT:
            page[index & 31] = ABSENT
        self._outstanding[index] = write

    def acknowledged(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write was applied."""
        write = -1 - version if delete else version
        if register := self._registers.get(index):
            register.acknowledge(write)
            self._to_number(index, register)
        else:
            self._answer(index, write)
            self._pages[index >> 5][index & 31] = write
        if index > self.newest_acknowledged and not delete:
            self.newest_acknowledged = index

    def refused(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write was not applied."""
        write = -1 - version if delete else version
        if register := self._registers.get(index):
            register.refuse(write)
            self._to_number(index, register)
        else:
            self._answer(index, write)

    def indeterminate(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write may have been applied, or may be later."""
        self._to_register(index).mark_indeterminate(-1 - version if delete else version)

    def is_acknowledged(self, index: int) -> bool:
        """Return whether the table may hold an acknowledged put or update of a key."""
        register = self._registers.get(index)
        return max(register.versions) >= 0 if register else self._version(index) >= 0

    def indexes(self) -> Iterator[int]:
        """Return the indexes of all keys to which a write was sent, in ascending order."""
        for number in sorted(self._pages):
            for offset, version in enumerate(self._pages[number]):
                if version != UNSENT:
                    yield (number << 5) + offset

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
        """Return what the table may hold for a key."""
        if register := self._registers.get(index):
            return register.state()
        acknowledged = frozenset([self._version(index)])
        if index in self._outstanding:
            return State(acknowledged | {self._outstanding[index]}, acknowledged)
        return State(acknowledged, acknowledged)

    def _version(self, index: int) -> int:
        page = self._pages.get(index >> 5)
        return max(page[index & 31], ABSENT) if page else ABSENT

    def _answer(self, index: int, write: int) -> None:
        if self._outstanding.pop(index, None) != write:
            raise ValueError(f"key {index}: a response to a write that is not under way")

    def _to_register(self, index: int) -> Register:
        """Return the register of a key; makes it from the key's numbers if there is none."""
        register = self._registers.get(index)
        if register is None:
            register = self._registers[index] = Register(self._version(index))
            if index in self._outstanding:
                register.send(self._outstanding.pop(index))
        return register

    def _to_number(self, index: int, register: Register) -> None:
        """Turn the register of a key back into one number, where one version alone is possible."""
        version = register.only_version
        if version is not None:
            self._pages[index >> 5][index & 31] = version
            del self._registers[index]


class Register:
    """One key while the table may hold several versions of it: a linearizable register.

    A write takes effect at one instant between request and response (M. Herlihy, J. Wing, "Linearizability: a
    correctness condition for concurrent objects", ACM TOPLAS 12(3), 1990), which DynamoDB promises for the writes to
    one item. So an acknowledged write replaces all that had its response before it was sent; writes that overlap may
    take effect in either order. An indeterminate write may take effect at any time after it was sent, or never.
    """

    __slots__ = ("indeterminate", "outstanding", "since", "versions")

    def __init__(self, version: int) -> None:
        # What acknowledged writes may have left, in the order of the responses, and the number of each response.
        self.versions = [version]
        self.since = [0]
        # Writes without a response, each with the number of the last response before it was sent.
        self.outstanding: dict[int, int] = {}
        self.indeterminate: set[int] | None = None

    def send(self, write: int) -> None:
        """Note that a write is sent."""
        if write in self.outstanding:
            raise ValueError("the same write was sent twice without a response in between")
        self.outstanding[write] = self.since[-1]

    def acknowledge(self, write: int) -> None:
        """Note that a write was applied."""
        ended = bisect_right(self.since, self._answer(write))
        self.since.append(self.since[-1] + 1)
        self.versions.append(write)
        del self.since[:ended]
        del self.versions[:ended]

    def refuse(self, write: int) -> None:
        """Note that a write was not applied."""
        self._answer(write)

    def mark_indeterminate(self, write: int) -> None:
        """Note that a write may have been applied, or may be later."""
        self._answer(write)
        if self.indeterminate is None:
            self.indeterminate = set()
        self.indeterminate.add(write)

    @property
    def only_version(self) -> int | None:
        """The version that the table holds; None while several are possible."""
        if self.outstanding or self.indeterminate or len(self.versions) > 1:
            return None
        return self.versions[0]

    def state(self) -> State:
        """Return what the table may hold."""
        acknowledged = frozenset(self.versions)
        return State(acknowledged.union(self.outstanding, self.indeterminate or ()), acknowledged)

    def _answer(self, write: int) -> int:
        try:
            return self.outstanding.pop(write)
        except KeyError:
            raise ValueError("a response to a write that is not under way") from None
