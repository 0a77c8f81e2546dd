# SPDX-License-Identifier: Apache-2.0
"""The common parts of all operations: the workload, and the choice of a key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ddbload.dynamo.responses.capacity import Consumed
from ddbload.dynamo.responses.errors import Outcome
from ddbload.pacing.segment import Segment
from ddbload.workload.choice import Chooser
from ddbload.workload.items import ItemFactory
from ddbload.workload.journal.state import Journal
from ddbload.workload.keys import KeySpace
from ddbload.workload.mix import Mix
from ddbload.workload.sequence import KeySequence


class Operation(Protocol):
    """One entry of the mix: the request of operation ``number``, and what its response means."""

    # The value of X-Amz-Target.
    target: str
    # Counts of what became of injected duplicates; None for operations that inject none.
    duplicate_figures: dict[str, int] | None

    def prepare(self, number: int) -> tuple[bytes, Any] | None:
        """Return the request's body, and ``work`` to pass with its outcome; None: it has to wait for others."""

    def succeeded(self, work: Any, body: bytes) -> Consumed:
        """Read the response of a success."""

    def failed(self, work: Any, outcome: Outcome, uncertain: bool) -> None:
        """Note any other outcome; ``uncertain``: the operation may have been applied."""

    def unknown_outcome(self, work: Any) -> None:
        """Note that an attempt may have been applied and is retried."""


@dataclass(frozen=True)
class Workload:
    """The parts that all operations use."""

    table: str
    run_id: str
    mix: Mix
    keys: KeySpace
    sequence: KeySequence
    items: ItemFactory
    journal: Journal
    segment: Segment
    # Secondary index -> its hash keys' attributes, up to four.
    indexes: Mapping[str, Sequence[str]]

    @property
    def key_name(self) -> str:
        """The hash key's attribute, which every item has."""
        return self.keys.schema[0].name

    def common(self, **more: Any) -> dict[str, Any]:
        """Return the parameters that every request has, and more."""
        capacity = "INDEXES" if self.indexes else "TOTAL"
        return {"TableName": self.table, "ReturnConsumedCapacity": capacity} | more


class KeyChoice:
    """Which existing key an operation takes."""

    def __init__(self, workload: Workload, chooser: Chooser) -> None:
        """Choose by a distribution among the keys of a workload."""
        self._sequence = workload.sequence
        self._journal = workload.journal
        self._choose = chooser.choose
        self._from_newest = chooser.from_newest

    def index(self, number: int) -> int:
        """Return the index of the key that operation ``number`` takes."""
        return self._index(number, self._sequence.existing(number))

    def indexes(self, number: int, count: int) -> list[int]:
        """Return the indexes of ``count`` different keys, including new ones where fewer exist yet."""
        existing = self._sequence.existing(number)
        chosen: dict[int, None] = {}
        for draw in range(count):
            index = self._index(number * count + draw, existing)
            step = 0
            while index in chosen:
                index = self._sequence.chosen(step)
                step += 1
            chosen[index] = None
        return list(chosen)

    def _index(self, number: int, existing: int) -> int:
        rank = self._choose(number, existing)
        if self._from_newest:
            newest = self._journal.newest_acknowledged
            # The rank is the distance from the newest key that was acknowledged.
            return self._sequence.earlier(newest if newest >= 0 else self._sequence.chosen(existing - 1), rank)
        return self._sequence.chosen(rank)


def encode(document: object) -> bytes:
    """Return a document as compact JSON."""
    return json.dumps(document, separators=(",", ":")).encode()


def json_prefix(document: Mapping[str, Any], next_member: str) -> bytes:
    """Return a document's JSON up to the value of one more member: ``{"a":1,"next":``."""
    return encode(document)[:-1] + b',"%b":' % next_member.encode()


def condition_expression(condition: str, name: str = "#key") -> str:
    """Return DynamoDB's expression for a condition of the scenario other than none: not_exists or exists."""
    return f"attribute_{condition}({name})"
