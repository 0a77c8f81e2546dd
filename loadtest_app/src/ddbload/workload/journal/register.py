# SPDX-License-Identifier: Apache-2.0
"""One key as writes to it overlap: what may stand there."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

# What stands at a key that none of the run's writes has reached: nothing.
ABSENT = -(1 << 62)


class State(NamedTuple):
    """What may stand at a key, each as a number: version v as v, the absence after deletion v as -1 - v.

    Attributes:
        legal: everything that may stand there.
        acknowledged: that of it which is there through acknowledged writes; ``ABSENT`` as long as there are none.
    """

    legal: frozenset[int]
    acknowledged: frozenset[int]

    @property
    def possible(self) -> bool:
        """Whether a write that may or may not have happened could be what stands there."""
        return self.legal != self.acknowledged


class Register:
    """One key while more is to be known of it than one version: a register that is linearizable.

    A write takes effect at one instant between sending and answer (M. Herlihy, J. Wing, "Linearizability: a
    correctness condition for concurrent objects", ACM TOPLAS 12(3), 1990), which DynamoDB promises for the writes to
    one item. So an acknowledged write ends everything that was answered before it was sent; writes that overlap may
    end in either order. An indeterminate write may take effect at any time after it was sent, or never.
    """

    __slots__ = ("indeterminate", "outstanding", "since", "standing")

    def __init__(self, standing: int) -> None:
        # What may stand through acknowledged writes, in the order of their answers, and the number of each answer.
        self.standing = [standing]
        self.since = [0]
        # Writes without answer, each with the number of the last answer before it was sent.
        self.outstanding: dict[int, int] = {}
        self.indeterminate: set[int] | None = None

    def send(self, write: int) -> None:
        """Note that a write is sent."""
        if write in self.outstanding:
            raise ValueError("the same write was sent twice with no answer between")
        self.outstanding[write] = self.since[-1]

    def acknowledge(self, write: int) -> None:
        """Note that a write was done."""
        ended = bisect_right(self.since, self._answer(write))
        self.since.append(self.since[-1] + 1)
        self.standing.append(write)
        del self.since[:ended]
        del self.standing[:ended]

    def refuse(self, write: int) -> None:
        """Note that a write was not done."""
        self._answer(write)

    def doubt(self, write: int) -> None:
        """Note that a write may have been done or may be done yet."""
        self._answer(write)
        if self.indeterminate is None:
            self.indeterminate = set()
        self.indeterminate.add(write)

    @property
    def settled(self) -> int | None:
        """The one thing that may stand there, and that is known; None while there is more."""
        if self.outstanding or self.indeterminate or len(self.standing) > 1:
            return None
        return self.standing[0]

    def state(self) -> State:
        """Return what may stand there."""
        acknowledged = frozenset(self.standing)
        return State(acknowledged.union(self.outstanding, self.indeterminate or ()), acknowledged)

    def _answer(self, write: int) -> int:
        try:
            return self.outstanding.pop(write)
        except KeyError:
            raise ValueError("a write was answered that is not under way") from None
