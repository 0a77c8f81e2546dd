# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner of a table: the signs of another owner, and the confirmation that they require."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import STACK_TAG, Names
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.table import check_table, marks_of, table_facts
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from botocore.exceptions import ClientError

NAMES = Names("shop", "dev", ["table"])
OWN = {"Project": "shop", "Environment": "dev"}
KEYS: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
Clients = Callable[[str], Any]


def check(clients: Clients, name: str = "orders", confirmed: str = "", of_stack: bool = False) -> tuple[Any, Findings]:
    findings = Findings()
    params = {"project": "shop", "environment": "dev", "table_name": name}
    given = params | {"confirmed_table": confirmed, "table_of_stack": of_stack}
    return check_table(clients, given, "eu-west-1", findings), findings


def stack(clients: Clients, existing: str) -> None:
    """Create the environment's table stack, with a new table or an existing one."""
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "shop-dev", **KEYS}}
    template = {
        "Parameters": {"ExistingTableName": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}} if existing else {"Table": table},
        "Outputs": {"TableName": {"Value": existing or {"Ref": "Table"}}},
    }
    clients("cloudformation").create_stack(
        StackName="shop-dev-table",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "ExistingTableName", "ParameterValue": existing}],
        Tags=[{"Key": key, "Value": value} for key, value in OWN.items()],
    )


@pytest.mark.parametrize(
    ("more", "tags", "mark"),
    [
        ({}, {STACK_TAG: "ddbload-prod-table"}, "stack ddbload-prod-table created it"),
        ({}, {"Environment": "prod"}, "its tag Environment is prod"),
        ({}, {"env": "Production"}, "its tag env is Production"),
        ({}, {"stage": "live"}, "its tag stage is live"),
        ({}, OWN | {"project": "orders"}, "its tag project is orders"),
        ({"DeletionProtectionEnabled": True}, {}, "deletion protection is on"),
        (
            {"Replicas": [{"RegionName": "eu-west-2"}, {"RegionName": "eu-west-1"}]},
            {},
            "replicas in eu-west-1, eu-west-2",
        ),
        ({"StreamSpecification": {"StreamEnabled": True}}, {}, "its stream is on"),
    ],
)
def test_each_sign_of_another_owner_is_found(more: dict[str, Any], tags: dict[str, str], mark: str) -> None:
    (mark_found,) = marks_of({"TableName": "orders", **more}, tags, NAMES)
    assert mark in mark_found


@pytest.mark.parametrize(
    "tags",
    [
        {},
        OWN,
        {"environment": "DEV", "Team": "orders"},
        {"Stage": "", "project": ""},
        OWN | {STACK_TAG: "shop-dev-table"},
    ],
)
def test_tables_of_the_environment_or_no_owner_have_no_sign(tags: dict[str, str]) -> None:
    assert list(marks_of({"TableName": "orders", "StreamSpecification": {"StreamEnabled": False}}, tags, NAMES)) == []


def test_a_table_that_the_stack_retained_may_be_protected() -> None:
    assert list(marks_of({"DeletionProtectionEnabled": True}, OWN | {STACK_TAG: "shop-dev-table"}, NAMES)) == []


def test_a_table_of_a_stack_with_the_same_name_is_foreign() -> None:
    tags = {"Project": "a-b", "Environment": "c", STACK_TAG: "a-b-c-table"}
    assert len(list(marks_of({}, tags, Names("a", "b-c", ["table"])))) == 3


def test_items_size_and_tags_are_shown_on_one_line() -> None:
    table = {"TableName": "orders", "ItemCount": 1_000_000, "TableSizeBytes": 400_000_000}
    line = table_facts(table, {"Team": "a\nb", "Owner": "me"}, NAMES)["line"]
    assert "about 1,000,000 items, 400,000,000 bytes, as DynamoDB counted them within the last six hours" in line
    assert line.endswith("; tags: Owner=me, Team=a b")


@pytest.mark.parametrize(("confirmed", "is_refused"), [("", True), ("order", True), ("orders", False)])
def test_a_foreign_table_needs_a_confirmation(clients: Clients, confirmed: str, is_refused: bool) -> None:
    tags = [{"Key": "Environment", "Value": "prod"}]
    clients("dynamodb").create_table(TableName="orders", DeletionProtectionEnabled=True, Tags=tags, **KEYS)
    facts, findings = check(clients, confirmed=confirmed)
    assert facts["marks"] == ["its tag Environment is prod", "deletion protection is on"]
    assert len(findings.problems) == is_refused
    assert not is_refused or "add -e confirm_table=orders" in findings.problems[0].line()


def test_a_table_without_signs_needs_no_confirmation(clients: Clients) -> None:
    clients("dynamodb").create_table(TableName="orders", **KEYS)
    facts, findings = check(clients)
    assert (facts["item_count"], findings.problems, findings.checked) == (0, [], ["table orders"])


def test_table_of_the_stack_is_checked_before_a_run(clients: Clients) -> None:
    """The table that the stack passes on is checked before a run."""
    clients("dynamodb").create_table(TableName="orders", **KEYS)
    stack(clients, "orders")
    assert check(clients, "", of_stack=True)[1].problems == []
    clients("dynamodb").update_table(TableName="orders", DeletionProtectionEnabled=True)
    assert "deletion protection is on" in check(clients, "", of_stack=True)[1].problems[0].line()
    assert check(clients, "", of_stack=False) == (None, Findings())


@pytest.mark.parametrize("name", ["", "shop-dev"])
def test_the_stack_s_own_table_is_not_checked(clients: Clients, name: str) -> None:
    stack(clients, "")
    clients("dynamodb").update_table(TableName="shop-dev", DeletionProtectionEnabled=True)
    assert check(clients, name, of_stack=True) == (None, Findings())


def test_before_the_first_deploy_the_stack_has_no_table(clients: Clients) -> None:
    assert check(clients, "", of_stack=True) == (None, Findings())


def test_a_missing_table_is_one_line(clients: Clients) -> None:
    (line,) = [each.line() for each in check(clients, "nowhere")[1].problems]
    assert line.startswith("table nowhere does not exist in eu-west-1 -> make it, or fix its name")


@pytest.mark.parametrize("call", ["describe_table", "get_paginator"])
@pytest.mark.parametrize("confirmed", ["", "orders"])
def test_a_table_without_read_permission_is_a_problem(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, call: str, confirmed: str
) -> None:
    def refuse(*_arguments: Any, **_request: Any) -> Any:
        error = {"Code": "AccessDeniedException", "Message": "not authorized to perform: dynamodb:DescribeTable"}
        raise ClientError({"Error": error}, "DescribeTable")

    clients("dynamodb").create_table(TableName="orders", **KEYS)
    monkeypatch.setattr(clients("dynamodb"), call, refuse)
    facts, findings = check(clients, confirmed=confirmed)
    assert facts is None
    if confirmed:
        assert findings.problems == [] and findings.warnings[0].line().startswith("not checked (table orders): ")
    else:
        (line,) = [each.line() for each in findings.problems]
        assert "allow dynamodb:DescribeTable" in line and line.endswith("if you know what is in it")
        assert line.count(" -> ") == 1
