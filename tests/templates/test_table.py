# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table: keys and indexes that DynamoDB accepts, the requested capacity, an existing table that stays unchanged."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import boto3
import pytest
from ddbload.workload.items import EXPIRY_ATTRIBUTE
from environments import stack_parameters
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws
from template_normaliser import simplified
from template_parser import REGION, load, render
from template_strategies import parameters, permitted

OWN = {"Environment": "dev", "ExistingTableName": ""}
SIX_KEYS = [f"{owner}{key}" for owner in ("", "FirstIndex", "SecondIndex") for key in ("PartitionKey", "SortKey")]
NAMES = ["a", "b", "c", "d"]
TYPES = st.sampled_from(["S", "N", "B"])
ANY_TABLE = parameters("table", **OWN)
CUSTOMER_KEY = "arn:aws:kms:eu-west-1:210987654321:key/5d2c0a6f-8f0e-4c53-9a3b-0b1f0c7e9d11"
CAPACITIES = ("ProvisionedThroughput", "OnDemandThroughput", "WarmThroughput")
often = settings(max_examples=300)
few = settings(often, max_examples=50)


def owner(key: str) -> str:
    return key.removesuffix("PartitionKey").removesuffix("SortKey")


@st.composite
def any_keys(draw: st.DrawFn) -> dict[str, Any]:
    """Draw keys of few names, so that names often repeat; the keys are valid, or invalid by one parameter."""
    types = {name: draw(TYPES) for name in NAMES}
    keys: dict[str, str] = {}
    for prefix in ("", "FirstIndex", "SecondIndex"):
        partition_key, sort_key = draw(st.permutations(NAMES))[:2]
        keys |= {
            f"{prefix}PartitionKeyName": partition_key,
            f"{prefix}PartitionKeyType": types[partition_key],
            f"{prefix}SortKeyName": draw(st.sampled_from([sort_key, ""])),
            f"{prefix}SortKeyType": types[sort_key],
        }
    keys |= {
        "FirstIndexName": draw(st.sampled_from(["one", ""])),
        "SecondIndexName": draw(st.sampled_from(["two", ""])),
    }
    if changed := draw(st.sampled_from(["", *sorted(keys)])):
        if changed.endswith("Type"):
            keys[changed] = draw(TYPES)
        elif changed.endswith("KeyName"):
            keys[changed] = draw(st.sampled_from(NAMES))
        else:
            keys[changed] = draw(st.sampled_from(["one", "two", ""]))
    return OWN | keys


def key_parameters(given_: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, type and owner of the key attributes in use, in the template's order."""
    keys = []
    for prefix, owner in (("", "table"), ("FirstIndex", "first"), ("SecondIndex", "second")):
        if not prefix or given_[f"{prefix}Name"]:
            for key in ("PartitionKey", "SortKey"):
                if name := given_[f"{prefix}{key}Name"]:
                    keys.append((name, given_[f"{prefix}{key}Type"], owner))
    return keys


def fits(given_: dict[str, Any]) -> bool:
    """Return whether DynamoDB accepts the keys: both of a schema differ, and an attribute has one type."""
    keys = key_parameters(given_)
    schemas_differ = all(one[0] != other[0] for one, other in pairwise(keys) if one[2] == other[2])
    types_agree = len({name for name, type_, owner in keys}) == len({(name, type_) for name, type_, owner in keys})
    names_differ = not given_["FirstIndexName"] or given_["FirstIndexName"] != given_["SecondIndexName"]
    return schemas_differ and types_agree and names_differ


@often
@given(any_keys())
def test_keys_are_refused_exactly_if_dynamodb_would_refuse_them(given_: dict[str, Any]) -> None:
    broken = render("table", given_).broken_rules
    about_keys = {
        "KeysDiffer",
        "FirstIndexKeysFit",
        "SecondIndexKeysFit",
        "IndexesKeysFit",
        "IndexesHaveNamesOfTheirOwn",
    }
    assert (not about_keys & set(broken)) == fits(given_)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(one, other, id=f"{one}-{other}")
        for one, other in combinations(SIX_KEYS, 2)
        if owner(one) != owner(other)
    ],
)
def test_an_attribute_that_is_a_key_twice_has_one_type(one: str, other: str) -> None:
    apart = {f"{key}Name": key for key in SIX_KEYS} | {"FirstIndexName": "one", "SecondIndexName": "two"}
    shared = {f"{one}Name": "shared", f"{other}Name": "shared", f"{one}Type": "N"}
    assert not render("table", OWN | apart | shared | {f"{other}Type": "N"}).violations
    (violation,) = render("table", OWN | apart | shared).violations
    assert f"{one}Name and {other}Name are one attribute" in violation


@often
@given(any_keys())
def test_key_attributes_are_defined_once_and_no_others(given_: dict[str, Any]) -> None:
    rendered = permitted("table", given_)
    table = rendered.properties("Table")
    schemas = [table["KeySchema"], *(index["KeySchema"] for index in table.get("GlobalSecondaryIndexes", []))]
    keys = {key["AttributeName"] for schema in schemas for key in schema}
    defined = [attribute["AttributeName"] for attribute in table["AttributeDefinitions"]]
    assert sorted(defined) == sorted(keys)
    for schema in schemas:
        assert [key["KeyType"] for key in schema] == ["HASH", "RANGE"][: len(schema)]


@few
@given(ANY_TABLE)
def test_table_and_indexes_have_the_capacity_of_the_billing_mode(given_: dict[str, Any]) -> None:
    rendered = permitted("table", given_)
    table, given_ = rendered.properties("Table"), rendered.parameters
    assert ("ProvisionedThroughput" in table) == (given_["BillingMode"] == "PROVISIONED")
    ceilings = {name: given_[name] for name in ("MaxReadRequestUnits", "MaxWriteRequestUnits") if given_[name] != "0"}
    assert table.get("OnDemandThroughput", {}) == (ceilings if given_["BillingMode"] == "PAY_PER_REQUEST" else {})
    assert ("WarmThroughput" in table) == (given_["WarmReadUnitsPerSecond"] != "0")
    for index in table.get("GlobalSecondaryIndexes", []):
        assert all(index.get(name) == table.get(name) for name in (*CAPACITIES, "ContributorInsightsSpecification"))


@few
@given(ANY_TABLE.map(lambda given_: given_ | {"Autoscaling": "true", "BillingMode": "PROVISIONED"}))
def test_autoscaling_covers_the_table_and_each_index(given_: dict[str, Any]) -> None:
    rendered = permitted("table", given_)
    indexes = rendered.properties("Table").get("GlobalSecondaryIndexes", [])
    scaled = {"table/" + rendered.outputs["TableName"]: "table"} | {
        f"table/{rendered.outputs['TableName']}/index/{index['IndexName']}": "index" for index in indexes
    }
    targets = rendered.of_type("AWS::ApplicationAutoScaling::ScalableTarget")
    assert {(one["Properties"]["ResourceId"], one["Properties"]["ScalableDimension"]) for one in targets.values()} == {
        (resource, f"dynamodb:{kind}:{unit}CapacityUnits")
        for resource, kind in scaled.items()
        for unit in ("Read", "Write")
    }
    scalings = [one["Properties"] for one in rendered.of_type("AWS::ApplicationAutoScaling::ScalingPolicy").values()]
    assert sorted(one["ScalingTargetId"] for one in scalings) == sorted(targets)
    assert len({one["PolicyName"] for one in scalings}) == len(scalings)
    for one in scalings:
        target = targets[one["ScalingTargetId"]]["Properties"]
        metric = one["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]
        unit = target["ScalableDimension"].split(":")[-1].removesuffix("CapacityUnits")
        assert metric["PredefinedMetricType"] == f"DynamoDB{unit}CapacityUtilization"
        assert target["MinCapacity"] == rendered.parameters[f"{unit}CapacityUnits"]
        assert target["MaxCapacity"] == rendered.parameters[f"AutoscalingMax{unit}CapacityUnits"]


@few
@given(parameters("table", Environment="dev", ExistingTableName="theirs"))
def test_an_existing_table_is_only_passed_on(given_: dict[str, Any]) -> None:
    rendered = permitted("table", given_)
    assert {resource["Type"] for resource in rendered.resources.values()} == {
        "AWS::CloudFormation::WaitConditionHandle"
    }
    assert rendered.outputs["TableName"] == "theirs"
    assert rendered.outputs["TableArn"] == "arn:aws:dynamodb:eu-west-1:210987654321:table/theirs"


@pytest.mark.parametrize(
    ("given_", "specification"),
    [
        ({"Encryption": "OWNED"}, None),
        ({"Encryption": "AWS_MANAGED"}, {"SSEEnabled": True, "SSEType": "KMS"}),
        (
            {"Encryption": "CUSTOMER", "KmsKeyArn": CUSTOMER_KEY},
            {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": CUSTOMER_KEY},
        ),
    ],
)
def test_a_key_is_named_only_if_it_is_the_customer_s(given_: dict[str, str], specification: Any) -> None:
    rendered = render("table", {"Environment": "dev"} | given_)
    assert rendered.properties("Table").get("SSESpecification") == specification
    assert rendered.outputs.get("TableKeyArn") == given_.get("KmsKeyArn")


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"Encryption": "CUSTOMER"}, "KmsKeyArn must name the key"),
        ({"Encryption": "AWS_MANAGED", "KmsKeyArn": CUSTOMER_KEY}, "leave it empty"),
        ({"Autoscaling": "true"}, "BillingMode PROVISIONED"),
        ({"WarmReadUnitsPerSecond": 15000}, "given both, or neither"),
        ({"WarmWriteUnitsPerSecond": 5000}, "given both, or neither"),
        ({"SortKeyName": "pk"}, "SortKeyName must differ"),
    ],
)
def test_contradictory_parameters_are_refused_with_a_remedy(given_: dict[str, Any], said: str) -> None:
    (violation,) = render("table", {"Environment": "dev"} | given_).violations
    assert said in violation


def test_aliases_of_keys_are_refused() -> None:
    pattern = load("table")["Parameters"]["KmsKeyArn"]["AllowedPattern"]
    assert "alias" not in pattern
    with pytest.raises(Exception, match="KmsKeyArn"):
        render("table", {"Environment": "dev", "Encryption": "CUSTOMER", "KmsKeyArn": "alias/aws/dynamodb"})


@pytest.mark.parametrize("on", [True, False])
def test_protection_is_as_requested(on: bool) -> None:
    names = ("PointInTimeRecovery", "DeletionProtection", "RetainData")
    rendered = render("table", {"Environment": "dev"} | dict.fromkeys(names, on))
    table = rendered.properties("Table")
    assert table["DeletionProtectionEnabled"] is on
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": on}
    policies = {rendered.resources["Table"][name] for name in ("DeletionPolicy", "UpdateReplacePolicy")}
    assert policies == {"Retain" if on else "Delete"}


def test_items_expire_by_the_attribute_of_the_load_tester() -> None:
    specification = render("table", {"Environment": "dev"}).properties("Table")["TimeToLiveSpecification"]
    assert specification == {"AttributeName": EXPIRY_ATTRIBUTE, "Enabled": True}
    assert "TimeToLiveSpecification" not in render(
        "table", {"Environment": "dev", "TimeToLiveAttribute": ""}
    ).properties("Table")


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {
            "SortKeyName": "sk",
            "FirstIndexName": "reversed",
            "FirstIndexPartitionKeyName": "sk",
            "FirstIndexSortKeyName": "pk",
            "SecondIndexName": "by-customer",
            "SecondIndexPartitionKeyName": "customer",
            "WarmReadUnitsPerSecond": "15000",
            "WarmWriteUnitsPerSecond": "5000",
            "Encryption": "CUSTOMER",
            "KmsKeyArn": CUSTOMER_KEY,
        },
        {"BillingMode": "PROVISIONED", "WriteCapacityUnits": "700"},
    ],
)
def test_second_emulator_creates_the_table(changed: dict[str, str]) -> None:
    given_ = stack_parameters("table", "prod") | changed
    with mock_aws():
        keys: dict[str, Any] = {"region_name": REGION, "aws_access_key_id": "none", "aws_secret_access_key": "none"}
        cloudformation = boto3.client("cloudformation", **keys)
        cloudformation.create_stack(StackName="table", TemplateBody=simplified("table", given_))
        (stack,) = cloudformation.describe_stacks(StackName="table")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        table = boto3.client("dynamodb", **keys).describe_table(TableName="ddbload-prod")["Table"]
    wanted = render("table", given_).properties("Table")
    assert table["KeySchema"] == wanted["KeySchema"]
    assert table["DeletionProtectionEnabled"]
    assert [index["IndexName"] for index in table.get("GlobalSecondaryIndexes", [])] == [
        index["IndexName"] for index in wanted.get("GlobalSecondaryIndexes", [])
    ]
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == int(
        wanted.get("ProvisionedThroughput", {}).get("WriteCapacityUnits", 0)
    )
