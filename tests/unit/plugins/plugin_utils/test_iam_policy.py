# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies of statements with placeholders: filled in, left out, split."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gantry.ecs.plugins.filter.iam_policies import FilterModule
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
    "account": "123456789012",
    "region": "eu-west-1",
    "partition": "aws",
}


def statement(sid: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": "s3:GetObject", "Resource": resource, **more}


def rendered(*statements: dict[str, Any], **values: Any) -> list[dict[str, Any]]:
    documents = policy_documents("one", statements, values)
    return [one for document in documents.values() for one in document["Statement"]]


def test_placeholders_are_filled_in_wherever_they_stand() -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/Team": ["${Team}", "all"]}}
    written = statement("Read", ["arn:${Partition}:s3:::${Team}/*"], Condition=condition)
    (one,) = rendered(written, Team="us", Partition="aws-cn")
    assert one["Resource"] == ["arn:aws-cn:s3:::us/*"]
    assert one["Condition"] == {"StringEquals": {"aws:PrincipalTag/Team": ["us", "all"]}}
    assert written["Resource"] == ["arn:${Partition}:s3:::${Team}/*"], "what is written stays as it is"


def test_a_list_takes_the_place_of_a_whole_string() -> None:
    assert rendered(statement("Read", "${Keys}"), Keys=["a", "b"])[0]["Resource"] == ["a", "b"]


@pytest.mark.parametrize(("keys", "left"), [(["a"], ["With", "Always"]), ([], ["Without", "Always"])])
def test_a_statement_stands_with_or_without_a_value(keys: list[str], left: list[str]) -> None:
    written = [statement("With", OnlyWith="Keys"), statement("Without", OnlyWithout="Keys"), statement("Always")]
    found = rendered(*written, Keys=keys)
    assert [one["Sid"] for one in found] == left
    assert all(one.keys() == {"Sid", "Effect", "Action", "Resource"} for one in found)


@pytest.mark.parametrize("more", [{"resource": "${Kees}"}, {"OnlyWith": "Kees"}, {"OnlyWithout": "Kees"}])
def test_a_placeholder_without_a_value_is_named(more: dict[str, Any]) -> None:
    with pytest.raises(IamPolicyError, match=r"\$\{Kees\} has no value -> take one of Keys"):
        rendered(statement("Read", **more), Keys=[])


@given(st.lists(st.integers(1, 5_900), max_size=12))
def test_policies_are_as_large_as_iam_takes_and_hold_all(lengths: list[int]) -> None:
    written = [statement(f"S{number}", "x" * length) for number, length in enumerate(lengths)]
    documents = policy_documents("one", written, {})
    assert all(size(document) <= MOST_CHARACTERS for document in documents.values())
    assert [one for document in documents.values() for one in document["Statement"]] == written
    names = list(documents)
    assert names == (["one"] if len(names) == 1 else [f"one-{number + 1}" for number in range(len(names))])


def test_a_statement_that_is_too_large_by_itself_is_named() -> None:
    with pytest.raises(IamPolicyError, match="statement Read of policy one alone has more than 6,144 characters -> "):
        rendered(statement("Read", ["x" * 6_200]))


def test_values_are_of_the_account_the_region_and_the_partition() -> None:
    values = policy_values(**DEV | {"partition": "aws-us-gov", "region": "us-gov-west-1"})
    assert values["ServiceRole"] == "arn:aws-us-gov:iam::123456789012:role/shop-dev-cloudformation"
    assert values["Stacks"][0] == "arn:aws-us-gov:cloudformation:us-gov-west-1:123456789012:stack/shop-dev-network/*"
    assert values["ClusterRoles"] == "arn:aws-us-gov:iam::123456789012:role/shop-dev-cluster-*"
    assert values["Tables"] == ["arn:aws-us-gov:dynamodb:us-gov-west-1:123456789012:table/shop-dev"]


def test_a_table_of_your_own_stands_beside_the_stacks() -> None:
    tables = policy_values(**DEV, table_name="orders")["TablesAndIndexes"]
    assert [one.rpartition(":table/")[2] for one in tables] == [
        "shop-dev",
        "shop-dev/index/*",
        "orders",
        "orders/index/*",
    ]


def test_empty_and_repeated_arns_do_not_count() -> None:
    assert policy_values(**DEV, key_arns=["", "arn:b", "arn:a", "arn:b"])["KeyArns"] == ["arn:b", "arn:a"]


@pytest.mark.parametrize("account", ["", "12345678901", "1234567890123", "prod", "12345678901²"])
def test_an_account_is_twelve_digits(account: str) -> None:
    with pytest.raises(IamPolicyError, match=f'account "{account}" is not 12 digits -> name it'):
        policy_values(**DEV | {"account": account})


def test_the_filter_names_its_policies_and_fails_with_one_line() -> None:
    iam_policies = FilterModule().filters()["iam_policies"]
    written = [statement("Read", "${ServiceRole}")]
    found = iam_policies(written, "tester", DEV | {"service_role_arn": "arn:of:role"})
    assert list(found) == ["shop-dev-tester"]
    assert found["shop-dev-tester"]["Statement"][0]["Resource"] == "arn:of:role"
    with pytest.raises(AnsibleFilterError, match=r"account .* is not 12 digits"):
        iam_policies(written, "tester", DEV | {"account": "x"})
