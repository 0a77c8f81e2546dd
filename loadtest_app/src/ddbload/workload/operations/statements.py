# SPDX-License-Identifier: Apache-2.0
"""ExecuteStatement, BatchExecuteStatement and ExecuteTransaction: the operations of PartiQL.

Each statement has the whole key of one item, without which a SELECT would be a Scan. Values are parameters, so that the
text of a statement is the same for all items.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ddbload.dynamo.responses.capacity import Consumed, units
from ddbload.dynamo.responses.documents import objects_of, read_success, unexpected
from ddbload.dynamo.responses.errors import UNCERTAIN, Unsuccessful
from ddbload.dynamo.responses.statements import StatementReader, read_statements
from ddbload.dynamo.sign import API
from ddbload.scenario.entries import MixEntry
from ddbload.workload.operations.base import KeyChoice, Operation, Workload, json_prefix
from ddbload.workload.operations.batches import RESPONSES, ManyWrites, Writes
from ddbload.workload.operations.reads import Read
from ddbload.workload.operations.transactions import TransactGetItems, token_of
from ddbload.workload.operations.writes import SingleWrite, Write

EXECUTE_STATEMENT = f"{API}.ExecuteStatement"
BATCH_EXECUTE_STATEMENT = f"{API}.BatchExecuteStatement"
EXECUTE_TRANSACTION = f"{API}.ExecuteTransaction"
# Stands around the names of an item's attributes; those of tables and in conditions have double quotes.
QUOTE = "'"


def build(entry: MixEntry, workload: Workload, choice: KeyChoice) -> Operation:
    """Build an operation of PartiQL; an INSERT takes new keys instead of chosen ones."""
    kind, chosen = entry.statement, None if entry.statement == "insert" else choice
    match entry.operation:
        case "execute_statement":
            return WriteStatement(workload, kind, chosen) if entry.writes else ReadStatement(workload, choice, entry)
        case "batch_execute_statement":
            return (
                WriteBatch(workload, kind, chosen, entry.items) if entry.writes else ReadBatch(workload, choice, entry)
            )
    if entry.writes:
        return WriteTransaction(workload, kind, chosen, entry.items)
    return ReadTransaction(workload, choice, entry.items)


def text_of(kind: str, table: str, keys: Sequence[str], attributes: Sequence[str]) -> str:
    """Return the text of a statement, with a ``?`` for each value.

    Names are quoted: one may be a keyword. The values are those of the key and of the attributes, in this order; in an
    UPDATE those of the attributes come first.

    Args:
        kind: select, insert, update or delete.
        table: the table's name.
        keys: the names of the primary key's attributes.
        attributes: the names of the other attributes.
    """
    where = " AND ".join(f"{_quoted(name)} = ?" for name in keys)
    match kind:
        case "insert":
            members = ", ".join(f"{_quoted(name, QUOTE)}: ?" for name in (*keys, *attributes))
            return f"INSERT INTO {_quoted(table)} VALUE {{{members}}}"
        case "update":
            clauses = " ".join(f"SET {_quoted(name)} = ?" for name in attributes)
            return f"UPDATE {_quoted(table)} {clauses} WHERE {where}"
        case "delete":
            return f"DELETE FROM {_quoted(table)} WHERE {where}"
    return f"SELECT * FROM {_quoted(table)} WHERE {where}"


def _quoted(name: str, quote: str = '"') -> str:
    return f"{quote}{name.replace(quote, quote * 2)}{quote}"


def _capacity(workload: Workload) -> dict[str, Any]:
    return {"ReturnConsumedCapacity": workload.common()["ReturnConsumedCapacity"]}


class Statement:
    """One kind of statement, and its JSON for an item."""

    def __init__(self, workload: Workload, kind: str, **more: Any) -> None:
        """Take the kind, and the members that the JSON object has beside Statement and Parameters."""
        self._kind = kind
        self._key = workload.keys.values_json
        self._values = workload.items.parameters_json
        names = [attribute.name for attribute in workload.keys.schema]
        text = text_of(kind, workload.table, names, workload.items.attributes)
        self._before = json_prefix({**more, "Statement": text}, "Parameters")

    def json(self, index: int, version: int) -> bytes:
        """Return the statement about the item at an index; an INSERT or an UPDATE writes this version of it."""
        key = self._key(index).encode()
        if self._kind == "insert":
            return b"%b[%b,%b]}" % (self._before, key, self._values(index, version))
        if self._kind == "update":
            return b"%b[%b,%b]}" % (self._before, self._values(index, version), key)
        return b"%b[%b]}" % (self._before, key)


class ReadStatement(Read):
    """Reads a chosen key."""

    target = EXECUTE_STATEMENT

    def __init__(self, workload: Workload, choice: KeyChoice, entry: MixEntry) -> None:
        super().__init__(workload)
        self._choice = choice
        self._answers = StatementReader(writes=False)
        self._json = Statement(workload, "select", **_capacity(workload), ConsistentRead=entry.consistent).json

    def prepare(self, number: int) -> tuple[bytes, None] | None:
        """Return the request of operation ``number``."""
        return self._json(self._choice.index(number), number), None

    def succeeded(self, _work: None, body: bytes) -> Consumed:
        """Read the consumed units, and whether the item was found."""
        return self._answers.remembered.get(body) or self._answers.read(body)


class WriteStatement(SingleWrite):
    """Inserts a new key, or updates or deletes a chosen one."""

    target = EXECUTE_STATEMENT

    def __init__(self, workload: Workload, kind: str, choice: KeyChoice | None) -> None:
        super().__init__(workload, StatementReader(writes=True))
        self.deletes = kind == "delete"
        self._index = choice.index if choice else workload.sequence.new
        self._json = Statement(workload, kind, **_capacity(workload)).json

    def prepare(self, number: int) -> tuple[bytes, Write] | None:
        """Return the request of operation ``number``."""
        index = self._index(number)
        self._journal.sent(index, number, delete=self.deletes)
        return self._json(index, number), (index, number)


class ReadBatch(Read):
    """Reads several chosen keys in one call."""

    target = BATCH_EXECUTE_STATEMENT

    def __init__(self, workload: Workload, choice: KeyChoice, entry: MixEntry) -> None:
        super().__init__(workload)
        self._choice = choice
        self._count = entry.items
        self._json = Statement(workload, "select", ConsistentRead=entry.consistent).json
        self._before = json_prefix(_capacity(workload), "Statements")

    def prepare(self, number: int) -> tuple[bytes, None] | None:
        """Return the request of operation ``number``."""
        indexes = self._choice.indexes(number, self._count)
        return b"%b[%b]}" % (self._before, b",".join(self._json(index, number) for index in indexes)), None

    def succeeded(self, _work: None, body: bytes) -> Consumed:
        """Read the consumed units, and the counts of found items and failed statements."""
        document = read_success(body)
        statements = read_statements(document, self._count, self._workload.table, writes=False)
        read, write, by_index = units(document, writes=False)
        if outcome := statements.outcome(self._count):
            raise Unsuccessful(outcome)
        throttled, failed = statements.counts()
        done = self._count - len(statements.failed)
        return Consumed(read, write, statements.found, done, throttled, by_index, failed=failed)


class WriteBatch(ManyWrites):
    """Inserts several new keys in one call, or updates or deletes chosen ones; each statement may fail by itself."""

    target = BATCH_EXECUTE_STATEMENT

    def __init__(self, workload: Workload, kind: str, choice: KeyChoice | None, count: int) -> None:
        super().__init__(workload, count, choice, deletes=kind == "delete")
        self._json = Statement(workload, kind).json
        self._before = json_prefix(_capacity(workload), "Statements")

    def prepare(self, number: int) -> tuple[bytes, Writes] | None:
        """Return the request of operation ``number``."""
        indexes = self.indexes(number)
        statements = b",".join(self._json(index, number) for index in indexes)
        return b"%b[%b]}" % (self._before, statements), (indexes, number)

    def succeeded(self, work: Writes, body: bytes) -> Consumed:
        """Read the consumed units, and note the end of each statement.

        Raises:
            Unsuccessful: no statement succeeded, so that all may be sent again; or one has an error that ends the run,
                and ``work`` is left with the keys of those alone.
            InvalidAnswer: the response is not DynamoDB's.
        """
        indexes, number = work
        count, document = len(indexes), read_success(body)
        statements = read_statements(document, count, self._workload.table, writes=True)
        read, write, by_index = units(document, writes=True)
        outcome = statements.outcome(count)
        if outcome and outcome.kind != "fatal":
            raise Unsuccessful(outcome)
        fatal = []
        for position, index in enumerate(indexes):
            failed = statements.failed.get(position)
            if failed is None:
                self._acknowledged(index, number)
            elif failed.kind == "fatal":
                fatal.append(index)
            elif failed.kind in UNCERTAIN:
                self._indeterminate(index, number)
            else:
                self._refused(index, number)
        if outcome:
            indexes[:] = fatal
            raise Unsuccessful(outcome)
        throttled, reasons = statements.counts()
        return Consumed(read, write, 0, count - len(statements.failed), throttled, by_index, failed=reasons)


class ReadTransaction(TransactGetItems):
    """Reads several chosen keys in one transaction."""

    target = EXECUTE_TRANSACTION

    def __init__(self, workload: Workload, choice: KeyChoice, count: int) -> None:
        super().__init__(workload, choice, count)
        self._json = Statement(workload, "select").json
        self._before = json_prefix(_capacity(workload), "TransactStatements")

    def prepare(self, number: int) -> tuple[bytes, int] | None:
        """Return the request of operation ``number``."""
        indexes = self._choice.indexes(number, self._count)
        statements = b",".join(self._json(index, number) for index in indexes)
        return b"%b[%b]}" % (self._before, statements), self._count


class WriteTransaction(ManyWrites):
    """Inserts several new keys in one transaction, or updates or deletes chosen ones."""

    target = EXECUTE_TRANSACTION

    def __init__(self, workload: Workload, kind: str, choice: KeyChoice | None, count: int) -> None:
        super().__init__(workload, count, choice, deletes=kind == "delete")
        self._json = Statement(workload, kind).json
        self._token = token_of(workload.run_id)
        self._before = json_prefix(_capacity(workload), "ClientRequestToken")

    def prepare(self, number: int) -> tuple[bytes, Writes] | None:
        """Return the request of operation ``number``."""
        indexes = self.indexes(number)
        statements = b",".join(self._json(index, number) for index in indexes)
        token = b'"%b-%d"' % (self._token, number)
        return b'%b%b,"TransactStatements":[%b]}' % (self._before, token, statements), (indexes, number)

    def succeeded(self, work: Writes, body: bytes) -> Consumed:
        """Note that all items were written; writes return no items."""
        indexes, number = work
        document = read_success(body)
        responses = objects_of(document.get(RESPONSES), RESPONSES)
        if len(responses) not in (0, len(indexes)) or any(response.get("Item") for response in responses):
            raise unexpected(RESPONSES)
        read, write, by_index = units(document, writes=True)
        for index in indexes:
            self._acknowledged(index, number)
        return Consumed(read, write, 0, len(indexes), 0, by_index)
