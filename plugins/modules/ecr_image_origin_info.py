#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: whether an image of ECR is the one that was built."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_image_origin_info
short_description: Check whether an image in ECR is the one that was built
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Compares an image in an ECR repository with the image that was built, so that no other one is deployed.
  - Its labels are always compared. A principal that may push may write labels, so this finds only mistakes. O(built),
    O(signing_profile_arn) and O(task_family) prove more.
  - Nothing is changed. RV(problem) reports a mismatch, which is no failure of the module. The module fails where it
    cannot read the image.
options:
  repository_name:
    description: Name of the repository.
    type: str
    required: true
  image_digest:
    description: Digest of the image's manifest, or of its index.
    type: str
    required: true
  image_tags:
    description: Tags of the image; its label C(org.opencontainers.image.version) has to name one of them.
    type: list
    elements: str
    required: true
  content_sha256:
    description: Digest of the source, which the image's label C(io.ddbload.content.sha256) has to have.
    type: str
  built:
    description:
      - What the container engine says of the image as it was built again here, one for each platform.
      - The layers and how a container runs have to be the same.
    type: list
    elements: dict
    default: []
  signing_profile_arn:
    description: Profile of AWS Signer by which ECR has to have signed the image.
    type: str
  task_family:
    description: Family of task definitions of which a revision has to name the image, so that it was deployed before.
    type: str
  timeout:
    description: Seconds to wait for a signature that is being made.
    type: int
    default: 60
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
- name: Check whether the image was built from this source
  gantry.ecs.ecr_image_origin_info:
    repository_name: ddbload-dev
    image_digest: sha256:3f786850e387550fdab836ed7e6dc881de23001b9bb3c93d2f8d5ecf0c3a4a71
    image_tags: [0.1.0-3f786850e387550f]
    content_sha256: 9d6c0b1c7f0d8a9b1c1d2e3f405162738495a6b7c8d9eafb0c1d2e3f40516273
  register: origin
"""

RETURN = r"""
problem:
  description: What does not fit, with the way out, on one line; empty where all does.
  returned: always
  type: str
  sample: ""
checked:
  description: What fits, a line each.
  returned: always
  type: list
  elements: str
  sample: ["labels: io.ddbload.content.sha256 is this source's"]
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule says so

import os
from typing import Any

from ansible.module_utils.urls import open_url
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import module_clients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.images.manifests import (
    FetchError,
    ImageContentError,
    read_contents,
)
from ansible_collections.gantry.ecs.plugins.module_utils.images.origin import Wanted, check_origin

FETCHES_WITHIN = 30  # seconds


def fetch(address: str, limit: int) -> bytes:
    """Read an address, with the certificate authorities that the SDK would take."""
    try:
        answer = open_url(address, timeout=FETCHES_WITHIN, ca_path=os.environ.get("AWS_CA_BUNDLE") or None)
        return bytes(answer.read(limit))
    except Exception as error:  # of urllib's, of ssl's, of Ansible's own; their texts may have the address
        raise FetchError(type(error).__name__) from None


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "repository_name": {"type": "str", "required": True},
            "image_digest": {"type": "str", "required": True},
            "image_tags": {"type": "list", "elements": "str", "required": True},
            "content_sha256": {"type": "str"},
            "built": {"type": "list", "elements": "dict", "default": []},
            "signing_profile_arn": {"type": "str"},
            "task_family": {"type": "str"},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params: dict[str, Any] = module.params
    repository, digest = params["repository_name"], params["image_digest"]
    image = f"image {repository}:{params['image_tags'][0] if params['image_tags'] else ''} ({digest})"
    wanted = Wanted(
        repository=repository,
        digest=digest,
        tags=params["image_tags"],
        sha256=params["content_sha256"] or None,
        built=params["built"],
        signing_profile_arn=params["signing_profile_arn"] or "",
        task_family=params["task_family"] or "",
        region=str(module.region),
    )
    clients = module_clients(module)
    try:
        contents = read_contents(clients("ecr"), repository, digest, fetch)
        origin = check_origin(clients, wanted, contents, params["timeout"])
    except (BotoCoreError, ClientError) as error:
        what = f"cannot check {image} (ecr:BatchGetImage, ecr:GetDownloadUrlForLayer"
        what += ", ecr:DescribeImageSigningStatus" if wanted.signing_profile_arn else ""
        what += ", ecs:ListTaskDefinitions, ecs:DescribeTaskDefinition" if wanted.task_family else ""
        module.fail_json(msg=explain(error, what + ")", region_and_endpoint(module)).line())
    except ImageContentError as error:
        problem = error.problems[0].within(f"cannot check {image}")
        module.fail_json(msg=problem._replace(remedy="delete it, and deploy again").line())
    except FetchError as error:
        module.fail_json(
            msg=f"cannot check {image}: its configuration cannot be fetched ({error}, {region_and_endpoint(module)}) "
            "-> check the network and proxy: ECR keeps it in S3"
        )
    module.exit_json(changed=False, problem=origin.problem.line() if origin.problem else "", checked=origin.checked)


if __name__ == "__main__":
    main()
