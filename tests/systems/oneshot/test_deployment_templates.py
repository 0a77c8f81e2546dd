# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The templates for deployments: the OIDC role's trust, the pipeline's stages and permissions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from template_parser import Rendered, load_file, policies, render, walk

CI = Path(__file__).parents[3] / "systems" / "oneshot" / "ci"
OIDC, PIPELINE = CI / "github-oidc.yaml", CI / "pipeline.yaml"
BOTH = pytest.mark.parametrize("path", [OIDC, PIPELINE], ids=lambda path: path.stem)
DEPLOYER = "arn:aws:iam::210987654321:policy/oneshot-prod-deployer"
PIPELINE_PARAMETERS = {
    "Environment": "prod",
    "ConnectionArn": "arn:aws:codeconnections:eu-west-1:210987654321:connection/0a1b",
    "RepositoryId": "acme/shop",
    "EcrRepositoryName": "oneshot",
    "ClusterName": "oneshot-prod",
    "ServiceName": "ui",
    "ContainerName": "ui",
    "PassedRoleArns": "arn:aws:iam::210987654321:role/task,arn:aws:iam::210987654321:role/execution",
}


def oidc(**parameters: str) -> Rendered:
    return render(
        load_file(OIDC), {"Environment": "prod", "Subject": "acme/shop", "PolicyArns": DEPLOYER, **parameters}
    )


def trust(rendered: Rendered) -> dict[str, Any]:
    (statement,) = rendered.properties("DeployRole")["AssumeRolePolicyDocument"]["Statement"]
    return dict(statement)


def test_trust_names_audience_repository_and_environment() -> None:
    statement = trust(oidc())
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:acme/shop:environment:prod",
        }
    }


@pytest.mark.parametrize("subject", ["acme-123456/shop-456789", "acme@123456/shop@456789"])
def test_subject_may_hold_the_ids_of_newer_repositories(subject: str) -> None:
    """Repositories since June 2026 have their owner's and their own id in the claim."""
    condition = trust(oidc(Subject=subject, GitHubEnvironment="production"))["Condition"]["StringEquals"]
    assert condition["token.actions.githubusercontent.com:sub"] == f"repo:{subject}:environment:production"


@pytest.mark.parametrize(
    "value", ["acme/*", "*", "acme/shop:ref:refs/heads/main", "acme", "acme/shop/other", "acme/shop?"]
)
def test_no_wildcard_fits_into_the_subject(value: str) -> None:
    pattern = load_file(OIDC)["Parameters"]["Subject"]["AllowedPattern"]
    assert not re.fullmatch(pattern, value)
    assert not re.fullmatch(load_file(OIDC)["Parameters"]["GitHubEnvironment"]["AllowedPattern"], "prod:*")
    assert "StringLike" not in OIDC.read_text()


def test_the_provider_is_created_once_an_account() -> None:
    assert "Provider" not in oidc().resources
    assert trust(oidc())["Principal"]["Federated"] == (
        "arn:aws:iam::210987654321:oidc-provider/token.actions.githubusercontent.com"
    )
    created = oidc(CreateProvider="true")
    assert created.properties("Provider") == {
        "Url": "https://token.actions.githubusercontent.com",
        "ClientIdList": ["sts.amazonaws.com"],
    }
    # A teardown of one environment must not take the others' access away.
    assert created.resources["Provider"]["DeletionPolicy"] == "Retain"


def test_the_role_has_the_given_policies_and_no_own() -> None:
    properties = oidc(PermissionsBoundaryArn=DEPLOYER).properties("DeployRole")
    assert properties["ManagedPolicyArns"] == [DEPLOYER]
    assert properties["PermissionsBoundary"] == DEPLOYER
    assert "Policies" not in properties
    assert "PermissionsBoundary" not in oidc().properties("DeployRole")


def test_the_pipeline_deploys_what_it_builds() -> None:
    rendered = render(load_file(PIPELINE), PIPELINE_PARAMETERS)
    stages = {stage["Name"]: stage["Actions"][0] for stage in rendered.properties("Pipeline")["Stages"]}
    assert [action["ActionTypeId"]["Provider"] for action in stages.values()] == [
        "CodeStarSourceConnection",
        "CodeBuild",
        "ECS",
    ]
    assert stages["Deploy"]["InputArtifacts"] == stages["Build"]["OutputArtifacts"]
    configuration = stages["Deploy"]["Configuration"]
    assert (configuration["ClusterName"], configuration["ServiceName"]) == ("oneshot-prod", "ui")
    specification = yaml.safe_load(rendered.properties("Build")["Source"]["BuildSpec"])
    assert specification["artifacts"]["files"] == [configuration["FileName"]]
    assert "@$digest" in specification["phases"]["build"]["commands"][-1]


def test_the_pipeline_passes_the_two_roles_to_tasks_alone() -> None:
    rendered = render(load_file(PIPELINE), PIPELINE_PARAMETERS)
    statements = [statement for policy in policies(rendered) for statement in policy.statements]
    (passing,) = [statement for statement in statements if statement["Action"] == "iam:PassRole"]
    assert passing["Resource"] == PIPELINE_PARAMETERS["PassedRoleArns"].split(",")
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    # Actions that AWS bounds by no resource.
    open_ended = {
        action
        for statement in statements
        if statement["Effect"] == "Allow" and statement.get("Resource") == "*" and "Condition" not in statement
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert open_ended == {
        "ecr:GetAuthorizationToken",
        "ecs:DescribeTaskDefinition",
        "ecs:RegisterTaskDefinition",
    }


@BOTH
def test_parameters_are_described_constrained_and_grouped(path: Path) -> None:
    template = load_file(path)
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"], name
        assert {"AllowedValues", "AllowedPattern", "MinValue"} & set(parameter), name
        assert "AllowedPattern" not in parameter or parameter["ConstraintDescription"], name
        assert f'"{name}"' in json.dumps([template["Resources"], template.get("Conditions")]) or any(
            f"${{{name}}}" in node for node in walk(template["Resources"]) if isinstance(node, str)
        ), name


@BOTH
def test_no_account_or_region_is_written_out(path: Path) -> None:
    text = re.sub(r"ConstraintDescription:.*|#.*|AllowedPattern:.*", "", path.read_text())
    assert not re.search(r"(?<![\w-])\d{12}(?![\w-])|arn:aws[a-z-]*:|\b(us|eu|ap)-[a-z]+-\d", text)
    assert len(path.read_bytes()) < 45_000
