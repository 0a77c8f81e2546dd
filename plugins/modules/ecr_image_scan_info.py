#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: what ECR's scans found in an image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_image_scan_info
short_description: Report what ECR's scans found in an image
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Reads the findings of basic or enhanced scanning, and waits for a scan that is under way.
  - RV(not_checked) and a warning report an image that is not scanned, or whose findings the credentials may not read.
    It is no failure.
  - Nothing is changed.
options:
  repository_name:
    description: Name of the repository.
    type: str
    required: true
  image_digest:
    description: Digest of the image's manifest, or of its index, of which each platform's scan is read.
    type: str
    required: true
  refused_severity:
    description: The lowest severity that RV(problem) reports; V(none) for none.
    type: str
    choices: [none, low, medium, high, critical]
    default: none
  timeout:
    description: Seconds to wait for a scan.
    type: int
    default: 120
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would return otherwise.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Read what the scan found
  gantry.ecs.ecr_image_scan_info:
    repository_name: ddbload-dev
    image_digest: sha256:3f786850e387550fdab836ed7e6dc881de23001b9bb3c93d2f8d5ecf0c3a4a71
    refused_severity: critical
  register: scan
"""

RETURN = r"""
problem:
  description: The findings of the refused severity or above, with the way out, on one line; empty where there are none.
  returned: always
  type: str
  sample: ""
not_checked:
  description: Why there are no findings to read; empty where there are.
  returned: always
  type: str
  sample: ""
findings:
  description: What was found, gravest first.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Most often a CVE.
      type: str
      sample: CVE-2026-12345
    severity:
      description: Severity as ECR reports it.
      type: str
      sample: HIGH
    package:
      description: The package that has it; empty where the scan names none.
      type: str
      sample: openssl
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule says so

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import module_clients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.credentials import CredentialsError
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline
from ansible_collections.gantry.ecs.plugins.module_utils.images.manifests import ImageContentError, platform_digests
from ansible_collections.gantry.ecs.plugins.module_utils.images.scan import (
    Finding,
    ScanMissingError,
    read_findings,
    refused,
    summary,
)

GRAVE = "high"  # the least severity that is a warning


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "repository_name": {"type": "str", "required": True},
            "image_digest": {"type": "str", "required": True},
            "refused_severity": {
                "type": "str",
                "choices": ["none", "low", "medium", "high", "critical"],
                "default": "none",
            },
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    repository, digest = module.params["repository_name"], module.params["image_digest"]
    image = f"image {repository}@{digest}"
    findings: list[Finding] = []
    not_checked, what = "", f"not checked: scan findings of {image}"
    try:
        client = module_clients(module)("ecr")
        deadline = Deadline(module.params["timeout"])
        for one in platform_digests(client, repository, digest):
            findings += read_findings(client, repository, one, deadline)
    except (ImageContentError, ScanMissingError) as error:
        not_checked = f"{what}: {error}"
    except CredentialsError as error:
        module.fail_json(msg=explain(error, f"cannot look at the scan of {image}", region_and_endpoint(module)).line())
    except (BotoCoreError, ClientError) as error:
        not_checked = explain(error, f"{what} (ecr:DescribeImageScanFindings)", region_and_endpoint(module)).line()
    problem = ""
    if refusing := refused(findings, module.params["refused_severity"]):
        problem = (
            f"{image} has findings that are refused from {module.params['refused_severity']} on: {summary(refusing)} "
            "-> update the packages (docs/image.md), or accept the findings: -e build_push_refused_severity=none"
        )
    elif grave := refused(findings, GRAVE):
        module.warn(f"{image} has findings of ECR's scan: {summary(grave)}")
    if not_checked:
        module.warn(not_checked)
    module.exit_json(
        changed=False, problem=problem, not_checked=not_checked, findings=[one._asdict() for one in findings]
    )


if __name__ == "__main__":
    main()
