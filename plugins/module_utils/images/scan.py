# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ECR's scans found in an image, and whether it may be deployed for all that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline, WaitTimeoutError
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

# Gravest first. UNTRIAGED is Inspector's UNDEFINED:
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED", "UNTRIAGED")
DONE, UNDER_WAY = ("COMPLETE", "ACTIVE"), ("IN_PROGRESS", "PENDING")
PAUSE = 5.0  # seconds between two looks
# A scan is begun by a push, and a moment later there is word of it.
BEGINS_WITHIN = 20.0  # seconds
SHOWN = 5  # findings named in a line


class Finding(NamedTuple):
    """A fault that a scan found: its name (most often a CVE), its severity, and the package that has it."""

    name: str
    severity: str
    package: str


class ScanMissingError(ProblemError):
    """There are no findings to read."""


def read_findings(client: Any, repository_name: str, digest: str, deadline: Deadline) -> list[Finding]:
    """Read what a scan found, gravest first; waits for one that is under way.

    Args:
        client: a boto3 ECR client.
        repository_name: the repository.
        digest: of a manifest; an index is never scanned.
        deadline: how long a scan is waited for.

    Raises:
        ScanMissingError: the image was not scanned, cannot be, or the scan takes too long.
        botocore.exceptions.BotoCoreError, ClientError: ECR refused, or was out of reach. See
            https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
    """
    wanted = {"repositoryName": repository_name, "imageId": {"imageDigest": digest}}
    while True:
        try:
            answer = client.describe_image_scan_findings(**wanted)
            status = answer.get("imageScanStatus", {})
        except client.exceptions.ScanNotFoundException:
            if deadline.elapsed >= BEGINS_WITHIN:
                raise ScanMissingError(
                    Problem("scan", "it was not scanned", "turn scanning on for the registry")
                ) from None
            status = {"status": "PENDING", "description": "no scan has begun"}
        if status.get("status") in DONE:
            return _gravest_first(_findings(client, wanted, answer))
        described = str(status.get("status")) + (f", {status['description']}" if status.get("description") else "")
        if status.get("status") not in UNDER_WAY:
            raise ScanMissingError(Problem("scan", f"the scan gives no findings ({described})"))
        try:
            deadline.pause(PAUSE)
        except WaitTimeoutError:
            what = f"the scan has not ended after {deadline.elapsed:.0f} s ({described})"
            raise ScanMissingError(Problem("scan", what)) from None


def refused(findings: Iterable[Finding], threshold: str) -> list[Finding]:
    """Return the findings for which a deploy is refused.

    Args:
        findings: what was found.
        threshold: the least severity that is refused, in lower case; ``none`` refuses nothing.
    """
    if threshold == "none":
        return []
    refusing = SEVERITIES[: SEVERITIES.index(threshold.upper()) + 1]
    return [one for one in findings if one.severity in refusing]


def summary(findings: Sequence[Finding]) -> str:
    """Say in one line how many findings there are of each severity, and name the first."""
    counts = Counter(one.severity for one in findings)
    counted = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])
    named = ", ".join(f"{one.name} ({one.package})" if one.package else one.name for one in findings[:SHOWN])
    more = len(findings) - SHOWN
    return f"{counted}: {named}" + (f" and {more} more" if more > 0 else "")


def _findings(client: Any, wanted: Mapping[str, Any], first: Mapping[str, Any]) -> Iterable[Finding]:
    page = first
    while True:
        found = page.get("imageScanFindings", {})
        yield from map(_basic, found.get("findings", []))
        # Inspector keeps fixed and suppressed findings.
        yield from (
            _enhanced(one) for one in found.get("enhancedFindings", []) if one.get("status", "ACTIVE") == "ACTIVE"
        )
        if not page.get("nextToken"):
            return
        page = client.describe_image_scan_findings(**wanted, nextToken=page["nextToken"])


def _basic(finding: Mapping[str, Any]) -> Finding:
    attributes = {one.get("key"): str(one.get("value", "")) for one in finding.get("attributes", [])}
    return Finding(
        str(finding.get("name", "unnamed")),
        str(finding.get("severity", "UNDEFINED")),
        attributes.get("package_name", ""),
    )


def _enhanced(finding: Mapping[str, Any]) -> Finding:
    details = finding.get("packageVulnerabilityDetails", {})
    packages = [str(one.get("name", "")) for one in details.get("vulnerablePackages", [])]
    name = details.get("vulnerabilityId") or finding.get("title") or "unnamed"
    return Finding(str(name), str(finding.get("severity", "UNDEFINED")), next(iter(packages), ""))


def _gravest_first(findings: Iterable[Finding]) -> list[Finding]:
    rank = {severity: index for index, severity in enumerate(SEVERITIES)}
    return sorted(set(findings), key=lambda one: (rank.get(one.severity, len(rank)), one.name, one.package))
