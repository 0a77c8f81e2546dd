# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.images import repository
from botocore.exceptions import ClientError
from moto import mock_aws

MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "sha256:" + "4" * 64, "size": 2}


def manifest(note: str) -> str:
    return json.dumps(
        {"schemaVersion": 2, "mediaType": MEDIA_TYPE, "config": CONFIG, "layers": [], "annotations": {"note": note}}
    )


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        client = boto3.client(
            "ecr", "eu-west-1", aws_access_key_id="testing-key", aws_secret_access_key="testing-secret"
        )
        client.create_repository(repositoryName="moving", imageTagMutability="MUTABLE")
        client.create_repository(repositoryName="fixed", imageTagMutability="IMMUTABLE")
        yield client


def test_no_image(client: Any) -> None:
    assert repository.find_images(client, "fixed") == []
    assert repository.find_images(client, "fixed", "1") == []
    assert repository.read_manifest(client, "fixed", "1") is None


def test_put_and_find(client: Any) -> None:
    digest = repository.put_manifest(client, "fixed", "1", manifest("a"), MEDIA_TYPE)
    other = repository.put_manifest(client, "fixed", "2", manifest("b"), MEDIA_TYPE)
    (image,) = repository.find_images(client, "fixed", "1")
    assert image["image_digest"] == digest
    assert image["image_tags"] == ["1"]
    assert image["image_pushed_at"].startswith("20") and "T" in image["image_pushed_at"]
    assert isinstance(image["image_size_in_bytes"], int)
    assert {image["image_digest"] for image in repository.find_images(client, "fixed")} == {digest, other}
    known = repository.read_manifest(client, "fixed", "1")
    assert known and known.digest == digest
    assert json.loads(known.text)["annotations"] == {"note": "a"}


def test_missing_repository_is_an_error(client: Any) -> None:
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        repository.find_images(client, "none", "1")
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        repository.read_manifest(client, "none", "1")


def test_mutable_tags_are_reported(client: Any) -> None:
    assert not repository.has_immutable_tags(client, "moving")
    assert repository.has_immutable_tags(client, "fixed")


def test_an_authorization_token_is_parsed() -> None:
    token = base64.b64encode(b"AWS:pass:word").decode()
    data = {"authorizationToken": token, "proxyEndpoint": "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"}
    assert repository.decode_authorization(data) == {
        "registry": "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "username": "AWS",
        "password": "pass:word",
    }
