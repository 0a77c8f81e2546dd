# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that list an environment's resources and remove one: their options and return values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.ecs.plugins.modules import environment_info, environment_resource
from moto import mock_aws

ACCESS = {"region": "eu-west-1", "access_key": "testing-key", "secret_key": "testing-secret"}
NAMES = {"project": "shop", "environment": "dev", "components": ["cluster"]}
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


def test_every_returned_value_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    tags = [{"Key": "Project", "Value": "shop"}, {"Key": "Environment", "Value": "dev"}]
    client("cloudformation").create_stack(StackName="shop-dev-cluster", TemplateBody=TEMPLATE, Tags=tags)
    result = run(capsys, environment_info, **NAMES)
    documented = yaml.safe_load(environment_info.RETURN)
    assert set(documented) == set(result) - {"changed", "failed", "invocation"}
    stack, group = result["resources"]
    assert set(documented["resources"]["contains"]) == set(stack)
    assert result["stacks"] == result["deletable"] == [stack]
    assert set(stack) - set(group) == {"component", "parameters", "outputs"}


def test_only_named_components_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    client("cloudformation").create_stack(StackName="shop-dev-cluster", TemplateBody=TEMPLATE)
    kinds = [one["kind"] for one in run(capsys, environment_info, **NAMES | {"components": ["table"]})["resources"]]
    assert kinds == ["log_group"]


def test_the_components_have_no_default(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, environment_info, project="shop", environment="dev")
    assert result["msg"] == "missing required arguments: components"


@pytest.mark.parametrize("confirmed", ["other, /shop/dev ", ["/shop/dev"]])
def test_confirmed_data_may_be_removed(capsys: pytest.CaptureFixture[str], confirmed: str | list[str]) -> None:
    """The option takes a list, or names separated by commas as a user types them."""
    client("logs").create_log_group(logGroupName="/shop/dev")
    refused = run(capsys, environment_info, **NAMES)
    assert refused["refused"] == ["log group /shop/dev (0 bytes; no stack made it)"]
    assert (refused["protected_data"], refused["remnants"]) == (["/shop/dev"], [])
    allowed = run(capsys, environment_info, **NAMES, confirmed_data=confirmed)
    assert allowed["refused"] == []
    assert allowed["remnants"] == allowed["resources"]


def test_an_empty_environment_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, environment_info, **NAMES, gone_timeout=3600)
    assert (result["resources"], result["changed"]) == ([], False)


def test_a_resource_is_removed_once(capsys: pytest.CaptureFixture[str]) -> None:
    client("logs").create_log_group(logGroupName="/shop/dev")
    options = {"state": "absent", "kind": "log_group", "id": "/shop/dev"}
    assert run(capsys, environment_resource, **options, _ansible_check_mode=True)["changed"]
    assert [run(capsys, environment_resource, **options)["changed"] for _again in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("state", "kind", "message"),
    [
        (
            "unprotected",
            "log_group",
            "kind log_group has no protection -> name one of stack, undescribed_stack, table, database",
        ),
        ("absent", "stack", "this module does not delete kind stack -> use gantry.ecs.cfn_stack"),
    ],
)
def test_an_unsupported_change_is_refused(
    capsys: pytest.CaptureFixture[str], state: str, kind: str, message: str
) -> None:
    assert run(capsys, environment_resource, state=state, kind=kind, id="x")["msg"] == message


def test_an_error_of_aws_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
    client("dynamodb").create_table(
        TableName="shop-dev",
        KeySchema=keys,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    result = run(capsys, environment_resource, state="absent", kind="table", id="shop-dev")
    assert result["msg"].startswith("cannot remove table shop-dev (region eu-west-1): ValidationException: ")
