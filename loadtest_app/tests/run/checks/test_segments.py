# SPDX-License-Identifier: Apache-2.0
"""`validate` refuses a scenario that its workers cannot share."""

import json
from typing import Any

import pytest
from command import run
from ddbload.cli import main
from ddbload.run.checks.segments import unfit
from ddbload.scenario import scenario
from server import Server

FIND_MAX = {"plan": {"type": "find_max"}, "thresholds": ["put.p99 < 20ms"]}
CALLERS = {"plan": {"type": "closed", "concurrency": 3, "operations": 30}}
FEW_KEYS = {"mix": {"update": 1}, "keys": {"count": 3}}
FEW_KEYS_A_BATCH = {"mix": {"batch_write": {"items": 4}, "update": 1}, "keys": {"count": 10}}
DUPLICATES = {
    "plan": {"type": "classic", "total_items": 1000, "inject_duplicates": True, "duplicate_percentage": 50},
}
REFUSED = [
    (FIND_MAX, 2, "plan: find_max in 2 tasks needs a control table: deploy one, or use one task"),
    (FIND_MAX | {"keys": {"count": 3}, "processes": 4}, 1, "keys.count: 3 keys are too few for 4 workers"),
    (CALLERS, 4, "plan: fewer callers than workers: 3 for 4"),
    (CALLERS | {"processes": 2}, 2, "plan: fewer callers than workers: 3 for 4"),
    (FEW_KEYS, 4, "keys.count: 3 keys are too few for 4 workers"),
    (FEW_KEYS | {"processes": 4}, 1, "keys.count: 3 keys are too few for 4 workers"),
    (FEW_KEYS_A_BATCH, 3, "mix.batch_write.items: 4 items need as many keys, each of 3 workers has 3"),
    (DUPLICATES, 2, "plan.duplicate_percentage: each of at most 1 workers starts with a new key, here are 2"),
]


def wanted(fields: dict[str, Any]) -> scenario.Scenario:
    return scenario.parse({"table": "table"} | fields)


@pytest.mark.parametrize(("fields", "segments", "text"), REFUSED)
def test_a_scenario_that_cannot_be_shared_is_refused(fields: dict[str, Any], segments: int, text: str) -> None:
    (problem,) = unfit(wanted(fields), segments)
    assert problem.startswith(f"scenario: {text}")


@pytest.mark.parametrize(("fields", "segments", "_text"), REFUSED)
def test_validate_refuses_it(
    fields: dict[str, Any], segments: int, _text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["validate", "--scenario", json.dumps(fields), "--segments", str(segments)]
    assert main(command) == 2
    assert capsys.readouterr().err.splitlines() == unfit(wanted(fields), segments)


@pytest.mark.parametrize(
    ("fields", "segments"),
    [
        ({}, 100),
        (FIND_MAX, 1),
        (FIND_MAX | {"processes": 4}, 1),
        (CALLERS, 3),
        (FEW_KEYS, 3),
        (FEW_KEYS_A_BATCH, 2),
        (DUPLICATES, 1),
        # Each key is written once: workers share the keys.
        ({"plan": {"type": "constant_rate", "rate": 1, "duration": 2}, "keys": {"count": 10}}, 20),
    ],
)
def test_a_scenario_that_can_be_shared_is_accepted(fields: dict[str, Any], segments: int) -> None:
    assert unfit(wanted(fields), segments) == []
    assert main(["validate", "--scenario", json.dumps(fields), "--segments", str(segments)]) == 0


def test_tasks_with_a_control_table_may_share_a_search() -> None:
    assert unfit(wanted(FIND_MAX), 2, has_control_table=True) == []
    assert main(["validate", "--scenario", json.dumps(FIND_MAX), "--segments", "2", "--control-table"]) == 0


@pytest.mark.parametrize("given", ["0", "-1", "two", "1/2"])
def test_segments_are_a_number_of_tasks(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["validate", "--scenario", "{}", "--segments", given])
    assert "--segments" in capsys.readouterr().err


@pytest.mark.parametrize(("fields", "segments", "_text"), REFUSED)
def test_a_run_refuses_the_same(fields: dict[str, Any], segments: int, _text: str) -> None:
    with Server() as server:
        seen = run(server.url, fields, "--segment", f"0/{segments}")
        assert server.log.requests.total() == 0
    assert (seen.code, seen.message) == (2, unfit(wanted(fields), segments)[0])
