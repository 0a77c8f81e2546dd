#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: a set of CloudFormation stacks, applied at the same time by change sets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cfn_stacks
short_description: Create, update or delete CloudFormation stacks at the same time, with one live view
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Creates, updates, awaits or deletes several CloudFormation stacks at the same time. Each stack is handled as by
    M(gantry.ecs.cfn_stack).
  - The stacks of one call must not depend on each other. An earlier call applies the stacks that they depend on.
  - One process and one client serve all stacks, so that a call with nothing to change takes about as long as one stack.
  - Where a stack fails, the operations of the others end first. The call then fails with one line for each failed
    stack, the earliest failure first, and returns the results of all stacks.
options:
  state:
    description: As O(gantry.ecs.cfn_stack#module:state), for all stacks.
    type: str
    choices: [present, settled, absent]
    default: present
  stacks:
    description: The stacks, at least one, each with a different name.
    type: list
    elements: dict
    required: true
    suboptions:
      stack_name:
        description: Name of the stack.
        type: str
        required: true
      template_body:
        description: As O(gantry.ecs.cfn_stack#module:template_body).
        type: str
      parameters:
        description: As O(gantry.ecs.cfn_stack#module:parameters).
        type: dict
        default: {}
      tags:
        description: As O(gantry.ecs.cfn_stack#module:tags).
        type: dict
      termination_protection:
        description: As O(gantry.ecs.cfn_stack#module:termination_protection).
        type: bool
      expected_outputs:
        description: As O(gantry.ecs.cfn_stack#module:expected_outputs).
        type: dict
        default: {}
      stack_policy:
        description: As O(gantry.ecs.cfn_stack#module:stack_policy).
        type: raw
      operation:
        description: As O(gantry.ecs.cfn_stack#module:operation), from RV(stacks) of an earlier call.
        type: str
      owner:
        description: Overrides O(owner) for this stack.
        type: dict
      role_arn:
        description: Overrides O(role_arn) for this stack.
        type: str
      capabilities:
        description: Overrides O(capabilities) for this stack.
        type: list
        elements: str
        choices: [CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND]
  owner:
    description: As O(gantry.ecs.cfn_stack#module:owner), for all stacks.
    type: dict
  role_arn:
    description: As O(gantry.ecs.cfn_stack#module:role_arn), for all stacks.
    type: str
  capabilities:
    description: As O(gantry.ecs.cfn_stack#module:capabilities), for all stacks.
    type: list
    elements: str
    choices: [CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND]
    default: [CAPABILITY_IAM, CAPABILITY_AUTO_EXPAND]
  wait:
    description: As O(gantry.ecs.cfn_stack#module:wait), for all stacks.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait at most, for all stacks together. Operations that are under way then go on in AWS.
    type: int
    default: 3600
  show:
    description: What to show while it waits, V(none) or the V(events) of the stacks.
    type: str
    choices: [events, none]
    default: events
  _live:
    description:
      - Internal, not for use in plays, and free to change.
      - File by which the module reports to the action plugin what to show.
    type: path
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Shows what would be done to each resource of each stack, by change sets that are deleted again.
    support: full
  diff_mode:
    description: Lists the resources that are added, changed, replaced or removed, stack by stack.
    support: full
seealso:
  - module: gantry.ecs.cfn_stack
  - module: amazon.aws.cloudformation
notes:
  - Needs the permissions that M(gantry.ecs.cfn_stack) lists.
  - An interrupt (Ctrl-C) ends the wait for all stacks. Their operations go on in AWS.
"""

EXAMPLES = r"""
- name: Apply two stacks at the same time
  gantry.ecs.cfn_stacks:
    stacks:
      - stack_name: shop-prod-network
        template_body: "{{ lookup('ansible.builtin.file', 'network.yaml') }}"
        parameters: {ZoneCount: 3}
      - stack_name: shop-prod-table
        template_body: "{{ lookup('ansible.builtin.file', 'table.yaml') }}"
        termination_protection: true
    owner: {Project: shop, Environment: prod}
  register: applied

- name: Apply the stack that builds on them
  gantry.ecs.cfn_stacks:
    stacks:
      - stack_name: shop-prod-service
        template_body: "{{ lookup('ansible.builtin.file', 'service.yaml') }}"
        parameters:
          SubnetIds: "{{ applied.outputs['shop-prod-network'].SubnetIds }}"
          TableName: "{{ applied.outputs['shop-prod-table'].TableName }}"

- name: Read the outputs of stacks, once nothing is under way
  gantry.ecs.cfn_stacks:
    state: settled
    stacks:
      - stack_name: shop-prod-network
      - stack_name: shop-prod-table

- name: Delete two stacks at the same time
  gantry.ecs.cfn_stacks:
    state: absent
    stacks:
      - stack_name: shop-prod-network
      - stack_name: shop-prod-table
"""

RETURN = r"""
msg:
  description: What was done, or why not, one line for each stack that failed, else for each stack.
  returned: always
  type: str
  sample: "created stack shop-prod-network: 12 added\nstack shop-prod-table is as it should be already"
stacks:
  description: What became of each stack, in the order of O(stacks).
  returned: when the options are valid
  type: list
  elements: dict
  contains:
    changed:
      description: Whether the stack was changed, or would be.
      type: bool
      sample: true
    failed:
      description: Whether the requested state was not reached.
      type: bool
      sample: false
    msg:
      description: As RV(gantry.ecs.cfn_stack#module:msg).
      type: str
      sample: "created stack shop-prod-network: 12 added"
    stack_name:
      description: Name of the stack.
      type: str
      sample: shop-prod-network
    stack_id:
      description: As RV(gantry.ecs.cfn_stack#module:stack_id).
      type: str
      sample: arn:aws:cloudformation:eu-west-1:123456789012:stack/shop-prod-network/0cc175b9-c0f1-11f0-a831-c399e2697726
    status:
      description: As RV(gantry.ecs.cfn_stack#module:status).
      type: str
      sample: CREATE_COMPLETE
    outputs:
      description: The stack's outputs by name.
      type: dict
      sample: {VpcId: vpc-0a1b2c3d4e5f60718}
    changes:
      description: As RV(gantry.ecs.cfn_stack#module:changes).
      type: list
      elements: dict
      sample: []
    problem:
      description: As RV(gantry.ecs.cfn_stack#module:problem).
      type: dict
      sample: null
    cause:
      description: As RV(gantry.ecs.cfn_stack#module:cause).
      type: dict
      sample: null
    operation:
      description: As RV(gantry.ecs.cfn_stack#module:operation).
      type: str
      sample: ddbload-6f1f1b5c4a444a7e9f0a1d6b0f4f0e59
    elapsed_s:
      description: Seconds from the start of the call to the end of the stack's operation.
      type: float
      sample: 41.3
outputs:
  description: The outputs of each stack, by the stack's name.
  returned: when the options are valid
  type: dict
  sample: {shop-prod-network: {VpcId: vpc-0a1b2c3d4e5f60718}}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.outcome import set_result
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import (
    CALL_OPTIONS,
    COMMON_OPTIONS,
    OVERRIDES,
    STACK_OPTIONS,
    StackRequestError,
    options_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.runner import StackSetRunner

ARGUMENT_SPEC = {
    "stacks": {"type": "list", "elements": "dict", "required": True, "options": {**STACK_OPTIONS, **OVERRIDES}},
    **COMMON_OPTIONS,
    **CALL_OPTIONS,
}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        stacks = options_of(module.params)
    except StackRequestError as error:
        module.fail_json(msg=error.problem.line())
    with Interrupt() as interrupt:
        result = set_result(StackSetRunner(module, stacks, interrupt).run())
    for warning in result.pop("warnings"):
        module.warn(warning)
    (module.fail_json if result.pop("failed") else module.exit_json)(**result)


if __name__ == "__main__":
    main()
