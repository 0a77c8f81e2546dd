#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: an image of an ECR repository, by its manifest."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_image
short_description: Put an image's manifest under a tag of an ECR repository
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Puts a manifest under a tag, as C(docker push) does last of all. Layers that it names have to be in the repository.
  - A tag that has this manifest already is left alone. A tag that has another one is moved where the repository lets
    tags move, and fails where its tags are immutable.
options:
  repository_name:
    description: Name of the repository.
    type: str
    required: true
  image_tag:
    description: The tag.
    type: str
    required: true
  image_manifest:
    description: The manifest, as JSON text with a C(mediaType).
    type: str
    required: true
attributes:
  check_mode:
    description: Can run in C(check_mode) and report what it would do.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Give a released image a second name
  gantry.ecs.ecr_image:
    repository_name: ddbload-dev
    image_tag: released
    image_manifest: "{{ lookup('ansible.builtin.file', 'manifest.json') }}"
"""

RETURN = r"""
image_digest:
  description: Digest of the manifest; empty in check mode where the tag does not have it yet.
  returned: always
  type: str
  sample: sha256:3f786850e387550fdab836ed7e6dc881de23001b9bb3c93d2f8d5ecf0c3a4a71
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule says so

import json

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import module_clients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.images.repository import (
    has_immutable_tags,
    put_manifest,
    read_manifest,
)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "repository_name": {"type": "str", "required": True},
            "image_tag": {"type": "str", "required": True},
            # Text, where Ansible would make a dict of what looks like JSON.
            "image_manifest": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    repository, tag, manifest = (module.params[name] for name in ("repository_name", "image_tag", "image_manifest"))
    try:
        wanted = json.loads(manifest)
        media_type = str(wanted["mediaType"])
    except (ValueError, KeyError, TypeError) as error:
        module.fail_json(msg=f"image_manifest is not the JSON text of a manifest with a mediaType: {error!r}")
    try:
        client = module_clients(module)("ecr")
        known = read_manifest(client, repository, tag)
        if known and json.loads(known.text) == wanted:
            module.exit_json(changed=False, image_digest=known.digest)
        if known and has_immutable_tags(client, repository):
            module.fail_json(
                msg=f"{repository}:{tag} is another image ({known.digest}) and the repository's tags are immutable: "
                "take a new tag"
            )
        digest = "" if module.check_mode else put_manifest(client, repository, tag, manifest, media_type)
    except (BotoCoreError, ClientError) as error:
        module.fail_json(
            msg=explain(error, f"cannot put {repository}:{tag} (ecr:PutImage)", region_and_endpoint(module)).line()
        )
    module.exit_json(changed=True, image_digest=digest)


if __name__ == "__main__":
    main()
