# SPDX-License-Identifier: Apache-2.0
"""What is asked of the table: validated once, frozen, and given back whole in the results."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ddbload import thresholds

OPERATIONS = ("put", "get")
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-items
MAX_ITEM_BYTES = 409_600


class ScenarioError(Exception):
    """A scenario that cannot be run; ``problems`` has one line for each thing that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class ConstantRate:
    """Operations arrive at a constant rate, however the table answers (an open model)."""

    rate: float = 100.0
    duration: float = 10.0
    arrivals: str = "uniform"
    type: str = "constant_rate"


@dataclass(frozen=True)
class Closed:
    """A fixed number of callers, each sending its next operation when the last one was answered."""

    concurrency: int = 32
    operations: int = 10_000
    type: str = "closed"


@dataclass(frozen=True)
class Keys:
    """Which keys are used: puts write 0, 1, 2, ... modulo ``count``."""

    prefix: str = "ddbload"
    count: int = 1_000_000


@dataclass(frozen=True)
class Item:
    """What a put writes; ``size`` in bytes as DynamoDB counts them."""

    size: int = 400


@dataclass(frozen=True)
class Scenario:
    """A whole scenario; times in seconds."""

    table: str
    seed: int = 1
    plan: ConstantRate | Closed = field(default_factory=ConstantRate)
    mix: Mapping[str, int] = field(default_factory=lambda: {"put": 1})
    keys: Keys = field(default_factory=Keys)
    item: Item = field(default_factory=Item)
    consistent_read: bool = False
    connections: int = 64
    timeout: float = 5.0
    deadline: float = 0.0
    thresholds: tuple[str, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return the scenario as the JSON document that gives it again."""
        return asdict(self) | {"mix": dict(self.mix), "thresholds": list(self.thresholds)}


def load(
    source: str | None, overrides: Sequence[str], environment: Mapping[str, str], table: str | None = None
) -> Scenario:
    """Put a scenario together: command line before environment before defaults.

    Args:
        source: a file's path or a JSON text from the command line; DDBLOAD_SCENARIO otherwise.
        overrides: ``path.to.field=value``, where the value is JSON, or text where it is no JSON.
        environment: of the process; DDBLOAD_SCENARIO and DDBLOAD_TABLE are read.
        table: the table's name from the command line.

    Raises:
        ScenarioError: something is wrong; all of it is listed.
    """
    document = _read(source) if source else _parse_json(environment.get("DDBLOAD_SCENARIO") or "{}", "DDBLOAD_SCENARIO")
    if not isinstance(document, dict):
        raise ScenarioError([f"scenario: must be a JSON object, got {_show(document)}"])
    if environment.get("DDBLOAD_TABLE"):
        document.setdefault("table", environment["DDBLOAD_TABLE"])
    if table:
        document["table"] = table
    for override in overrides:
        _override(document, override)
    return parse(document)


def parse(document: Mapping[str, Any]) -> Scenario:
    """Check a document and build the scenario of it.

    Raises:
        ScenarioError: all that is wrong, one line each: field, rule, value.
    """
    reader = _Reader(document, "")
    mix = _mix(reader)
    scenario = Scenario(
        table=reader.text("table", "", "the name of a DynamoDB table (also --table or DDBLOAD_TABLE)", minimum=3),
        seed=reader.integer("seed", 1, 0, 2**63 - 1),
        plan=_plan(reader),
        mix=mix,
        keys=_keys(reader.section("keys")),
        item=_item(reader.section("item")),
        consistent_read=reader.boolean("consistent_read", False),
        connections=reader.integer("connections", 64, 1, 10_000),
        timeout=reader.number("timeout", 5.0, 0.01, 300, "seconds for one request"),
        deadline=reader.number(
            "deadline", 0.0, 0, 864_000, "seconds after which the run ends itself, 0 for the plan's"
        ),
        thresholds=_thresholds(reader, mix),
    )
    reader.finish()
    if reader.problems:
        raise ScenarioError(reader.problems)
    return scenario


class _Reader:
    """Takes fields out of an object, and notes what is wrong with each and what is left over."""

    def __init__(self, document: Any, path: str, problems: list[str] | None = None) -> None:
        self.path = path
        self.problems: list[str] = [] if problems is None else problems
        self.known: list[str] = []
        self.children: list[_Reader] = []
        self.document: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
        if not isinstance(document, Mapping):
            self.problem("", f"must be an object, got {_show(document)}")

    def problem(self, name: str, text: str) -> None:
        where = ".".join(part for part in (self.path, name) if part)
        self.problems.append(f"scenario: {where}: {text}" if where else f"scenario: {text}")

    def take(self, name: str, default: Any) -> Any:
        self.known.append(name)
        return self.document.get(name, default)

    def section(self, name: str) -> _Reader:
        path = f"{self.path}.{name}" if self.path else name
        child = _Reader(self.take(name, {}), path, self.problems)
        self.children.append(child)
        return child

    def checked(self, name: str, default: Any, rule: str, is_right: Callable[[Any], bool]) -> Any:
        value = self.take(name, default)
        if is_right(value):
            return value
        missing = value == default and name not in self.document
        self.problem(name, f"must be {rule}, " + ("but is missing" if missing else f"got {_show(value)}"))
        return default

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        rule = f"a whole number from {low:,} to {high:,}"
        value: int = self.checked(name, default, rule, lambda given: _is_integer(given) and low <= given <= high)
        return value

    def number(self, name: str, default: float, low: float, high: float, meaning: str) -> float:
        rule = f"a number from {low:,.12g} to {high:,.12g} ({meaning})"
        return float(self.checked(name, default, rule, lambda given: _is_number(given) and low <= given <= high))

    def boolean(self, name: str, default: bool) -> bool:
        value: bool = self.checked(name, default, "true or false", lambda given: isinstance(given, bool))
        return value

    def text(self, name: str, default: str, meaning: str, minimum: int = 0) -> str:
        value: str = self.checked(
            name, default, meaning, lambda given: isinstance(given, str) and minimum <= len(given) <= 1024
        )
        return value

    def choice(self, name: str, default: str, choices: Sequence[str]) -> str:
        value: str = self.checked(name, default, "one of " + ", ".join(choices), lambda given: given in choices)
        return value

    def finish(self) -> None:
        for name in self.document:
            if name not in self.known:
                near = difflib.get_close_matches(str(name), self.known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(self.known))}"
                self.problem(str(name), f"is no field of a scenario; {hint}")
        for child in self.children:
            child.finish()


def _plan(reader: _Reader) -> ConstantRate | Closed:
    plan = reader.section("plan")
    if plan.choice("type", "constant_rate", ["constant_rate", "closed"]) == "closed":
        return Closed(
            concurrency=plan.integer("concurrency", Closed.concurrency, 1, 10_000),
            operations=plan.integer("operations", Closed.operations, 1, 10**12),
        )
    return ConstantRate(
        rate=plan.number("rate", ConstantRate.rate, 0.01, 1_000_000, "operations a second"),
        duration=plan.number("duration", ConstantRate.duration, 0.1, 604_800, "seconds"),
        arrivals=plan.choice("arrivals", "uniform", ["uniform"]),
    )


def _mix(reader: _Reader) -> dict[str, int]:
    mix = reader.section("mix")
    mix.known.extend(OPERATIONS)
    if not mix.document:
        return {"put": 1}
    weights = {name: mix.integer(name, 0, 0, 10_000) for name in OPERATIONS if name in mix.document}
    if weights and not any(weights.values()) and not reader.problems:
        mix.problem("", "at least one operation must have a weight above 0")
    return {name: weight for name, weight in weights.items() if weight}


def _keys(reader: _Reader) -> Keys:
    return Keys(
        prefix=reader.text("prefix", Keys.prefix, "a text of at most 1,024 characters"),
        count=reader.integer("count", Keys.count, 1, 10**12),
    )


def _item(reader: _Reader) -> Item:
    return Item(size=reader.integer("size", Item.size, 1, MAX_ITEM_BYTES))


def _thresholds(reader: _Reader, mix: Mapping[str, int]) -> tuple[str, ...]:
    expressions = reader.take("thresholds", [])
    if not isinstance(expressions, list) or not all(isinstance(item, str) for item in expressions):
        reader.problem("thresholds", f'must be a list of texts such as "put.p99 < 20ms", got {_show(expressions)}')
        return ()
    for number, expression in enumerate(expressions):
        try:
            operation = thresholds.parse(expression).operation
            if operation and mix and operation not in mix:
                raise thresholds.ThresholdError(
                    f'the mix has no operation "{operation}", in "{expression}"; it has {", ".join(mix)}'
                )
        except thresholds.ThresholdError as error:
            reader.problem(f"thresholds[{number}]", str(error))
    return tuple(expressions)


def _read(source: str) -> Any:
    if source.lstrip().startswith("{"):
        return _parse_json(source, "--scenario")
    try:
        text = Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError([f"scenario: cannot read {source}: {error}"]) from error
    return _parse_json(text, source)


def _parse_json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ScenarioError([f"scenario: {where} is not JSON: {error}"]) from error


def _override(document: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise ScenarioError([f"scenario: --set {override}: must be field=value, such as plan.rate=500"])
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    *sections, name = path.split(".")
    for section in sections:
        inner = document.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ScenarioError([f"scenario: --set {override}: {section} is not an object"])
        document = inner
    document[name] = value


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _show(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
