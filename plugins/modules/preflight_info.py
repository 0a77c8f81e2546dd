#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: the problems of an environment before a deploy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: Check what a deploy needs, and report all problems at once
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Checks everything that a deploy needs and changes nothing.
    It checks the credentials and their account, the region and its zones, service-linked roles, quotas, names,
    address ranges, an existing VPC, an existing table, the image.
  - A problem does not stop the other checks, and the module does not fail. RV(problems) has one line for
    each problem, with what is wrong, where, and how to fix it.
  - A check without permission is a warning that starts with C(not checked).
  - "Permissions, as far as each is checked: C(ec2:DescribeRegions), C(ec2:DescribeAvailabilityZones),
    C(ec2:DescribeVpcs), C(ec2:DescribeAddresses), C(ec2:DescribeInternetGateways), C(iam:ListRoles),
    C(servicequotas:GetServiceQuota), C(servicequotas:GetAWSDefaultServiceQuota), C(cloudwatch:GetMetricStatistics),
    C(ecr:DescribeImages); for an existing VPC C(ec2:DescribeSubnets), C(ec2:DescribeRouteTables) and
    C(ec2:DescribeVpcAttribute); for an existing table C(cloudformation:DescribeStacks), C(dynamodb:DescribeTable) and
    C(dynamodb:ListTagsOfResource); for O(components) C(cloudformation:ListStacks) and C(cloudformation:DescribeStacks);
    for O(subnets_of_stack) C(cloudformation:DescribeStacks), C(ec2:DescribeSubnets) and
    C(ec2:DescribeNetworkInterfaces); for O(plan) C(cloudformation:DescribeStacks) and C(dynamodb:DescribeTable)."
  - Before a run it also compares the number of tasks with free addresses, network interfaces and the quotas of vCPUs,
    and the peak of the plan with the throughput of the table and its quota.
  - A table from outside the environment seems to belong to others where another stack created it, its tag
    C(Environment), C(env), C(stage) or C(Project) names another, its deletion protection or its stream is on, or it has
    replicas. That is a problem, and so is a table that the caller may not describe, unless O(confirmed_table) names it.
options:
  project:
    description: Name of the project, the first part of every name.
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
    description: Other environments' accounts that cannot be read, a line each; reported as warnings.
    type: list
    elements: str
    default: []
  is_embedded:
    description: Whether this is an AWS embedded in the machine, which needs no accounts named.
    type: bool
    default: false
  credentials_remedy:
    description: Remedy for credentials that AWS rejects; by default the one for a real account.
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
      on_demand:
        description:
          - Whether they run on demand too, where they run on Fargate Spot.
            Then each quota that is too low is a warning, and a problem only where both together are.
        type: bool
        default: false
  subnets_of_stack:
    description:
      - Whether to check that the subnets of the environment's network stack have an address for each of O(task),
        and the account's quota a network interface. The quota is read for 50 tasks or more.
    type: bool
    default: false
  plan:
    description: The peak of the plan; left out, the throughput of the table is not checked.
    type: dict
    suboptions:
      read_units:
        description: Read units a second.
        type: float
        default: 0
      write_units:
        description: Write units a second.
        type: float
        default: 0
  network:
    description: The network that is wanted; left out, none is checked.
    type: dict
    suboptions:
      vpc_cidr:
        description: Address range of the environment's own VPC.
        type: str
        default: 10.64.0.0/20
      zone_count:
        description: Number of zones of the environment's own VPC.
        type: int
        default: 2
      nat_mode:
        description: NAT gateways of the environment's own VPC.
        type: str
        choices: [none, single, per_zone]
        default: none
      egress:
        description: How tasks reach AWS.
        type: str
        choices: [nat, endpoints, none]
        default: none
      existing_vpc_id:
        description: Id of an existing VPC to use instead of a VPC of the environment's own.
        type: str
      existing_private_subnet_ids:
        description: Its private subnets.
        type: list
        elements: str
        default: []
  table_name:
    description: Name of an existing table that runs write to.
    type: str
  table_of_stack:
    description:
      - Whether to check the table in the outputs of the environment's table stack, where O(table_name) is empty.
    type: bool
    default: false
  confirmed_table:
    description: Name of the table again, to confirm that runs may write to it although it seems to belong to others.
    type: str
    default: ""
  components:
    description:
      - Components of the environment's description that have a stack. Another stack of the environment is a warning, as
        that of a service that was taken out of the description. Left out, none is looked for.
    type: list
    elements: str
    default: []
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
- name: Check the account, its quotas, the network, the table and the image
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

- name: Stop if the checks found problems
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
  description: The checks that passed.
  returned: always
  type: list
  elements: str
  sample: [region eu-west-1, service-linked role of ecs.amazonaws.com]
account_id:
  description: The account that the credentials belong to; empty where AWS rejects them.
  returned: always
  type: str
  sample: "123456789012"
identity_arn:
  description: The user or role that the credentials belong to; empty where AWS rejects them.
  returned: always
  type: str
  sample: arn:aws:sts::123456789012:assumed-role/deployer/me
missing_service_linked_roles:
  description: Services of O(service_linked_roles) whose role the account lacks; no problem, the roles can be created.
  returned: always
  type: list
  elements: str
  sample: [ecs.amazonaws.com]
table:
  description: Facts of the table that runs write to; null where it is the environment's own.
  returned: always
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: orders
    item_count:
      description: Number of items, as DynamoDB counted them within the last six hours.
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
      description: Signs that it belongs to others.
      type: list
      elements: str
      sample: [its tag Environment is prod, deletion protection is on]
    content:
      description: Its item count and size, in words.
      type: str
      sample: about 1,200,000 items, 480,000,000 bytes, as DynamoDB counted them within the last six hours
    line:
      description: All of it for a person to read.
      type: str
      sample: "table orders, which no stack of this environment created: about 1,200,000 items, ...; tags: Team=orders"
"""

from ansible.module_utils.common.warnings import warn
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import OpenClients
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
            "on_demand": {"type": "bool", "default": False},
        },
    },
    "subnets_of_stack": {"type": "bool", "default": False},
    "plan": {
        "type": "dict",
        "options": {
            "read_units": {"type": "float", "default": 0},
            "write_units": {"type": "float", "default": 0},
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
    "components": {"type": "list", "elements": "str", "default": []},
    "image": {"type": "str"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    if not module.region:
        module.fail_json(msg="no region is known -> set region, or AWS_REGION")
    found = look(OpenClients(module).client, module.params, module.region)
    for warning in found.findings.warnings:
        warn(warning.line())  # by the module's own method, ansible-core would call it deprecated
    module.exit_json(
        changed=False,
        problems=[problem.line() for problem in found.findings.problems],
        checked=found.findings.checked,
        account_id=found.caller.account if found.caller else "",
        identity_arn=found.caller.arn if found.caller else "",
        missing_service_linked_roles=found.missing_roles,
        table=found.table,
    )


if __name__ == "__main__":
    main()
