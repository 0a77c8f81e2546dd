# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the registry is, for any parameters that it takes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from drawing import renderings
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import Rendered, TemplateError, policies, render

KEY = "arn:aws:kms:eu-west-1:210987654321:key/0123"
# The API's own pattern: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
REPOSITORY_NAME = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")

# Drawing and reading a template takes its time on a busy machine.
of_any_kind = settings(max_examples=50)


def registries() -> st.SearchStrategy[Rendered]:
    """Draw registries; a key goes with KMS only."""
    names = {"Project": "ddbload", "Environment": "dev"}
    keys = st.sampled_from(["", KEY])
    return st.one_of(
        renderings("registry", KmsKeyArn="", **names),
        renderings("registry", EncryptionType="KMS", KmsKeyArn=keys, **names),
    )


@of_any_kind
@given(renderings("registry", KmsKeyArn="", PullAccountIds=""))
def test_ecr_takes_the_repository_s_name(registry: Rendered) -> None:
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
def test_images_go_with_the_stack_unless_they_are_retained(registry: Rendered) -> None:
    resource = registry.resources["Repository"]
    retained = registry.parameters["RetainImages"] == "true"
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == ("Retain" if retained else "Delete")
    # Else ECR refuses to delete a repository that holds images, and the stack's deletion fails.
    assert resource["Properties"]["EmptyOnDelete"] is not retained


@of_any_kind
@given(registries())
def test_old_images_expire_and_the_last_rule_is_that_for_any_tag(registry: Rendered) -> None:
    rules = json.loads(registry.properties("Repository")["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    # "any" must have the highest number:
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    assert [rule["selection"]["tagStatus"] for rule in sorted(rules, key=lambda rule: int(rule["rulePriority"]))] == [
        "untagged",
        "any",
    ]
    assert [rule["selection"]["countNumber"] for rule in rules] == [
        int(registry.parameters["UntaggedDays"]),
        int(registry.parameters["KeepImages"]),
    ]


@of_any_kind
@given(registries())
def test_the_key_is_the_one_that_was_named(registry: Rendered) -> None:
    encryption = registry.properties("Repository")["EncryptionConfiguration"]
    assert encryption["EncryptionType"] == registry.parameters["EncryptionType"]
    assert encryption.get("KmsKey", "") == registry.parameters["KmsKeyArn"]


@of_any_kind
@given(registries())
def test_other_accounts_may_pull_if_named_and_nobody_may_push(registry: Rendered) -> None:
    named = [one for one in registry.parameters["PullAccountIds"].split(",") if one]
    statements = [statement for policy in policies(registry) for statement in policy.statements]
    assert [statement["Principal"] for statement in statements] == ([{"AWS": named}] if named else [])
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
def test_values_that_ecr_would_refuse_late_are_refused_early(parameters: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match=f"parameter {next(iter(parameters))} "):
        render("registry", {"Environment": "dev"} | parameters)


@of_any_kind
@given(registries())
def test_ecr_signs_what_is_pushed_where_it_is_asked_for(registry: Rendered) -> None:
    signing = registry.parameters["Signing"]
    profiles = registry.of_type("AWS::Signer::SigningProfile")
    assert bool(profiles) == ("SigningProfileArn" in registry.outputs) == (signing != "none")
    assert all(one["Properties"]["PlatformId"] == "Notation-OCI-SHA384-ECDSA" for one in profiles.values())
    # One for a registry: where it is another's, it is left alone.
    configurations = registry.of_type("AWS::ECR::SigningConfiguration")
    assert bool(configurations) == (signing == "registry")
    for configuration in configurations.values():
        (rule,) = configuration["Properties"]["Rules"]
        assert rule["SigningProfileArn"] == registry.outputs["SigningProfileArn"]
        repository = registry.properties("Repository")["RepositoryName"]
        assert rule["RepositoryFilters"] == [{"Filter": repository, "FilterType": "WILDCARD_MATCH"}]
