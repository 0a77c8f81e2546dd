# SPDX-License-Identifier: Apache-2.0
"""ExecuteStatement, BatchExecuteStatement and ExecuteTransaction: statements of PartiQL about one item each.

A statement becomes the request of the operation that does the same, for example PutItem for INSERT.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.statements.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from server.batches import Transactions, check_count, check_distinct
from server.capacity import Consumed
from server.errors import ApiError, cancelled, invalid
from server.parameters import check_whole, not_found
from server.reads import get_item
from server.table import Table
from server.values import Item, Value
from server.writes import write

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.batching.html
MAX_BATCH = 25
MAX_TRANSACTION = 100
TOKEN = re.compile(r"""\s*(?:("(?:[^"]|"")*"|'(?:[^']|'')*')|([A-Za-z_][A-Za-z0-9_.]*)|([?=*{}:,]))""")
OPERATIONS = {"SELECT": "GetItem", "INSERT": "PutItem", "UPDATE": "UpdateItem", "DELETE": "DeleteItem"}
ACTIONS = {"SELECT": "Get", "INSERT": "Put", "UPDATE": "Update", "DELETE": "Delete"}
# A statement's error in a batch has the name of the exception, but for these.
CODES = {"ValidationException": "ValidationError", "ThrottlingException": "ThrottlingError"}


class Statement(NamedTuple):
    """A statement: SELECT, INSERT, UPDATE or DELETE, and the request of the operation that does the same."""

    kind: str
    request: dict[str, Any]

    @property
    def is_read(self) -> bool:
        """Whether it reads."""
        return self.kind == "SELECT"


def statements_of(table: Table, request: Mapping[str, Any]) -> list[Statement]:
    """Return the statements of a request of any of the three operations."""
    several = request.get("Statements") or request.get("TransactStatements") or [request]
    return [parse(table, one) for one in several]


def parse(table: Table, request: Mapping[str, Any]) -> Statement:
    """Read one statement and its parameters."""
    reader = _Reader(request.get("Statement", ""), request.get("Parameters", []))
    kind = reader.word()
    if kind not in OPERATIONS:
        raise reader.error()
    if kind == "SELECT":
        reader.expect("*", "FROM")
    elif kind == "INSERT":
        reader.expect("INTO")
    elif kind == "DELETE":
        reader.expect("FROM")
    if reader.name('"') != table.schema.name:
        raise not_found()
    made: dict[str, Any] = {"TableName": table.schema.name}
    if kind == "INSERT":
        reader.expect("VALUE", "{")
        item = {}
        while True:
            name = reader.name("'")
            reader.expect(":")
            item[name] = reader.parameter()
            if not reader.take(","):
                break
        reader.expect("}")
        made |= {"Item": item} | _condition(table, "attribute_not_exists")
    else:
        assigned = reader.pairs("SET") if kind == "UPDATE" else {}
        key = reader.pairs("WHERE", "AND")
        if key.keys() != {attribute.name for attribute in table.schema.key}:
            raise invalid("Where clause does not contain a mandatory equality on all key attributes")
        made["Key"] = key
        if kind == "UPDATE":
            made |= _update(assigned) | _condition(table, "attribute_exists")
            made["ExpressionAttributeNames"] |= {f"#a{at}": name for at, name in enumerate(assigned)}
    reader.finish()
    if "ConsistentRead" in request and kind == "SELECT":
        made["ConsistentRead"] = request["ConsistentRead"]
    return Statement(kind, made)


def execute_statement(table: Table, request: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out an ExecuteStatement."""
    check_whole(request, "Statement", "Parameters", "ConsistentRead")
    return _carry_out(table, parse(table, request), request.get("ReturnConsumedCapacity", "NONE"))


def batch_execute_statement(table: Table, request: Mapping[str, Any], unprocessed: int = 0) -> dict[str, Any]:
    """Carry out a BatchExecuteStatement; the last ``unprocessed`` statements are throttled."""
    check_whole(request, "Statements")
    given: Sequence[Mapping[str, Any]] = request.get("Statements", [])
    check_count("statements", len(given), MAX_BATCH)
    statements = statements_of(table, request)
    _check_one_kind(statements)
    check_distinct([_key(table, statement) for statement in statements])
    detail = request.get("ReturnConsumedCapacity", "NONE")
    done = len(statements) - unprocessed
    responses: list[dict[str, Any]] = []
    units = Consumed()
    for statement in statements[:done]:
        response: dict[str, Any] = {"TableName": table.schema.name}
        try:
            answer = _carry_out(table, statement, "INDEXES")
        except ApiError as error:
            code = CODES.get(error.name, error.name.removesuffix("Exception"))
            response["Error"] = {"Code": code, "Message": str(error)}
        else:
            response |= {"Item": answer["Items"][0]} if answer["Items"] else {}
            _add(units, answer["ConsumedCapacity"])
        responses.append(response)
    responses += [{"Error": {"Code": "ThrottlingError", "Message": "slow down"}} for _left in statements[done:]]
    capacity = {} if detail == "NONE" else {"ConsumedCapacity": [units.document(table.schema.name, detail)]}
    return {"Responses": responses} | capacity


def execute_transaction(table: Table, request: Mapping[str, Any], transactions: Transactions) -> dict[str, Any]:
    """Carry out an ExecuteTransaction: all of it, or nothing."""
    check_whole(request, "TransactStatements", "ClientRequestToken")
    check_count("transactStatements", len(request.get("TransactStatements", [])), MAX_TRANSACTION)
    statements = statements_of(table, request)
    _check_one_kind(statements)
    same = {name: value for name, value in request.items() if name != "TransactStatements"}
    same["TransactItems"] = [{ACTIONS[statement.kind]: statement.request} for statement in statements]
    if statements[0].is_read:
        same.pop("ClientRequestToken", None)
        return transactions.get(table, same)
    try:
        return {"Responses": []} | transactions.write(table, same)
    except ApiError as error:
        if error.name != "TransactionCanceledException":
            raise
        reasons = zip(error.document["CancellationReasons"], statements, strict=True)
        raise cancelled([_reason(reason, statement) for reason, statement in reasons]) from error


def _carry_out(table: Table, statement: Statement, detail: str) -> dict[str, Any]:
    request = statement.request | {"ReturnConsumedCapacity": detail}
    if statement.is_read:
        answer = get_item(table, request)
        return {"Items": [answer.pop("Item")] if "Item" in answer else []} | answer
    try:
        return {"Items": []} | write(table, OPERATIONS[statement.kind], request)
    except ApiError as error:
        if statement.kind == "INSERT" and error.name == "ConditionalCheckFailedException":
            raise ApiError("DuplicateItemException", "Duplicate primary key exists in table") from error
        raise


def _reason(reason: Mapping[str, Any], statement: Statement) -> Mapping[str, Any]:
    is_duplicate = statement.kind == "INSERT" and reason["Code"] == "ConditionalCheckFailed"
    return {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"} if is_duplicate else reason


def _update(assigned: Mapping[str, Value]) -> dict[str, Any]:
    clauses = ", ".join(f"#a{at} = :a{at}" for at in range(len(assigned)))
    values = {f":a{at}": value for at, value in enumerate(assigned.values())}
    return {"UpdateExpression": f"SET {clauses}", "ExpressionAttributeValues": values}


def _condition(table: Table, function: str) -> dict[str, Any]:
    names = {"#key": table.schema.key[0].name}
    return {"ConditionExpression": f"{function}(#key)", "ExpressionAttributeNames": names}


def _key(table: Table, statement: Statement) -> Any:
    item: Item = statement.request.get("Item") or statement.request["Key"]
    return table.schema.key_of({attribute.name: item.get(attribute.name, {}) for attribute in table.schema.key})


def _check_one_kind(statements: Sequence[Statement]) -> None:
    if len({statement.is_read for statement in statements}) > 1:
        raise invalid("All statements have to be either reads or writes")


def _add(units: Consumed, document: Mapping[str, Any]) -> None:
    parts = document.get("GlobalSecondaryIndexes", {}).items()
    units.add(Consumed(document["Table"]["CapacityUnits"], {name: part["CapacityUnits"] for name, part in parts}))


class _Reader:
    """The tokens of a statement, from left to right, and its parameters in their order."""

    def __init__(self, text: str, parameters: Sequence[Value]) -> None:
        self._tokens = [next(filter(None, groups)) for groups in TOKEN.findall(text)]
        self._parameters = list(parameters)
        self._text = text
        if TOKEN.sub("", text).strip():
            raise self.error()

    def error(self) -> ApiError:
        return invalid(f"Statement wasn't well formed, can't be processed, or is beyond this server: {self._text}")

    def word(self) -> str:
        return self._tokens.pop(0).upper() if self._tokens else ""

    def take(self, token: str) -> bool:
        """Pass over a token where it is the next."""
        if self._tokens and self._tokens[0].upper() == token:
            self._tokens.pop(0)
            return True
        return False

    def expect(self, *tokens: str) -> None:
        for token in tokens:
            if not self.take(token):
                raise self.error()

    def name(self, quote: str) -> str:
        token = self._tokens.pop(0) if self._tokens else ""
        if len(token) < 2 or token[0] != quote:
            raise self.error()
        return token[1:-1].replace(quote * 2, quote)

    def parameter(self) -> Value:
        self.expect("?")
        if not self._parameters:
            raise invalid("Number of parameters in request and statement don't match.")
        return self._parameters.pop(0)

    def pairs(self, first: str, later: str = "") -> dict[str, Value]:
        """Return what follows a keyword, and each repetition of it: names and their values."""
        found = {}
        self.expect(first)
        while True:
            name = self.name('"')
            self.expect("=")
            found[name] = self.parameter()
            if not self.take(later or first):
                return found

    def finish(self) -> None:
        if self._tokens:
            raise self.error()
        if self._parameters:
            raise invalid("Number of parameters in request and statement don't match.")
