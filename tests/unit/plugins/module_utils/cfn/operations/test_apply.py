# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack is applied from every state, while other clients change it and responses are lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import PatientClient
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline, WaitTimeoutError
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.apply import StackApplier
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.follow import StackFollower
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.outcome import Outcome
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.live.stack_feed import StackFeed
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.aws.clock import Clock
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.cfn.fake_cloudformation import (
    NAME,
    STEADY,
    TOOK_S,
    FakeCloudFormation,
    refused,
)
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

PARAMS: dict[str, Any] = {
    "template_body": "wanted",
    "parameters": {},
    "tags": None,
    "capabilities": [],
    "termination_protection": None,
    "stack_policy": None,
    "wait": True,
    "role_arn": None,
}
ROLE = "arn:aws:iam::123456789012:role/shop-cloudformation"
POLICY = {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}


def applier(
    cloud: FakeCloudFormation, check: bool = False, timeout: float = 3600, live: Path | None = None, **params: Any
) -> StackApplier:
    client = PatientClient(cloud, clock=cloud.clock, sleep=cloud.clock.sleep)
    patience = Deadline(timeout, clock=cloud.clock, sleep=cloud.clock.sleep)
    stack, feed = Stack(lambda: client, NAME), StackFeed(str(live) if live else None)
    return StackApplier(
        stack, PARAMS | params, feed, patience, StackFollower(stack, feed, patience, lambda: None), check
    )


def apply(cloud: FakeCloudFormation, **more: Any) -> Outcome:
    return applier(cloud, **more).apply()


def test_a_stack_is_created_and_then_unchanged() -> None:
    cloud = FakeCloudFormation(Clock())
    made = apply(cloud)
    assert (made.changed, made.problem, made.line) == (True, None, f"created stack {NAME}: 1 modified")
    assert made.described and made.described["StackStatus"] == "CREATE_COMPLETE"
    again = apply(cloud)
    assert (again.changed, again.line) == (False, f"stack {NAME} is as it should be already")
    assert (cloud.calls, cloud.change_sets) == (["execute"], {})


@pytest.mark.parametrize("status", STEADY)
def test_a_stack_at_rest_is_updated(status: str) -> None:
    cloud = FakeCloudFormation(Clock(), status, "of old")
    assert apply(cloud).changed
    assert (cloud.content, cloud.status) == ("wanted", "UPDATE_COMPLETE")


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"])
def test_a_stack_whose_creation_failed_is_deleted_first(status: str, tmp_path: Path) -> None:
    """The stack is deleted before the creation, and the cause of the failure is reported."""
    cloud = FakeCloudFormation(Clock(), status)
    outcome = apply(cloud, live=tmp_path / "live")
    assert (cloud.calls, cloud.status) == (["delete", "execute"], "CREATE_COMPLETE")
    assert outcome.lines[0].startswith("deleted what could not be created before")
    note = json.loads((tmp_path / "live").read_text().splitlines()[0])["text"]
    assert "Table (AWS::DynamoDB::Table) CREATE_FAILED: Table already exists: shop -> the name is taken" in note


def test_failed_deletion_before_the_creation_is_reported() -> None:
    cloud = FakeCloudFormation(Clock(), "ROLLBACK_COMPLETE", fates=["fails"])
    with pytest.raises(StackRequestError, match=r"could not be deleted: Table .* DELETE_FAILED"):
        apply(cloud)


def test_a_rollback_that_failed_is_continued_first() -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_ROLLBACK_FAILED", "of old")
    assert apply(cloud).changed
    assert (cloud.calls, cloud.content) == (["continue", "execute"], "wanted")


def test_rollback_that_fails_again_has_cause_and_remedy() -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_ROLLBACK_FAILED", "of old", fates=["fails"])
    with pytest.raises(StackRequestError, match=r"Table \(AWS::DynamoDB::Table\) UPDATE_FAILED.*--resources-to-skip"):
        apply(cloud)


@pytest.mark.parametrize("status", ["DELETE_FAILED", "IMPORT_ROLLBACK_FAILED"])
def test_states_that_need_a_decision_are_left_alone(status: str) -> None:
    cloud = FakeCloudFormation(Clock(), status)
    with pytest.raises(StackRequestError, match=rf"cannot be updated: {status}: .*then delete it"):
        apply(cloud)
    assert cloud.calls == []


@pytest.mark.parametrize(("status", "verb"), [("", "created"), ("UPDATE_COMPLETE", "updated")])
def test_failure_has_its_first_cause(status: str, verb: str) -> None:
    cloud = FakeCloudFormation(Clock(), status, "of old", fates=["fails"])
    outcome = apply(cloud)
    assert outcome.problem and outcome.cause and outcome.cause["resource"] == "Table"
    assert outcome.line.startswith(f"stack {NAME} could not be {verb}: Table (AWS::DynamoDB::Table) ")
    assert outcome.line.endswith(
        ": Table already exists: shop -> the name is taken: remove the old resource, or set another ddbload_project"
    )


def test_a_change_set_that_fails_leaves_nothing_behind() -> None:
    cloud = FakeCloudFormation(Clock())
    outcome = apply(cloud, template_body="broken")
    assert outcome.problem and "Transform failed with: no such macro" in outcome.line
    assert (cloud.status, cloud.change_sets, cloud.calls) == ("", {}, ["delete"])


def test_check_mode_leaves_no_new_stack_behind() -> None:
    cloud = FakeCloudFormation(Clock())
    outcome = apply(cloud, check=True, termination_protection=True, stack_policy=POLICY)
    assert outcome.changed and outcome.described is None and len(outcome.changes) == 1
    assert outcome.lines[0] == "termination protection: off -> on" and "stack policy" in outcome.lines[1]
    assert (cloud.status, cloud.change_sets, cloud.policy, cloud.protected) == ("", {}, None, False)


def test_check_mode_keeps_a_review_of_another_client() -> None:
    cloud = FakeCloudFormation(Clock())
    cloud.create_change_set(ChangeSetName="theirs", ChangeSetType="CREATE", TemplateBody="theirs")
    assert apply(cloud, check=True).changed
    assert (cloud.status, list(cloud.change_sets)) == ("REVIEW_IN_PROGRESS", ["theirs"])


def test_an_empty_review_is_taken_over() -> None:
    cloud = FakeCloudFormation(Clock(), "REVIEW_IN_PROGRESS")
    assert apply(cloud, check=True).changed
    assert cloud.status == "REVIEW_IN_PROGRESS"
    assert apply(cloud).changed
    assert cloud.status == "CREATE_COMPLETE"


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_check_mode_recovers_nothing(status: str) -> None:
    cloud = FakeCloudFormation(Clock(), status)
    outcome = apply(cloud, check=True)
    assert outcome.changed and "Table already exists" in outcome.line
    assert (cloud.calls, cloud.status) == ([], status)


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"])
@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("wanted", [None, True])
def test_protected_stack_is_not_cleared_without_the_option(status: str, check: bool, wanted: bool | None) -> None:
    cloud = FakeCloudFormation(Clock(), status)
    cloud.protected = True
    applying = applier(cloud, check=check, termination_protection=wanted, region="eu-west-1", profile="mine")
    with pytest.raises(StackRequestError) as raised:
        applying.apply()
    assert str(raised.value) == (
        f"stack {NAME} ({status}) is protected from being deleted -> to delete it, set termination_protection: false, "
        "or take the protection off: aws cloudformation update-termination-protection "
        f"--no-enable-termination-protection --stack-name {NAME} --region eu-west-1 --profile mine"
    )
    assert (applying.changed, cloud.calls, cloud.status, cloud.protected) == (False, [], status, True)


def test_a_failed_stack_is_deleted_if_protection_may_be_off() -> None:
    cloud = FakeCloudFormation(Clock(), "ROLLBACK_COMPLETE")
    cloud.protected = True
    checked = apply(cloud, check=True, termination_protection=False)
    assert checked.changed and checked.lines[0] == "termination protection: on -> off"
    assert cloud.calls == []
    assert apply(cloud, termination_protection=False).changed
    assert (cloud.calls, cloud.status) == (["protect", "delete", "execute"], "CREATE_COMPLETE")
    assert not cloud.protected


def test_a_refused_deletion_changes_nothing() -> None:
    cloud = FakeCloudFormation(Clock(), "ROLLBACK_COMPLETE")
    # Another client protects the stack between the description and the call.
    cloud.before["delete_stack"] = [lambda: setattr(cloud, "protected", True)]
    applying = applier(cloud)
    with pytest.raises(ClientError, match="TerminationProtection"):
        applying.apply()
    assert not applying.changed


def test_protection_and_policy_are_set_once_and_at_rest() -> None:
    cloud = FakeCloudFormation(Clock())
    apply(cloud, termination_protection=True, stack_policy=POLICY)
    assert cloud.protected and json.loads(cloud.policy or "") == POLICY
    assert not apply(cloud, termination_protection=True, stack_policy=json.dumps(POLICY)).changed
    assert cloud.calls == ["execute", "protect", "policy"]
    assert apply(cloud, termination_protection=False).line.endswith("termination protection: on -> off")


def test_without_wait_the_operation_is_only_started() -> None:
    cloud = FakeCloudFormation(Clock())
    outcome = apply(cloud, wait=False, stack_policy=POLICY)
    assert outcome.changed and outcome.operation
    assert (cloud.status, cloud.policy) == ("CREATE_IN_PROGRESS", None)


def test_timeout_leaves_no_change_set_behind() -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE")
    cloud.begin("theirs")
    with pytest.raises(WaitTimeoutError, match=r"wait_timeout \(3 s\) is over"):
        apply(cloud, timeout=3)
    assert cloud.change_sets == {}


def test_endless_changes_by_others_are_reported() -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE")
    cloud.before["execute_change_set"] = [cloud.change_sets.clear for attempt in range(100)]
    with pytest.raises(StackRequestError, match="others went on changing stack shop"):
        apply(cloud)


def test_wrong_request_is_not_retried_as_overtaken() -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE")

    def refuse() -> None:
        raise refused("Parameter validation failed: parameter value vpc-1 for parameter name VpcId does not exist")

    cloud.before["create_change_set"] = [refuse]
    with pytest.raises(ClientError, match="VpcId does not exist"):
        apply(cloud)


STATUSES = ["", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "CREATE_FAILED", "UPDATE_ROLLBACK_FAILED", *STEADY]
MOMENTS = ["describe_stacks", "create_change_set", "describe_change_set", "execute_change_set", "describe_stack_events"]


@settings(max_examples=300)
@given(
    status=st.sampled_from(STATUSES),
    content=st.sampled_from(["of old", "wanted"]),
    rivals=st.lists(st.tuples(st.sampled_from(MOMENTS), st.sampled_from(["theirs", "wanted", "delete"])), max_size=4),
    lost=st.lists(st.sampled_from(["create_change_set", "execute_change_set"]), max_size=2),
    wait=st.booleans(),
)
def test_apply_converges_despite_others_and_lost_responses(
    status: str, content: str, rivals: list[tuple[str, str]], lost: list[str], wait: bool
) -> None:
    """The stack has the requested template at the end, despite operations of other clients and lost responses."""
    cloud = FakeCloudFormation(Clock(), status, content)

    def rival(deed: str) -> None:
        # Another client can start an operation only if none is in progress.
        if cloud.status not in (*STEADY, "") or "execute" in cloud.calls:
            return
        if deed == "delete":
            cloud.delete_stack(StackName=NAME)
            cloud.calls.pop() if cloud.calls else None
        else:
            cloud.begin(deed)

    for moment, deed in rivals:
        cloud.before.setdefault(moment, []).append(lambda deed=deed: rival(deed))  # type: ignore[misc]
    cloud.lost = list(lost)
    outcome = apply(cloud, wait=wait)
    cloud.clock.sleep(2 * TOOK_S)
    cloud.before.clear()
    cloud.describe_stacks(NAME)
    assert outcome.problem is None
    assert cloud.content == "wanted" and cloud.status in STEADY
    assert cloud.calls.count("execute") <= 1
    assert outcome.changed or "execute" not in cloud.calls
    assert (outcome.operation is not None) == ("execute" in cloud.calls)
    assert not [name for name in cloud.change_sets if name.startswith("ddbload-")]


def test_timeout_after_the_start_is_a_change() -> None:
    cloud = FakeCloudFormation(Clock())
    applying = applier(cloud, timeout=TOOK_S / 2)
    with pytest.raises(WaitTimeoutError):
        applying.apply()
    assert applying.changed and applying.operation


@pytest.mark.parametrize(
    ("status", "calls"),
    [
        ("", {"create_change_set"}),
        ("UPDATE_COMPLETE", {"create_change_set"}),
        ("ROLLBACK_COMPLETE", {"delete_stack", "create_change_set"}),
        ("UPDATE_ROLLBACK_FAILED", {"continue_update_rollback", "create_change_set"}),
    ],
)
@pytest.mark.parametrize("role", [ROLE, None])
def test_cloudformation_acts_with_the_role_in_every_call(status: str, calls: set[str], role: str | None) -> None:
    cloud = FakeCloudFormation(Clock(), status, "of old")
    assert apply(cloud, role_arn=role).changed
    assert cloud.roles == dict.fromkeys(calls, role)


def test_a_role_alone_is_a_warning_until_the_next_change() -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE", "wanted")
    waiting = apply(cloud, role_arn=ROLE)
    assert (waiting.changed, cloud.calls) == (False, [])
    assert waiting.warnings == [
        f"stack {NAME} goes on with the permissions of its caller: {ROLE} takes over with the stack's next change"
    ]
    assert apply(cloud, check=True, role_arn=ROLE).warnings == waiting.warnings
    changed = apply(cloud, role_arn=ROLE, template_body="more")
    assert (changed.changed, changed.warnings, cloud.role) == (True, [], ROLE)
    assert apply(cloud, role_arn=ROLE, template_body="more").warnings == []
    assert apply(cloud, template_body="more").warnings == [], "without one, the stack keeps its own"
    other = apply(cloud, role_arn=f"{ROLE}-2", template_body="more")
    assert other.warnings == [f"stack {NAME} goes on with {ROLE}: {ROLE}-2 takes over with the stack's next change"]
