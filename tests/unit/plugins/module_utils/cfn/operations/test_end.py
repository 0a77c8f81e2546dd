# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait for stacks, and their deletion."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import PatientClient
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.end import StackEnder
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.follow import StackFollower
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import outputs_of
from ansible_collections.gantry.ecs.plugins.module_utils.live.stack_feed import StackFeed
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.aws.clock import Clock
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.cfn.fake_cloudformation import (
    NAME,
    STEADY,
    FakeCloudFormation,
)

PARAMS: dict[str, Any] = {"termination_protection": None, "stack_policy": None, "wait": True, "operation": None}
BROKEN = ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"]


def ender(cloud: FakeCloudFormation, check: bool = False, **params: Any) -> StackEnder:
    client = PatientClient(cloud, clock=cloud.clock, sleep=cloud.clock.sleep)
    patience = Deadline(3600, clock=cloud.clock, sleep=cloud.clock.sleep)
    stack, feed = Stack(lambda: client, NAME), StackFeed(None)
    return StackEnder(stack, PARAMS | params, feed, patience, StackFollower(stack, feed, patience, lambda: None), check)


@pytest.mark.parametrize("status", STEADY)
def test_a_stack_at_rest_has_its_outputs_read(status: str) -> None:
    outcome = ender(FakeCloudFormation(Clock(), status, "it")).settle()
    assert (outcome.changed, outcome.problem, outputs_of(outcome.described)) == (False, None, {"Content": "it"})


@pytest.mark.parametrize("status", BROKEN)
def test_stack_in_a_failed_state_fails_with_its_cause(status: str) -> None:
    outcome = ender(FakeCloudFormation(Clock(), status)).settle()
    assert outcome.problem and outcome.cause
    assert outcome.line.startswith(f"stack {NAME} failed, {status}: Table (AWS::DynamoDB::Table) CREATE_FAILED")


def test_an_operation_in_progress_is_awaited() -> None:
    cloud = FakeCloudFormation(Clock())
    cloud.begin("it")
    outcome = ender(cloud).settle()
    assert outcome.described and outcome.described["StackStatus"] == "CREATE_COMPLETE"


def test_update_that_fails_during_the_wait_is_a_failure() -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE", fates=["fails"])
    cloud.begin("it")
    assert ender(cloud).settle().problem


def test_earlier_failed_update_is_a_warning() -> None:
    """An update that failed before the call is a warning, and a failure where the option ``operation`` names it."""
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE", fates=["fails"])
    cloud.begin("it", token="mine")
    cloud.clock.sleep(60)
    outcome = ender(cloud).settle()
    assert not outcome.problem and "it works on as it was before" in outcome.warnings[0]
    assert not ender(cloud, operation="of-another-client").settle().problem
    mine = ender(cloud, operation="mine").settle()
    assert mine.problem and "Table already exists" in mine.line


@pytest.mark.parametrize("status", ["", "REVIEW_IN_PROGRESS"])
def test_missing_stack_is_reported(status: str) -> None:
    with pytest.raises(StackRequestError, match="there is no stack shop -> apply it first"):
        ender(FakeCloudFormation(Clock(), status)).settle()


def test_stack_deleted_during_the_wait_is_missing() -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE")
    cloud.delete_stack(NAME)
    with pytest.raises(StackRequestError, match="deleted during the wait"):
        ender(cloud).settle()


def test_protection_is_set_at_rest_by_settled() -> None:
    cloud = FakeCloudFormation(Clock())
    cloud.begin("it")
    policy = {"Statement": []}
    assert ender(cloud, termination_protection=True, stack_policy=policy).settle().changed
    assert cloud.calls == ["protect", "policy"]
    assert not ender(cloud, termination_protection=True, stack_policy=policy).settle().changed


@pytest.mark.parametrize("status", [*STEADY, *BROKEN, "REVIEW_IN_PROGRESS"])
def test_a_stack_is_deleted_from_any_state(status: str) -> None:
    cloud = FakeCloudFormation(Clock(), status)
    outcome = ender(cloud).delete()
    assert (outcome.changed, outcome.problem, cloud.status) == (True, None, "")
    again = ender(cloud).delete()
    assert (again.changed, again.line) == (False, f"there is no stack {NAME}")


def test_deletion_under_way_is_awaited_not_repeated() -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE")
    assert ender(cloud, wait=False).delete().changed
    outcome = ender(cloud).delete()
    assert (outcome.changed, outcome.line, cloud.calls) == (False, f"deleted stack {NAME}", ["delete"])


def test_update_under_way_ends_before_the_deletion() -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE")
    cloud.begin("it")
    assert ender(cloud).delete().changed
    statuses = [one["ResourceStatus"] for one in cloud.events if one["LogicalResourceId"] == NAME]
    assert statuses[-4:] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]


def test_failed_deletion_has_its_first_cause() -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE", fates=["fails"])
    outcome = ender(cloud).delete()
    assert outcome.problem and outcome.cause and outcome.cause["status"] == "DELETE_FAILED"
    assert outcome.line.startswith(f"stack {NAME} could not be deleted: Table (AWS::DynamoDB::Table) DELETE_FAILED")


@pytest.mark.parametrize("role", ["arn:aws-cn:iam::123456789012:role/shop-cloudformation", None])
def test_a_stack_is_deleted_with_the_role(role: str | None) -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE")
    assert ender(cloud, role_arn=role).delete().changed
    assert cloud.roles == {"delete_stack": role}


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "ROLLBACK_COMPLETE"])
@pytest.mark.parametrize("check", [False, True])
def test_a_protected_stack_is_left_alone(status: str, check: bool) -> None:
    cloud = FakeCloudFormation(Clock(), status)
    cloud.protected = True
    expected = r"protected from being deleted -> .* --no-enable-termination-protection --stack-name shop$"
    with pytest.raises(StackRequestError, match=expected):
        ender(cloud, check=check).delete()
    assert cloud.calls == []


def test_a_stack_that_need_not_be_protected_is_deleted() -> None:
    cloud = FakeCloudFormation(Clock(), "ROLLBACK_COMPLETE")
    cloud.protected = True
    checked = ender(cloud, check=True, termination_protection=False).delete()
    assert (checked.lines[0], cloud.calls) == ("termination protection: on -> off", [])
    assert ender(cloud, termination_protection=False).delete().changed
    assert cloud.calls == ["protect", "delete"]


def test_check_mode_deletes_nothing() -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE")
    assert ender(cloud, check=True).delete().changed
    assert cloud.calls == []
