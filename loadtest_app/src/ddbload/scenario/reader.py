# SPDX-License-Identifier: Apache-2.0
"""Reads a JSON document field by field, and records each problem in one line: field, rule, value."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LONGEST_SHOWN = 60
LONGEST_TEXT = 1024
BOOLEAN = {"type": "boolean"}


class Reader:
    """Reads the fields of an object; records the problems of each, and the fields that were not read."""

    def __init__(self, document: Any, path: str = "", problems: list[str] | None = None) -> None:
        self.path = path
        self.problems: list[str] = [] if problems is None else problems
        self.known: list[str] = []
        self.children: dict[str, Reader] = {}
        # The field of this object that a value of another type stands for; empty where it has to be an object.
        self.short = ""
        # The JSON Schema of each field that was read; hall authoring makes the schema of a scenario of them.
        self.shapes: dict[str, dict[str, Any]] = {}
        # What was read, defaults included.
        self.values: dict[str, Any] = {}
        self.document: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
        if not isinstance(document, Mapping):
            self.problem("", f"must be an object, got {show(document)}")

    def problem(self, name: str, text: str) -> None:
        """Note a problem of a field, or of the object itself where the name is empty."""
        where = ".".join(part for part in (self.path, name) if part)
        line = f"scenario: {where}: {text}" if where else f"scenario: {text}"
        # The name of a field may be anything.
        self.problems.append(" ".join(line.splitlines()))

    def take(self, name: str, default: Any, shape: Mapping[str, Any] | None = None) -> Any:
        """Return a field as it is; the caller checks it, and may say in JSON Schema how."""
        self.known.append(name)
        if shape:
            self.shapes[name] = dict(shape)
        return self.document.get(name, default)

    def section(self, name: str, default: Any = None, short: str = "") -> Reader:
        """Return the reader of a field that is an object; without one, of an empty one or the default."""
        return self.child(name, self.take(name, {} if default is None else default), short)

    def child(self, name: str, document: Any, short: str = "") -> Reader:
        """Return a reader of a part of this object; a value that is no object is that of the field ``short``."""
        path = f"{self.path}.{name}" if self.path else name
        if short and not isinstance(document, Mapping):
            document = {short: document}
        child = self.children[name] = Reader(document, path, self.problems)
        child.short = short
        return child

    def checked(
        self,
        name: str,
        default: Any,
        rule: str,
        is_right: Callable[[Any], bool],
        shape: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return a field that fulfils a rule; else record the problem and return the default.

        Args:
            name: of the field.
            default: its value where the document has none.
            rule: in words, after "must be".
            is_right: whether a value fulfils it.
            shape: what of the rule JSON Schema can say; none where it can say nothing.
        """
        value = self.values[name] = self.take(name, default)
        self.shapes[name] = {"description": f"{rule[0].upper()}{rule[1:]}.", **(shape or {})}
        if is_right(default):
            self.shapes[name]["default"] = default
        if is_right(value):
            return value
        missing = value == default and name not in self.document
        self.problem(name, f"must be {rule}, " + ("but is missing" if missing else f"got {show(value)}"))
        return default

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """Return a whole number between two bounds, both included."""
        rule = f"a whole number from {low:,} to {high:,}"
        shape = {"type": "integer", "minimum": low, "maximum": high}
        value: int = self.checked(name, default, rule, lambda given: is_integer(given) and low <= given <= high, shape)
        return value

    def number(self, name: str, default: float, low: float, high: float, meaning: str) -> float:
        """Return a number between two bounds, both included."""
        rule = f"a number from {low:,.12g} to {high:,.12g} ({meaning})"
        shape = {"type": "number", "minimum": low, "maximum": high}
        return float(self.checked(name, default, rule, lambda given: is_number(given) and low <= given <= high, shape))

    def boolean(self, name: str, default: bool) -> bool:
        """Return true or false."""
        value: bool = self.checked(name, default, "true or false", lambda given: isinstance(given, bool), BOOLEAN)
        return value

    def text(self, name: str, default: str, meaning: str, minimum: int = 0) -> str:
        """Return a text of at most 1,024 characters."""
        shape = {"type": "string", "minLength": minimum, "maxLength": LONGEST_TEXT}
        value: str = self.checked(
            name,
            default,
            meaning,
            lambda given: isinstance(given, str) and minimum <= len(given) <= LONGEST_TEXT,
            shape,
        )
        return value

    def choice(self, name: str, default: str, choices: Sequence[str]) -> str:
        """Return one of several texts."""
        rule, shape = "one of " + ", ".join(choices), {"enum": list(choices)}
        value: str = self.checked(name, default, rule, lambda given: given in choices, shape)
        return value

    def finish(self) -> None:
        """Note every field that was not read."""
        for name in self.document:
            if name not in self.known:
                near = difflib.get_close_matches(str(name), self.known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(set(self.known)))}"
                self.problem(str(name), f"is no field of a scenario; {hint}")
        for child in self.children.values():
            child.finish()


def is_integer(value: Any) -> bool:
    """Return whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Return whether a value is a number, and a finite one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def show(value: Any) -> str:
    """Return a value as JSON, shortened."""
    text = json.dumps(value, default=str)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."
