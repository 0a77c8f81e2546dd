#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: service-linked roles."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_service_linked_role
short_description: Create the service-linked role of an AWS service
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Creates the role that an AWS service uses in the account, if the account has none.
  - It never removes one, since everything in the account that uses the service needs it.
  - "It needs as permissions C(iam:ListRoles) and C(iam:CreateServiceLinkedRole)."
options:
  service:
    description: The service, such as C(ecs.amazonaws.com).
    type: str
    required: true
attributes:
  check_mode:
    description: Can run in C(check_mode) and report what it would change.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Let ECS work in a fresh account
  gantry.ecs.iam_service_linked_role:
    service: ecs.amazonaws.com
"""

RETURN = r"""
role_name:
  description: Name of the role; empty in check mode where there is none yet.
  returned: always
  type: str
  sample: AWSServiceRoleForECS
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule says so

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import module_clients
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.resources.service_linked_role import create_role, find_role


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={"service": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    service = module.params["service"]
    try:
        client = module_clients(module)("iam")
        role = find_role(client, service)
        is_missing = not role
        if is_missing and not module.check_mode:
            role = create_role(client, service)
    except (BotoCoreError, ClientError) as error:
        module.fail_json(msg=explain(error, f"cannot make the service-linked role of {service}", "IAM").line())
    module.exit_json(changed=is_missing, role_name=role)


if __name__ == "__main__":
    main()
