#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: a login to the ECR registry, for Docker's clients."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_login
short_description: Log Docker's clients in to the ECR registry
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Gets a token from ECR, which is valid for twelve hours, and writes it to the configuration of Docker's clients.
  - The token is in that file alone, which only its owner can read. It is in no result, no argument and no log.
    Create the folder for a push, name it by E(DOCKER_CONFIG), and delete it afterwards.
  - The module retries after a throttled call, a lost connection and an error of AWS, eight attempts in all, with
    exponential backoff.
options:
  config_directory:
    description: Folder of the file C(config.json); must exist.
    type: path
    required: true
  registry:
    description: Host that images are pushed to, where it differs from ECR's.
    type: str
  seed_directory:
    description: Folder of the C(config.json) to start from, such as C(~/.docker), which keeps other logins.
    type: path
attributes:
  check_mode:
    description: Can run in C(check_mode) and asks for the token, but writes nothing.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Make a folder for the login
  ansible.builtin.tempfile:
    state: directory
  register: login

- name: Log in
  gantry.ecs.ecr_login:
    config_directory: "{{ login.path }}"

- name: Push
  community.docker.docker_image_push:
    name: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1
  environment:
    DOCKER_CONFIG: "{{ login.path }}"
"""

RETURN = r"""
registry:
  description: Host that Docker's clients are logged in to.
  returned: always
  type: str
  sample: 123456789012.dkr.ecr.eu-west-1.amazonaws.com
expires_at:
  description: When the login ends, ISO 8601.
  returned: always
  type: str
  sample: "2026-01-31T12:00:00+00:00"
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule says so

from pathlib import Path

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import module_clients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.images.login import read_config, with_login, write_config
from ansible_collections.gantry.ecs.plugins.module_utils.images.repository import decode_authorization


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "config_directory": {"type": "path", "required": True},
            "registry": {"type": "str"},
            "seed_directory": {"type": "path"},
        },
        supports_check_mode=True,
    )
    directory, seed = Path(module.params["config_directory"]), module.params["seed_directory"]
    try:
        data = module_clients(module)("ecr").get_authorization_token()["authorizationData"][0]
    except (BotoCoreError, ClientError) as error:
        module.fail_json(
            msg=explain(
                error, "cannot log in to the registry (ecr:GetAuthorizationToken)", region_and_endpoint(module)
            ).line()
        )
    login = decode_authorization(data)
    registry = module.params["registry"] or login["registry"]
    try:
        config = with_login(
            read_config(Path(seed) if seed else directory), registry, login["username"], login["password"]
        )
        if not module.check_mode:
            write_config(directory, config)
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"cannot keep the login to {registry}: {error} -> fix the file, or name another folder")
    module.exit_json(changed=True, registry=registry, expires_at=data["expiresAt"].isoformat())


if __name__ == "__main__":
    main()
