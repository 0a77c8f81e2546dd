# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template of the registry, for any valid parameters."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from template_parser import ACCOUNT, Rendered, TemplateError, policies, render
from template_strategies import renderings

KEY = "arn:aws:kms:eu-west-1:210987654321:key/0123"
# The API's own pattern: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
REPOSITORY_NAME = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")

# Drawing and rendering a template is slow on a busy machine.
of_any_kind = settings(max_examples=50)


def registries() -> st.SearchStrategy[Rendered]:
    """Draw registries; only KMS encryption has a key."""
    names = {"Project": "ddbload", "Environment": "dev"}
    keys = st.sampled_from(["", KEY])
    return st.one_of(
        renderings("registry", KmsKeyArn="", **names),
        renderings("registry", EncryptionType="KMS", KmsKeyArn=keys, **names),
    )


@of_any_kind
@given(renderings("registry", KmsKeyArn="", PullAccountIds=""))
def test_ecr_accepts_the_name_of_the_repository(registry: Rendered) -> None:
    name = registry.properties("Repository")["RepositoryName"]
    assert REPOSITORY_NAME.fullmatch(name)
    assert 2 <= len(name) <= 256


@of_any_kind
@given(registries())
def test_tags_never_move_and_every_image_is_scanned(registry: Rendered) -> None:
    repository = registry.properties("Repository")
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}


@of_any_kind
@given(registries())
def test_images_are_deleted_with_the_stack_unless_retained(registry: Rendered) -> None:
    resource = registry.resources["Repository"]
    retained = registry.parameters["RetainImages"] == "true"
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == ("Retain" if retained else "Delete")
    # Without EmptyOnDelete, ECR refuses to delete a repository with images, and the stack's deletion fails.
    assert resource["Properties"]["EmptyOnDelete"] is not retained


@of_any_kind
@given(registries())
def test_old_images_expire_and_the_last_rule_is_that_for_any_tag(registry: Rendered) -> None:
    rules = json.loads(registry.properties("Repository")["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    prefix = registry.parameters["KeepTagPrefix"]
    # "any" must have the highest number:
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    assert [rule["selection"]["tagStatus"] for rule in sorted(rules, key=lambda rule: int(rule["rulePriority"]))] == [
        "untagged",
        "tagged" if prefix else "any",
    ]
    assert rules[1]["selection"].get("tagPrefixList", []) == ([prefix] if prefix else [])
    assert [rule["selection"]["countNumber"] for rule in rules] == [
        int(registry.parameters["UntaggedDays"]),
        int(registry.parameters["KeepImages"]),
    ]


@of_any_kind
@given(registries())
def test_key_is_the_named_one(registry: Rendered) -> None:
    encryption = registry.properties("Repository")["EncryptionConfiguration"]
    assert encryption["EncryptionType"] == registry.parameters["EncryptionType"]
    assert encryption.get("KmsKey", "") == registry.parameters["KmsKeyArn"]


@of_any_kind
@given(registries())
def test_other_accounts_may_pull_if_named_and_nobody_may_push(registry: Rendered) -> None:
    named = [one for one in registry.parameters["PullAccountIds"].split(",") if one]
    statements = [statement for policy in policies(registry) for statement in policy.statements]
    by_sid = {statement["Sid"]: statement for statement in statements}
    roles = by_sid.pop("PullByExecutionRoles", None)
    assert (roles is not None) == (registry.parameters["EcsPull"] == "true")
    if roles:
        base = f"{registry.parameters['Project']}-{registry.parameters['Environment']}"
        assert roles["Principal"] == {"AWS": ACCOUNT}
        assert roles["Condition"] == {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/{base}-*"}}
    assert [statement["Principal"] for statement in by_sid.values()] == ([{"AWS": named}] if named else [])
    for statement in statements:
        assert set(statement["Action"]) == {
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        }


def test_a_key_without_kms_is_refused() -> None:
    (said,) = render("registry", {"Environment": "dev", "KmsKeyArn": KEY}).violations
    assert said == "KmsKeyArn needs EncryptionType KMS."


@pytest.mark.parametrize(
    "parameters",
    [
        {"Project": "ddb--load"},
        {"Project": "ddbload-"},
        {"Project": "d"},
        {"Project": "a2345678901234567890bc"},
        {"Environment": "dev-"},
        {"Environment": "dev--one"},
        {"PullAccountIds": "*"},
        {"PullAccountIds": "12345678901"},
        {"KmsKeyArn": "alias/aws/ecr"},
        {"KeepImages": 1},
    ],
)
def test_invalid_values_are_refused_before_ecr_refuses_them(parameters: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match=f"parameter {next(iter(parameters))} "):
        render("registry", {"Environment": "dev"} | parameters)


@of_any_kind
@given(registries())
def test_ecr_signs_pushed_images_on_request(registry: Rendered) -> None:
    signing = registry.parameters["Signing"]
    profiles = registry.of_type("AWS::Signer::SigningProfile")
    assert bool(profiles) == ("SigningProfileArn" in registry.outputs) == (signing != "none")
    assert all(one["Properties"]["PlatformId"] == "Notation-OCI-SHA384-ECDSA" for one in profiles.values())
    # A registry has one signing configuration, so the stack leaves another owner's unchanged.
    configurations = registry.of_type("AWS::ECR::SigningConfiguration")
    assert bool(configurations) == (signing == "registry")
    for configuration in configurations.values():
        (rule,) = configuration["Properties"]["Rules"]
        assert rule["SigningProfileArn"] == registry.outputs["SigningProfileArn"]
        repository = registry.properties("Repository")["RepositoryName"]
        assert rule["RepositoryFilters"] == [{"Filter": repository, "FilterType": "WILDCARD_MATCH"}]
