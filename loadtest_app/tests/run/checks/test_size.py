# SPDX-License-Identifier: Apache-2.0
"""The size of a launch beside the size that the plan needs, as `validate` prints it."""

import json
from typing import Any

import pytest
from ddbload.cli import main
from ddbload.run.checks.size import document
from ddbload.run.costs import cost
from ddbload.scenario import scenario
from ddbload.sizing.division import divided
from ddbload.sizing.fleet import Fleet
from hypothesis import given
from hypothesis import strategies as st

LARGE = {"plan": {"rate": 40_000, "duration": 600}}
SEARCH = {"plan": {"type": "find_max"}, "thresholds": ["p99 < 9ms"]}


def sized(fields: dict[str, Any], tasks: int, vcpu: float, **more: Any) -> dict[str, Any]:
    loaded = scenario.parse({"table": "table"} | fields)
    return document(divided(loaded, tasks, vcpu), Fleet(tasks, vcpu, vcpu * 2), **more)


def test_a_launch_that_is_too_small() -> None:
    """The line has the needed tasks and their cost; the warning names the setting to raise first."""
    found = sized(LARGE, 2, 1)
    assert found["line"] == (
        "the plan peaks at 40,000 operations a second: 4 tasks of 1 vCPU ($0.03) or 1 task of 4 vCPU ($0.03); "
        "you launch 2 tasks of 1 vCPU ($0.02): too few; the requests cost $15.01 on demand"
    )
    assert found["is_enough"] is False
    (warning,) = found["warnings"]
    assert warning.startswith("2 tasks of 1 vCPU send about 20,000 operations a second, the plan peaks at 40,000 -> ")
    assert warning.endswith("raise task_cpu and task_memory first, then load_test_task_count")


def test_a_launch_that_is_large_enough() -> None:
    """A launch that sends the peak has no warning; its size and its division are figures."""
    found = sized(LARGE, 1, 4)
    assert (found["is_enough"], found["warnings"]) == (True, [])
    assert (found["peak_rate"], found["processes"], found["connections"]) == (40_000, 4, 1_600)
    assert (found["read_units"], found["write_units"]) == (0, 40_000)
    prices = cost.load_prices("us-east-1")
    assert found["launched"]["usd"] == round(cost.fargate_cost(4, 8, 600, "X86_64", prices), 4)
    assert sized(LARGE, 1, 4, architecture="ARM64")["launched"]["usd"] < found["launched"]["usd"]


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"deadline": 601}, 0),
        # Without a deadline, that of the plan counts.
        ({"cleanup": True}, 0),
        ({"deadline": 600}, 600),
        ({"deadline": 3600, "cleanup": True, "keys": {"count": 2_000_000}}, 4_600),
        ({"deadline": 3600, "verify": {"rate": 20}}, 600 + 100_000 / 20),
        ({"deadline": 30, "plan": {"type": "find_max"}, "thresholds": ["p99 < 9ms"]}, 0),
        ({"deadline": 30, "plan": {"type": "closed", "operations": 100_000}, "cleanup": True}, 200),
        ({"deadline": 30, "plan": {"type": "closed", "duration": 60}}, 60),
    ],
)
def test_a_run_that_its_deadline_cuts_off_has_a_warning(fields: dict[str, Any], seconds: float) -> None:
    """Before the launch: by the plan, and the rates of its check and its cleanup."""
    warnings = [line for line in sized(LARGE | fields, 1, 4)["warnings"] if "load_test_timeout" in line]
    start = f"the run takes {seconds:,.0f} s with its check and its cleanup at their rates, and ends itself after "
    assert [line.startswith(start) for line in warnings] == ([True] if seconds else [])


def test_the_cost_of_tasks_counts_their_cleanup() -> None:
    """Their check too, where it has a rate."""
    prices = cost.load_prices("us-east-1")
    found = sized(LARGE | {"cleanup": {"enabled": True, "rate": 1000}, "keys": {"count": 1_000_000}}, 1, 4)
    assert found["launched"]["usd"] == round(cost.fargate_cost(4, 8, 1600, "X86_64", prices), 4)


def test_another_rate_a_vcpu_counts() -> None:
    """Another measured rate for each vCPU changes the verdict."""
    assert sized(LARGE, 2, 1, rate_a_vcpu=20_000)["is_enough"]
    assert not sized(LARGE, 1, 4, rate_a_vcpu=9_000)["is_enough"]


@pytest.mark.parametrize(
    ("connections", "tasks", "text"),
    [
        (200, 1, ""),
        (64, 1, "each of 64 connections a task has to carry 625 operations a second, which takes responses within 1.6"),
        (64, 3, "each of 64 connections a task has to carry 208 operations a second"),
        (64, 4, ""),
    ],
)
def test_connections_that_are_too_few(connections: int, tasks: int, text: str) -> None:
    """A warning where a connection has to carry more than 200 operations a second."""
    found = [
        line for line in sized(LARGE | {"connections": connections}, tasks, 16)["warnings"] if "connections" in line
    ]
    assert len(found) == bool(text)
    assert not text or (found[0].startswith(text) and " -> raise connections to " in found[0])


@given(st.floats(1, 1_000_000), st.integers(1, 1000), st.sampled_from([0.25, 1.0, 4.0, 16.0]))
def test_default_connections_are_never_too_few(rate: float, tasks: int, vcpu: float) -> None:
    """The default number of connections carries any plan that the tasks can send."""
    found = sized({"plan": {"rate": max(rate, 1), "duration": 60}, "max_cost": 1_000_000}, tasks, vcpu)
    assert found["warnings"] == [] or not found["is_enough"]


def test_a_search_and_callers_have_no_verdict() -> None:
    """A search may end below its ceiling, and callers wait for responses: no warning, no verdict."""
    search, callers = sized(SEARCH, 1, 1), sized({"plan": {"type": "closed", "concurrency": 400}}, 1, 1)
    assert (search["is_enough"], search["warnings"], search["requests_usd"]) == (None, [], None)
    assert search["line"].startswith("the search goes up to 40,000 operations a second: 4 tasks of 1 vCPU or 1 task")
    assert (callers["is_enough"], callers["warnings"]) == (None, [])
    assert callers["line"].startswith("400 callers send about 20,000 operations a second at 20 ms each: 2 tasks of")


def test_a_run_beyond_max_cost_is_a_warning() -> None:
    """The tasks refuse it on an on-demand table; a table with provisioned capacity costs nothing more."""
    (warning,) = sized({"plan": {"rate": 100_000, "duration": 600}}, 1, 16)["warnings"]
    assert "the requests cost about $37.51 on demand, max_cost is $20.00" in warning


def test_validate_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    """`validate` prints line and warnings, with --json the whole document."""
    command = ["validate", "--scenario", json.dumps(LARGE), "--segments", "2", "--vcpu", "1"]
    assert main(command) == 0
    shown = capsys.readouterr().out.splitlines()
    assert main([*command, "--memory", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert shown == [found["line"], *found["warnings"]]
    assert found == sized(LARGE, 2, 1)


@pytest.mark.parametrize("given", ["0", "-1", "many", "nan", "inf"])
def test_a_size_that_is_none_is_refused(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    """vCPUs are a number above 0."""
    with pytest.raises(SystemExit, match="2"):
        main(["validate", "--scenario", "{}", "--vcpu", given])
    assert "--vcpu: must be a number above 0" in capsys.readouterr().err
