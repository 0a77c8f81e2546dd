# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of an image before it runs: its content, its signature, the earlier revisions; with stubbed responses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline
from ansible_collections.gantry.ecs.plugins.module_utils.images.deployed import was_deployed
from ansible_collections.gantry.ecs.plugins.module_utils.images.manifests import (
    INDEXES,
    MANIFESTS,
    ImageContentError,
    platform_digests,
    read_contents,
)
from ansible_collections.gantry.ecs.plugins.module_utils.images.origin import Wanted, check_origin
from ansible_collections.gantry.ecs.plugins.module_utils.images.signature import signature_problem
from botocore.stub import Stubber

PROFILE = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/ddbload"
OTHER = PROFILE.replace("ddbload", "stranger")
FAMILY = "ddbload-dev"
REVISION = f"arn:aws:ecs:eu-west-1:123456789012:task-definition/{FAMILY}"
CONFIG = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["sha256:" + "1" * 64]}})


def digest_of(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


MANIFEST = json.dumps(
    {"mediaType": MANIFESTS[0], "config": {"mediaType": "x", "digest": digest_of(CONFIG)}, "layers": []}
)
INDEX = json.dumps(
    {
        "mediaType": INDEXES[0],
        "manifests": [
            {"digest": digest_of(MANIFEST), "platform": {"os": "linux", "architecture": "amd64"}},
            {"digest": "sha256:" + "a" * 64, "platform": {"os": "unknown", "architecture": "unknown"}},
        ],
    }
)


def stubbed(service: str) -> Iterator[Stubber]:
    client = boto3.client(service, "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing-secret")
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def ecr() -> Iterator[Stubber]:
    yield from stubbed("ecr")


@pytest.fixture
def ecs() -> Iterator[Stubber]:
    yield from stubbed("ecs")


def gives(ecr: Stubber, *manifests: str, asked: str = "") -> None:
    for text in manifests:
        digest = asked or digest_of(text)
        ecr.add_response(
            "batch_get_image",
            {"images": [{"imageManifest": text, "imageId": {"imageDigest": digest}}]},
            {
                "repositoryName": "app",
                "imageIds": [{"imageDigest": digest}],
                "acceptedMediaTypes": [*INDEXES, *MANIFESTS],
            },
        )


def fetched(addresses: list[str]) -> Any:
    def fetch(address: str, limit: int) -> bytes:
        addresses.append(address)
        return CONFIG.encode()[:limit]

    return fetch


def names_its_configuration(ecr: Stubber) -> None:
    wanted = {"repositoryName": "app", "layerDigest": digest_of(CONFIG)}
    ecr.add_response("get_download_url_for_layer", {"downloadUrl": "https://signed.invalid/?X-Amz-Signature=s"}, wanted)


def test_the_configuration_comes_from_where_ecr_says(ecr: Stubber) -> None:
    gives(ecr, MANIFEST)
    names_its_configuration(ecr)
    asked: list[str] = []
    (content,) = read_contents(ecr.client, "app", digest_of(MANIFEST), fetched(asked))
    assert (content.platform, content.layers) == ("linux/amd64", ("sha256:" + "1" * 64,))
    assert asked == ["https://signed.invalid/?X-Amz-Signature=s"]


def test_every_platform_of_an_index_is_read(ecr: Stubber) -> None:
    gives(ecr, INDEX, MANIFEST)
    names_its_configuration(ecr)
    (content,) = read_contents(ecr.client, "app", digest_of(INDEX), fetched([]))
    assert content.platform == "linux/amd64"
    gives(ecr, INDEX, MANIFEST)
    assert platform_digests(ecr.client, "app", digest_of(INDEX)) == [digest_of(MANIFEST)]


def test_a_configuration_with_another_digest_is_refused(ecr: Stubber) -> None:
    gives(ecr, MANIFEST.replace("layers", "players"), asked=digest_of(MANIFEST))
    with pytest.raises(ImageContentError, match="has another digest"):
        platform_digests(ecr.client, "app", digest_of(MANIFEST))
    gives(ecr, MANIFEST)
    names_its_configuration(ecr)
    with pytest.raises(ImageContentError, match=digest_of(CONFIG)):
        read_contents(ecr.client, "app", digest_of(MANIFEST), lambda _address, _limit: b"{}")


def signing(ecr: Stubber, *statuses: dict[str, str]) -> str:
    """Return the problem with a signature that has these statuses, one for each request."""
    for status in statuses:
        ecr.add_response(
            "describe_image_signing_status",
            {"signingStatuses": [{"signingProfileArn": PROFILE} | status]},
            {"repositoryName": "app", "imageId": {"imageDigest": digest_of(MANIFEST)}},
        )
    now = [0.0]
    deadline = Deadline(3, clock=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    problem = signature_problem(ecr.client, "app", digest_of(MANIFEST), PROFILE, deadline)
    return problem.what if problem else ""


def test_a_complete_signature_of_the_profile_counts(ecr: Stubber) -> None:
    assert signing(ecr, {"status": "IN_PROGRESS"}, {"status": "COMPLETE"}) == ""


def test_a_signature_that_failed_or_takes_long_does_not_count(ecr: Stubber) -> None:
    failed = {"status": "FAILED", "failureCode": "AccessDenied", "failureReason": "no signer:SignPayload"}
    assert signing(ecr, failed) == f"its signing by {PROFILE} has failed: no signer:SignPayload"
    assert "has not ended after 3 s" in signing(ecr, *[{"status": "IN_PROGRESS"}] * 3)


def test_a_signature_of_another_profile_does_not_count(ecr: Stubber) -> None:
    said = signing(ecr, {"status": "COMPLETE", "signingProfileArn": OTHER})
    assert said == f"it is not signed by {PROFILE}, but by {OTHER}"


def revisions(ecs: Stubber, status: str, **images: str) -> None:
    arns = [f"{REVISION}:{number[1:]}" for number in images]
    ecs.add_response(
        "list_task_definitions",
        {"taskDefinitionArns": [*arns, f"{REVISION}-two:1"]},
        {"familyPrefix": FAMILY, "status": status, "sort": "DESC", "maxResults": 100},
    )
    for arn, image in zip(arns, images.values(), strict=True):
        ecs.add_response(
            "describe_task_definition",
            {"taskDefinition": {"containerDefinitions": [{"name": "ddbload", "image": image}]}},
            {"taskDefinition": arn},
        )


def test_a_replaced_revision_records_the_image_that_ran(ecs: Stubber) -> None:
    revisions(ecs, "ACTIVE", r3=f"app@{digest_of('new')}")
    revisions(ecs, "INACTIVE", r2="app:by-tag", r1=f"app@{digest_of('old')}")
    assert was_deployed(ecs.client, FAMILY, digest_of("old"))


def test_another_family_s_revisions_record_nothing(ecs: Stubber) -> None:
    revisions(ecs, "ACTIVE")
    revisions(ecs, "INACTIVE")
    assert not was_deployed(ecs.client, FAMILY, digest_of("old"))


def test_a_mismatch_is_one_line_with_the_commands_that_help() -> None:
    wanted = Wanted("app", digest_of(MANIFEST), ["0.1.0-3f2a"], "9d", [], "", "", "eu-west-1")
    origin = check_origin(lambda service: pytest.fail(f"{service} is asked"), wanted, [], 0)
    image = f"image app:0.1.0-3f2a ({digest_of(MANIFEST)})"
    assert origin.problem
    assert origin.problem.what == f"{image} is not trusted: it is an index of no image"
    assert origin.problem.remedy == (
        "see who pushed it: aws cloudtrail lookup-events --lookup-attributes "
        "AttributeKey=EventName,AttributeValue=PutImage --region eu-west-1; then delete it: aws ecr "
        "batch-delete-image --repository-name app --image-ids imageTag=0.1.0-3f2a --region eu-west-1"
    )
