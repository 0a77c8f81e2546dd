# SPDX-License-Identifier: Apache-2.0
"""What a journal of writes offers: for each key, the versions that the table may hold at the end of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

# The state of a key that no write of the run has reached: no item.
ABSENT = -(1 << 62)


class State(NamedTuple):
    """What the table may hold for a key, as numbers: version v as v, its absence after deletion v as -1 - v.

    Attributes:
        legal: all that the table may hold.
        acknowledged: the part of it that acknowledged writes left; ``ABSENT`` as long as there are none.
    """

    legal: frozenset[int]
    acknowledged: frozenset[int]

    @property
    def possible(self) -> bool:
        """Whether the table may hold an indeterminate write."""
        return self.legal != self.acknowledged


class Journal(Protocol):
    """Takes each write to a key twice: before it is sent, and at its response or when it is given up.

    All writes to a key must come to one journal, in the order in which they happen. Between ``sent`` and the response,
    no other write with the same version may be sent to the key. A write without a response counts as indeterminate.
    """

    newest_acknowledged: int
    """The highest index with an acknowledged put, -1 before the first."""

    inserts_only: bool
    """Whether each key is written once at most, so that ``sent`` need not be called."""

    def sent(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a put or update to this version, or a delete with this number, is about to be sent."""

    def acknowledged(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write was applied."""

    def refused(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write was not applied and will not be: throttled, not valid, condition not met, never sent."""

    def indeterminate(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write may have been applied, or may be later: timeout, reset, server error."""

    def is_acknowledged(self, index: int) -> bool:
        """Return whether the table may hold an acknowledged put or update of a key."""

    def indexes(self) -> Iterator[int]:
        """Return the indexes of all keys to which a write was sent, in ascending order."""

    def counts(self) -> dict[str, int]:
        """Return how many keys there are of each kind; reads the state of every key.

        Returns:
            ``acknowledged``: keys with an acknowledged write; ``indeterminate``: keys for which the table may hold an
            indeterminate write, those with acknowledged writes included; ``refused``: keys whose writes were all
            refused.
        """

    def state(self, index: int) -> State:
        """Return what the table may hold for a key."""
