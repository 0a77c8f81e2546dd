#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: images of an ECR repository."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_image_info
short_description: List the images of an ECR repository
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Lists the images of a repository, or looks for one tag.
  - A tag that is not there gives an empty list; a repository that is not there is an error.
options:
  repository_name:
    description: Name of the repository.
    type: str
    required: true
  image_tag:
    description: Only the image with this tag.
    type: str
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
- name: Check whether the image exists
  gantry.ecs.ecr_image_info:
    repository_name: ddbload-dev
    image_tag: 0.1.0-3f786850e387550f
  register: found
"""

RETURN = r"""
images:
  description: The images that were found.
  returned: always
  type: list
  elements: dict
  contains:
    image_digest:
      description: Digest of the image's manifest.
      type: str
      sample: sha256:3f786850e387550fdab836ed7e6dc881de23001b9bb3c93d2f8d5ecf0c3a4a71
    image_tags:
      description: Tags of the image.
      type: list
      elements: str
      sample: [0.1.0-3f786850e387550f]
    image_pushed_at:
      description: When it was pushed, ISO 8601.
      type: str
      sample: "2026-01-31T12:00:00+00:00"
    image_size_in_bytes:
      description: Compressed size in the registry.
      type: int
      sample: 31457280
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule says so

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import module_clients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code, explain
from ansible_collections.gantry.ecs.plugins.module_utils.images.repository import find_images


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={"repository_name": {"type": "str", "required": True}, "image_tag": {"type": "str"}},
        supports_check_mode=True,
    )
    repository = module.params["repository_name"]
    try:
        images = find_images(module_clients(module)("ecr"), repository, module.params["image_tag"])
    except (BotoCoreError, ClientError) as error:
        what = f"cannot list the images of repository {repository} (ecr:DescribeImages)"
        if error_code(error) == "RepositoryNotFoundException":
            module.fail_json(
                msg=f"{what}: it does not exist ({region_and_endpoint(module)}) -> deploy the registry's stack first"
            )
        module.fail_json(msg=explain(error, what, region_and_endpoint(module)).line())
    module.exit_json(changed=False, images=images)


if __name__ == "__main__":
    main()
