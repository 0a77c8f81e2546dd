# SPDX-License-Identifier: Apache-2.0
"""Plans: from a document to pacers with the requested operations."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ddbload.pacing import callers
from ddbload.pacing.arrivals import PoissonPacer, ReplayPacer, UniformPacer
from ddbload.pacing.callers import ClosedPacer, Phase
from ddbload.pacing.segment import WHOLE, Segment
from ddbload.scenario.plan import KINDS, ClosedPlan, FindMaxPlan, OpenPlan, Plan, ReplayPlan, read
from ddbload.scenario.reader import Reader
from ddbload.scenario.stages import STAGES
from hypothesis import given, settings
from hypothesis import strategies as st

rates = st.one_of(st.integers(20, 10_000), st.floats(20, 10_000))
durations = st.one_of(st.integers(1, 1000), st.floats(1, 1000))
arrivals = {"arrivals": st.sampled_from(["uniform", "poisson"])}


@st.composite
def spikes(draw: st.DrawFn) -> dict[str, Any]:
    duration = draw(st.floats(2, 1000))
    at = draw(st.floats(0, duration / 2))
    length = draw(st.floats(0.5, duration / 2))
    return {"type": "spike", "base": draw(rates), "peak": draw(rates), "duration": duration, "at": at, "length": length}


@st.composite
def sines(draw: st.DrawFn) -> dict[str, Any]:
    mean = draw(st.floats(20, 10_000))
    swing = {"amplitude": draw(st.floats(0, mean)), "period": draw(durations)}
    return {"type": "sine", "mean": mean, "duration": draw(durations)} | draw(st.sampled_from([{}, swing]))


def object_of(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return documents of a kind; each field may be left out."""
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=fields)


stages = st.one_of(
    object_of("constant_rate", rate=rates, duration=durations),
    object_of("ramp", start=rates, end=rates, duration=durations),
    object_of("steps", start=rates, end=rates, count=st.integers(2, 1000), duration=durations),
    spikes(),
    sines(),
)
open_plans = st.tuples(
    st.one_of(
        stages,
        st.fixed_dictionaries({"type": st.just("stages"), "stages": st.lists(stages, min_size=1, max_size=4)}),
    ),
    st.fixed_dictionaries({}, optional=arrivals),
).map(lambda parts: parts[0] | parts[1])
closed_plans = st.one_of(
    object_of("closed", concurrency=st.integers(64, 10_000), operations=st.integers(1, 10**12), duration=durations),
    object_of(
        "classic",
        concurrency_limit=st.integers(1, 10_000),
        total_items=st.integers(1000, 1_000_000),
        max_concurrency_percentage=st.integers(1, 100),
        inject_duplicates=st.booleans(),
        duplicate_percentage=st.one_of(st.integers(0, 99), st.floats(0, 99)),
    ),
)
searches = object_of(
    "find_max",
    start=st.floats(1, 100),
    ceiling=st.floats(100, 1_000_000),
    precision=st.floats(0.001, 1),
    confirmations=st.integers(1, 100),
    trial=durations,
    settle=st.floats(0, 100),
    rest=st.floats(0, 100),
)
plan_documents = st.one_of(open_plans, closed_plans, searches)


def parse(document: Mapping[str, Any]) -> tuple[Plan, list[str]]:
    """Return a plan, and its problems."""
    reader = Reader(document, "plan")
    plan = read(reader)
    reader.finish()
    return plan, reader.problems


def plan_of(**document: Any) -> Plan:
    plan, problems = parse(document)
    assert problems == []
    return plan


@given(plan_documents)
def test_a_plan_survives_its_document(document: dict[str, Any]) -> None:
    plan, problems = parse(document)
    assert problems == []
    assert parse(json.loads(json.dumps(plan.document()))) == (plan, [])


@given(st.lists(stages, min_size=1, max_size=4))
def test_stages_follow_each_other(documents: list[dict[str, Any]]) -> None:
    whole = plan_of(type="stages", stages=documents)
    parts = [plan_of(**document) for document in documents]
    assert isinstance(whole, OpenPlan)
    assert whole.stages == tuple(stage for part in parts if isinstance(part, OpenPlan) for stage in part.stages)
    assert whole.duration_s == pytest.approx(sum(part.duration_s for part in parts if isinstance(part, OpenPlan)))


@settings(max_examples=50)
@given(open_plans, st.integers(1, 5), st.integers(0, 2**63 - 1))
def test_workers_together_get_the_whole_open_plan(document: dict[str, Any], count: int, seed: int) -> None:
    plan = plan_of(**document)
    assert isinstance(plan, OpenPlan)
    pacers = [plan.pacer(Segment(index, count), seed) for index in range(count)]
    kind = PoissonPacer if document.get("arrivals") == "poisson" else UniformPacer
    assert {type(pacer) for pacer in pacers} == {kind}
    assert sum(pacer.expected for pacer in pacers) == pytest.approx(plan.operations, abs=0.5, rel=1e-9)
    assert {pacer.duration_ns for pacer in pacers} == {round(plan.duration_s * 1e9)}


@given(closed_plans, st.integers(1, 3))
def test_workers_share_the_whole_closed_plan(document: dict[str, Any], count: int) -> None:
    """All workers together have the whole closed plan."""
    plan = plan_of(**document)
    assert isinstance(plan, ClosedPlan)
    if min(phase.concurrency for phase in plan.phases) < count:
        with pytest.raises(ValueError, match="fewer callers than workers"):
            plan.pacer(Segment(0, count), 1)
        return
    pacers = [plan.pacer(Segment(index, count), 1) for index in range(count)]
    if plan.operations is None:
        assert {pacer.operations for pacer in pacers} == {None}
    else:
        assert sum(pacer.operations or 0 for pacer in pacers) == plan.operations
    assert plan.concurrency == max(phase.concurrency for phase in plan.phases)


@given(st.floats(0.3, 1000), st.floats(0, 0.5))
def test_a_spike_may_last_to_the_end(duration: float, share: float) -> None:
    at = duration * share
    plan = plan_of(type="spike", duration=duration, at=at, length=duration - at)
    assert isinstance(plan, OpenPlan)
    assert plan.duration_s == pytest.approx(duration)


@pytest.mark.parametrize(
    ("document", "operations", "peak", "duration_s"),
    [
        ({}, 1000, 100, 10),
        ({"type": "constant_rate", "rate": 50, "duration": 4}, 200, 50, 4),
        ({"type": "ramp", "start": 0, "end": 100, "duration": 10}, 500, 100, 10),
        ({"type": "steps", "start": 10, "end": 30, "count": 3, "duration": 6}, 120, 30, 6),
        ({"type": "spike", "base": 10, "peak": 100, "duration": 30, "at": 10, "length": 5}, 750, 100, 30),
        ({"type": "spike", "base": 10, "peak": 100}, 10 * 20 + 100 * 10, 100, 30),
        ({"type": "spike", "duration": 0.3, "at": 0.1, "length": 0.2}, 21, 100, 0.3),
        ({"type": "sine", "mean": 100, "period": 5, "duration": 10}, 1000, 150, 10),
        ({"type": "stages", "stages": [{"rate": 10, "duration": 1}, {"rate": 0, "duration": 2}]}, 10, 10, 3),
    ],
)
def test_an_open_plan_has_the_operations_of_its_stages(
    document: dict[str, Any], operations: float, peak: float, duration_s: float
) -> None:
    plan = plan_of(**document)
    assert isinstance(plan, OpenPlan)
    assert (plan.operations, plan.curve.peak) == (pytest.approx(operations), pytest.approx(peak))
    assert plan.duration_s == pytest.approx(duration_s)
    assert plan.document()["type"] == document.get("type", "constant_rate")


@pytest.mark.parametrize(
    ("document", "operations", "duration_s"),
    [
        ({}, 10_000, None),
        ({"operations": 7}, 7, None),
        ({"duration": 5}, None, 5.0),
        ({"duration": 5, "operations": 7}, 7, 5.0),
    ],
)
def test_a_closed_plan_ends_by_number_or_by_time(
    document: dict[str, Any], operations: int | None, duration_s: float | None
) -> None:
    plan = plan_of(type="closed", concurrency=4, **document)
    assert isinstance(plan, ClosedPlan)
    assert (plan.operations, plan.duration_s, plan.concurrency, plan.duplicates) == (operations, duration_s, 4, None)
    pacer = plan.pacer(WHOLE, 1)
    assert isinstance(pacer, ClosedPacer)
    assert (pacer.operations, pacer.duration_ns) == (operations, None if duration_s is None else 5 * 10**9)


def test_the_classic_plan_keeps_its_parameters() -> None:
    """The classic plan keeps the names and the meaning of its parameters."""
    document = {"concurrency_limit": 200, "total_items": 1000, "max_concurrency_percentage": 50}
    plan = plan_of(type="classic", **document)
    assert isinstance(plan, ClosedPlan)
    assert plan.phases == callers.classic(200, 1000, 50)
    assert plan.phases[-1] == Phase(100, 500)
    assert (plan.operations, plan.duplicates) == (1000, None)
    twice = plan_of(type="classic", total_items=1001, inject_duplicates=True, duplicate_percentage=12.5)
    assert isinstance(twice, ClosedPlan)
    assert twice.duplicates
    assert (twice.duplicates.total, twice.duplicates.count) == (1001, 126)
    none = plan_of(type="classic", inject_duplicates=True, duplicate_percentage=0)
    assert isinstance(none, ClosedPlan)
    assert none.duplicates is None


def test_a_trial_settles_before_it_is_judged() -> None:
    plan = plan_of(type="find_max", settle=3, trial=7)
    assert isinstance(plan, FindMaxPlan)
    trial = plan.trial(250)
    assert (trial.duration_s, trial.operations, trial.curve.peak) == (10, 2500, 250)
    assert trial.document() == {"type": "constant_rate", "rate": 250, "duration": 10, "arrivals": "uniform"}
    assert (plan.start, plan.ceiling, plan.precision, plan.confirmations) == (100, 40_000, 0.05, 3)


def test_a_replay_has_the_instants_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "arrivals.txt"
    file.write_text("0.5\n1\n4\n")
    plan = plan_of(type="replay", file=str(file), speed=2)
    assert isinstance(plan, ReplayPlan)
    assert (plan.operations, plan.duration_s, plan.document()["file"]) == (3, 2.0, str(file))
    pacer = plan.pacer(Segment(1, 2), 1)
    assert isinstance(pacer, ReplayPacer)
    assert (pacer.operations, pacer.planned_ns(0)) == (1, 500_000_000)
    file.write_text("1\n0.5\n")
    assert "arrivals.txt:2" in parse({"type": "replay", "file": str(file)})[1][0]


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ({"rate": "fast"}, "plan.rate", 'got "fast"'),
        ({"rate": True}, "plan.rate", "got true"),
        ({"rate": float("nan")}, "plan.rate", "got NaN"),
        ({"rate": 0}, "plan", "one operation at least"),
        ({"rate": 1, "duration": 0.5}, "plan", "one operation at least"),
        ({"duration": 0}, "plan.duration", "from 0.1"),
        ({"rate": 2_000_000}, "plan.rate", "1,000,000"),
        ({"arrivals": "bursts"}, "plan.arrivals", "one of uniform, poisson"),
        ({"type": "open"}, "plan.type", "one of constant_rate, ramp"),
        ({"type": "ramp", "rate": 5}, "plan.rate", "is no field"),
        ({"type": "ramp", "start": 0, "end": 0}, "plan", "one operation at least"),
        ({"type": "steps", "count": 1}, "plan.count", "from 2 to 1,000"),
        ({"type": "spike", "at": 25, "length": 10}, "plan.length", "ends 35 s after the start, the stage after 30 s"),
        ({"type": "sine", "mean": 0}, "plan.mean", "from 0.01"),
        ({"type": "sine", "mean": 10, "amplitude": 11}, "plan.amplitude", "at most the mean"),
        ({"type": "stages"}, "plan.stages", "must be a list of stages"),
        ({"type": "stages", "stages": {}}, "plan.stages", "must be a list of stages"),
        ({"type": "stages", "stages": [5]}, "plan.stages[0]", "must be an object"),
        ({"type": "stages", "stages": [{}, {"type": "closed"}]}, "plan.stages[1].type", "one of constant_rate"),
        ({"type": "stages", "stages": [{"arrivals": "poisson"}]}, "plan.stages[0].arrivals", "is no field"),
        ({"type": "closed", "concurency": 4}, "plan.concurency", "did you mean concurrency?"),
        ({"type": "closed", "concurrency": 0}, "plan.concurrency", "whole number from 1"),
        ({"type": "closed", "duration": "long"}, "plan.duration", "seconds"),
        ({"type": "classic", "max_concurrency_percentage": 101}, "plan.max_concurrency_percentage", "from 1 to 100"),
        ({"type": "classic", "inject_duplicates": 1}, "plan.inject_duplicates", "true or false"),
        (
            {"type": "classic", "total_items": 1, "inject_duplicates": True},
            "plan.duplicate_percentage",
            "leave no put that writes a key first",
        ),
        (
            {"type": "classic", "total_items": 50, "inject_duplicates": True, "duplicate_percentage": 99},
            "plan.duplicate_percentage",
            "leave no put that writes a key first",
        ),
        ({"type": "find_max", "start": 500, "ceiling": 400}, "plan.ceiling", "at least the start, 500, got 400"),
        ({"type": "find_max", "trial": 0}, "plan.trial", "from 0.5"),
        ({"type": "replay"}, "plan.file", "but is missing"),
        ({"type": "replay", "file": "/no/such/file"}, "plan.file", "No such file"),
    ],
)
def test_a_problem_has_its_field_and_value(document: dict[str, Any], field: str, words: str) -> None:
    _plan, problems = parse(document)
    (problem,) = problems
    assert problem.startswith(f"scenario: {field}: ")
    assert words in problem


@pytest.mark.parametrize(
    ("document", "reported"),
    [
        ({}, {"type": "constant_rate", "rate": 100.0, "duration": 10.0, "arrivals": "uniform"}),
        ({"type": "closed", "duration": 5}, {"type": "closed", "concurrency": 32, "duration": 5}),
        ({"type": "closed"}, {"type": "closed", "concurrency": 32, "operations": 10_000}),
        (
            {"type": "stages", "stages": [{"type": "ramp", "end": 5}]},
            {
                "type": "stages",
                "stages": [{"type": "ramp", "start": 0.0, "end": 5, "duration": 10.0}],
                "arrivals": "uniform",
            },
        ),
    ],
)
def test_a_plan_s_document_has_its_defaults(document: dict[str, Any], reported: dict[str, Any]) -> None:
    assert plan_of(**document).document() == reported


def test_every_kind_of_plan_is_tested_here() -> None:
    tried = {"constant_rate", "ramp", "steps", "spike", "sine", "stages", "closed", "classic", "find_max", "replay"}
    assert (set(KINDS), set(STAGES) <= tried) == (tried, True)
