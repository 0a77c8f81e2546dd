# SPDX-License-Identifier: Apache-2.0
"""The truth about acknowledged writes: what stands in the table, held against what the journal knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from ddbload.workload.items import ItemFactory, Names
from ddbload.workload.journal.state import ABSENT, Journal, State
from ddbload.workload.keys import splitmix64

# How many keys of each bad finding are told one by one.
EXAMPLES = 20
# So that the keys that are checked do not depend on the keys that were chosen with the same seed.
SALT = 0x2545F4914F6CDD1D
VERSION = re.compile("[0-9]{12,18}")


class Finding(StrEnum):
    """What reading one key told."""

    PRESENT = "present"
    """An acknowledged version that may stand there does, intact."""
    ABSENT = "absent"
    """Nothing stands there, and nothing has to: deleted, or every write was refused."""
    LOST = "lost"
    """An acknowledged write is gone, or something older or of another run stands in its place."""
    CORRUPT = "corrupt"
    """An item of this run stands there whose content is not that of the version it names."""
    PHANTOM = "phantom"
    """An intact item of this run stands there although it was deleted or its writes were refused."""
    INDETERMINATE = "indeterminate"
    """What is there is right only because a write may or may not have happened."""


BAD = (Finding.LOST, Finding.CORRUPT, Finding.PHANTOM)


def judge(index: int, item: Mapping[str, Any] | None, journal: Journal, items: ItemFactory) -> Finding:
    """Judge what a read found at a key after the run.

    An item of another run counts as no item: it may have been there before, and is lost only where ours must stand.

    Args:
        index: of the key.
        item: what a strongly consistent read returned, in DynamoDB's JSON; None for no item.
        journal: what the run knows.
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
        journal: what the run knows.
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
    """How many keys were found how, with examples of the bad ones.

    Args:
        journal: for the examples to tell what was expected; without it they tell only what was found.
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
    """Tell the first few of the things that may stand there, the acknowledged before the others."""
    first = sorted(state.legal, key=lambda standing: (standing not in state.acknowledged, -standing))[:4]
    more = f" or {len(state.legal) - len(first)} others" if len(state.legal) > len(first) else ""
    return " or ".join(_standing(standing) for standing in first) + more


def _standing(standing: int) -> str:
    if standing == ABSENT:
        return "no item"
    return f"version {standing}" if standing >= 0 else f"no item (delete {-1 - standing})"


def _found(item: Mapping[str, Any] | None, names: Names) -> str:
    """Tell of an item that may be anything, in one line that stays short."""
    if item is None:
        return "no item"
    run, version, data = (_text(item.get(name)) for name in names)
    length = "no" if data is None else f"{len(data)} characters of"
    return f"run {run!r:.60} seq {version!r:.40} with {length} data in {len(item)} attributes"


def _text(typed: Any) -> str | None:
    value = typed.get("S") if isinstance(typed, Mapping) else None
    return value if isinstance(value, str) else None
