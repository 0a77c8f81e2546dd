# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements with placeholders are rendered, left out and split into policies."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gantry.ecs.plugins.filter.iam_policies import FilterModule
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.plugin_utils.iam_policy import (
    MOST_CHARACTERS,
    IamPolicyError,
    policy_documents,
    policy_values,
    size,
)
from hypothesis import given
from hypothesis import strategies as st

DEV: dict[str, Any] = {
    "project": "shop",
    "environment": "dev",
    "components": ["table", "cluster"],
    "account": "123456789012",
    "region": "eu-west-1",
    "partition": "aws",
}


def statement(sid: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": "s3:GetObject", "Resource": resource, **more}


def rendered(*statements: dict[str, Any], **values: Any) -> list[dict[str, Any]]:
    documents = policy_documents("one", statements, values)
    return [one for document in documents.values() for one in document["Statement"]]


def test_placeholders_are_replaced_everywhere() -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/Team": ["${Team}", "all"]}}
    written = statement("Read", ["arn:${Partition}:s3:::${Team}/*"], Condition=condition)
    (one,) = rendered(written, Team="us", Partition="aws-cn")
    assert one["Resource"] == ["arn:aws-cn:s3:::us/*"]
    assert one["Condition"] == {"StringEquals": {"aws:PrincipalTag/Team": ["us", "all"]}}
    assert written["Resource"] == ["arn:${Partition}:s3:::${Team}/*"], "the input is not changed"


def test_a_list_replaces_a_whole_string() -> None:
    assert rendered(statement("Read", "${Keys}"), Keys=["a", "b"])[0]["Resource"] == ["a", "b"]


def test_a_list_replaces_an_element_of_a_list() -> None:
    assert rendered(statement("Read", ["${Keys}", "c"]), Keys=["a", "b"])[0]["Resource"] == ["a", "b", "c"]


@pytest.mark.parametrize(("keys", "left"), [(["a"], ["With", "Always"]), ([], ["Without", "Always"])])
def test_a_statement_depends_on_a_value(keys: list[str], left: list[str]) -> None:
    written = [statement("With", OnlyWith="Keys"), statement("Without", OnlyWithout="Keys"), statement("Always")]
    found = rendered(*written, Keys=keys)
    assert [one["Sid"] for one in found] == left
    assert all(one.keys() == {"Sid", "Effect", "Action", "Resource"} for one in found)


def test_a_statement_depends_on_one_of_several_values() -> None:
    """It stands with one of the values that OnlyWith names, and without all that OnlyWithout names."""
    written = [statement("With", OnlyWith=["Keys", "Tables"]), statement("Without", OnlyWithout=["Keys", "Tables"])]
    assert [one["Sid"] for one in rendered(*written, Keys=[], Tables=["a"])] == ["With"]
    assert [one["Sid"] for one in rendered(*written, Keys=[], Tables=[])] == ["Without"]


def test_statements_of_one_sid_become_one() -> None:
    """It has the actions of all that stand, in the order of the last; other resources under one Sid are an error."""
    first, last = statement("Read"), {**statement("Read"), "Action": ["s3:ListBucket", "s3:GetObject"]}
    found = rendered(first, statement("Other"), last, {**first, "Action": "s3:Put", "OnlyWith": "Keys"}, Keys=[])
    assert [(one["Sid"], one["Action"]) for one in found] == [
        ("Other", "s3:GetObject"),
        ("Read", ["s3:GetObject", "s3:ListBucket"]),
    ]
    with pytest.raises(IamPolicyError, match="statements Read have different resources or conditions"):
        rendered(first, statement("Read", "arn:a"))


def test_values_say_which_kinds_of_stacks_there_are() -> None:
    values = policy_values(**DEV)
    assert (values["Table"], values["Registry"], values["Queues"]) == ("table", "", [])
    linked = ["contributorinsights.dynamodb", "dynamodb.application-autoscaling", "ecs"]
    assert values["ServiceLinkedRoles"] == [f"{name}.amazonaws.com" for name in linked]


@pytest.mark.parametrize("more", [{"resource": "${Kees}"}, {"OnlyWith": "Kees"}, {"OnlyWithout": "Kees"}])
def test_a_placeholder_without_a_value_is_an_error(more: dict[str, Any]) -> None:
    with pytest.raises(IamPolicyError) as raised:
        rendered(statement("Read", **more), Keys=[])
    assert raised.value.problem == Problem("value", "${Kees} has no value", "use one of Keys")


@given(st.lists(st.integers(1, 5_900), max_size=12))
def test_policies_keep_iam_s_quota_and_every_statement(lengths: list[int]) -> None:
    written = [statement(f"S{number}", "x" * length) for number, length in enumerate(lengths)]
    documents = policy_documents("one", written, {})
    assert all(size(document) <= MOST_CHARACTERS for document in documents.values())
    assert [one for document in documents.values() for one in document["Statement"]] == written
    names = list(documents)
    assert names == (["one"] if len(names) == 1 else [f"one-{number + 1}" for number in range(len(names))])


def test_a_statement_over_the_quota_is_an_error() -> None:
    with pytest.raises(IamPolicyError, match="statement Read of policy one has more than 6,144 characters"):
        rendered(statement("Read", ["x" * 6_200]))


def test_arns_have_account_region_and_partition() -> None:
    values = policy_values(**DEV | {"partition": "aws-us-gov", "region": "us-gov-west-1"})
    assert values["ServiceRole"] == "arn:aws-us-gov:iam::123456789012:role/shop-dev-cloudformation"
    assert values["Stacks"] == [
        "arn:aws-us-gov:cloudformation:us-gov-west-1:123456789012:stack/shop-dev-cluster/*",
        "arn:aws-us-gov:cloudformation:us-gov-west-1:123456789012:stack/shop-dev-table/*",
    ]
    assert values["TaskRoles"] == "arn:aws-us-gov:iam::123456789012:role/shop-dev-task-*"
    assert values["Tables"] == ["arn:aws-us-gov:dynamodb:us-gov-west-1:123456789012:table/shop-dev"]


def test_an_existing_table_is_listed_beside_the_stack_s() -> None:
    tables = policy_values(**DEV, table_name="orders")["TablesAndIndexes"]
    assert [one.rpartition(":table/")[2] for one in tables] == [
        "shop-dev",
        "shop-dev/index/*",
        "orders",
        "orders/index/*",
    ]


def test_empty_and_repeated_arns_are_dropped() -> None:
    assert policy_values(**DEV, key_arns=["", "arn:b", "arn:a", "arn:b"])["KeyArns"] == ["arn:b", "arn:a"]


@pytest.mark.parametrize("account", ["", "12345678901", "1234567890123", "prod", "12345678901²"])
def test_an_account_has_twelve_digits(account: str) -> None:
    with pytest.raises(IamPolicyError, match=f'account "{account}" is not 12 digits'):
        policy_values(**DEV | {"account": account})


def test_the_filter_fails_with_one_line() -> None:
    iam_policies = FilterModule().filters()["iam_policies"]
    written = [statement("Read", "${ServiceRole}")]
    found = iam_policies(written, "tester", DEV | {"service_role_arn": "arn:of:role"})
    assert list(found) == ["shop-dev-tester"]
    assert found["shop-dev-tester"]["Statement"][0]["Resource"] == "arn:of:role"
    with pytest.raises(AnsibleFilterError, match=r'^account "x" is not 12 digits -> name it with -e '):
        iam_policies(written, "tester", DEV | {"account": "x"})
