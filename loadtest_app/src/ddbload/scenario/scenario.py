# SPDX-License-Identifier: Apache-2.0
"""The scenario: validated once, frozen, and reported whole in the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ddbload.scenario import entries, sections, thresholds
from ddbload.scenario.entries import MixEntry
from ddbload.scenario.plan import ClassicPlan, ClosedPlan, FindMaxPlan, Plan
from ddbload.scenario.plan import read as read_plan
from ddbload.scenario.reader import Reader, show
from ddbload.scenario.sections import BreakerRules, Cleanup, Item, Keys, Metrics, RetryRules, Verification


class ScenarioError(Exception):
    """A scenario that cannot be run; ``problems`` has one line a problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Scenario:
    """A whole scenario; times in seconds.

    ``connections`` and ``processes`` are those of one task; 0 where hall ``sizing`` is to choose them.
    """

    table: str
    plan: Plan
    mix: Mapping[str, MixEntry]
    seed: int = 1
    keys: Keys = field(default_factory=Keys)
    item: Item = field(default_factory=Item)
    warm_up: float = 0.0
    connections: int = 0
    processes: int = 0
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
        parts = {name: asdict(getattr(self, name)) for name in SECTIONS}
        mix = {name: entries.document_of(entry) for name, entry in self.mix.items()}
        rules = [rule.document() for rule in self.thresholds]
        return plain | {"plan": self.plan.document(), "mix": mix, "thresholds": rules} | parts


SIMPLE = ("table", "seed", "warm_up", "connections", "processes", "timeout", "deadline", "max_cost")
SECTIONS = ("keys", "item", "retries", "breaker", "verify", "cleanup", "metrics")


def parse(document: Mapping[str, Any]) -> Scenario:
    """Check a document and build the scenario of it.

    Raises:
        ScenarioError: every problem, one line each: field, rule, value.
    """
    reader = Reader(document)
    scenario = read(reader)
    reader.finish()
    if not reader.problems:
        _check_together(reader, scenario)
    if reader.problems:
        raise ScenarioError(reader.problems)
    return scenario


def read(reader: Reader) -> Scenario:
    """Read the fields of a scenario; the reader records its problems."""
    # For editors, which find the schema of a file by it: https://json-schema.org/
    reader.text("$schema", "", "the address of this schema")
    mix = entries.read(reader)
    return Scenario(
        table=reader.text("table", "", "the name of a DynamoDB table (also --table or DDBLOAD_TABLE)", minimum=3),
        seed=reader.integer("seed", 1, 0, 2**63 - 1),
        plan=read_plan(reader.section("plan")),
        mix=mix,
        keys=sections.keys(reader.section("keys")),
        item=sections.item(reader.section("item")),
        warm_up=reader.number("warm_up", 0.0, 0, 604_800, "seconds that are not counted"),
        connections=reader.integer("connections", 0, 0, 10_000),
        processes=reader.integer("processes", 0, 0, 64),
        timeout=reader.number("timeout", 5.0, 0.01, 300, "seconds for one request"),
        deadline=reader.number(
            "deadline", 0.0, 0, 864_000, "seconds after which the run ends itself, 0 for the plan's"
        ),
        max_cost=reader.number("max_cost", 20.0, 0, 1_000_000, "dollars that a run may cost"),
        retries=sections.retries(reader.section("retries")),
        breaker=sections.breaker(reader.section("breaker")),
        verify=sections.verify(reader.section("verify")),
        cleanup=sections.cleanup(reader),
        metrics=sections.metrics(reader.section("metrics")),
        thresholds=_thresholds(reader, mix),
    )


def _check_together(reader: Reader, scenario: Scenario) -> None:
    """Note the problems of fields that contradict each other."""
    plan = scenario.plan
    for name, entry in scenario.mix.items():
        if entry.items > scenario.keys.count:
            reader.problem(f"mix.{name}.items", f"must not exceed keys.count, {scenario.keys.count}, got {entry.items}")
    if isinstance(plan, ClosedPlan):
        if scenario.processes > min(phase.concurrency for phase in plan.phases):
            reader.problem("processes", f"must not exceed the plan's callers, got {scenario.processes}")
        if isinstance(plan, ClassicPlan) and not _is_puts_alone(scenario.mix):
            reader.problem("mix", "must be puts alone in the classic plan: leave it out")
        if plan.duplicates and plan.operations and plan.operations > scenario.keys.count:
            reader.problem("keys.count", f"must be total_items, {plan.operations:,.0f}, at least")
    if isinstance(plan, FindMaxPlan):
        if not scenario.thresholds:
            reader.problem("thresholds", "find_max needs one at least, such as put.p99 < 20ms")
        for rule in scenario.thresholds:
            threshold = rule.threshold
            if threshold.metric in thresholds.VERIFICATION:
                reader.problem("thresholds", f"is known after the last trial only, in find_max: {threshold.expression}")
    duration_s = None if isinstance(plan, FindMaxPlan) else plan.duration_s
    if scenario.warm_up and duration_s is not None and scenario.warm_up >= duration_s:
        reader.problem("warm_up", f"must be shorter than the plan, {duration_s:g} s, got {scenario.warm_up:g}")


def _is_puts_alone(mix: Mapping[str, MixEntry]) -> bool:
    return list(mix) == ["put"] and mix["put"].operation == "put" and not mix["put"].keys


def _thresholds(reader: Reader, mix: Mapping[str, MixEntry]) -> tuple[thresholds.Rule, ...]:
    values = reader.take("thresholds", [], thresholds.SHAPE)
    if not isinstance(values, list):
        reader.problem("thresholds", f'must be a list of texts such as "put.p99 < 20ms", got {show(values)}')
        return ()
    rules = []
    for number, value in enumerate(values):
        try:
            rule = thresholds.parse_rule(value)
            operation = rule.threshold.operation
            if operation and mix and operation not in mix:
                raise thresholds.ThresholdError(
                    f'the mix has no operation "{operation}", in "{rule.threshold.expression}"; it has {", ".join(mix)}'
                )
            rules.append(rule)
        except thresholds.ThresholdError as error:
            reader.problem(f"thresholds[{number}]", str(error))
    return tuple(rules)
