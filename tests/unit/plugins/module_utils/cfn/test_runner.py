# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of stacks; each stack has its thread."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import PatientClient
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline, Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.cfn import runner
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.runner import StackSetRunner
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.aws.clock import Clock
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.cfn.fake_cloudformation import (
    FakeCloudFormation,
    refused,
)

OPTIONS: dict[str, Any] = {
    "state": "present",
    "template_body": "wanted",
    "parameters": {},
    "tags": None,
    "capabilities": [],
    "termination_protection": None,
    "stack_policy": None,
    "owner": None,
    "operation": None,
    "expected_outputs": {},
    "role_arn": None,
    "wait": True,
}
DEADLOCK_S = 30.0  # real seconds after which threads that wait for each other fail the test


class Account:
    """A client of several stacks: passes each call to the stack of its parameter."""

    def __init__(self, *clouds: FakeCloudFormation) -> None:
        self.clouds = clouds

    def __getattr__(self, call: str) -> Callable[..., Any]:
        def passed_on(**request: Any) -> Any:
            return getattr(self._cloud(request), call)(**request)

        return passed_on

    def _cloud(self, request: dict[str, Any]) -> FakeCloudFormation:
        name = request.get("StackName", "").removeprefix("arn:aws:cloudformation:eu-west-1:1:stack/").split("/")[0]
        change_set = request.get("ChangeSetName", "").rpartition("/")[2]
        return next(cloud for cloud in self.clouds if cloud.name == name or change_set in cloud.change_sets)


def run(
    monkeypatch: pytest.MonkeyPatch,
    *clouds: FakeCloudFormation,
    interrupt: Interrupt | None = None,
    live: Path | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    clock, account = clouds[0].clock, Account(*clouds)
    clients = SimpleNamespace(
        once=lambda service: account,
        patient=lambda service: PatientClient(account, clock=clock, sleep=clock.sleep),
        renew=lambda: None,
    )
    monkeypatch.setattr(runner, "AwsClients", lambda module, interrupted, connections: clients)
    monkeypatch.setattr(runner, "fetch_credentials", lambda client, source: None)
    noted = Interrupt() if interrupt is None else interrupt
    patience = Deadline(3600, lambda: noted.name, clock=clock, sleep=clock.sleep)
    params = {**OPTIONS, **options, "_live": str(live) if live else None}
    module = SimpleNamespace(params=params, check_mode=False, _diff=False, region="eu-west-1")
    stacks = [{**params, "stack_name": cloud.name} for cloud in clouds]
    return StackSetRunner(module, stacks, noted, patience).run()


def test_stacks_are_applied_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, barrier = Clock(), Barrier(3, timeout=DEADLOCK_S)
    clouds = [FakeCloudFormation(clock, name=name) for name in ("network", "table", "registry")]
    for cloud in clouds:
        cloud.before["execute_change_set"] = [lambda: [None, barrier.wait()][0]]
    results = run(monkeypatch, *clouds)
    assert [one["msg"] for one in results] == [f"created stack {cloud.name}: 1 modified" for cloud in clouds]
    assert [one["outputs"] for one in results] == [{"Content": "wanted"}] * 3


def test_a_failure_is_reported_at_once_and_ends_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = Clock()
    clouds = [FakeCloudFormation(clock, name="network"), FakeCloudFormation(clock, fates=["fails"], name="table")]
    results = run(monkeypatch, *clouds, live=tmp_path / "live")
    assert [one["failed"] for one in results] == [False, True]
    assert results[1]["problem"]["kind"] == "failed" and results[1]["cause"]["resource"] == "Table"
    assert clouds[0].status == "CREATE_COMPLETE"
    records = [json.loads(line) for line in (tmp_path / "live").read_text().splitlines()]
    assert results[1]["msg"] in [one["text"] for one in records if one["kind"] == "note"]


def test_a_refused_request_fails_its_stack_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    clouds = [FakeCloudFormation(clock, name="network"), FakeCloudFormation(clock, name="table")]

    def refuse() -> None:
        raise refused("not authorized to perform: cloudformation:CreateChangeSet", "AccessDenied")

    clouds[1].before["create_change_set"] = [refuse]
    network, table = run(monkeypatch, *clouds)
    assert (network["failed"], table["failed"], table["problem"]["kind"]) == (False, True, "request_failed")
    assert table["msg"].startswith("cannot apply stack table (region eu-west-1): AccessDenied")


def test_expired_credentials_name_all_stacks_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    clouds = [FakeCloudFormation(clock, name="network"), FakeCloudFormation(clock, name="table")]

    def refuse() -> None:
        raise refused("The security token included in the request is expired", "ExpiredToken")

    for cloud in clouds:
        cloud.before["create_change_set"] = [refuse]
    network, table = run(monkeypatch, *clouds)
    assert network["msg"] == table["msg"]
    assert network["msg"].startswith("cannot apply stacks network, table (region eu-west-1): ExpiredToken")


def test_an_interrupt_ends_all_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, interrupt, barrier = Clock(), Interrupt(), Barrier(2, timeout=DEADLOCK_S)
    clouds = [FakeCloudFormation(clock, name="network"), FakeCloudFormation(clock, name="table")]

    def come() -> None:
        barrier.wait()
        interrupt.name = "SIGINT"

    for cloud in clouds:
        cloud.before["execute_change_set"] = [come]
    results = run(monkeypatch, *clouds, interrupt=interrupt)
    assert [one["problem"]["kind"] for one in results] == ["timeout"] * 2
    assert all(one["changed"] and one["operation"] and "interrupted by SIGINT" in one["msg"] for one in results)


@pytest.mark.parametrize("state", ["settled", "absent"])
def test_a_set_is_awaited_and_deleted(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    clock = Clock()
    clouds = [FakeCloudFormation(clock, "CREATE_COMPLETE", "it", name=name) for name in ("network", "table")]
    results = run(monkeypatch, *clouds, state=state)
    assert [one["failed"] for one in results] == [False, False]
    assert {cloud.status for cloud in clouds} == {"CREATE_COMPLETE" if state == "settled" else ""}


@pytest.mark.parametrize("state", ["present", "settled"])
@pytest.mark.parametrize(("expected", "is_met"), [("it", True), ("another", False)])
def test_outputs_that_are_expected_are_checked(
    monkeypatch: pytest.MonkeyPatch, state: str, expected: str, is_met: bool
) -> None:
    """An update that changes nothing keeps the outputs, and fails where others are expected."""
    cloud = FakeCloudFormation(Clock(), "CREATE_COMPLETE", "it", name="table")
    options = {"state": state, "expected_outputs": {"Content": expected}, "template_body": "it"}
    (result,) = run(monkeypatch, cloud, **options)
    assert result["failed"] is not is_met
    if not is_met:
        assert result["problem"]["kind"] == "unexpected_output"
        assert "stack table has output Content it instead of another -> delete the stack" in result["msg"]
