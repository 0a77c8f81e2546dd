# SPDX-License-Identifier: Apache-2.0
"""PutItem, UpdateItem and DeleteItem."""

from __future__ import annotations

import json
from enum import Enum, auto
from typing import Any

from ddbload.dynamo.responses.capacity import AnswerReader, Consumed
from ddbload.dynamo.responses.errors import AFTER_UNCERTAIN, Outcome
from ddbload.dynamo.sign import API
from ddbload.workload.keys import splitmix64
from ddbload.workload.operations.base import KeyChoice, Workload, condition_expression, json_prefix

# Keys that are tried for one that is acknowledged, before the newest acknowledged key is taken.
PROBES = 16

Write = tuple[int, int]


class SingleWrite:
    """A write of one item: the journal notes it before it is sent, and its outcome."""

    deletes = False
    duplicate_figures: dict[str, int] | None = None

    def __init__(self, workload: Workload, answers: AnswerReader | None = None) -> None:
        self._workload = workload
        self._journal = workload.journal
        self._answers = answers or AnswerReader(writes=True)
        self._remembered = self._answers.remembered

    def succeeded(self, work: Write, body: bytes) -> Consumed:
        """Note that the write was acknowledged."""
        index, number = work
        # Read first: a response that is not DynamoDB's acknowledges nothing.
        consumed = self._remembered.get(body) or self._answers.read(body)
        if self.deletes:
            self._journal.acknowledged(index, number, delete=True)
        else:
            self._journal.acknowledged(index, number)
        return consumed

    def failed(self, work: Write, _outcome: Outcome, uncertain: bool) -> None:
        """Note that the write was refused, or that this is unknown."""
        index, number = work
        note = self._journal.indeterminate if uncertain else self._journal.refused
        note(index, number, delete=self.deletes)

    def unknown_outcome(self, work: Write) -> None:
        """Note that an attempt may have been applied; the next one is another write."""
        index, number = work
        self._journal.indeterminate(index, number, delete=self.deletes)
        self._journal.sent(index, number, delete=self.deletes)


class PutItem(SingleWrite):
    """Inserts new keys, or writes chosen ones again."""

    target = f"{API}.PutItem"

    def __init__(self, workload: Workload, choice: KeyChoice | None, condition: str) -> None:
        super().__init__(workload)
        self._choice = choice
        self._new = workload.sequence.new
        self._sent = None if workload.journal.inserts_only else workload.journal.sent
        self._request = workload.items.writer(
            json_prefix(workload.common(**_condition(workload, condition)), "Item"), b"}"
        )

    def prepare(self, number: int) -> tuple[bytes, Write] | None:
        """Return the request of operation ``number``."""
        index = self._choice.index(number) if self._choice else self._new(number)
        if self._sent:
            self._sent(index, number)
        return self._request(index, number), (index, number)


class Kind(Enum):
    """The kinds of puts in the classic plan."""

    ORIGINAL = auto()
    DUPLICATE = auto()
    # A duplicate while no key is known to exist: an original once more.
    REPEAT = auto()


class DuplicatingPut(SingleWrite):
    """The classic plan's puts: each on the condition that its key is new, some of them with a key that is not.

    A duplicate takes a key that is known to exist, so that the table must refuse it: one that was acknowledged, or
    that refused an original. Where none is known yet, it waits for the puts under way. Where none is under way, it
    repeats this worker's newest original byte for byte: if the table accepts it, the item is still the right one.
    """

    target = PutItem.target

    def __init__(self, workload: Workload) -> None:
        """Take the workload.

        Raises:
            ValueError: one of the workers has no put of its own to repeat.
        """
        super().__init__(workload)
        assert workload.mix.duplicates
        self._duplicates = workload.mix.duplicates
        most = next((first for first in range(workload.segment.count) if self._duplicates.is_duplicate(first)), 0)
        if most:
            raise ValueError(
                f"plan.duplicate_percentage: of so many duplicates each of at most {most} workers begins with a new "
                f"key, here are {workload.segment.count}"
            )
        self._seed = splitmix64(workload.segment.index)
        self._before = json_prefix(workload.common(**_condition(workload, "not_exists")), "Item")
        self._under_way = 0
        self._refusing_key = -1
        self._newest_original: Write = (-1, -1)
        self._figures = {"sent": 0, "refused": 0, "accepted": 0, "unanswered": 0, "originals_refused": 0}
        self.duplicate_figures = self._figures

    def prepare(self, number: int) -> tuple[bytes, Any] | None:
        """Return the request of operation ``number``; None while it has to wait for a key to repeat."""
        if self._duplicates.is_duplicate(number):
            index, kind = self._existing_key(number), Kind.DUPLICATE
            if index < 0:
                if self._under_way:
                    return None
                (index, number), kind = self._newest_original, Kind.REPEAT
            self._figures["sent"] += 1
        else:
            index, kind = self._workload.mix.inserted_before(number), Kind.ORIGINAL
            self._newest_original = (index, number)
        if kind is not Kind.DUPLICATE:
            self._under_way += 1
            self._journal.sent(index, number)
        return b"%b%b}" % (self._before, self._workload.items.json(index, number)), (index, number, kind)

    def succeeded(self, work: Any, body: bytes) -> Consumed:
        """Note that an original was acknowledged, or a duplicate wrongly accepted."""
        index, number, kind = work
        consumed = self._remembered.get(body) or self._answers.read(body)
        if kind is Kind.DUPLICATE:
            self._figures["accepted"] += 1
        else:
            self._under_way -= 1
            self._figures["unanswered"] += kind is Kind.REPEAT
            self._journal.acknowledged(index, number)
        return consumed

    def failed(self, work: Any, outcome: Outcome, uncertain: bool) -> None:
        """Note that a duplicate was refused, as it must be, or that a put failed."""
        index, number, kind = work
        refused = outcome.kind == "expected"
        if kind is not Kind.ORIGINAL:
            self._figures["refused" if refused else "unanswered"] += 1
        if kind is Kind.DUPLICATE:
            return
        self._under_way -= 1
        if refused:
            self._refusing_key = index
        # An earlier attempt of its own may have written the key: the refusal does not show that it existed before.
        if kind is Kind.ORIGINAL and not outcome.reason.endswith(AFTER_UNCERTAIN):
            self._figures["originals_refused"] += refused
        super().failed((index, number), outcome, uncertain)

    def unknown_outcome(self, work: Any) -> None:
        """Note that an attempt may have been applied; that of a duplicate wrote nothing."""
        index, number, kind = work
        if kind is not Kind.DUPLICATE:
            super().unknown_outcome((index, number))

    def _existing_key(self, number: int) -> int:
        """Return a key that is known to exist, -1 where none is."""
        count = max(1, self._workload.mix.inserted_before(number))
        for probe in range(PROBES):
            index = splitmix64(self._seed ^ (number * PROBES + probe)) % count
            if self._journal.is_acknowledged(index):
                return index
        newest = self._journal.newest_acknowledged
        return newest if newest >= 0 else self._refusing_key


class UpdateItem(SingleWrite):
    """Replaces all attributes of a chosen item."""

    target = f"{API}.UpdateItem"

    def __init__(self, workload: Workload, choice: KeyChoice, condition: str) -> None:
        super().__init__(workload)
        self._choice = choice
        items = workload.items
        names = json.loads(items.names_json)
        more: dict[str, Any] = {"UpdateExpression": items.update_expression}
        if condition != "none":
            names["#key"] = workload.key_name
            more["ConditionExpression"] = condition_expression(condition)
        self._before = json_prefix(workload.common(**more, ExpressionAttributeNames=names), "Key")

    def prepare(self, number: int) -> tuple[bytes, Write] | None:
        """Return the request of operation ``number``."""
        workload = self._workload
        index = self._choice.index(number)
        self._journal.sent(index, number)
        key, values = workload.keys.json(index).encode(), workload.items.values_json(index, number)
        return b'%b{%b},"ExpressionAttributeValues":{%b}}' % (self._before, key, values), (index, number)


class DeleteItem(SingleWrite):
    """Deletes a chosen item."""

    target = f"{API}.DeleteItem"
    deletes = True

    def __init__(self, workload: Workload, choice: KeyChoice, condition: str) -> None:
        super().__init__(workload)
        self._choice = choice
        self._before = json_prefix(workload.common(**_condition(workload, condition)), "Key")

    def prepare(self, number: int) -> tuple[bytes, Write] | None:
        """Return the request of operation ``number``."""
        index = self._choice.index(number)
        self._journal.sent(index, number, delete=True)
        return b"%b{%b}}" % (self._before, self._workload.keys.json(index).encode()), (index, number)


def _condition(workload: Workload, condition: str) -> dict[str, Any]:
    if condition == "none":
        return {}
    return {
        "ConditionExpression": condition_expression(condition),
        "ExpressionAttributeNames": {"#key": workload.key_name},
    }
