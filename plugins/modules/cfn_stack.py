#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: one CloudFormation stack, applied by change sets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cfn_stack
short_description: Create, update or delete a CloudFormation stack, with a live view and the cause of a failure
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Creates, updates or deletes one CloudFormation stack, and shows the states of its resources meanwhile.
  - Every change goes by a change set, so that nothing to change is C(changed=false), and check mode shows what would
    be done to each resource and which of them would be replaced. No change set is left behind.
  - Fails with the first cause in one line, which names the resource, the reason and what to do.
  - Waits for an operation that another client has under way. Of two deploys at once one executes its change set; the
    other one waits for its end, and then does what is left to do.
  - Clears a stack that could not be created the last time (C(ROLLBACK_COMPLETE), C(ROLLBACK_FAILED), C(CREATE_FAILED)),
    and continues a rollback that failed (C(UPDATE_ROLLBACK_FAILED)), before it goes on.
  - New resources are deleted again where their creation is rolled back, whatever their C(DeletionPolicy) says; they
    would stand in the way of the next try otherwise.
options:
  state:
    description:
      - V(present) creates the stack, or updates it to O(template_body), O(parameters) and O(tags).
      - V(settled) waits for the end of the current operation, and returns the outputs. Fails where the operation
        fails, and where the stack does not exist.
      - V(absent) deletes the stack.
    type: str
    choices: [present, settled, absent]
    default: present
  stack_name:
    description: Name of the stack.
    type: str
    required: true
  template_body:
    description:
      - Text of the template, YAML or JSON, up to 51,200 bytes.
      - Needed for O(state=present), and ignored otherwise.
    type: str
  parameters:
    description:
      - Values of the template's parameters by name. Truth values become C(true) and C(false), lists are joined with
        commas, numbers become text. A parameter without a value, or with null, gets the template's default.
    type: dict
    default: {}
  tags:
    description:
      - Tags of the stack, which AWS hands on to its resources. Replaces those it has.
      - Truth values become C(true) and C(false), numbers become text. A tag with null is left out.
      - Where it is not given, the stack's tags stay as they are.
    type: dict
  capabilities:
    description: What the template may do besides, for example make IAM roles.
    type: list
    elements: str
    choices: [CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND]
    default: [CAPABILITY_IAM, CAPABILITY_AUTO_EXPAND]
  role_arn:
    description:
      - ARN of the role with which CloudFormation acts on the stack's resources, its service role. The caller needs
        C(iam:PassRole) on it, and no permission on the resources.
      - Given with every change and deletion. CloudFormation keeps a role once it is given, and uses it for every later
        change and deletion by any caller. It can be replaced but not removed.
      - A role alone is no change. It takes over with the stack's next change; until then a warning says so.
      - Where it is not given, CloudFormation uses the role that the stack has, or else the caller's permissions.
    type: str
  termination_protection:
    description:
      - Whether AWS refuses to delete the stack. Left as it is where it is not given.
      - A protected stack is deleted only with V(false), which takes the protection off before; by O(state=absent), and
        by O(state=present) where it could not be created the last time. Otherwise that fails, and changes nothing.
      - It is set once the stack is at rest; with O(wait=false) by O(state=settled), which takes it too.
    type: bool
  expected_outputs:
    description:
      - Outputs that the stack must have once it is at rest, by name; the call fails where it has others.
      - An emulator may find nothing to change in an update that changes an output alone, and AWS does not.
    type: dict
    default: {}
  stack_policy:
    description:
      - Which resources later updates may change, replace or delete; a dictionary, or JSON text. Left as it is where it
        is not given. A policy can be replaced, but never taken off a stack again.
      - It is set once the stack is at rest; with O(wait=false) by O(state=settled), which takes it too.
    type: raw
  owner:
    description:
      - What the parameters of the stack, or else its tags, must say where it exists already, for example Project and
        Environment. Another owner's stack of the same name is neither changed nor deleted, nor are its outputs
        returned.
      - Without it, any stack is accepted.
    type: dict
  wait:
    description:
      - Whether to wait for the end of the operation. What has to come before it is waited for in any case.
      - Call O(state=settled) later, with RV(operation), where it is not waited for.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait at most. The operation continues in AWS afterwards.
    type: int
    default: 3600
  operation:
    description:
      - RV(operation) of an earlier call with O(wait=false). O(state=settled) then fails where that operation failed,
        even if it is over already.
      - Without it, an update that failed and was rolled back before the call is a warning, since the stack works on
        as it was before.
    type: str
  show:
    description: What to show while it waits, V(none) or the V(events) of the stack.
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
    description: Shows what would be done to each resource, by a change set that is deleted again, and does nothing.
    support: full
  diff_mode:
    description: Lists each resource that is added, changed, replaced or removed, and which of its properties change.
    support: full
seealso:
  - module: amazon.aws.cloudformation
  - module: gantry.ecs.cfn_drift_info
notes:
  - "Permissions on the stack and its change sets: C(cloudformation:DescribeStacks),
    C(cloudformation:DescribeStackEvents), C(cloudformation:CreateChangeSet), C(cloudformation:DescribeChangeSet),
    C(cloudformation:ListChangeSets), C(cloudformation:ExecuteChangeSet), C(cloudformation:DeleteChangeSet),
    C(cloudformation:DeleteStack), C(cloudformation:ContinueUpdateRollback), C(cloudformation:ValidateTemplate), and
    where their options are given C(iam:PassRole), C(cloudformation:UpdateTerminationProtection),
    C(cloudformation:GetStackPolicy) and C(cloudformation:SetStackPolicy). With C(cloudformation:DescribeEvents)
    it also reports what AWS has validated before the first resource."
  - An interrupt (Ctrl-C) ends the wait. The operation continues in AWS.
  - A deletion (O(state=absent)) that was started with O(wait=false) is waited for by another call with O(state=absent).
"""

EXAMPLES = r"""
- name: Apply a stack
  gantry.ecs.cfn_stack:
    stack_name: shop-prod-table
    template_body: "{{ lookup('ansible.builtin.file', 'table.yaml') }}"
    parameters:
      ZoneCount: 3
      PointInTimeRecovery: true
      SubnetIds: [subnet-0a1b2c3d4e5f60718, subnet-0b2c3d4e5f60718a9]
    tags:
      Project: shop
    termination_protection: true
    stack_policy:
      Statement:
        - {Effect: Allow, Principal: "*", Action: "Update:*", Resource: "*"}
        - {Effect: Deny, Principal: "*", Action: ["Update:Replace", "Update:Delete"], Resource: LogicalResourceId/Table}

- name: Start one stack
  gantry.ecs.cfn_stack:
    stack_name: shop-prod-network
    template_body: "{{ lookup('ansible.builtin.file', 'network.yaml') }}"
    wait: false
  register: network

- name: Wait for it, when others have been started too
  gantry.ecs.cfn_stack:
    stack_name: shop-prod-network
    state: settled
    operation: "{{ network.operation }}"

- name: Apply a stack with the rights of a role, not with the caller's
  gantry.ecs.cfn_stack:
    stack_name: shop-prod-table
    template_body: "{{ lookup('ansible.builtin.file', 'table.yaml') }}"
    role_arn: arn:aws:iam::123456789012:role/shop-prod-cloudformation

- name: Delete a stack
  gantry.ecs.cfn_stack:
    stack_name: shop-prod-table
    state: absent
"""

RETURN = r"""
msg:
  description: What was done, or why not, in one line.
  returned: always
  type: str
  sample: "stack shop-prod-table could not be updated: Table (AWS::DynamoDB::Table) UPDATE_FAILED: ... -> ..."
stack_name:
  description: Name of the stack.
  returned: when the options are valid
  type: str
  sample: shop-prod-table
stack_id:
  description: ARN of the stack; null where there is none.
  returned: when the options are valid
  type: str
  sample: arn:aws:cloudformation:eu-west-1:123456789012:stack/shop-prod-table/0cc175b9-c0f1-11f0-a831-c399e2697726
status:
  description: The stack's status when it was last seen; null where there is none.
  returned: when the options are valid
  type: str
  sample: UPDATE_COMPLETE
outputs:
  description: The stack's outputs by name, those it had when it was last seen.
  returned: when the options are valid
  type: dict
  sample: {TableName: shop-prod}
changes:
  description: What was, or in check mode would be, done to each resource.
  returned: when the options are valid
  type: list
  elements: dict
  contains:
    action:
      description: One of C(Add), C(Modify), C(Remove), C(Import) and C(Dynamic).
      type: str
      sample: Modify
    logical_id:
      description: The resource's name in the template.
      type: str
      sample: Table
    type:
      description: Type of the resource.
      type: str
      sample: AWS::DynamoDB::Table
    physical_id:
      description: Its name or id in AWS; null for a new one.
      type: str
      sample: shop-prod
    replacement:
      description: Whether a new resource replaces it, C(True), C(False) or C(Conditional); null where none can.
      type: str
      sample: "True"
    policy_action:
      description: What becomes of the old one, C(Delete) or C(ReplaceAndRetain); null where AWS does not say.
      type: str
      sample: ReplaceAndRetain
    details:
      description: What of it changes.
      type: list
      elements: dict
      contains:
        name:
          description: Path of the property or attribute.
          type: str
          sample: Properties.TableName
        before:
          description: Its value before; null where AWS does not say.
          type: raw
          sample: shop-prod
        after:
          description: Its value after; null where AWS does not say.
          type: raw
          sample: shop-production
        recreates:
          description: Whether this change replaces the resource, C(Always), C(Conditionally) or C(Never).
          type: str
          sample: Always
        causes:
          description: What it follows from.
          type: list
          elements: str
          sample: [parameter TableName]
problem:
  description: Why the call failed; null where it did not.
  returned: when the options are valid
  type: dict
  contains:
    kind:
      description:
        - V(missing) the stack does not exist, V(owner) it belongs to another owner, V(protected) its termination
          protection is on, V(state) its state needs a decision, V(failed) an operation failed, V(overtaken) others went
          on changing it, V(timeout) the wait ended, V(request_failed) a request to AWS failed.
      type: str
      sample: missing
    what:
      description: What is wrong.
      type: str
      sample: there is no stack shop-prod-table
    remedy:
      description: What to do about it; empty where nothing is known.
      type: str
      sample: apply it first, or check the region
cause:
  description: Why the last operation failed; null where it did not.
  returned: when the options are valid
  type: dict
  contains:
    stack:
      description: Name of the stack in which it happened, a nested one perhaps.
      type: str
      sample: shop-prod-table
    resource:
      description: The resource's name in the template.
      type: str
      sample: Table
    type:
      description: Type of the resource.
      type: str
      sample: AWS::DynamoDB::Table
    status:
      description: The status that it came to.
      type: str
      sample: CREATE_FAILED
    reason:
      description: AWS's reason, on one line.
      type: str
      sample: Table already exists
    remedy:
      description: What to do about it; empty where nothing is known.
      type: str
      sample: the name is taken
operation:
  description: What to give O(operation) of O(state=settled); null where this call started nothing.
  returned: when the options are valid
  type: str
  sample: ddbload-6f1f1b5c4a444a7e9f0a1d6b0f4f0e59
elapsed_s:
  description: Seconds that the call took.
  returned: when the options are valid
  type: float
  sample: 41.3
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import (
    CALL_OPTIONS,
    COMMON_OPTIONS,
    STACK_OPTIONS,
    StackRequestError,
    check_request,
)
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.runner import StackSetRunner

ARGUMENT_SPEC = {**STACK_OPTIONS, **COMMON_OPTIONS, **CALL_OPTIONS}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        check_request(module.params)
    except StackRequestError as error:
        module.fail_json(msg=error.problem.line())
    with Interrupt() as interrupt:
        (result,) = StackSetRunner(module, [module.params], interrupt).run()
    for warning in result.pop("warnings"):
        module.warn(warning)
    (module.fail_json if result.pop("failed") else module.exit_json)(**result)


if __name__ == "__main__":
    main()
