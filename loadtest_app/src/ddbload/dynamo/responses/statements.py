# SPDX-License-Identifier: Apache-2.0
"""The responses of PartiQL's operations: the items of a statement, and the error of each statement of a batch.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteStatement.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
"""

from __future__ import annotations

from typing import NamedTuple

from ddbload.dynamo.responses.capacity import AnswerReader
from ddbload.dynamo.responses.codes import KIND_OF_STATEMENT
from ddbload.dynamo.responses.documents import Document, object_of, objects_of, unexpected
from ddbload.dynamo.responses.errors import LONGEST_NAME, Outcome, error_message

# The most severe first.
SEVERITY = ("fatal", "server", "refused", "contention", "throttled", "expected")


class StatementReader(AnswerReader):
    """Reads responses of ExecuteStatement."""

    def found(self, document: Document) -> int:
        """Return how many items a statement with a whole key returns: one at most, and none where it writes.

        Raises:
            InvalidAnswer: it returns others.
        """
        items = objects_of(document.get("Items"), "Items")
        is_missing = document.get("Items") is None and not self.writes
        if is_missing or len(items) > (0 if self.writes else 1):
            raise unexpected("Items")
        return len(items)


class Statements(NamedTuple):
    """The response of a batch: how many items were found, and the statements that failed, by position."""

    found: int
    failed: dict[int, Outcome]

    def counts(self) -> tuple[int, tuple[tuple[str, int], ...]]:
        """Return how many statements were throttled, and how many others failed, by outcome:reason."""
        reasons = [f"{kind}:{reason}" for kind, reason, _message in self.failed.values() if kind != "throttled"]
        return len(self.failed) - len(reasons), tuple((each, reasons.count(each)) for each in dict.fromkeys(reasons))

    def outcome(self, count: int) -> Outcome | None:
        """Return the outcome of the batch of ``count`` statements: the worst one where none succeeded or one is fatal.

        None where it is ok.
        """
        failed = list(self.failed.values())
        if len(failed) < count and all(one.kind != "fatal" for one in failed):
            return None
        kind = min((one.kind for one in failed), key=SEVERITY.index)
        same = [one for one in failed if one.kind == kind]
        reasons = "+".join(dict.fromkeys(one.reason for one in same))
        return Outcome(kind, reasons[:LONGEST_NAME], same[0].message)


def read_statements(document: Document, count: int, table: str, writes: bool) -> Statements:
    """Read the response of a BatchExecuteStatement, which has a part for each statement, in their order.

    Args:
        document: of the response.
        count: how many statements were sent.
        table: of all of them.
        writes: whether they write, and so return no item.

    Raises:
        InvalidAnswer: it is not DynamoDB's.
    """
    responses = objects_of(document.get("Responses"), "Responses")
    if len(responses) != count:
        raise unexpected("Responses")
    found, failed = 0, {}
    for position, response in enumerate(responses):
        if response.get("TableName", table) != table:
            raise unexpected("TableName")
        has_failed = response.get("Error") is not None
        if has_failed:
            failed[position] = _failure(object_of(response, "Error"))
        if object_of(response, "Item"):
            if writes or has_failed:
                raise unexpected("Item")
            found += 1
    return Statements(found, failed)


def _failure(error: Document) -> Outcome:
    """Return the outcome of a statement; a code that is not known is fatal, as that of an exception is."""
    code = error.get("Code")
    if not isinstance(code, str) or not code:
        raise unexpected("Error")
    return Outcome(KIND_OF_STATEMENT.get(code, "fatal"), code[:LONGEST_NAME], error_message(error))
