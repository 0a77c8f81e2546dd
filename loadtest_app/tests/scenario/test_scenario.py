# SPDX-License-Identifier: Apache-2.0
"""Scenarios: validated and returned completely, and merged from their sources."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ddbload.scenario import scenario
from ddbload.scenario.entries import MixEntry
from ddbload.scenario.load import load as load_scenario
from ddbload.scenario.plan import OpenPlan
from ddbload.scenario.scenario import ScenarioError
from ddbload.scenario.sections import BreakerRules, Cleanup, Keys, Metrics, RetryRules, Verification
from ddbload.workload import choice, sizes
from ddbload.workload.choice import chooser_of
from ddbload.workload.sizes import sizes_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario.test_entries import mix_documents
from scenario.test_plan import object_of, plan_documents

LARGEST = 409_600


@st.composite
def bounded_sizes(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted(draw(st.tuples(st.integers(1, LARGEST), st.integers(1, LARGEST))))
    bounds = {"low": low, "high": high}
    shape = {"median": draw(st.floats(1, LARGEST)), "sigma": draw(st.floats(0.01, 5))}
    return draw(st.sampled_from([bounds | {"type": "uniform"}, bounds | {"type": "lognormal"} | shape]))


item_sizes = st.one_of(
    st.integers(1, LARGEST),
    bounded_sizes(),
    st.fixed_dictionaries(
        {
            "type": st.just("choices"),
            "weights": st.dictionaries(st.integers(1, LARGEST).map(str), st.integers(1, 10**6), min_size=1, max_size=4),
        }
    ),
)
rules = st.one_of(
    st.sampled_from(["p99 < 20ms", "rate >= 99%", "cost < 5$", "unprocessed < 1%"]),
    st.builds(
        lambda expression, abort, grace: {"threshold": expression, "abort": abort, "grace": grace},
        st.sampled_from(["p99 < 20ms", "failed < 1%"]),
        st.booleans(),
        st.floats(0, 604_800),
    ),
)


def section(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


field_documents = section(
    seed=st.integers(0, 2**63 - 1),
    connections=st.integers(1, 10_000),
    timeout=st.floats(0.01, 300),
    deadline=st.floats(0, 864_000),
    max_cost=st.floats(0, 1_000_000),
    item=section(size=item_sizes, ttl=st.integers(0, 10 * 365 * 86_400)),
    retries=section(attempts=st.integers(1, 100), base_ms=st.floats(0, 60_000), cap_ms=st.floats(0, 600_000)),
    breaker=section(
        failures=st.integers(0, 10**6),
        probe_interval=st.floats(0.01, 3600),
        action=st.sampled_from(["pause", "abort"]),
    ),
    verify=section(
        enabled=st.booleans(), share=st.floats(0, 1), limit=st.integers(0, 10**12), rate=st.floats(0, 10**6)
    ),
    cleanup=st.one_of(st.booleans(), section(enabled=st.booleans(), rate=st.floats(0, 10**6))),
    metrics=section(
        enabled=st.booleans(), namespace=st.sampled_from(["ddbload", "ddbload/dev"]), interval=st.floats(1, 3600)
    ),
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a valid scenario."""
    plan, mix = draw(plan_documents), draw(mix_documents)
    # Puts with duplicates and batches need as many keys.
    keys = {"count": draw(st.integers(10**6, 10**12)), "per_partition": draw(st.integers(1, 10**9))}
    document = {
        "table": draw(st.text(min_size=3, max_size=50)),
        "plan": plan,
        "mix": draw(st.sampled_from([{}, {"put": 3}])) if plan["type"] == "classic" else mix,
        "keys": keys | {"prefix": draw(st.text(max_size=20))},
        "thresholds": draw(st.lists(rules, min_size=1, max_size=3)),
        "warm_up": draw(st.floats(0, 0.9)),
    }
    if plan["type"] not in ("classic", "find_max"):
        document["processes"] = draw(st.integers(1, 32))
    return document | draw(field_documents)


def parse(document: Mapping[str, Any]) -> scenario.Scenario:
    return scenario.parse({"table": "test-table"} | dict(document))


def problems_of(document: Mapping[str, Any]) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse(document)
    return caught.value.problems


def contains(reported: Any, requested: Any) -> bool:
    """Return whether a document has all given fields; the others are defaults."""
    if isinstance(requested, Mapping) and isinstance(reported, Mapping):
        return all(name in reported and contains(reported[name], value) for name, value in requested.items())
    if isinstance(requested, list) and isinstance(reported, list):
        return len(requested) == len(reported) and all(map(contains, reported, requested))
    return bool(reported == requested)


@settings(max_examples=200)
@given(documents())
def test_a_scenario_survives_its_document(document: dict[str, Any]) -> None:
    original = parse(document)
    reported = json.loads(json.dumps(original.to_document()))
    assert parse(reported) == original
    assert parse(reported).to_document() == reported


@given(documents())
def test_scenario_returns_all_of_its_fields(document: dict[str, Any]) -> None:
    reported = parse(document).to_document()
    # Weights, distributions and switches have a short form.
    short = ("mix", "cleanup", "thresholds")
    assert contains(reported, {name: value for name, value in document.items() if name not in short})
    assert list(reported["mix"]) == list(document["mix"] or {"put": 1})
    assert [rule if isinstance(rule, str) else rule["threshold"] for rule in reported["thresholds"]] == [
        rule if isinstance(rule, str) else rule["threshold"] for rule in document["thresholds"]
    ]


def test_missing_fields_have_defaults() -> None:
    plain = parse({})
    assert isinstance(plain.plan, OpenPlan)
    assert (plain.plan.operations, plain.plan.duration_s) == (1000, 10)
    assert plain.mix == {"put": MixEntry("put", 1)}
    assert plain.keys == Keys("ddbload", 1_000_000, 1)
    assert (plain.retries, plain.breaker) == (RetryRules(1, 50.0, 1000.0), BreakerRules(0, 1.0, "pause"))
    assert (plain.verify, plain.cleanup) == (Verification(True, 1.0, 100_000, 0.0), Cleanup(False, 500.0))
    assert plain.metrics == Metrics(False, "ddbload", 10.0)
    assert (plain.seed, plain.connections, plain.processes, plain.timeout, plain.max_cost) == (1, 0, 0, 5.0, 20.0)


@pytest.mark.parametrize(
    ("cleanup", "expected"),
    [
        (True, Cleanup(True, 500.0)),
        (False, Cleanup(False, 500.0)),
        ({}, Cleanup(False, 500.0)),
        ({"rate": 5}, Cleanup(True, 5.0)),
        ({"enabled": False, "rate": 5}, Cleanup(False, 5.0)),
    ],
)
def test_cleanup_is_set_by_a_boolean_or_by_its_rate(cleanup: Any, expected: Cleanup) -> None:
    assert parse({"cleanup": cleanup}).cleanup == expected


@pytest.mark.parametrize(
    ("size", "kind", "smallest", "largest"),
    [
        (512, sizes.Fixed, 512, 512),
        ({"type": "uniform"}, sizes.UniformSize, 200, 2000),
        ({"low": 300, "high": 301}, sizes.UniformSize, 300, 301),
        ({"type": "lognormal", "low": 300}, sizes.LogNormal, 300, LARGEST),
        ({"type": "choices", "weights": {"400": 9, "4000": 1}}, sizes.Choices, 400, 4000),
    ],
)
def test_each_kind_of_size_is_made(size: Any, kind: type, smallest: int, largest: int) -> None:
    made = sizes_of(parse({"item": {"size": size}}).item.size, 1)
    assert (type(made), made.smallest, made.largest) == (kind, smallest, largest)


def chooser_in(made: scenario.Scenario, name: str) -> choice.Chooser:
    return chooser_of(made.mix[name].keys or {"type": "uniform"}, made.seed)


def test_an_entry_chooses_by_its_distribution_and_the_seed() -> None:
    one, other = (parse({"seed": seed, "mix": {"get": {"keys": "zipfian"}, "put": 1}}) for seed in (1, 2))
    chooser = chooser_in(one, "get")
    assert type(chooser) is choice.Zipfian
    assert type(chooser_in(one, "put")) is choice.Uniform
    chosen = [chooser.choose(number, 10**6) for number in range(20)]
    assert chosen == [chooser_in(one, "get").choose(number, 10**6) for number in range(20)]
    assert chosen != [chooser_in(other, "get").choose(number, 10**6) for number in range(20)]


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ({"table": "ab"}, "table", "name of a DynamoDB table"),
        ({"plan": {"rate": "fast"}}, "plan.rate", 'got "fast"'),
        ({"plan": 7}, "plan", "must be an object"),
        ({"mix": {"put": 0}}, "mix", "weight above 0"),
        ({"seed": True}, "seed", "got true"),
        ({"deadline": float("inf")}, "deadline", "got Infinity"),
        ({"processes": 65}, "processes", "from 0 to 64"),
        ({"item": {"size": 500_000}}, "item.size", "409,600"),
        ({"item": {"size": {"type": "fixed"}}}, "item.size.type", "one of uniform, lognormal, choices"),
        ({"item": {"size": {"low": 3000}}}, "item.size.high", "must not be below low, 3000, got 2000"),
        ({"item": {"size": {"type": "choices"}}}, "item.size.weights", "weights by size in bytes"),
        ({"item": {"size": {"type": "choices", "weights": {"large": 1}}}}, "item.size.weights", "weights by size"),
        ({"item": {"size": {"type": "choices", "weights": {"²": 1}}}}, "item.size.weights", "weights by size"),
        ({"item": {"size": {"type": "choices", "weights": {"0": 1}}}}, "item.size.weights", "weights by size"),
        ({"item": {"size": {"type": "choices", "weights": {"400": 0}}}}, "item.size.weights", "weights by size"),
        ({"item": {"size": {"type": "choices", "weights": {"400": True}}}}, "item.size.weights", "weights by size"),
        ({"item": {"size": {"type": "lognormal", "sigma": 0}}}, "item.size.sigma", "standard deviation"),
        ({"keys": {"count": 1.5}}, "keys.count", "whole number"),
        ({"keys": {"prefix": None}}, "keys.prefix", "got null"),
        ({"keys": {"first": -1}}, "keys.first", "must be null or a whole number from 0 to 10^36, got -1"),
        ({"keys": {"first": 10**36 + 1}}, "keys.first", "from 0 to 10^36, got 1000"),
        ({"keys": {"first": 1.0}}, "keys.first", "got 1.0"),
        ({"retries": {"attempts": 0}}, "retries.attempts", "from 1 to 100"),
        ({"breaker": {"action": "stop"}}, "breaker.action", "one of pause, abort"),
        ({"verify": {"share": 1.1}}, "verify.share", "share of the keys"),
        ({"verify": False}, "verify", "must be an object"),
        ({"cleanup": {"enabled": 1}}, "cleanup.enabled", "true or false"),
        ({"metrics": {"namespace": ""}}, "metrics.namespace", "CloudWatch namespace"),
        ({"thresholds": "put.p99 < 5ms"}, "thresholds", "a list"),
        ({"thresholds": ["put.p98 < 5ms"]}, "thresholds[0]", 'no metric is named "p98"'),
        ({"thresholds": ["put.p99 < 5%"]}, "thresholds[0]", "has no unit %"),
        ({"thresholds": ["p99 < 5ms", "get.p99 < 5ms"]}, "thresholds[1]", 'the mix has no operation "get"'),
        ({"thresholds": [5]}, "thresholds[0]", "must be a text such as"),
        ({"conections": 4}, "conections", "did you mean connections?"),
    ],
)
def test_a_problem_has_its_field_and_value(document: dict[str, Any], field: str, words: str) -> None:
    (problem,) = problems_of(document)
    assert problem.startswith(f"scenario: {field}: ")
    assert words in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ({"warm_up": 10, "plan": {"duration": 10}}, "warm_up", "shorter than the plan, 10 s, got 10"),
        ({"warm_up": 10, "plan": {"type": "closed", "duration": 5}}, "warm_up", "shorter than the plan, 5 s"),
        ({"mix": {"batch_get": {"items": 5}}, "keys": {"count": 4}}, "mix.batch_get.items", "keys.count, 4, got 5"),
        ({"plan": {"type": "closed", "concurrency": 3}, "processes": 4}, "processes", "plan's callers, got 4"),
        ({"plan": {"type": "classic"}, "mix": {"get": 1}}, "mix", "puts alone"),
        ({"plan": {"type": "classic"}, "mix": {"put": 1, "get": 1}}, "mix", "puts alone"),
        ({"plan": {"type": "classic"}, "mix": {"put": {"operation": "get"}}}, "mix", "puts alone"),
        ({"plan": {"type": "classic"}, "mix": {"put": {"keys": "uniform"}}}, "mix", "puts alone"),
        (
            {"plan": {"type": "classic", "inject_duplicates": True}, "keys": {"count": 9_999}},
            "keys.count",
            "must be total_items, 10,000, at least",
        ),
        ({"plan": {"type": "find_max"}}, "thresholds", "find_max needs one at least"),
        ({"plan": {"type": "find_max"}, "thresholds": ["p99 < 5ms", "lost == 0"]}, "thresholds", "last trial only"),
    ],
)
def test_contradictory_fields_are_named(document: dict[str, Any], field: str, words: str) -> None:
    (problem,) = problems_of(document)
    assert problem.startswith(f"scenario: {field}: ")
    assert words in problem


def test_a_warm_up_must_be_shorter_than_a_replay_too(tmp_path: Path) -> None:
    file = tmp_path / "arrivals.txt"
    file.write_text("0\n2\n")
    replay = {"type": "replay", "file": str(file), "speed": 2}
    assert parse({"plan": replay, "warm_up": 0.9}).warm_up == 0.9
    assert "shorter than the plan, 1 s, got 1" in problems_of({"plan": replay, "warm_up": 1})[0]
    file.write_text("0\n")
    assert parse({"plan": replay}).warm_up == 0.0


@settings(max_examples=30)
@given(object_of("replay", speed=st.floats(0.001, 1000)))
def test_a_replay_survives_its_document(tmp_path_factory: pytest.TempPathFactory, plan: dict[str, Any]) -> None:
    file = tmp_path_factory.mktemp("replay") / "arrivals.txt"
    file.write_text("0.5\n2\n")
    original = parse({"plan": plan | {"file": str(file)}})
    assert parse(json.loads(json.dumps(original.to_document()))) == original


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario.parse({"plan": {"rate": -1, "duration": "x"}, "seed": "s"})
    assert len(caught.value.problems) == 4  # the table is missing, too
    assert str(caught.value) == "; ".join(caught.value.problems)


# ---- Sources


def never() -> Mapping[str, Any]:
    raise AssertionError("the parameters were asked for")


def test_command_line_before_environment_before_default(tmp_path: Path) -> None:
    environment = {"DDBLOAD_SCENARIO": '{"seed": 5, "plan": {"rate": 7}}', "DDBLOAD_TABLE": "from-environment"}
    loaded = load_scenario(None, ["plan.rate=9"], environment, parameters=never)
    assert (loaded.table, loaded.seed) == ("from-environment", 5)
    assert (loaded.plan.document()["rate"], loaded.connections) == (9, 0)
    file = tmp_path / "scenario.json"
    file.write_text('{"table": "from-file", "seed": 6}')
    assert load_scenario(str(file), [], environment, parameters=never).table == "from-file"
    assert load_scenario(str(file), [], environment, "from-flag", never).table == "from-flag"
    assert load_scenario(' {"seed": 8}', [], environment, parameters=never).seed == 8


def test_parameters_are_used_without_another_source() -> None:
    parameters = {"table": "from-parameters", "seed": 3, "plan": {"type": "classic"}}
    loaded = load_scenario(None, ["seed=4"], {}, parameters=lambda: parameters)
    assert (loaded.table, loaded.seed, loaded.plan.document()["type"]) == ("from-parameters", 4, "classic")
    assert load_scenario(None, [], {"DDBLOAD_TABLE": "other"}, parameters=lambda: parameters).table == "from-parameters"
    assert parameters["seed"] == 3


def test_an_override_creates_missing_sections() -> None:
    overrides = ['mix.own={"operation":"get","keys":"latest"}', "keys.prefix={run_id}-", "verify.enabled=false"]
    loaded = load_scenario(None, overrides, {}, "test-table")
    assert loaded.mix["own"].keys == {"type": "latest", "exponent": 0.99}
    assert (loaded.keys.prefix, loaded.verify.enabled) == ("{run_id}-", False)


@pytest.mark.parametrize(
    ("source", "overrides", "words"),
    [
        ("{nope", [], "--scenario is not JSON"),
        ("/no/such/file", [], "cannot read"),
        (None, ["rate"], "must be field=value"),
        (None, ["=5"], "must be field=value"),
        (None, ["seed=1", "seed.more=1"], "seed is not an object"),
    ],
)
def test_an_unreadable_scenario_is_reported(source: str | None, overrides: list[str], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        load_scenario(source, overrides, {"DDBLOAD_TABLE": "test-table"})


def test_an_invalid_scenario_in_the_environment_is_reported() -> None:
    with pytest.raises(ScenarioError, match="DDBLOAD_SCENARIO is not JSON"):
        load_scenario(None, [], {"DDBLOAD_SCENARIO": "{"})
    with pytest.raises(ScenarioError, match="must be a JSON object"):
        load_scenario(None, [], {"DDBLOAD_SCENARIO": "[1]"})
