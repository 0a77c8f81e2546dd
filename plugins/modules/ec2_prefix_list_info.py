#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: the prefix lists of AWS services."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_prefix_list_info
short_description: Look up the prefix lists of AWS services
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Looks up the ids of the prefix lists that hold a service's addresses in the region. A rule of a security group takes
    them instead of all addresses.
  - A service without a prefix list is an error.
options:
  services:
    description: Services with a gateway endpoint.
    type: list
    elements: str
    choices: [dynamodb, s3]
    default: [dynamodb, s3]
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
- name: Look up where DynamoDB and S3 are
  gantry.ecs.ec2_prefix_list_info:
  register: lists
"""

RETURN = r"""
prefix_list_ids:
  description: The list's id of each service.
  returned: always
  type: dict
  sample: {dynamodb: pl-02cd2c6b, s3: pl-63a5400a}
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule says so

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import module_clients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.resources.prefix_lists import (
    PrefixListError,
    find_prefix_lists,
)

SERVICES = ["dynamodb", "s3"]
WHAT = "cannot look up AWS's prefix lists (ec2:DescribeManagedPrefixLists)"


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "services": {"type": "list", "elements": "str", "choices": SERVICES, "default": SERVICES},
        },
        supports_check_mode=True,
    )
    try:
        found = find_prefix_lists(module_clients(module)("ec2"), module.params["services"])
    except PrefixListError as error:
        module.fail_json(msg=error.problems[0].within(f"{WHAT} ({region_and_endpoint(module)})").line())
    except (BotoCoreError, ClientError) as error:
        module.fail_json(msg=explain(error, WHAT, region_and_endpoint(module)).line())
    module.exit_json(changed=False, prefix_list_ids=found)


if __name__ == "__main__":
    main()
