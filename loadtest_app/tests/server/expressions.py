# SPDX-License-Identifier: Apache-2.0
"""DynamoDB's expressions: conditions, key conditions, updates and projections, of top-level attributes.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from server.errors import ApiError, invalid
from server.values import Item, Value, scalar

TOKEN = re.compile(r"\s*(?:([#:]?[A-Za-z_][A-Za-z0-9_]*|[#:][A-Za-z0-9_]+)|(<>|<=|>=|[=<>(),])|(\S))")
COMPARATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FUNCTIONS = {"attribute_exists": 1, "attribute_not_exists": 1, "begins_with": 2, "contains": 2, "if_not_exists": 2}
KEYWORDS = {"AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE"}
# Some of the reserved words: those that a load tester is likely to use.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
RESERVED = {"COUNT", "DATA", "DATE", "HASH", "ITEM", "ITEMS", "KEY", "KEYS", "NAME", "RANGE", "SIZE", "TTL", "VALUE"}

Node = tuple[Any, ...]
Condition = Callable[[Item], bool]


class Expressions:
    """The expressions of one request, which share its names and its values."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._names: Mapping[str, str] = request.get("ExpressionAttributeNames", {})
        self._values: Mapping[str, Value] = request.get("ExpressionAttributeValues", {})
        self._used: set[str] = set()

    def condition(self, text: str, parameter: str = "ConditionExpression") -> Condition:
        """Return a function that returns whether an item fulfils a condition."""
        return self.predicate(self.parse(text, parameter))

    def predicate(self, node: Node) -> Condition:
        """Return a function that returns whether an item fulfils a condition's tree."""
        return lambda item: _holds(node, item)

    def parse(self, text: str, parameter: str) -> Node:
        """Return a condition's tree: operator or function, and its operands."""
        return _Parser(self, text, parameter).whole()

    def projection(self, text: str | None) -> list[str] | None:
        """Return the names of a ProjectionExpression; None where there is none."""
        if text is None:
            return None
        return [self.name(part.strip(), "ProjectionExpression") for part in text.split(",")]

    def assignments(self, text: str, before: Item) -> dict[str, Value]:
        """Return what an UpdateExpression sets: ``SET a = :a, b = if_not_exists(b, :b) ADD c :c``.

        Args:
            text: the expression.
            before: the item before the update, empty where there is none.
        """
        parser = _Parser(self, text, "UpdateExpression")
        found: dict[str, Value] = {}
        for clause in ("SET", "ADD"):
            if not parser.take(clause):
                continue
            while True:
                target, value = parser.change(clause)
                if target in found:
                    raise parser.error(
                        "Two document paths overlap with each other; must remove or rewrite one of these paths; "
                        f"path one: [{target}], path two: [{target}]"
                    )
                found[target] = _changed(value, before.get(target))
                if not parser.take(","):
                    break
        if not found or not parser.at_end():
            raise parser.unsupported()
        return found

    def name(self, token: str, parameter: str) -> str:
        """Return the attribute that a token names."""
        if not token.startswith("#"):
            if token.upper() in RESERVED:
                raise invalid(f"Invalid {parameter}: Attribute name is a reserved keyword; reserved keyword: {token}")
            return token
        self._used.add(token)
        if token not in self._names:
            raise invalid(
                f"Invalid {parameter}: An expression attribute name used in the document path is not defined; "
                f"attribute name: {token}"
            )
        return self._names[token]

    def value(self, token: str, parameter: str) -> Value:
        """Return the value of a token."""
        self._used.add(token)
        if token not in self._values:
            raise invalid(
                f"Invalid {parameter}: An expression attribute value used in expression is not defined; "
                f"attribute value: {token}"
            )
        return self._values[token]

    def finish(self) -> None:
        """Refuse names and values that no expression used."""
        for member, given in (("ExpressionAttributeNames", self._names), ("ExpressionAttributeValues", self._values)):
            unused = [token for token in given if token not in self._used]
            if unused:
                raise invalid(f"Value provided in {member} unused in expressions: keys: {{{', '.join(unused)}}}")


class _Parser:
    """Recursive descent: OR binds least, then AND, then NOT."""

    def __init__(self, expressions: Expressions, text: str, parameter: str) -> None:
        self._expressions = expressions
        self._parameter = parameter
        self._tokens: list[str] = []
        self._at = 0
        if not text.strip():
            raise self.error("The expression can not be empty;")
        for word, sign, other in TOKEN.findall(text):
            if other:
                raise self.unsupported(other)
            self._tokens.append(word or sign)

    def whole(self) -> Node:
        node = self._either()
        if not self.at_end():
            raise self.unsupported()
        return node

    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def change(self, clause: str) -> tuple[str, Node]:
        """Return the attribute that a part of an UpdateExpression changes, and how."""
        kind, name = self.operand()
        if clause == "SET":
            self.expect("=")
        value = self.operand()
        is_kept = clause == "SET" and value[:2] == ("if_not_exists", ("path", name))
        if kind != "path" or not (value[0] == "value" or is_kept):
            raise self.unsupported()
        return name, value if clause == "SET" else ("ADD", value)

    def expect(self, token: str) -> None:
        if not self.take(token):
            raise self.unsupported()

    def error(self, text: str) -> ApiError:
        return invalid(f"Invalid {self._parameter}: {text}")

    def unsupported(self, token: str | None = None) -> ApiError:
        near = token or (self._tokens[self._at] if not self.at_end() else "the end")
        return self.error(f'Syntax error, or beyond what this server knows; near: "{near}"')

    def operand(self) -> Node:
        if self.at_end():
            raise self.unsupported()
        token = self._tokens[self._at]
        if token.startswith(":"):
            self._at += 1
            return ("value", self._expressions.value(token, self._parameter))
        if token.upper() in KEYWORDS or not (token[0].isalpha() or token[0] in "#_"):
            raise self.unsupported()
        self._at += 1
        if token in FUNCTIONS and self.take("("):
            arguments = [self.operand()]
            while self.take(","):
                arguments.append(self.operand())
            self.expect(")")
            if len(arguments) != FUNCTIONS[token] or arguments[0][0] != "path":
                raise self.error(f"Incorrect number or type of operands for function; function: {token}")
            return (token, *arguments)
        return ("path", self._expressions.name(token, self._parameter))

    def take(self, token: str) -> bool:
        """Pass over a token where it is the next."""
        if not self.at_end() and self._tokens[self._at].upper() == token:
            self._at += 1
            return True
        return False

    def _either(self) -> Node:
        node = self._all()
        while self.take("OR"):
            node = ("OR", node, self._all())
        return node

    def _all(self) -> Node:
        node = self._one()
        while self.take("AND"):
            node = ("AND", node, self._one())
        return node

    def _one(self) -> Node:
        if self.take("NOT"):
            return ("NOT", self._one())
        if self.take("("):
            node = self._either()
            self.expect(")")
            return node
        left = self.operand()
        if left[0] == "if_not_exists":
            raise self.unsupported()
        if left[0] in FUNCTIONS:
            return left
        if self.take("BETWEEN"):
            low = self.operand()
            self.expect("AND")
            return ("BETWEEN", left, low, self.operand())
        if not self.at_end() and self._tokens[self._at] in COMPARATORS:
            self._at += 1
            return (self._tokens[self._at - 1], left, self.operand())
        raise self.unsupported()


def _changed(node: Node, before: Value | None) -> Value:
    """Return an attribute's value after an update.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
    """
    sign, *operands = node
    if sign == "value":
        return operands[0]  # type: ignore[no-any-return]
    if sign == "if_not_exists":
        return before or operands[1][1]
    added: Value = operands[0][1]
    ((kind, content),) = added.items()
    if kind not in ("N", "SS", "NS", "BS"):
        raise invalid("Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD")
    if before is None:
        return added
    if kind not in before:
        raise invalid("An operand in the update expression has an incorrect data type")
    if kind == "N":
        return {"N": format(scalar(before) + scalar(added), "f")}  # type: ignore[operator]
    return {kind: sorted({*before[kind], *content})}


def _holds(node: Node, item: Item) -> bool:
    sign, *operands = node
    if sign == "AND":
        return _holds(operands[0], item) and _holds(operands[1], item)
    if sign == "OR":
        return _holds(operands[0], item) or _holds(operands[1], item)
    if sign == "NOT":
        return not _holds(operands[0], item)
    values = [item.get(content) if kind == "path" else content for kind, content in operands]
    if sign == "attribute_exists":
        return values[0] is not None
    if sign == "attribute_not_exists":
        return values[0] is None
    if sign == "BETWEEN":
        return compare(">=", values[0], values[1]) and compare("<=", values[0], values[2])
    if sign == "begins_with":
        return begins_with(values[0], values[1])
    if sign == "contains":
        return _contains(values[0], values[1])
    return compare(sign, values[0], values[1])


def compare(sign: str, left: Value | None, right: Value | None) -> bool:
    """Compare two values; values of different types are unequal and have no order."""
    if left is None or right is None:
        return sign == "<>" and left is not right
    if left.keys() != right.keys() or not left.keys() <= {"S", "N", "B"}:
        return COMPARATORS[sign](left, right) if sign in ("=", "<>") else False
    return COMPARATORS[sign](scalar(left), scalar(right))


def begins_with(value: Value | None, prefix: Value | None) -> bool:
    """Return whether a text or binary value starts with another."""
    if value is None or prefix is None or value.keys() != prefix.keys() or not value.keys() <= {"S", "B"}:
        return False
    whole, start = scalar(value), scalar(prefix)
    return whole[: len(start)] == start  # type: ignore[index,arg-type]


def _contains(value: Value | None, part: Value | None) -> bool:
    if value is None or part is None:
        return False
    if value.keys() == part.keys() == {"S"}:
        return part["S"] in value["S"]
    ((type_, content),) = value.items()
    ((part_type, part_content),) = part.items()
    return type_ == f"{part_type}S" and part_content in content


def conjunction(node: Node) -> Sequence[Node]:
    """Return the parts of a condition that are joined by AND."""
    if node[0] == "AND":
        return [*conjunction(node[1]), *conjunction(node[2])]
    return [node]
