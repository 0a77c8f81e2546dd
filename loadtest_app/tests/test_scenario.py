# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from ddbload import scenario
from ddbload.scenario import Closed, ConstantRate, ScenarioError
from hypothesis import given
from hypothesis import strategies as st

plans = st.one_of(
    st.builds(ConstantRate, rate=st.floats(0.01, 1e6), duration=st.floats(0.1, 604_800), arrivals=st.just("uniform")),
    st.builds(Closed, concurrency=st.integers(1, 10_000), operations=st.integers(1, 10**12)),
)
scenarios = st.builds(
    scenario.Scenario,
    table=st.text(min_size=3, max_size=50),
    seed=st.integers(0, 2**63 - 1),
    plan=plans,
    mix=st.dictionaries(st.sampled_from(scenario.OPERATIONS), st.integers(1, 100), min_size=1),
    keys=st.builds(scenario.Keys, prefix=st.text(max_size=20), count=st.integers(1, 10**12)),
    item=st.builds(scenario.Item, size=st.integers(1, 409_600)),
    consistent_read=st.booleans(),
    connections=st.integers(1, 10_000),
    timeout=st.floats(0.01, 300),
    deadline=st.floats(0, 864_000),
    thresholds=st.lists(st.sampled_from(["p99 < 20ms", "rate >= 99%"])).map(tuple),
)


@given(scenarios)
def test_a_scenario_gives_itself_again(original: scenario.Scenario) -> None:
    assert scenario.parse(json.loads(json.dumps(original.to_document()))) == original


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ({"plan": {"rate": "fast"}}, "plan.rate", 'got "fast"'),
        ({"plan": {"rate": 0}}, "plan.rate", "from 0.01"),
        ({"plan": {"rate": True}}, "plan.rate", "got true"),
        ({"plan": {"rate": float("nan")}}, "plan.rate", "got NaN"),
        ({"plan": {"type": "closed", "concurency": 4}}, "plan.concurency", "did you mean concurrency?"),
        ({"plan": {"type": "open"}}, "plan.type", "one of constant_rate, closed"),
        ({"plan": 7}, "plan", "must be an object"),
        ({"mix": {"put": 0}}, "mix", "weight above 0"),
        ({"mix": {"scan": 1}}, "mix.scan", "is no field"),
        ({"item": {"size": 500_000}}, "item.size", "409,600"),
        ({"keys": {"count": 1.5}}, "keys.count", "whole number"),
        ({"thresholds": "put.p99 < 5ms"}, "thresholds", "a list"),
        ({"thresholds": ["put.p98 < 5ms"]}, "thresholds[0]", 'no metric is named "p98"'),
        ({"thresholds": ["put.p99 < 5%"]}, "thresholds[0]", "has no unit %"),
        ({"thresholds": ["get.p99 < 5ms"]}, "thresholds[0]", 'the mix has no operation "get"'),
        ({"conections": 4}, "conections", "did you mean connections?"),
    ],
)
def test_what_is_wrong_is_named_with_field_and_value(document: dict, field: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario.parse({"table": "test-table"} | document)
    (problem,) = caught.value.problems
    assert problem.startswith(f"scenario: {field}: ")
    assert words in problem
    assert "\n" not in problem


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario.parse({"plan": {"rate": -1, "duration": "x"}, "seed": "s"})
    assert len(caught.value.problems) == 4  # the table is missing, too


def test_command_line_before_environment_before_default(tmp_path) -> None:
    environment = {"DDBLOAD_SCENARIO": '{"seed": 5, "plan": {"rate": 7}}', "DDBLOAD_TABLE": "from-environment"}
    loaded = scenario.load(None, ["plan.rate=9"], environment)
    assert (loaded.table, loaded.seed, loaded.plan) == ("from-environment", 5, ConstantRate(rate=9.0))
    file = tmp_path / "scenario.json"
    file.write_text('{"table": "from-file", "seed": 6}')
    assert scenario.load(str(file), [], environment).table == "from-file"
    assert scenario.load(str(file), [], environment, "from-flag").table == "from-flag"


@pytest.mark.parametrize(
    ("source", "overrides", "words"),
    [("{nope", [], "is not JSON"), ("/no/such/file", [], "cannot read"), (None, ["rate"], "field=value")],
)
def test_what_cannot_be_read_is_said(source: str, overrides: list[str], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        scenario.load(source, overrides, {"DDBLOAD_TABLE": "test-table"})
