# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parser of templates computes and refuses templates as CloudFormation does."""

from __future__ import annotations

from typing import Any

import pytest
from template_parser import TemplateError, policies, refusal, render

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Size": {"Type": "Number", "Default": 1, "MinValue": 1, "MaxValue": 3},
        "Names": {"Type": "CommaDelimitedList", "Default": ""},
        "Kind": {"Type": "String", "Default": "small", "AllowedValues": ["small", "large"]},
    },
    "Conditions": {
        "IsLarge": {"Fn::Equals": [{"Ref": "Kind"}, "large"]},
        "HasNames": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "Names"}]}, ""]}]},
        "IsBoth": {"Fn::And": [{"Condition": "IsLarge"}, {"Condition": "HasNames"}]},
    },
    "Rules": {
        "LargeIsNamed": {
            "RuleCondition": {"Fn::Equals": [{"Ref": "Kind"}, "large"]},
            "Assertions": [
                {
                    "Assert": {"Fn::Contains": [["2", "3"], {"Ref": "Size"}]},
                    "AssertDescription": "Large begins at 2.",
                }
            ],
        }
    },
    "Resources": {
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": {"Fn::Sub": "t-${Kind}"}}},
        "Role": {"Type": "AWS::IAM::Role", "Condition": "IsLarge", "Properties": {}},
    },
}


def with_resource(properties: Any) -> dict[str, Any]:
    return TEMPLATE | {"Resources": TEMPLATE["Resources"] | {"Example": {"Type": "X", "Properties": properties}}}


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Size"}, "2"),
        ({"Ref": "Table"}, "t-large"),
        ({"Fn::GetAtt": "Table.Arn"}, "arn:aws:dynamodb:eu-west-1:210987654321:table/t-large"),
        ({"Fn::Sub": "${Table}/${!Kept}/${AWS::Region}"}, "t-large/${Kept}/eu-west-1"),
        ({"Fn::Sub": ["${A}${Kind}", {"A": {"Ref": "Size"}}]}, "2large"),
        ({"Fn::If": ["IsLarge", {"Ref": "Role"}, "none"]}, "Role"),
        ([1, {"Ref": "AWS::NoValue"}, 2], [1, 2]),
        ({"A": {"Fn::If": ["IsBoth", "a", {"Ref": "AWS::NoValue"}]}, "B": 1}, {"B": 1}),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::Select": ["1", {"Fn::GetAZs": ""}]}, "eu-west-1b"),
        ({"Fn::Split": [",", "a,b"]}, ["a", "b"]),
        ({"Condition": {"StringEquals": {"a": "b"}}}, {"Condition": {"StringEquals": {"a": "b"}}}),
    ],
)
def test_functions_are_computed(node: Any, value: Any) -> None:
    rendered = render(with_resource({"It": node}), {"Kind": "large", "Size": 2})
    assert rendered.properties("Example")["It"] == value


@pytest.mark.parametrize(
    "node",
    [
        {"Ref": "Role"},  # its condition omits it
        {"Fn::GetAtt": ["Role", "Arn"]},
        {"Ref": "Nothing"},
        {"Fn::Sub": "${Nothing}"},
        {"Fn::If": ["IsUnknown", 1, 2]},
        {"Fn::Select": [3, {"Fn::GetAZs": ""}]},
        {"Fn::Cidr": ["10.0.0.0/24", 3, 7]},
        {"Fn::FindInMap": ["A", "B", "C"]},
        {"Fn::ImportValue": "x"},
    ],
)
def test_templates_that_cloudformation_refuses_are_refused(node: Any) -> None:
    with pytest.raises(TemplateError):
        render(with_resource({"It": node}), {})


def test_a_condition_leaves_a_resource_out() -> None:
    assert set(render(TEMPLATE, {}).resources) == {"Table"}
    assert set(render(TEMPLATE, {"Kind": "large", "Size": 3}).resources) == {"Table", "Role"}


def test_broken_rule_is_reported_and_leaves_no_resources() -> None:
    rendered = render(TEMPLATE, {"Kind": "large"})
    assert rendered.violations == ["Large begins at 2."]
    assert rendered.resources == {}


@pytest.mark.parametrize("parameters", [{"Size": 4}, {"Size": "x"}, {"Kind": "huge"}, {"Unknown": 1}])
def test_parameters_must_meet_their_constraints(parameters: dict[str, Any]) -> None:
    with pytest.raises(TemplateError):
        render(TEMPLATE, parameters)


def test_a_pattern_must_match_the_whole_value() -> None:
    definition = {"Type": "String", "AllowedPattern": "[a-z]+"}
    assert refusal(definition, "abc") is None
    assert refusal(definition, "abc1") == "AllowedPattern"


def test_policies_are_found_with_their_kind() -> None:
    statement = {"Effect": "Allow", "Action": "a:B", "Resource": "x"}
    role = {
        "AssumeRolePolicyDocument": {"Statement": statement},
        "Policies": [{"PolicyName": "own", "PolicyDocument": {"Statement": [statement]}}],
    }
    template = TEMPLATE | {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": role}}}
    found = list(policies(render(template, {})))
    assert [(policy.name, policy.kind) for policy in found] == [
        ("AssumeRolePolicyDocument", "trust"),
        ("own", "identity"),
    ]
    assert all(policy.statements == [statement] for policy in found)
