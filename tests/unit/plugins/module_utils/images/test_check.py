# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of images, and the search for them in moto's registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.images.check import EcrImage, check_image, ecr_image
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

ACCOUNT = "123456789012"
REGISTRY = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
DIGEST = "sha256:" + "4" * 64
CONFIG = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": DIGEST, "size": 2}
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": CONFIG,
    "layers": [],
}


@pytest.fixture
def ecr(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    return boto3.client("ecr", "eu-west-1", aws_access_key_id="testing-key", aws_secret_access_key="testing-secret")


@pytest.fixture
def registry(ecr: Any) -> Iterator[Any]:
    with mock_aws():
        ecr.create_repository(repositoryName="team/app")
        ecr.put_image(repositoryName="team/app", imageTag="1", imageManifest=json.dumps(MANIFEST))
        yield ecr


def not_checked(reason: str) -> Problem:
    return Problem("not_checked", f"not checked: {reason}")


def look(ecr: Any, image: str) -> Findings:
    findings = Findings()
    check_image(ecr, image, findings)
    return findings


@pytest.mark.parametrize(
    ("image", "region", "repository", "identifier"),
    [
        (f"{REGISTRY}/app", "eu-west-1", "app", {"imageTag": "latest"}),
        (f"{REGISTRY}/team/app:1.0", "eu-west-1", "team/app", {"imageTag": "1.0"}),
        (f"{REGISTRY}/app@{DIGEST}", "eu-west-1", "app", {"imageDigest": DIGEST}),
        (f"{REGISTRY}/app:1@{DIGEST}", "eu-west-1", "app", {"imageDigest": DIGEST}),
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn/app:1", "cn-north-1", "app", {"imageTag": "1"}),
        (f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app:1", "us-gov-west-1", "app", {"imageTag": "1"}),
        (f"{ACCOUNT}.dkr-ecr.us-east-1.on.aws/app:1", "us-east-1", "app", {"imageTag": "1"}),
        (f"{ACCOUNT}.dkr.ecr.us-east-1.localhost:4566/app:1", "us-east-1", "app", {"imageTag": "1"}),
    ],
)
def test_image_names_of_ecr_are_parsed(image: str, region: str, repository: str, identifier: dict[str, str]) -> None:
    assert ecr_image(image) == EcrImage(ACCOUNT, region, repository, identifier)


@pytest.mark.parametrize(
    "image", ["nginx", "nginx:1", "docker.io/library/nginx:1", "public.ecr.aws/nginx/nginx:1", REGISTRY, f"{REGISTRY}/"]
)
def test_other_names_are_not_of_a_private_ecr_registry(image: str) -> None:
    assert ecr_image(image) is None


def test_an_existing_image_is_found(registry: Any) -> None:
    (digest,) = {one["imageDigest"] for one in registry.list_images(repositoryName="team/app")["imageIds"]}
    for image in (f"{REGISTRY}/team/app:1", f"{REGISTRY}/team/app@{digest}"):
        assert look(registry, image) == Findings(checked=[f"image {image}"])


@pytest.mark.parametrize("image", [f"{REGISTRY}/team/app:2", f"{REGISTRY}/team/app@{DIGEST}", f"{REGISTRY}/app:1"])
def test_a_missing_image_is_a_problem(registry: Any, image: str) -> None:
    (problem,) = [each.line() for each in look(registry, image).problems]
    assert problem == f"image {image} does not exist -> push it, or fix the task definition's image"


def test_an_empty_list_of_images_is_a_missing_image(ecr: Any) -> None:
    with Stubber(ecr) as stubber:
        stubber.add_response("describe_images", {"imageDetails": []})
        stubber.add_client_error("describe_pull_through_cache_rules", "AccessDeniedException")
        assert look(ecr, f"{REGISTRY}/app:1").problems


def test_an_image_of_another_account_is_looked_up_there(ecr: Any) -> None:
    wanted = {"registryId": ACCOUNT, "repositoryName": "app", "imageIds": [{"imageTag": "1"}]}
    with Stubber(ecr) as stubber:
        stubber.add_response("describe_images", {"imageDetails": [{"imageDigest": DIGEST}]}, wanted)
        assert look(ecr, f"{REGISTRY}/app:1").checked


@pytest.mark.parametrize(("prefix", "is_pulled"), [("hub", True), ("ROOT", True), ("hu", False)])
def test_an_image_of_a_pull_through_cache_is_not_missing(ecr: Any, prefix: str, is_pulled: bool) -> None:
    rules = {"pullThroughCacheRules": [{"ecrRepositoryPrefix": prefix}]}
    with Stubber(ecr) as stubber:
        stubber.add_client_error("describe_images", "RepositoryNotFoundException")
        stubber.add_response("describe_pull_through_cache_rules", rules, {"registryId": ACCOUNT})
        findings = look(ecr, f"{REGISTRY}/hub/library/nginx:1")
    assert [bool(findings.warnings), bool(findings.problems)] == [is_pulled, not is_pulled]


def test_an_uncheckable_image_is_a_warning_without_a_call(ecr: Any) -> None:
    with Stubber(ecr):
        assert look(ecr, "nginx:1").warnings == [not_checked("image nginx:1 is not in a private registry of ECR")]
        elsewhere = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/app:1"
        assert look(ecr, elsewhere).warnings == [not_checked(f"image {elsewhere} is in us-east-1, not in eu-west-1")]


def test_a_refusal_is_raised(ecr: Any) -> None:
    with Stubber(ecr) as stubber:
        stubber.add_client_error("describe_images", "AccessDeniedException")
        with pytest.raises(ClientError, match="AccessDenied"):
            look(ecr, f"{REGISTRY}/app:1")
