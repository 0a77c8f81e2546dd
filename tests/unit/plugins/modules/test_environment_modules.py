# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that look at an environment and take it apart: what they make of their options."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.ecs.plugins.modules import environment_info, environment_part
from moto import mock_aws

ACCESS = {"region": "eu-west-1", "access_key": "testing-key", "secret_key": "testing-secret"}
NAMES = {"project": "shop", "environment": "dev"}
TEMPLATE = json.dumps(
    {"Resources": {"LogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/shop/dev"}}}}
)


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


def run(capsys: pytest.CaptureFixture[str], module: ModuleType, **options: Any) -> dict[str, Any]:
    with patch_module_args(ACCESS | options), pytest.raises(SystemExit):
        module.main()
    return dict(json.loads(capsys.readouterr().out))


def client(service: str) -> Any:
    return boto3.client(service, "eu-west-1", aws_access_key_id="testing-key", aws_secret_access_key="testing-secret")


def test_the_documentation_knows_every_returned_value_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    tags = [{"Key": "Project", "Value": "shop"}, {"Key": "Environment", "Value": "dev"}]
    client("cloudformation").create_stack(StackName="shop-dev-cluster", TemplateBody=TEMPLATE, Tags=tags)
    result = run(capsys, environment_info, **NAMES)
    documented = yaml.safe_load(environment_info.RETURN)
    assert set(documented) == set(result) - {"changed", "failed", "invocation"}
    stack, group = result["things"]
    assert set(documented["things"]["contains"]) == set(stack)
    assert set(stack) - set(group) == {"parameters", "outputs"}


def test_only_the_components_that_are_named_are_looked_for(capsys: pytest.CaptureFixture[str]) -> None:
    client("cloudformation").create_stack(StackName="shop-dev-cluster", TemplateBody=TEMPLATE)
    kinds = [one["kind"] for one in run(capsys, environment_info, **NAMES, components=["table"])["things"]]
    assert kinds == ["log_group"]


def test_nothing_is_waited_for_where_nothing_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, environment_info, **NAMES, gone_timeout=3600)
    assert (result["things"], result["changed"]) == ([], False)


def test_a_thing_is_removed_once_and_check_mode_removes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    client("logs").create_log_group(logGroupName="/shop/dev")
    options = {"state": "absent", "kind": "log_group", "id": "/shop/dev"}
    assert run(capsys, environment_part, **options, _ansible_check_mode=True)["changed"]
    assert [run(capsys, environment_part, **options)["changed"] for _again in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("state", "kind", "told"),
    [
        ("unprotected", "log_group", "kind log_group has no protection -> name a stack or a table"),
        ("absent", "stack", "stack x is not deleted by this module -> use gantry.ecs.cfn_stack"),
    ],
)
def test_what_cannot_be_done_is_refused(capsys: pytest.CaptureFixture[str], state: str, kind: str, told: str) -> None:
    assert run(capsys, environment_part, state=state, kind=kind, id="x")["msg"] == told


def test_a_refusal_of_aws_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
    client("dynamodb").create_table(
        TableName="shop-dev",
        KeySchema=keys,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    result = run(capsys, environment_part, state="absent", kind="table", id="shop-dev")
    assert result["msg"].startswith("cannot remove table shop-dev (region eu-west-1): ValidationException: ")
