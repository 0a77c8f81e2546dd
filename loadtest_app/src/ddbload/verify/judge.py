# SPDX-License-Identifier: Apache-2.0
"""The verdict on acknowledged writes: the items in the table against the versions in the journal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from ddbload.workload.items import ItemFactory, Names
from ddbload.workload.journal.state import ABSENT, Journal, State
from ddbload.workload.keys import splitmix64

# Keys of each bad finding that are listed.
EXAMPLES = 20
# Makes the keys that are checked independent of the choice of keys by the same seed.
SALT = 0x2545F4914F6CDD1D
VERSION = re.compile("[0-9]{12,18}")


class Finding(StrEnum):
    """The result of reading one key."""

    PRESENT = "present"
    """The table holds an acknowledged version that it may hold, intact."""
    ABSENT = "absent"
    """The table holds no item, and need not: deleted, or every write was refused."""
    LOST = "lost"
    """An acknowledged write is gone, or an older item or one of another run has replaced it."""
    CORRUPT = "corrupt"
    """The table holds an item of this run whose content is not that of the version it names."""
    PHANTOM = "phantom"
    """The table holds an intact item of this run although it was deleted or its writes were refused."""
    INDETERMINATE = "indeterminate"
    """What the table holds is legal only because an indeterminate write may have been applied."""


BAD = (Finding.LOST, Finding.CORRUPT, Finding.PHANTOM)


def judge(index: int, item: Mapping[str, Any] | None, journal: Journal, items: ItemFactory) -> Finding:
    """Judge the result of a read of a key after the run.

    An item of another run counts as no item: it may be older, and is a loss only where this run's item must exist.

    Args:
        index: of the key.
        item: the result of a strongly consistent read, in DynamoDB's JSON; None for no item.
        journal: the run's.
        items: the factory that the run's writes came from.

    Returns:
        The finding.
    """
    state = journal.state(index)
    if item is None or item.get(items.names.run) != {"S": items.run_id}:
        return _judge_absence(state)
    version = version_of(item, items.names)
    if version is None or not items.matches(item, index, version):
        return Finding.CORRUPT
    if version in state.acknowledged:
        return Finding.PRESENT
    if version in state.legal:
        return Finding.INDETERMINATE
    return Finding.LOST if max(state.acknowledged) >= 0 else Finding.PHANTOM


def chosen(journal: Journal, share: float, seed: int) -> Iterator[int]:
    """Choose the keys that a check reads.

    Args:
        journal: the run's.
        share: of the keys to which something was sent, 0 to 1; 1 is all of them.
        seed: of the choice; whether a key is chosen depends on seed and index alone.

    Returns:
        Their indexes in ascending order.

    Raises:
        ValueError: the share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share of the keys to check is between 0 and 1, not {share}")
    mixed = splitmix64(seed ^ SALT)
    bound = int(share * 2.0**64)
    return (index for index in journal.indexes() if splitmix64(mixed ^ index) < bound)


class Tally:
    """Counts of the keys by finding, with examples of the bad ones.

    Args:
        journal: for the expected versions in the examples; without it they show only what was found.
        names: what an item's attributes are called, for the examples too.
    """

    def __init__(self, journal: Journal | None = None, names: Names | None = None) -> None:
        self.counts = dict.fromkeys(Finding, 0)
        self.examples: dict[Finding, list[str]] = {finding: [] for finding in BAD}
        self._journal = journal
        self._names = names or Names()

    @property
    def bad(self) -> int:
        """How many keys were lost, corrupt or phantoms."""
        return sum(self.counts[finding] for finding in BAD)

    def add(self, index: int, finding: Finding, item: Mapping[str, Any] | None) -> None:
        """Count a key.

        Args:
            index: of the key.
            finding: what ``judge`` said.
            item: what was read.
        """
        self.counts[finding] += 1
        if finding in BAD and len(self.examples[finding]) < EXAMPLES:
            expected = f"expected {_expected(self._journal.state(index))}, " if self._journal else ""
            self.examples[finding].append(f"key {index}: {expected}found {_found(item, self._names)}")

    def merge(self, other: Tally) -> None:
        """Add what another tally counted on other keys."""
        for finding in Finding:
            self.counts[finding] += other.counts[finding]
        for finding in BAD:
            self.examples[finding] = (self.examples[finding] + other.examples[finding])[:EXAMPLES]

    def document(self) -> dict[str, Any]:
        """Return the tally for a results file.

        Returns:
            ``checked``, a count for each finding under its name, and ``examples``: lines for each bad finding.
        """
        counts: dict[str, Any] = {str(finding): count for finding, count in self.counts.items()}
        examples = {str(finding): list(lines) for finding, lines in self.examples.items()}
        return {"checked": sum(self.counts.values()), **counts, "examples": examples}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Tally:
        """Return the tally that a document came from, to merge those of several workers."""
        tally = cls()
        tally.counts = {finding: int(document[finding]) for finding in Finding}
        tally.examples = {finding: list(document["examples"][finding]) for finding in BAD}
        return tally


def _judge_absence(state: State) -> Finding:
    # A deletion is below zero, and so is ABSENT.
    if any(standing < 0 for standing in state.acknowledged - {ABSENT}):
        return Finding.ABSENT
    if any(standing < 0 for standing in state.legal):
        return Finding.INDETERMINATE if state.possible else Finding.ABSENT
    return Finding.LOST


def version_of(item: Mapping[str, Any], names: Names) -> int | None:
    """Return the version that an item names, None where it names none."""
    typed = item.get(names.version)
    digits = typed.get("S") if isinstance(typed, Mapping) else None
    return int(digits) if isinstance(digits, str) and VERSION.fullmatch(digits) else None


def _expected(state: State) -> str:
    """List the first few of the legal versions, acknowledged ones first."""
    first = sorted(state.legal, key=lambda standing: (standing not in state.acknowledged, -standing))[:4]
    more = f" or {len(state.legal) - len(first)} others" if len(state.legal) > len(first) else ""
    return " or ".join(_standing(standing) for standing in first) + more


def _standing(standing: int) -> str:
    if standing == ABSENT:
        return "no item"
    return f"version {standing}" if standing >= 0 else f"no item (delete {-1 - standing})"


def _found(item: Mapping[str, Any] | None, names: Names) -> str:
    """Describe any item in one short line."""
    if item is None:
        return "no item"
    run, version, data = (_text(item.get(name)) for name in names)
    length = "no" if data is None else f"{len(data)} characters of"
    return f"run {run!r:.60} seq {version!r:.40} with {length} data in {len(item)} attributes"


def _text(typed: Any) -> str | None:
    value = typed.get("S") if isinstance(typed, Mapping) else None
    return value if isinstance(value, str) else None
