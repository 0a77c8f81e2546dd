# SPDX-License-Identifier: Apache-2.0
"""What all operations have in common: what they are made of, and which key they take."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ddbload.dynamo.capacity import Consumed
from ddbload.dynamo.errors import Verdict
from ddbload.engine.record import OperationRecord
from ddbload.pacing.segment import Segment
from ddbload.workload.choice import Chooser, Latest
from ddbload.workload.items import ItemFactory
from ddbload.workload.journal.state import Journal
from ddbload.workload.keys import KeySpace
from ddbload.workload.mix import Mix
from ddbload.workload.sequence import KeySequence


class Operation(Protocol):
    """One entry of the mix: what is sent for operation ``number``, and what its answer means."""

    # The value of X-Amz-Target.
    target: str
    # Where the engine records it.
    record: OperationRecord

    def prepare(self, number: int) -> tuple[bytes, Any] | None:
        """Return the request's body, and what to give back with its answer; None: it has to wait for others."""

    def succeeded(self, work: Any, body: bytes) -> Consumed:
        """Take the answer of a success."""

    def failed(self, work: Any, verdict: Verdict, uncertain: bool) -> None:
        """Take any other end; ``uncertain``: it may have been done all the same."""

    def doubted(self, work: Any) -> None:
        """Take that an attempt may or may not have been done, and that it is sent again."""


@dataclass(frozen=True)
class Workload:
    """What operations are made of."""

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
        self._latest = isinstance(chooser, Latest)

    def index(self, number: int) -> int:
        """Return the index of the key that operation ``number`` takes."""
        return self._index(number, self._sequence.existing(number))

    def indexes(self, number: int, count: int) -> list[int]:
        """Return the indexes of so many different keys; the next ones too where fewer exist yet."""
        existing = self._sequence.existing(number)
        chosen: dict[int, None] = {}
        for place in range(count):
            index = self._index(number * count + place, existing)
            step = 0
            while index in chosen:
                index = self._sequence.chosen(step)
                step += 1
            chosen[index] = None
        return list(chosen)

    def _index(self, number: int, existing: int) -> int:
        place = self._choose(number, existing)
        if self._latest:
            newest = self._journal.newest_acknowledged
            # What is chosen is the distance from the newest key that was acknowledged.
            return self._sequence.earlier(newest if newest >= 0 else self._sequence.chosen(existing - 1), place)
        return self._sequence.chosen(place)


def encode(document: object) -> bytes:
    """Return a document as compact JSON."""
    return json.dumps(document, separators=(",", ":")).encode()


def opened(document: Mapping[str, Any], member: str) -> bytes:
    """Return a document's JSON up to where the value of one more member begins."""
    return encode(document)[:-1] + b',"%b":' % member.encode()


def condition_expression(condition: str, name: str = "#key") -> str:
    """Return DynamoDB's expression for a condition of the scenario other than none: not_exists or exists."""
    return f"attribute_{condition}({name})"
