# SPDX-License-Identifier: Apache-2.0
"""Processes and connections of a task: never fewer for a higher rate, never beyond the machine."""

import json
import math
from typing import Any

import pytest
from command import run
from ddbload.run.checks.segments import unfit
from ddbload.scenario import scenario
from ddbload.sizing.division import (
    LEAST_CONNECTIONS,
    MOST_CONNECTIONS,
    MOST_PROCESSES,
    connections_for,
    divided,
    processes_for,
    rate_a_connection,
)
from hypothesis import given
from hypothesis import strategies as st
from server import Server

RATES = st.floats(1, 2_000_000)
VCPUS = st.floats(0.1, 200)


def requested(**fields: Any) -> scenario.Scenario:
    return scenario.parse({"table": "table"} | fields)


def constant(rate: float) -> dict[str, Any]:
    return {"rate": rate, "duration": 60}


@given(RATES, RATES, VCPUS, VCPUS)
def test_more_rate_never_wants_fewer_processes(one: float, other: float, vcpu: float, another: float) -> None:
    """The number of processes grows with the rate and with the vCPUs, and stays within both."""
    low, high = sorted((one, other))
    small, large = sorted((vcpu, another))
    assert processes_for(low, small) <= processes_for(high, small) <= processes_for(high, large)
    assert 1 <= processes_for(high, large) <= min(max(1, math.floor(large)), MOST_PROCESSES)


@given(RATES, RATES, st.integers(1, 64), st.integers(1, 100_000))
def test_more_rate_never_wants_fewer_connections(one: float, other: float, processes: int, limit: int) -> None:
    """Connections grow with the rate; each process has one at least and its file limit at most."""
    low, high = sorted((one, other))
    found = connections_for(high, processes, limit)
    assert connections_for(low, processes, limit) <= found
    assert processes <= found <= max(processes, min(MOST_CONNECTIONS, limit * processes))
    if limit * processes >= MOST_CONNECTIONS:
        assert found >= LEAST_CONNECTIONS
        assert found == MOST_CONNECTIONS or rate_a_connection(high, found) <= 25


@pytest.mark.parametrize(
    ("rate", "tasks", "vcpu", "processes", "connections"),
    [
        (100, 1, 1, 1, 64),
        (1_600, 1, 4, 1, 64),
        (10_000, 1, 0.25, 1, 400),
        (10_000, 1, 4, 2, 400),
        (40_000, 1, 4, 4, 1_600),
        (40_000, 4, 1, 1, 400),
        (200_000, 5, 4, 4, 1_600),
        (1_000_000, 7, 16, 16, 5_715),
    ],
)
def test_default_division(rate: float, tasks: int, vcpu: float, processes: int, connections: int) -> None:
    """Small plans keep one process and 64 connections; larger ones follow vCPUs and rate."""
    found = divided(requested(plan=constant(rate)), tasks, vcpu)
    assert (found.processes, found.connections) == (processes, connections)
    assert divided(found, tasks, vcpu) == found


def test_scenario_wins() -> None:
    """Settings of the scenario take precedence over the machine."""
    found = divided(requested(plan=constant(40_000), processes=3, connections=7), 1, 16)
    assert (found.processes, found.connections) == (3, 7)


def test_search_has_processes_for_its_ceiling() -> None:
    """A search has the processes that its ceiling wants, and connections for what they can send."""
    wanted = requested(plan={"type": "find_max"}, thresholds=["p99 < 9ms"])
    assert [divided(wanted, 1, vcpu).processes for vcpu in (1, 4, 16)] == [1, 4, 8]
    assert divided(wanted, 1, 1).connections == 400


@given(st.integers(1, 40), st.integers(1, 8), st.integers(1, 32))
def test_default_never_refuses_a_plan(concurrency: int, tasks: int, keys: int) -> None:
    """The default number of processes always divides the plan and the keys."""
    plan = {"type": "closed", "concurrency": concurrency, "operations": 10_000}
    wanted = requested(plan=plan, mix={"update": 1}, keys={"count": keys})
    found = divided(wanted, tasks, 64, lambda trial: not unfit(trial, tasks))
    assert found.processes == 1 or not unfit(found, tasks)
    assert unfit(wanted, tasks) or not unfit(found, tasks)


def test_workers_divide_as_their_supervisor() -> None:
    """Each worker reports the division of the whole task."""
    with Server() as server:
        fields = {"plan": constant(60) | {"duration": 1}, "processes": 2, "verify": {"enabled": False}}
        seen = run(server.url, fields)
        assert server.log.connections >= LEAST_CONNECTIONS
    documents = [event["scenario"] for event in seen.of("run.started")]
    assert [(each["processes"], each["connections"]) for each in documents] == [(2, 64)] * 2
    assert json.loads(json.dumps(seen.results["scenario"]))["connections"] == LEAST_CONNECTIONS
