#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: what is wrong before a deploy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: What is wrong before a deploy, all of it at once
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Looks at everything that a deploy needs and changes nothing.
    Credentials and whose they are, the account, the region and its zones, service-linked roles, quotas, names,
    address ranges, an existing VPC, an existing table, the image.
  - It stops at nothing and does not fail.
    What is wrong stands in RV(problems), one line each that says what, where and how to mend it.
  - What the caller may not look at is a warning that begins with C(not checked).
  - "It needs as permissions, as far as each is checked: C(ec2:DescribeRegions), C(ec2:DescribeAvailabilityZones),
    C(ec2:DescribeVpcs), C(ec2:DescribeAddresses), C(ec2:DescribeInternetGateways), C(iam:ListRoles),
    C(servicequotas:GetServiceQuota), C(servicequotas:GetAWSDefaultServiceQuota), C(cloudwatch:GetMetricStatistics),
    C(ecr:DescribeImages); for an existing VPC C(ec2:DescribeSubnets), C(ec2:DescribeRouteTables) and
    C(ec2:DescribeVpcAttribute); for an existing table C(cloudformation:DescribeStacks), C(dynamodb:DescribeTable) and
    C(dynamodb:ListTagsOfResource)."
  - A table that no stack of the environment made looks like somebody's where another stack made it, its tag
    C(Environment), C(env), C(stage) or C(Project) names another, its deletion protection or its stream is on, or it has
    replicas. That is a problem, and so is a table that the caller may not look at, unless O(confirmed_table) names it.
options:
  project:
    description: Name of the project, which begins every name.
    type: str
    required: true
  environment:
    description: Name of the environment.
    type: str
    required: true
  allowed_accounts:
    description: Ids of the accounts that the environment may use; none allows any that is not in O(reserved_accounts).
    type: list
    elements: str
    default: []
  reserved_accounts:
    description: Ids of the accounts that other environments may use, as a list by environment.
    type: dict
    default: {}
  require_allowed_accounts:
    description: Whether it is a problem that O(allowed_accounts) names none; else a warning, unless O(is_embedded).
    type: bool
    default: false
  unread_accounts:
    description: What of other environments' accounts could not be read, a line each; told as warnings.
    type: list
    elements: str
    default: []
  is_embedded:
    description: Whether this is an AWS embedded in the machine, which needs no accounts named.
    type: bool
    default: false
  credentials_remedy:
    description: What to do where AWS does not know the credentials; the module knows an advice for a real account.
    type: str
  service_linked_roles:
    description: Services whose service-linked role the account must have.
    type: list
    elements: str
    default: [ecs.amazonaws.com]
  check_quotas:
    description: Whether to ask Service Quotas for room.
    type: bool
    default: true
  task:
    description: What runs at once; left out, its quota is not checked.
    type: dict
    suboptions:
      cpu:
        description: CPU units of one task, 1024 are a vCPU.
        type: int
        default: 1024
      count:
        description: How many tasks run at once.
        type: int
        default: 1
      spot:
        description: Whether they run on Fargate Spot.
        type: bool
        default: false
  network:
    description: The network that is wanted; left out, none is checked.
    type: dict
    suboptions:
      vpc_cidr:
        description: Address range of a VPC of our own.
        type: str
        default: 10.64.0.0/20
      zone_count:
        description: How many zones a VPC of our own spans.
        type: int
        default: 2
      nat_mode:
        description: NAT gateways of a VPC of our own.
        type: str
        choices: [none, single, per_zone]
        default: none
      egress:
        description: How tasks reach AWS.
        type: str
        choices: [nat, endpoints, none]
        default: none
      existing_vpc_id:
        description: A VPC that is there already, in place of one of our own.
        type: str
      existing_private_subnet_ids:
        description: Its private subnets.
        type: list
        elements: str
        default: []
  table_name:
    description: Name of a table that is there already, and that runs write to.
    type: str
  table_of_stack:
    description:
      - Whether to look at the table that the environment's table stack passes on, where O(table_name) is empty.
    type: bool
    default: false
  confirmed_table:
    description: Name of the table again, which says that runs may write to it whoever's it looks like.
    type: str
    default: ""
  image:
    description: An image of ECR that must be there, with its registry and its tag or digest.
    type: str
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would return otherwise.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: gantry.ecs.iam_service_linked_role
"""

EXAMPLES = r"""
- name: Look for what is wrong
  gantry.ecs.preflight_info:
    project: ddbload
    environment: prod
    allowed_accounts: ["123456789012"]
    task:
      cpu: 1024
      count: 8
    network:
      vpc_cidr: 10.64.0.0/20
      zone_count: 3
      nat_mode: per_zone
      egress: nat
  register: preflight

- name: Stop where something is
  ansible.builtin.assert:
    that: preflight.problems | length == 0
    fail_msg: "{{ preflight.problems | join('; ') }}"
"""

RETURN = r"""
problems:
  description: What is wrong, one line each.
  returned: always
  type: list
  elements: str
  sample:
    - "region ap-east-1 is not enabled in account 123456789012 -> enable it
      (aws account enable-region --region-name ap-east-1), or choose another aws_region"
checked:
  description: What was looked at and is as it has to be.
  returned: always
  type: list
  elements: str
  sample: [region eu-west-1, service-linked role of ecs.amazonaws.com]
account_id:
  description: The account that the credentials belong to; empty where AWS does not know them.
  returned: always
  type: str
  sample: "123456789012"
identity_arn:
  description: The user or role that the credentials belong to; empty where AWS does not know them.
  returned: always
  type: str
  sample: arn:aws:sts::123456789012:assumed-role/deployer/me
missing_service_linked_roles:
  description: Those of O(service_linked_roles) whose role the account lacks; no problem, they can be made.
  returned: always
  type: list
  elements: str
  sample: [ecs.amazonaws.com]
table:
  description: What is known of the table that runs write to; null where there is none but the environment's own.
  returned: always
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: orders
    item_count:
      description: How many items it holds, as DynamoDB counted them within the last six hours.
      type: int
      sample: 1200000
    size_bytes:
      description: Its size in bytes, counted at the same time.
      type: int
      sample: 480000000
    tags:
      description: Its tags.
      type: dict
      sample: {Environment: prod}
    marks:
      description: What marks it as somebody's.
      type: list
      elements: str
      sample: [its tag Environment is prod, deletion protection is on]
    content:
      description: How much is in it, for a person to read.
      type: str
      sample: about 1,200,000 items, 480,000,000 bytes, as DynamoDB counted them within the last six hours
    line:
      description: All of it for a person to read.
      type: str
      sample: "table orders, which no stack of this environment made: about 1,200,000 items, ...; tags: Team=orders"
"""

from ansible.module_utils.common.warnings import warn
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.open_clients import OpenClients
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.preflight import look

ARGUMENT_SPEC = {
    "project": {"type": "str", "required": True},
    "environment": {"type": "str", "required": True},
    "allowed_accounts": {"type": "list", "elements": "str", "default": []},
    "reserved_accounts": {"type": "dict", "default": {}},
    "require_allowed_accounts": {"type": "bool", "default": False},
    "unread_accounts": {"type": "list", "elements": "str", "default": []},
    "is_embedded": {"type": "bool", "default": False},
    "credentials_remedy": {"type": "str"},
    "service_linked_roles": {"type": "list", "elements": "str", "default": ["ecs.amazonaws.com"]},
    "check_quotas": {"type": "bool", "default": True},
    "task": {
        "type": "dict",
        "options": {
            "cpu": {"type": "int", "default": 1024},
            "count": {"type": "int", "default": 1},
            "spot": {"type": "bool", "default": False},
        },
    },
    "network": {
        "type": "dict",
        "options": {
            "vpc_cidr": {"type": "str", "default": "10.64.0.0/20"},
            "zone_count": {"type": "int", "default": 2},
            "nat_mode": {"type": "str", "choices": ["none", "single", "per_zone"], "default": "none"},
            "egress": {"type": "str", "choices": ["nat", "endpoints", "none"], "default": "none"},
            "existing_vpc_id": {"type": "str"},
            "existing_private_subnet_ids": {"type": "list", "elements": "str", "default": []},
        },
    },
    "table_name": {"type": "str"},
    "table_of_stack": {"type": "bool", "default": False},
    "confirmed_table": {"type": "str", "default": ""},
    "image": {"type": "str"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    if not module.region:
        module.fail_json(msg="no region is known -> set region, or AWS_REGION")
    found = look(OpenClients(module).client, module.params, module.region)
    for warning in found.findings.warnings:
        warn(warning)  # by the module's own method, ansible-core would call it deprecated
    module.exit_json(
        changed=False,
        problems=found.findings.problems,
        checked=found.findings.checked,
        account_id=found.caller.account if found.caller else "",
        identity_arn=found.caller.arn if found.caller else "",
        missing_service_linked_roles=found.missing_roles,
        table=found.table,
    )


if __name__ == "__main__":
    main()
