# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that check an image: refusals, warnings, and what is reported as not checked."""

from __future__ import annotations

import hashlib
import json
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.ecs.plugins.modules import ecr_image_origin_info, ecr_image_scan_info

ACCESS = {"region": "eu-west-1", "access_key": "testing-key", "secret_key": "testing-secret"}
MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"
EMPTY = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "sha256:" + "4" * 64, "size": 2}
NOT_AUTHORIZED = "not authorized to perform: ecr:DescribeImageScanFindings"
LABELS = {"io.ddbload.content.sha256": "9d", "org.opencontainers.image.version": "1"}


class Registry:
    """Responds instead of ECR: with the pushed manifest, and with the scan that a test sets."""

    def __init__(self) -> None:
        self.manifest = ""
        self.scan: dict[str, Any] | None = None

    def push(self, **changes: Any) -> str:
        """Keep a manifest; returns its digest."""
        manifest = {"schemaVersion": 2, "mediaType": MEDIA_TYPE, "config": EMPTY, "layers": [], "annotations": LABELS}
        self.manifest = json.dumps(manifest | changes)
        return f"sha256:{hashlib.sha256(self.manifest.encode()).hexdigest()}"

    def answer(self, model: Any, **_call: Any) -> tuple[Any, dict[str, Any]]:
        """Respond to a call of the SDK."""
        if model.name == "BatchGetImage":
            return SimpleNamespace(status_code=200), {"images": [{"imageManifest": self.manifest}]}
        if model.name == "GetDownloadUrlForLayer":
            # Nothing listens on the discard port.
            return SimpleNamespace(status_code=200), {"downloadUrl": "http://127.0.0.1:9/?X-Amz-Credential=hidden"}
        assert model.name == "DescribeImageScanFindings"
        if self.scan is None:
            return SimpleNamespace(status_code=400), {
                "Error": {"Code": "AccessDeniedException", "Message": NOT_AUTHORIZED}
            }
        return SimpleNamespace(status_code=200), self.scan


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    client = boto3.client("ecr", "eu-west-1", aws_access_key_id="testing-key", aws_secret_access_key="testing-secret")
    made = Registry()
    client.meta.events.register("before-call.ecr.*", made.answer)
    for module in (ecr_image_origin_info, ecr_image_scan_info):
        monkeypatch.setattr(module, "module_clients", lambda _module: lambda _service: client)
    return made


def run(module: ModuleType, capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    with patch_module_args(ACCESS | {"repository_name": "shop"} | options), pytest.raises(SystemExit):
        module.main()
    return dict(json.loads(capsys.readouterr().out))


def test_the_image_of_this_source_is_accepted(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    digest = registry.push()
    result = run(ecr_image_origin_info, capsys, image_digest=digest, image_tags=["1"], content_sha256="9d")
    assert (result["problem"], result["checked"]) == ("", ["its labels name this source"])


def test_a_foreign_image_is_reported_with_a_remedy(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    digest = registry.push(annotations={"note": "evil"})
    result = run(ecr_image_origin_info, capsys, image_digest=digest, image_tags=["1"], content_sha256="9d")
    assert result["problem"].startswith(f"image shop:1 ({digest}) is not trusted: it has no label")
    assert "\n" not in result["problem"]


def test_an_unreadable_image_is_refused(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + "5" * 64, "size": 2}
    digest = registry.push(config=config)
    result = run(ecr_image_origin_info, capsys, image_digest=digest, image_tags=["1"], content_sha256="9d")
    assert result["failed"]
    assert "hidden" not in result["msg"]
    assert "its configuration cannot be fetched" in result["msg"]
    assert " -> check the network and proxy" in result["msg"]


def test_a_scan_s_findings_are_refused_or_warned_of(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    digest = registry.push()
    finding = {"name": "CVE-2026-1", "severity": "HIGH"}
    registry.scan = {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {"findings": [finding]}}
    warned = run(ecr_image_scan_info, capsys, image_digest=digest)
    assert (warned["problem"], warned["not_checked"]) == ("", "")
    assert f"image shop@{digest} has findings of ECR's scan: 1 HIGH: CVE-2026-1" in str(warned["warnings"])
    refused = run(ecr_image_scan_info, capsys, image_digest=digest, refused_severity="high")
    assert "has findings that are refused from high on: 1 HIGH: CVE-2026-1 -> " in refused["problem"]
    assert refused["problem"].endswith("-e build_push_refused_severity=none")


def test_unreadable_findings_are_reported(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    digest = registry.push()
    result = run(ecr_image_scan_info, capsys, image_digest=digest, refused_severity="critical", timeout=0)
    assert result["problem"] == ""
    assert result["not_checked"].startswith(f"not checked: scan findings of image shop@{digest}")
    assert "AccessDeniedException" in result["not_checked"]
    assert "not checked: " in str(result["warnings"])


def test_a_scan_that_does_not_end_is_reported(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    registry.scan = {"imageScanStatus": {"status": "IN_PROGRESS"}}
    result = run(ecr_image_scan_info, capsys, image_digest=registry.push(), timeout=0)
    assert "the scan has not ended after 0 s (IN_PROGRESS)" in result["not_checked"]
