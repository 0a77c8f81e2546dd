# SPDX-License-Identifier: Apache-2.0
"""PutItem, UpdateItem and DeleteItem."""

from __future__ import annotations

import json
from enum import Enum, auto
from typing import Any

from ddbload.dynamo.capacity import AnswerReader, Consumed
from ddbload.dynamo.errors import AFTER_UNCERTAIN, Verdict
from ddbload.dynamo.sign import API
from ddbload.engine.record import OperationRecord
from ddbload.workload.journal.state import VersionJournal
from ddbload.workload.keys import splitmix64
from ddbload.workload.operations.base import KeyChoice, Workload, condition_expression, opened

# How many keys are looked at for one that is acknowledged, before the newest of them is taken.
PROBES = 16

Write = tuple[int, int]


class SingleWrite:
    """A write of one item: the journal hears of it before it is sent, and of its end."""

    deletes = False

    def __init__(self, workload: Workload) -> None:
        self.record = OperationRecord()
        self._workload = workload
        self._journal = workload.journal
        self._answers = AnswerReader(writes=True)
        self._told = self._answers.remembered

    def succeeded(self, work: Write, body: bytes) -> Consumed:
        """The write was acknowledged."""
        index, number = work
        # Read first: an answer that is not DynamoDB's acknowledges nothing.
        consumed = self._told.get(body) or self._answers.read(body)
        if self.deletes:
            self._journal.acknowledged(index, number, delete=True)
        else:
            self._journal.acknowledged(index, number)
        return consumed

    def failed(self, work: Write, _verdict: Verdict, uncertain: bool) -> None:
        """The write was refused, or nobody knows."""
        index, number = work
        told = self._journal.indeterminate if uncertain else self._journal.refused
        told(index, number, delete=self.deletes)

    def doubted(self, work: Write) -> None:
        """An attempt may have been done; the next one is another write."""
        index, number = work
        self._journal.indeterminate(index, number, delete=self.deletes)
        self._journal.sent(index, number, delete=self.deletes)


class PutItem(SingleWrite):
    """Inserts new keys; or writes chosen ones again."""

    target = f"{API}.PutItem"

    def __init__(self, workload: Workload, choice: KeyChoice | None, condition: str) -> None:
        super().__init__(workload)
        self._choice = choice
        self._new = workload.sequence.new
        self._sent = workload.journal.sent if isinstance(workload.journal, VersionJournal) else None
        self._request = workload.items.writer(opened(workload.common(**_condition(workload, condition)), "Item"), b"}")

    def prepare(self, number: int) -> tuple[bytes, Write] | None:
        """Return the request of operation ``number``."""
        index = self._choice.index(number) if self._choice else self._new(number)
        if self._sent:
            self._sent(index, number)
        return self._request(index, number), (index, number)


class Kind(Enum):
    """What a put of the classic plan is."""

    ORIGINAL = auto()
    DUPLICATE = auto()
    # A duplicate while no key is known to be there: an original over again.
    REPEAT = auto()


class DuplicatingPut(SingleWrite):
    """The classic plan's puts: each on condition that its key is new, some of them with a key that is not.

    A duplicate takes a key that is known to be there, so that the table must refuse it: one that was acknowledged, or
    that refused an original. Where none is known yet, it waits for a put that can tell. Where none is under way, it
    repeats this worker's newest original to the letter: accepted it proves nothing, and the item is the right one.
    """

    target = PutItem.target

    def __init__(self, workload: Workload) -> None:
        """Get ready.

        Raises:
            ValueError: there are so many workers that one of them has no put of its own to repeat.
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
        self._before = opened(workload.common(**_condition(workload, "not_exists")), "Item")
        self._under_way = 0
        self._refusing_key = -1
        self._newest_original: Write = (-1, -1)
        self.figures = {"sent": 0, "refused": 0, "accepted": 0, "unanswered": 0, "originals_refused": 0}

    def prepare(self, number: int) -> tuple[bytes, Any] | None:
        """Return the request of operation ``number``; None while it has to wait for a key to be repeated."""
        if self._duplicates.is_duplicate(number):
            index, kind = self._existing_key(number), Kind.DUPLICATE
            if index < 0:
                if self._under_way:
                    return None
                (index, number), kind = self._newest_original, Kind.REPEAT
            self.figures["sent"] += 1
        else:
            index, kind = self._workload.mix.inserted_before(number), Kind.ORIGINAL
            self._newest_original = (index, number)
        if kind is not Kind.DUPLICATE:
            self._under_way += 1
            self._journal.sent(index, number)
        return b"%b%b}" % (self._before, self._workload.items.json(index, number)), (index, number, kind)

    def succeeded(self, work: Any, body: bytes) -> Consumed:
        """An original was acknowledged; or a duplicate was accepted, which must not be."""
        index, number, kind = work
        consumed = self._told.get(body) or self._answers.read(body)
        if kind is Kind.DUPLICATE:
            self.figures["accepted"] += 1
        else:
            self._under_way -= 1
            self.figures["unanswered"] += kind is Kind.REPEAT
            self._journal.acknowledged(index, number)
        return consumed

    def failed(self, work: Any, verdict: Verdict, uncertain: bool) -> None:
        """A duplicate was refused, as it has to be; or something went wrong."""
        index, number, kind = work
        refused = verdict.outcome == "expected"
        if kind is not Kind.ORIGINAL:
            self.figures["refused" if refused else "unanswered"] += 1
        if kind is Kind.DUPLICATE:
            return
        self._under_way -= 1
        if refused:
            self._refusing_key = index
        # Refused by what an attempt of its own may have written, it is no sign of a key that was there before.
        if kind is Kind.ORIGINAL and not verdict.reason.endswith(AFTER_UNCERTAIN):
            self.figures["originals_refused"] += refused
        super().failed((index, number), verdict, uncertain)

    def doubted(self, work: Any) -> None:
        """An attempt may have been done; that of a duplicate wrote nothing."""
        index, number, kind = work
        if kind is not Kind.DUPLICATE:
            super().doubted((index, number))

    def _existing_key(self, number: int) -> int:
        """Return a key that is known to be there, -1 where none is."""
        count = max(1, self._workload.mix.inserted_before(number))
        for probe in range(PROBES):
            index = splitmix64(self._seed ^ (number * PROBES + probe)) % count
            if self._journal.is_acknowledged(index):
                return index
        newest = self._journal.newest_acknowledged
        return newest if newest >= 0 else self._refusing_key


class UpdateItem(SingleWrite):
    """Writes all attributes of a chosen item anew."""

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
        self._before = opened(workload.common(**more, ExpressionAttributeNames=names), "Key")

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
        self._before = opened(workload.common(**_condition(workload, condition)), "Key")

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
