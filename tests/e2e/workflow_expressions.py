# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions of GitHub Actions: the part that the workflows of systems/oneshot use; everything else is an error.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)|(\|\||==|!=|[(),]))")
# A variable that is not set is empty; a missing value of another context is an error here.
MAY_BE_MISSING = "vars"


class UnknownExpressionError(Exception):
    """An expression that this module cannot evaluate."""


def resolved(text: str, contexts: Mapping[str, Any]) -> str:
    """Return a text with the values of its expressions.

    Args:
        text: of a workflow.
        contexts: values by context and name, such as github and inputs.

    Raises:
        UnknownExpressionError: an expression is none of those that this module knows.
    """
    return EXPRESSION.sub(lambda match: as_text(evaluated(match[1], contexts)), text)


def evaluated(expression: str, contexts: Mapping[str, Any]) -> Any:
    """Return the value of an expression without its braces.

    Raises:
        UnknownExpressionError: the expression is none of those that this module knows.
    """
    reader = _Reader(expression, contexts)
    value = reader.alternatives()
    if reader.tokens:
        raise UnknownExpressionError(f"{expression.strip()}: {reader.tokens[0]} is unexpected")
    return value


def as_text(value: Any) -> str:
    """Return a value as GitHub writes it into a text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, expression: str, contexts: Mapping[str, Any]) -> None:
        self.expression, self.contexts = expression.strip(), contexts
        self.tokens = list(_tokens(self.expression))

    def alternatives(self) -> Any:
        """Return the first value of ``a || b`` that is not empty, else the last."""
        value = self._comparison()
        while self._next_is("||"):
            other = self._comparison()
            value = value or other
        return value

    def _comparison(self) -> Any:
        value = self._value()
        for sign, is_equal in (("==", True), ("!=", False)):
            if self._next_is(sign):
                return (value == self._value()) is is_equal
        return value

    def _value(self) -> Any:
        if not self.tokens:
            raise UnknownExpressionError(f"{self.expression}: a value is missing")
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if self._next_is("("):
            return self._call(token)
        return self._looked_up(token)

    def _call(self, name: str) -> str:
        if name != "format":
            raise UnknownExpressionError(f"{self.expression}: function {name} is unknown")
        values = [self.alternatives()]
        while self._next_is(","):
            values.append(self.alternatives())
        if not self._next_is(")"):
            raise UnknownExpressionError(f"{self.expression}: a bracket is missing")
        return re.sub(r"\{(\d)\}", lambda match: as_text(values[int(match[1]) + 1]), str(values[0]))

    def _looked_up(self, path: str) -> Any:
        value: Any = self.contexts
        for name in path.split("."):
            if isinstance(value, Mapping) and name in value:
                value = value[name]
            elif path.split(".")[0] == MAY_BE_MISSING:
                return ""
            else:
                raise UnknownExpressionError(f"{self.expression}: {path} has no value")
        return value

    def _next_is(self, token: str) -> bool:
        if self.tokens[:1] == [token]:
            self.tokens.pop(0)
            return True
        return False


def _tokens(expression: str) -> list[str]:
    found, at = [], 0
    while at < len(expression):
        match = TOKEN.match(expression, at)
        if match is None:
            raise UnknownExpressionError(f"{expression}: {expression[at:]} is unknown")
        found.append(next(group for group in match.groups() if group))
        at = match.end()
    return found
