# SPDX-License-Identifier: Apache-2.0
"""Operations that the task's role does not allow are reported before the first request."""

import json
from typing import Any

import pytest
from command import run
from ddbload.cli import main
from ddbload.run.checks.permissions import ACTIONS, VARIABLE, lacking, needed
from ddbload.scenario import entries, scenario
from server import Server

OFF = {"enabled": False}


def requested(**fields: Any) -> scenario.Scenario:
    return scenario.parse({"table": "table"} | fields)


@pytest.mark.parametrize(
    ("fields", "operations"),
    [
        ({}, ["put", "verify"]),
        ({"mix": {"get": 1}, "cleanup": True}, ["get"]),
        ({"mix": {"a": {"operation": "put"}, "b": {"operation": "put", "keys": "latest"}}}, ["put", "verify"]),
        ({"verify": OFF, "cleanup": True}, ["put", "cleanup"]),
        ({"verify": {"share": 0}}, ["put"]),
        ({"verify": {"limit": 0}}, ["put"]),
        ({"mix": dict.fromkeys(entries.READS, 1)}, list(entries.READS)),
        ({"mix": dict.fromkeys(entries.WRITES, 1), "cleanup": True}, [*entries.WRITES, "verify", "cleanup"]),
    ],
)
def test_a_scenario_needs_its_mix_its_check_and_its_cleanup(fields: dict[str, Any], operations: list[str]) -> None:
    assert needed(requested(**fields)) == operations


@pytest.mark.parametrize("operation", entries.PARTIQL)
@pytest.mark.parametrize("statement", entries.STATEMENTS)
def test_a_statement_needs_the_permission_of_its_kind(operation: str, statement: str) -> None:
    """The permission does not depend on whether it is alone, in a batch or in a transaction."""
    wants = requested(mix={operation: {"statement": statement}}, cleanup=True)
    after = [] if statement == "select" else ["verify", "cleanup"]
    assert needed(wants) == [f"partiql_{statement}", *after]
    assert lacking(wants, f"partiql_{statement},verify,cleanup") == ""
    assert f"partiql_{statement} (dynamodb:PartiQL{statement.capitalize()})" in lacking(wants, "verify,cleanup,put")


@pytest.mark.parametrize("operation", [*entries.WRITES, *entries.READS])
def test_each_operation_that_the_role_lacks_is_named(operation: str) -> None:
    wants = requested(mix={operation: 1}, verify=OFF)
    others = ",".join(name for name in ACTIONS if not ACTIONS[name] & ACTIONS[operation])
    actions = ", ".join(f"dynamodb:{action}" for action in sorted(ACTIONS[operation]))
    assert lacking(wants, others) == (
        f"scenario: the task's role does not allow {operation} ({actions}) -> add {operation} to task_operations "
        "and deploy again, or leave them out of the scenario"
    )
    assert lacking(wants, operation) == lacking(wants, ",".join(ACTIONS)) == lacking(wants, "") == ""


def test_permissions_of_another_operation_count() -> None:
    assert lacking(requested(cleanup=True), "put,batch_get,batch_write,delete") == ""
    assert lacking(requested(mix={"get": 1}), "transact_get") == ""


def test_the_check_and_the_cleanup_are_named_together() -> None:
    text = lacking(requested(cleanup=True), "put,delete")
    assert "does not allow verify (dynamodb:BatchGetItem), cleanup (dynamodb:BatchWriteItem) -> add verify" in text


def test_validate_reports_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(VARIABLE, "put")
    assert main(["validate", "--scenario", "{}"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["validate", "--scenario", json.dumps({"verify": OFF})]) == 0


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_reports_it_before_the_first_request(processes: int) -> None:
    with Server() as server:
        seen = run(server.url, {"processes": processes}, **{VARIABLE: "put,cleanup"})
        assert server.log.requests.total() == 0
    assert (seen.code, len(seen.of("run.failed"))) == (2, 1)
    assert "the task's role does not allow verify (dynamodb:BatchGetItem)" in seen.message
