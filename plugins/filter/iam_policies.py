# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that renders the statements of files/iam to IAM policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: iam_policies
short_description: IAM policies of one environment
version_added: 0.2.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Renders the statements of a file in C(files/iam) for one project, environment, account and region.
  - A policy has at most 6,144 characters. Longer statements are rendered to several policies.
  - Fails with one line where a value is missing.
options:
  _input:
    description: The statements of the file.
    type: list
    elements: dict
    required: true
  name:
    description: The end of the policy's name, such as V(deployer).
    type: str
    required: true
  values:
    description: The values that the policies depend on.
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
      components:
        description: The components of the system, one stack each.
        type: list
        elements: str
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
          - ARN of CloudFormation's service role; empty for C(<project>-<environment>-cloudformation).
        type: str
        default: ""
      table_name:
        description: Name of an existing table that is used; empty for none.
        type: str
        default: ""
      permissions_boundary_arns:
        description: ARNs of the permissions boundaries of the stacks' roles.
        type: list
        elements: str
        default: []
      key_arns:
        description: ARNs of your KMS keys that the stacks use.
        type: list
        elements: str
        default: []
      secret_arns:
        description: ARNs of the task's secrets.
        type: list
        elements: str
        default: []
      secret_parameter_arns:
        description: ARNs of the SSM parameters that the task gets as secrets.
        type: list
        elements: str
        default: []
      repository_arns:
        description: ARNs of the ECR repositories from which the task pulls, in addition to the environment's.
        type: list
        elements: str
        default: []
      results_bucket:
        description: Name of the bucket to which the results of runs are uploaded; empty for none.
        type: str
        default: ""
      results_prefix:
        description: What the keys of its objects begin with, before the environment.
        type: str
        default: ""
      description:
        description: The system's description, for what its sections create and use.
        type: dict
"""

EXAMPLES = r"""
- name: Show the tester's policy
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'tester.yaml') | from_yaml | gantry.ecs.iam_policies('tester', values) }}"
  vars:
    values:
      project: shop
      environment: dev
      components: [network, registry, table, cluster, observability]
      account: "123456789012"
      region: eu-west-1
      partition: aws
"""

RETURN = r"""
_value:
  description: The policy documents by name.
  type: dict
  sample: {shop-dev-tester: {Version: "2012-10-17", Statement: []}}
"""


def iam_policies(
    statements: Sequence[Mapping[str, Any]], name: str, values: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return the policies, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.plugin_utils.iam_policy import (
        IamPolicyError,
        policy_documents,
        policy_values,
    )

    try:
        placeholders = policy_values(**values)
        return policy_documents(f"{placeholders['Base']}-{name}", statements, placeholders)
    except IamPolicyError as error:
        raise AnsibleFilterError(error.problem.line()) from error


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"iam_policies": iam_policies}
