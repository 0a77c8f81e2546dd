# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings of ECR's scans: read from both kinds of scans, awaited, and reported where there is no scan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline
from ansible_collections.gantry.ecs.plugins.module_utils.images.scan import (
    Finding,
    ScanMissingError,
    read_findings,
    refused,
    summary,
)
from botocore.stub import Stubber

DIGEST = "sha256:" + "1" * 64
WANTED = {"repositoryName": "app", "imageId": {"imageDigest": DIGEST}}
OPENSSL = [{"key": "package_name", "value": "openssl"}, {"key": "package_version", "value": "3.0"}]
BASIC = [
    {"name": "CVE-2026-2", "severity": "HIGH", "attributes": OPENSSL},
    {"name": "CVE-2026-1", "severity": "CRITICAL", "attributes": OPENSSL},
]
ENHANCED = [
    {
        "severity": "CRITICAL",
        "status": "ACTIVE",
        "packageVulnerabilityDetails": {"vulnerabilityId": "CVE-2026-3", "vulnerablePackages": [{"name": "libc6"}]},
    },
    {"severity": "CRITICAL", "status": "SUPPRESSED", "title": "not to count"},
]


@pytest.fixture
def ecr() -> Iterator[Stubber]:
    client = boto3.client("ecr", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing-secret")
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def scan(ecr: Stubber, status: str, wanted: dict[str, Any] | None = None, **found: Any) -> None:
    answer = {"imageScanStatus": {"status": status}, "imageScanFindings": found.pop("findings", {})} | found
    ecr.add_response("describe_image_scan_findings", answer, wanted or WANTED)


def read(ecr: Stubber, seconds: float = 60) -> list[Finding]:
    now = [0.0]
    deadline = Deadline(seconds, clock=lambda: now[0], sleep=lambda wait: now.__setitem__(0, now[0] + wait))
    return read_findings(ecr.client, "app", DIGEST, deadline)


def test_a_running_scan_is_awaited_and_all_pages_are_read(ecr: Stubber) -> None:
    ecr.add_client_error("describe_image_scan_findings", "ScanNotFoundException")
    scan(ecr, "IN_PROGRESS")
    scan(ecr, "COMPLETE", findings={"findings": BASIC[:1]}, nextToken="more")
    scan(ecr, "COMPLETE", WANTED | {"nextToken": "more"}, findings={"findings": BASIC[1:]})
    critical, high = Finding("CVE-2026-1", "CRITICAL", "openssl"), Finding("CVE-2026-2", "HIGH", "openssl")
    assert read(ecr) == [critical, high]


def test_inspector_s_findings_count_where_they_are_active(ecr: Stubber) -> None:
    scan(ecr, "ACTIVE", findings={"enhancedFindings": ENHANCED})
    assert read(ecr) == [Finding("CVE-2026-3", "CRITICAL", "libc6")]


def test_an_image_without_a_scan_is_awaited_briefly(ecr: Stubber) -> None:
    for _look in range(5):
        ecr.add_client_error("describe_image_scan_findings", "ScanNotFoundException")
    with pytest.raises(ScanMissingError, match="it was not scanned -> turn scanning on"):
        read(ecr)


@pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE", "FINDINGS_UNAVAILABLE", "SCAN_ELIGIBILITY_EXPIRED"])
def test_a_scan_without_findings_says_why(ecr: Stubber, status: str) -> None:
    scan(ecr, status)
    with pytest.raises(ScanMissingError, match=status):
        read(ecr)


def test_a_scan_is_awaited_up_to_the_timeout(ecr: Stubber) -> None:
    for _look in range(3):
        scan(ecr, "IN_PROGRESS")
    with pytest.raises(ScanMissingError, match="has not ended after 10 s"):
        read(ecr, 10)


@pytest.mark.parametrize(
    ("threshold", "names"),
    [
        ("none", []),
        ("critical", ["c"]),
        ("high", ["c", "h"]),
        ("medium", ["c", "h", "m"]),
        ("low", ["c", "h", "m", "l"]),
    ],
)
def test_a_threshold_refuses_its_severity_and_higher_ones(threshold: str, names: list[str]) -> None:
    severities = {"c": "CRITICAL", "h": "HIGH", "m": "MEDIUM", "l": "LOW", "i": "INFORMATIONAL", "u": "UNDEFINED"}
    findings = [Finding(name, severity, "") for name, severity in severities.items()]
    assert [one.name for one in refused(findings, threshold)] == names


def test_a_line_counts_all_and_names_the_first() -> None:
    findings = [Finding(f"CVE-{number}", "HIGH", "libc6" if number == 1 else "") for number in range(1, 8)]
    assert summary(findings) == "7 HIGH: CVE-1 (libc6), CVE-2, CVE-3, CVE-4, CVE-5 and 2 more"
