# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of a repository, and the message of a refusal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.ecs.plugins.modules import ecr_image_info
from moto import mock_aws

ACCESS = {"region": "eu-west-1", "access_key": "testing-key", "secret_key": "testing-secret"}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


def run(capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    with patch_module_args(ACCESS | options), pytest.raises(SystemExit):
        ecr_image_info.main()
    return dict(json.loads(capsys.readouterr().out))


def test_a_missing_tag_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    access = {"aws_access_key_id": "testing-key", "aws_secret_access_key": "testing-secret"}
    boto3.client("ecr", "eu-west-1", **access).create_repository(repositoryName="shop")
    assert run(capsys, repository_name="shop", image_tag="1")["images"] == []


def test_missing_repository_is_reported_with_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    """A repository that does not exist is reported on one line with a remedy."""
    result = run(capsys, repository_name="shop", image_tag="1")
    assert result["failed"]
    assert result["msg"].startswith("cannot list the images of repository shop (ecr:DescribeImages)")
    assert result["msg"].endswith("-> deploy the registry's stack first")
    assert "\n" not in result["msg"]
