#!/usr/bin/python
# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: what is wrong before a deploy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: What is wrong before a deploy, all of it at once
version_added: 0.1.0
author: The ddbload.aws contributors (@ddbload)
description:
  - Looks at everything that a deploy needs and changes nothing.
    Credentials and whose they are, the account, the region and its zones, service-linked roles, quotas, names,
    address ranges, an existing VPC, the image.
  - It stops at nothing and does not fail.
    What is wrong stands in RV(problems), one line each that says what, where and how to mend it.
  - What the caller may not look at is a warning that begins with C(not checked).
  - "It needs as permissions, as far as each is checked: C(ec2:DescribeRegions), C(ec2:DescribeAvailabilityZones),
    C(ec2:DescribeVpcs), C(ec2:DescribeAddresses), C(ec2:DescribeInternetGateways), C(iam:ListRoles),
    C(servicequotas:GetServiceQuota), C(servicequotas:GetAWSDefaultServiceQuota), C(cloudwatch:GetMetricStatistics),
    C(ecr:DescribeImages); for an existing VPC C(ec2:DescribeSubnets), C(ec2:DescribeRouteTables) and
    C(ec2:DescribeVpcAttribute)."
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
    description: Whether it is a problem that O(allowed_accounts) names none.
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
    description: Name of a table that is there already.
    type: str
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
  - module: ddbload.aws.iam_service_linked_role
"""

EXAMPLES = r"""
- name: Look for what is wrong
  ddbload.aws.preflight_info:
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
"""

from ansible.module_utils.common.warnings import warn
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.ddbload.aws.plugins.module_utils.open_clients import OpenClients
from ansible_collections.ddbload.aws.plugins.module_utils.preflight import look

ARGUMENT_SPEC = {
    "project": {"type": "str", "required": True},
    "environment": {"type": "str", "required": True},
    "allowed_accounts": {"type": "list", "elements": "str", "default": []},
    "reserved_accounts": {"type": "dict", "default": {}},
    "require_allowed_accounts": {"type": "bool", "default": False},
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
    )


if __name__ == "__main__":
    main()
