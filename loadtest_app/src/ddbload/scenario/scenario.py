# SPDX-License-Identifier: Apache-2.0
"""What is asked of the table: validated once, frozen, and given back whole in the results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ddbload.files import MEGABYTE, FileError, read_text
from ddbload.scenario import entries, thresholds
from ddbload.scenario.entries import MixEntry
from ddbload.scenario.plan import ClosedPlan, FindMaxPlan, Plan
from ddbload.scenario.plan import read as read_plan
from ddbload.scenario.reader import Reader, is_integer, show
from ddbload.stats import emf

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MAX_ITEM_BYTES = 409_600
# A scenario has some hundreds of bytes.
LARGEST_BYTES = MEGABYTE
KINDS = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "a boolean", type(None): "null"}
# The highest number that a range of the user's may begin with.
HIGHEST_FIRST = 10**36


class ScenarioError(Exception):
    """A scenario that cannot be run; ``problems`` has one line for each thing that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Keys:
    """Which keys are used: 0, 1, 2, ... modulo ``count``, so many of them in one partition.

    ``first`` is the number of key 0 where the partition key is one; None for a range that only ddbload uses.
    """

    prefix: str = "ddbload"
    count: int = 1_000_000
    per_partition: int = 1
    first: int | None = None


@dataclass(frozen=True)
class Item:
    """What is written: bytes as DynamoDB counts them, one number or a distribution; seconds until TTL may delete it."""

    size: int | Mapping[str, Any] = 400
    ttl: int = 0


@dataclass(frozen=True)
class RetryRules:
    """How often an operation is sent at most, and how long is waited before it is sent again."""

    attempts: int = 1
    base_ms: float = 50.0
    cap_ms: float = 1000.0


@dataclass(frozen=True)
class BreakerRules:
    """After how many failures in a row arrivals pause (0: never), and how often one is tried."""

    failures: int = 0
    probe_interval: float = 1.0
    action: str = "pause"


@dataclass(frozen=True)
class Verification:
    """Whether the keys are read again at the end: a share of them, at most so many, so many a second."""

    enabled: bool = True
    share: float = 1.0
    limit: int = 100_000
    rate: float = 0.0


@dataclass(frozen=True)
class Cleanup:
    """Whether what the run wrote is deleted at the end, so many items a second (0: as fast as it goes)."""

    enabled: bool = False
    rate: float = 500.0


@dataclass(frozen=True)
class Metrics:
    """Whether CloudWatch is given metrics, by log lines in its embedded format; seconds between two of them."""

    enabled: bool = False
    namespace: str = "ddbload"
    interval: float = 10.0


@dataclass(frozen=True)
class Scenario:
    """A whole scenario; times in seconds."""

    table: str
    plan: Plan
    mix: Mapping[str, MixEntry]
    seed: int = 1
    keys: Keys = field(default_factory=Keys)
    item: Item = field(default_factory=Item)
    warm_up: float = 0.0
    connections: int = 64
    processes: int = 1
    timeout: float = 5.0
    deadline: float = 0.0
    max_cost: float = 20.0
    retries: RetryRules = field(default_factory=RetryRules)
    breaker: BreakerRules = field(default_factory=BreakerRules)
    verify: Verification = field(default_factory=Verification)
    cleanup: Cleanup = field(default_factory=Cleanup)
    metrics: Metrics = field(default_factory=Metrics)
    thresholds: tuple[thresholds.Rule, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return the scenario as the JSON document that gives it again."""
        plain = {name: getattr(self, name) for name in SIMPLE}
        sections = {name: asdict(getattr(self, name)) for name in SECTIONS}
        mix = {name: entries.document_of(entry) for name, entry in self.mix.items()}
        rules = [rule.document() for rule in self.thresholds]
        return plain | {"plan": dict(self.plan.document), "mix": mix, "thresholds": rules} | sections


SIMPLE = ("table", "seed", "warm_up", "connections", "processes", "timeout", "deadline", "max_cost")
SECTIONS = ("keys", "item", "retries", "breaker", "verify", "cleanup", "metrics")


def load(
    source: str | None,
    overrides: Sequence[str],
    environment: Mapping[str, str],
    table: str | None = None,
    parameters: Callable[[], Mapping[str, Any]] = dict,
) -> Scenario:
    """Put a scenario together: command line before environment before SSM before defaults.

    Args:
        source: a file's path or a JSON text from the command line; DDBLOAD_SCENARIO otherwise.
        overrides: ``path.to.field=value``, where the value is JSON, or text where it is no JSON.
        environment: of the process; DDBLOAD_SCENARIO and DDBLOAD_TABLE are read.
        table: the table's name from the command line.
        parameters: gives the document of the SSM parameters; asked only where there is no other.

    Raises:
        ScenarioError: something is wrong; all of it is listed.
    """
    if source:
        document = _read(source)
    elif environment.get("DDBLOAD_SCENARIO"):
        document = _parse_json(environment["DDBLOAD_SCENARIO"], "DDBLOAD_SCENARIO")
    else:
        document = dict(parameters())
    if not isinstance(document, dict):
        # What is no scenario may be a file that holds a secret.
        raise ScenarioError([f"scenario: must be a JSON object, got {KINDS[type(document)]}"])
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
    reader = Reader(document)
    mix = entries.read(reader)
    scenario = Scenario(
        table=reader.text("table", "", "the name of a DynamoDB table (also --table or DDBLOAD_TABLE)", minimum=3),
        seed=reader.integer("seed", 1, 0, 2**63 - 1),
        plan=read_plan(reader.section("plan")),
        mix=mix,
        keys=_keys(reader.section("keys")),
        item=_item(reader.section("item")),
        warm_up=reader.number("warm_up", 0.0, 0, 604_800, "seconds that are not counted"),
        connections=reader.integer("connections", 64, 1, 10_000),
        processes=reader.integer("processes", 1, 1, 64),
        timeout=reader.number("timeout", 5.0, 0.01, 300, "seconds for one request"),
        deadline=reader.number(
            "deadline", 0.0, 0, 864_000, "seconds after which the run ends itself, 0 for the plan's"
        ),
        max_cost=reader.number("max_cost", 20.0, 0, 1_000_000, "dollars that a run may cost"),
        retries=_retries(reader.section("retries")),
        breaker=_breaker(reader.section("breaker")),
        verify=_verify(reader.section("verify")),
        cleanup=_cleanup(reader),
        metrics=_metrics(reader.section("metrics")),
        thresholds=_thresholds(reader, mix),
    )
    reader.finish()
    if not reader.problems:
        _check_together(reader, scenario)
    if reader.problems:
        raise ScenarioError(reader.problems)
    return scenario


def _check_together(reader: Reader, scenario: Scenario) -> None:
    """Note what no field is wrong with by itself."""
    plan = scenario.plan
    for name, entry in scenario.mix.items():
        if entry.items > scenario.keys.count:
            reader.problem(f"mix.{name}.items", f"must not exceed keys.count, {scenario.keys.count}, got {entry.items}")
    if isinstance(plan, ClosedPlan):
        if scenario.processes > min(phase.concurrency for phase in plan.phases):
            reader.problem("processes", f"must not exceed the plan's callers, got {scenario.processes}")
        if plan.document.get("type") == "classic" and not _is_puts_alone(scenario.mix):
            reader.problem("mix", "must be puts alone in the classic plan: leave it out")
        if plan.duplicates and plan.operations and plan.operations > scenario.keys.count:
            reader.problem("keys.count", f"must be total_items, {plan.operations:,.0f}, at least")
    if isinstance(plan, FindMaxPlan):
        if not scenario.thresholds:
            reader.problem("thresholds", "find_max needs one at least, such as put.p99 < 20ms")
        for rule in scenario.thresholds:
            if thresholds.parse(rule.threshold).metric in thresholds.VERIFICATION:
                reader.problem("thresholds", f"is known after the last trial only, in find_max: {rule.threshold}")
        if scenario.processes > 1:
            reader.problem("processes", f"find_max runs in one process, got {scenario.processes}")
    duration_s = None if isinstance(plan, FindMaxPlan) else plan.duration_s
    if scenario.warm_up and duration_s is not None and scenario.warm_up >= duration_s:
        reader.problem("warm_up", f"must be shorter than the plan, {duration_s:g} s, got {scenario.warm_up:g}")


def _is_puts_alone(mix: Mapping[str, MixEntry]) -> bool:
    return list(mix) == ["put"] and mix["put"].operation == "put" and not mix["put"].keys


# ---- Sections


def _keys(reader: Reader) -> Keys:
    return Keys(
        prefix=reader.text("prefix", Keys.prefix, "a text of at most 1,024 characters"),
        count=reader.integer("count", Keys.count, 1, 10**12),
        per_partition=reader.integer("per_partition", 1, 1, 10**9),
        first=reader.checked("first", None, "null or a whole number from 0 to 10^36", _is_first),
    )


def _item(reader: Reader) -> Item:
    ttl = reader.integer("ttl", 0, 0, 10 * 365 * 86_400)
    if not isinstance(reader.document.get("size"), Mapping):
        return Item(reader.integer("size", 400, 1, MAX_ITEM_BYTES), ttl)
    part = reader.section("size")
    kind = part.choice("type", "uniform", ("uniform", "lognormal", "choices"))
    document: dict[str, Any] = {"type": kind}
    if kind == "choices":
        document["weights"] = part.take("weights", {})
        weights = document["weights"]
        if (
            not isinstance(weights, Mapping)
            or not weights
            or not all(_is_size_weight(*pair) for pair in weights.items())
        ):
            part.problem(
                "weights", f'must be weights by size in bytes such as {{"400": 9, "4000": 1}}, got {show(weights)}'
            )
            return Item(400, ttl)
        return Item(document, ttl)
    document["low"] = part.integer("low", 200, 1, MAX_ITEM_BYTES)
    document["high"] = part.integer("high", MAX_ITEM_BYTES if kind == "lognormal" else 2000, 1, MAX_ITEM_BYTES)
    if document["high"] < document["low"]:
        part.problem("high", f"must not be below low, {document['low']}, got {document['high']}")
    if kind == "lognormal":
        document["median"] = part.number("median", 400, 1, MAX_ITEM_BYTES, "bytes")
        document["sigma"] = part.number("sigma", 1.0, 0.01, 5, "standard deviation of the logarithm")
    return Item(document, ttl)


def _retries(reader: Reader) -> RetryRules:
    return RetryRules(
        attempts=reader.integer("attempts", 1, 1, 100),
        base_ms=reader.number("base_ms", 50.0, 0, 60_000, "milliseconds"),
        cap_ms=reader.number("cap_ms", 1000.0, 0, 600_000, "milliseconds"),
    )


def _breaker(reader: Reader) -> BreakerRules:
    return BreakerRules(
        failures=reader.integer("failures", 0, 0, 1_000_000),
        probe_interval=reader.number("probe_interval", 1.0, 0.01, 3600, "seconds"),
        action=reader.choice("action", "pause", ("pause", "abort")),
    )


def _verify(reader: Reader) -> Verification:
    return Verification(
        enabled=reader.boolean("enabled", True),
        share=reader.number("share", 1.0, 0, 1, "share of the keys"),
        limit=reader.integer("limit", 100_000, 0, 10**12),
        rate=reader.number("rate", 0.0, 0, 1_000_000, "items a second, 0 for as fast as it goes"),
    )


def _cleanup(reader: Reader) -> Cleanup:
    if isinstance(reader.document.get("cleanup"), bool):
        return Cleanup(enabled=reader.boolean("cleanup", False))
    part = reader.section("cleanup")
    return Cleanup(
        enabled=part.boolean("enabled", bool(part.document)),
        rate=part.number("rate", 500.0, 0, 1_000_000, "items a second, 0 for as fast as it goes"),
    )


def _metrics(reader: Reader) -> Metrics:
    rule = "a CloudWatch namespace, such as ddbload/dev"
    return Metrics(
        enabled=reader.boolean("enabled", False),
        namespace=reader.checked(
            "namespace", "ddbload", rule, lambda given: isinstance(given, str) and bool(emf.NAMESPACE.fullmatch(given))
        ),
        interval=reader.number("interval", 10.0, 1, 3600, "seconds"),
    )


def _thresholds(reader: Reader, mix: Mapping[str, MixEntry]) -> tuple[thresholds.Rule, ...]:
    values = reader.take("thresholds", [])
    if not isinstance(values, list):
        reader.problem("thresholds", f'must be a list of texts such as "put.p99 < 20ms", got {show(values)}')
        return ()
    rules = []
    for number, value in enumerate(values):
        try:
            rule = thresholds.parse_rule(value)
            operation = thresholds.parse(rule.threshold).operation
            if operation and mix and operation not in mix:
                raise thresholds.ThresholdError(
                    f'the mix has no operation "{operation}", in "{rule.threshold}"; it has {", ".join(mix)}'
                )
            rules.append(rule)
        except thresholds.ThresholdError as error:
            reader.problem(f"thresholds[{number}]", str(error))
    return tuple(rules)


# ---- Sources


def _read(source: str) -> Any:
    if source.lstrip().startswith("{"):
        return _parse_json(source, "--scenario")
    try:
        text = read_text(Path(source), LARGEST_BYTES)
    except FileError as error:
        raise ScenarioError([f"scenario: {error}"]) from error
    return _parse_json(text, source)


def _parse_json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ScenarioError([f"scenario: {where} is not JSON of a scenario: it is nested too deep"]) from None
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


def _is_first(value: Any) -> bool:
    return value is None or (is_integer(value) and 0 <= value <= HIGHEST_FIRST)


def _is_size_weight(size: Any, weight: Any) -> bool:
    text = str(size)
    return text.isdecimal() and 1 <= int(text) <= MAX_ITEM_BYTES and is_integer(weight) and weight > 0
