# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that makes IAM policies of the statements in files/iam."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.gantry.ecs.plugins.plugin_utils.iam_policy import (
    IamPolicyError,
    policy_documents,
    policy_values,
)

DOCUMENTATION = r"""
name: iam_policies
short_description: IAM policies of one environment
version_added: 0.2.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Fills the statements of a file of C(files/iam) in for one project, environment, account and region.
  - IAM takes policies of 6,144 characters at most. Statements that have more come out as several policies.
  - Fails with one line where a value is missing.
options:
  _input:
    description: The statements, as the file holds them.
    type: list
    elements: dict
    required: true
  name:
    description: What the policy is, which ends its name, such as V(deployer).
    type: str
    required: true
  values:
    description: Whom and what the policies are for.
    type: dict
    required: true
    suboptions:
      project:
        description: Name of the project.
        type: str
        required: true
      environment:
        description: Name of the environment.
        type: str
        required: true
      account:
        description: The account's 12 digits.
        type: str
        required: true
      region:
        description: The region.
        type: str
        required: true
      partition:
        description: The partition, such as V(aws) or V(aws-cn).
        type: str
        required: true
      service_role_arn:
        description:
          - ARN of the role with which CloudFormation acts; empty for C(<project>-<environment>-cloudformation).
        type: str
        default: ""
      table_name:
        description: Name of a table that exists already; empty for none.
        type: str
        default: ""
      permissions_boundary_arns:
        description: ARNs of the policies that bound the roles of the stacks.
        type: list
        elements: str
        default: []
      key_arns:
        description: ARNs of KMS keys of your own.
        type: list
        elements: str
        default: []
      secret_arns:
        description: ARNs of the secrets that the task gets.
        type: list
        elements: str
        default: []
      secret_parameter_arns:
        description: ARNs of the SSM parameters that the task gets as its secrets.
        type: list
        elements: str
        default: []
      repository_arns:
        description: ARNs of the ECR repositories that the task pulls from, beside the environment's.
        type: list
        elements: str
        default: []
"""

EXAMPLES = r"""
- name: Show the policy of whoever tests
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'tester.yaml') | from_yaml | gantry.ecs.iam_policies('tester', values) }}"
  vars:
    values:
      project: shop
      environment: dev
      account: "123456789012"
      region: eu-west-1
      partition: aws
"""

RETURN = r"""
_value:
  description: The policies by name, each as IAM takes it.
  type: dict
  sample: {shop-dev-tester: {Version: "2012-10-17", Statement: []}}
"""


def iam_policies(
    statements: Sequence[Mapping[str, Any]], name: str, values: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Make the policies, see the documentation above."""
    try:
        filled = policy_values(**values)
        return policy_documents(f"{filled['Base']}-{name}", statements, filled)
    except IamPolicyError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"iam_policies": iam_policies}
