# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that follows services: its options, its documentation, and how it looks at a stack."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import StackSeen
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.outcome import Outcome, service_result
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.plan import parameter_problems
from ansible_collections.gantry.ecs.plugins.modules import ecs_service

MODULE = "gantry.ecs.ecs_service"
EXAMPLES = [one[MODULE] for one in yaml.safe_load(ecs_service.EXAMPLES)]
UPDATED = datetime(2026, 1, 31, tzinfo=UTC)


def validated(options: dict[str, Any]) -> dict[str, Any]:
    result = ArgumentSpecValidator(ecs_service.ARGUMENT_SPEC, ecs_service.MUTUALLY_EXCLUSIVE).validate(options)
    assert result.error_messages == []
    return dict(result.validated_parameters)


@pytest.mark.parametrize("options", EXAMPLES, ids=range(len(EXAMPLES)))
def test_example_of_the_documentation_is_valid(options: dict[str, Any]) -> None:
    assert list(parameter_problems(validated(options))) == []


def test_documentation_lists_exactly_the_returned_values() -> None:
    documented = yaml.safe_load(ecs_service.RETURN)
    assert set(documented) == set(service_result(Outcome())) - {"changed", "failed", "msg", "warnings"}


def test_outcome_is_the_result_of_the_module(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Runner:
        def __init__(self, module: Any, *more: Any) -> None:
            assert module.params["fail_early"] == 3 and module.params["state"] == "deployed"

        def run(self) -> Outcome:
            return Outcome(message="service web runs 2 of web:8", changed=True, warnings=["take care"])

    monkeypatch.setattr(ecs_service, "ServiceRunner", Runner)
    with patch_module_args({"cluster": "shop", "service": "web"}), pytest.raises(SystemExit):
        ecs_service.main()
    result = json.loads(capsys.readouterr().out)
    assert (result["msg"], result["changed"]) == ("service web runs 2 of web:8", True)
    assert "take care" in str(result["warnings"])


class Stacks:
    """CloudFormation with at most one stack, and the events of its last operation."""

    def __init__(self, status: str, *events: dict[str, Any]) -> None:
        self.status, self.events = status, events

    def describe_stacks(self, **request: Any) -> dict[str, Any]:
        described = {"StackName": "shop", "StackId": "arn:shop", "StackStatus": self.status, "LastUpdatedTime": UPDATED}
        return {"Stacks": [described] if self.status else []}

    def describe_stack_events(self, **request: Any) -> dict[str, Any]:
        return {"StackEvents": list(self.events)}


def seen(status: str, *events: dict[str, Any]) -> StackSeen:
    return ecs_service.stack_sight(lambda: Stacks(status, *events), "shop")()


@pytest.mark.parametrize(
    ("status", "is_going"),
    [
        ("UPDATE_IN_PROGRESS", True),
        ("CREATE_IN_PROGRESS", True),
        ("REVIEW_IN_PROGRESS", True),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", False),
        ("UPDATE_COMPLETE", False),
        ("CREATE_COMPLETE", False),
    ],
)
def test_stack_in_order_is_going_until_it_is_complete(status: str, is_going: bool) -> None:
    assert seen(status) == StackSeen("shop", status, is_going, UPDATED)


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE"])
def test_stack_that_rolls_back_has_a_cause_at_once(status: str) -> None:
    event = {
        "EventId": "1",
        "StackId": "arn:shop",
        "StackName": "shop",
        "LogicalResourceId": "Queue",
        "PhysicalResourceId": "q",
        "ResourceType": "AWS::SQS::Queue",
        "ResourceStatus": "CREATE_FAILED",
        "ResourceStatusReason": "the queue already exists",
        "Timestamp": UPDATED,
    }
    problem = seen(status, event).problem
    assert problem and problem.what.startswith(
        f"stack shop is {status}: Queue (AWS::SQS::Queue) CREATE_FAILED: the queue already exists"
    )
    assert (bare := seen(status).problem) and bare.what == f"stack shop is {status}"


def test_failed_stack_names_its_task_definitions() -> None:
    """A deleted service leaves no other trace of its tasks."""
    common = {
        "StackId": "arn:shop",
        "StackName": "shop",
        "Timestamp": UPDATED,
        "ResourceType": "AWS::ECS::TaskDefinition",
    }
    made = {
        **common,
        "LogicalResourceId": "Task",
        "PhysicalResourceId": "arn:web:8",
        "ResourceStatus": "CREATE_COMPLETE",
    }
    events = [{**made, "EventId": "2", "ResourceStatus": "DELETE_COMPLETE"}, {**made, "EventId": "1"}]
    started = {**made, "EventId": "0", "PhysicalResourceId": "", "ResourceStatus": "CREATE_IN_PROGRESS"}
    assert seen("ROLLBACK_COMPLETE", *events, started).task_definitions == ("arn:web:8",)
    assert seen("UPDATE_COMPLETE", *events).task_definitions == ()


def test_missing_stack_is_a_problem() -> None:
    found = seen("")
    assert found.problem and found.problem.what == "stack shop does not exist" and not found.is_going
