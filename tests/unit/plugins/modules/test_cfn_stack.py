# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that applies stacks: its options, its documentation, and its calls on an emulator of AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.ecs.plugins.module_utils.aws import waiting
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.change_set.changes import changes_of
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import Cause
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations import follow
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.outcome import Outcome, stack_result
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import check_request
from ansible_collections.gantry.ecs.plugins.modules import cfn_drift_info, cfn_stack
from moto import mock_aws

MODULE = "gantry.ecs.cfn_stack"
TEMPLATE = """
Parameters:
  Name: {Type: String, Default: first}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref Name}}
Outputs:
  TopicArn: {Value: !Ref Topic}
"""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty account of moto's; pauses take no time."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-access-key-of-motos")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-access-key-of-motos")
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: None)
    # moto reports no event at the end of an operation.
    monkeypatch.setattr(follow, "EVENTS_LIMIT", 0.0)
    with mock_aws():
        yield boto3.client("cloudformation", region_name="eu-west-1")


def run(capsys: pytest.CaptureFixture[str], check: bool = False, **options: Any) -> dict[str, Any]:
    own = {"stack_name": "shop", "region": "eu-west-1", "template_body": TEMPLATE}
    with patch_module_args({**own, **options, "_ansible_check_mode": check}), pytest.raises(SystemExit):
        cfn_stack.main()
    return dict(json.loads(capsys.readouterr().out))


def validated(options: dict[str, Any]) -> dict[str, Any]:
    result = ArgumentSpecValidator(cfn_stack.ARGUMENT_SPEC).validate(options)
    assert result.error_messages == []
    return dict(result.validated_parameters)


def test_stack_is_made_changed_and_deleted_on_an_emulator(account: Any, capsys: pytest.CaptureFixture[str]) -> None:
    checked = run(capsys, check=True)
    assert checked["changed"] and checked["status"] is None and "+ Topic" in checked["diff"]["prepared"]
    assert account.describe_stacks()["Stacks"] == []

    made = run(capsys, tags={"Team": "shop"})
    assert (made["changed"], made["status"], made["cause"]) == (True, "CREATE_COMPLETE", None)
    assert made["msg"] == "created stack shop: 1 added"
    assert not run(capsys, tags={"Team": "shop"})["changed"]

    changed = run(capsys, parameters={"Name": "second"})
    assert (changed["changed"], changed["status"]) == (True, "UPDATE_COMPLETE")
    (topic,) = boto3.client("sns", region_name="eu-west-1").list_topics()["Topics"]
    assert topic["TopicArn"].endswith(":second")
    settled = run(capsys, state="settled")
    assert (settled["changed"], settled["stack_id"]) == (False, changed["stack_id"])

    assert run(capsys, check=True, state="absent")["changed"]
    assert run(capsys, state="absent")["changed"]
    assert not run(capsys, state="absent")["changed"]
    gone = run(capsys, state="settled")
    assert gone["failed"] and gone["msg"].startswith("there is no stack shop -> ")


def test_refusal_of_aws_is_one_line_with_a_remedy(account: Any, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, template_body="Parameters: {Name: {Type: String}}\nResources: {}")
    assert result["failed"] and result["msg"].startswith("cannot apply stack shop (region eu-west-1): ")
    assert " -> " in result["msg"] and "\n" not in result["msg"]
    assert account.describe_stacks()["Stacks"] == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"stack_name": "no_name"}, 'stack_name is "no_name" -> take letters'),
        ({"template_body": None}, "state present needs template_body"),
        ({"parameters": {"A": {"b": 1}}}, "parameter A is a dictionary"),
        ({"state": "gone"}, "value of state must be one of"),
    ],
)
def test_invalid_request_fails_before_any_call(
    capsys: pytest.CaptureFixture[str], options: dict[str, Any], expected: str
) -> None:
    result = run(capsys, **options)
    assert result["failed"] and expected in result["msg"]


EXAMPLES = [one[MODULE] for one in yaml.safe_load(cfn_stack.EXAMPLES) if MODULE in one]


@pytest.mark.parametrize("options", EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples_of_the_documentation_are_valid(options: dict[str, Any]) -> None:
    check_request(validated(options))


def test_documentation_lists_every_option_and_default() -> None:
    documented = yaml.safe_load(cfn_stack.DOCUMENTATION)["options"]
    assert set(documented) == set(cfn_stack.ARGUMENT_SPEC)
    for name, one in cfn_stack.ARGUMENT_SPEC.items():
        assert {key: documented[name].get(key) for key in ("type", "default", "choices", "elements")} == {
            key: one.get(key) for key in ("type", "default", "choices", "elements")
        }


def test_documentation_lists_every_returned_value() -> None:
    documented = yaml.safe_load(cfn_stack.RETURN)
    result = stack_result(Outcome(), "shop", 1.0, with_diff=True)
    assert set(documented) == set(result) - {"changed", "failed", "warnings"}
    detail = {"Target": {"Attribute": "Properties", "Name": "TopicName"}}
    (change,) = changes_of([{"ResourceChange": {"Action": "Modify", "Details": [detail]}}])
    assert set(documented["changes"]["contains"]) == set(change)
    assert set(documented["changes"]["contains"]["details"]["contains"]) == set(change["details"][0])
    assert set(documented["cause"]["contains"]) == set(Cause.__annotations__)


@pytest.mark.parametrize("state", ["present", "settled", "absent"])
def test_another_s_stack_is_neither_changed_nor_deleted(
    account: Any, capsys: pytest.CaptureFixture[str], state: str
) -> None:
    theirs, own = {"Project": "a-b", "Environment": "c"}, {"Project": "a", "Environment": "b-c"}
    assert run(capsys, tags=theirs, owner=theirs)["status"] == "CREATE_COMPLETE"
    refused = run(capsys, state=state, owner=own, parameters={"Name": "second"}, tags=own)
    assert (refused["failed"], refused["changed"]) == (True, False)
    assert refused["msg"].startswith("stack shop belongs to project a-b, environment c, and you call for project a, ")
    assert "\n" not in refused["msg"] and " -> choose another ddbload_project" in refused["msg"]
    (found,) = account.describe_stacks()["Stacks"]
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == theirs
    assert "failed" not in run(capsys, state=state, owner=theirs, tags=theirs)


def test_drift_of_another_owner_is_not_detected(account: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, tags={"Project": "a-b", "Environment": "c"})
    options = {"stack_names": ["shop"], "region": "eu-west-1", "owner": {"Project": "a", "Environment": "b-c"}}
    with patch_module_args(options), pytest.raises(SystemExit):
        cfn_drift_info.main()
    assert json.loads(capsys.readouterr().out)["msg"].startswith("stack shop belongs to project a-b, environment c")
