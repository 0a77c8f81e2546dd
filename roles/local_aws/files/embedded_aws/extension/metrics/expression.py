# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metric math of CloudWatch, over one value of each metric: an arithmetic of numbers and of missing data.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Value = float | None
OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "ABS": lambda values: abs(values[0]),
    "AVG": lambda values: sum(values) / len(values),
    "CEIL": lambda values: math.ceil(values[0]),
    "FLOOR": lambda values: math.floor(values[0]),
    "MAX": max,
    "MIN": min,
    "SUM": sum,
}
WORDS = ((r"&&|\bAND\b", " and "), (r"\|\||\bOR\b", " or "))


class ExpressionError(ValueError):
    """An expression that the embedded AWS does not evaluate."""


def value_of(expression: str, values: Mapping[str, Value]) -> Value:
    """Return what an expression comes to; None where data is missing, and for a division by zero.

    Args:
        expression: such as ``IF(running > 0, visible / running, visible)``.
        values: of the ids that it names.

    Raises:
        ExpressionError: it has an operator, a function, or an id that is unknown here.
    """
    return _value(_parsed(expression), values)


def returned_value(queries: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Value]) -> Value:
    """Return the value of the query that returns data, of the metric queries of an alarm or of a policy.

    Args:
        queries: each with an Id, and a MetricStat or an Expression.
        read: returns the value of a MetricStat.

    Raises:
        ExpressionError: an expression is not evaluated here, or no query returns data.
    """
    by_id = {query["Id"]: query for query in queries}
    known: dict[str, Value] = {}

    def known_value(name: str, above: tuple[str, ...] = ()) -> Value:
        if name in above:
            raise ExpressionError(f"{name} is defined by itself")
        if name not in known:
            query = by_id[name]
            if "Expression" in query:
                ids = _ids(_parsed(query["Expression"])) & by_id.keys()
                inner = {each: known_value(each, (*above, name)) for each in ids}
                known[name] = value_of(query["Expression"], inner)
            else:
                known[name] = read(query["MetricStat"])
        return known[name]

    returned = [query["Id"] for query in queries if query.get("ReturnData", True)]
    if len(returned) != 1:
        raise ExpressionError(f"exactly one of the metrics returns data, not {len(returned)}")
    return known_value(returned[0])


def check(queries: Sequence[Mapping[str, Any]]) -> None:
    """Evaluate metric queries with a number for each metric, so that one that cannot be evaluated is refused.

    Raises:
        ExpressionError: an expression is not evaluated here, or no query returns data.
    """
    returned_value(queries, lambda _: 1.0)


def _parsed(expression: str) -> ast.expr:
    text = expression
    for pattern, word in WORDS:
        text = re.sub(pattern, word, text)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise ExpressionError(f"the expression {expression} is not understood by the embedded AWS") from None


def _ids(node: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _value(node: ast.expr, values: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _value(operand, values)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in OPERATORS:
            return _combined(OPERATORS[type(sign)], _value(left, values), _value(right, values))
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in COMPARISONS:
            return _combined(COMPARISONS[type(sign)], _value(left, values), _value(right, values))
        case ast.BoolOp(op=sign, values=parts):
            found = [_value(part, values) for part in parts]
            if None in found:
                return None
            return float(all(found) if isinstance(sign, ast.And) else any(found))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _called(name, arguments, values)
    raise ExpressionError(f"{ast.unparse(node)} is not evaluated by the embedded AWS")


def _called(name: str, arguments: Sequence[ast.expr], values: Mapping[str, Value]) -> Value:
    if name == "IF" and len(arguments) == 3:
        condition, then, otherwise = (_value(argument, values) for argument in arguments)
        if condition is None:
            return None
        return then if condition else otherwise
    if name == "FILL" and len(arguments) == 2:
        found, fill = (_value(argument, values) for argument in arguments)
        return fill if found is None else found
    if name not in FUNCTIONS or not arguments:
        raise ExpressionError(f"the function {name} is not evaluated by the embedded AWS")
    items = arguments[0].elts if isinstance(arguments[0], ast.List) else arguments
    present = [each for each in (_value(item, values) for item in items) if each is not None]
    return float(FUNCTIONS[name](present)) if present else None


def _combined(function: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    try:
        found = float(function(left, right))
    except (OverflowError, ZeroDivisionError):
        return None
    return found if math.isfinite(found) else None
