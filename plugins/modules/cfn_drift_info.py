#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: what differs between CloudFormation stacks and the account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cfn_drift_info
short_description: Report what differs between CloudFormation stacks and the account
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Compares the resources of CloudFormation stacks with their templates, and reports each property that differs in one
    line, with the expected and the actual value. CloudFormation compares them; the module waits until it has ended.
  - All stacks are checked at the same time, with the stacks nested in them, which AWS's drift detection omits.
  - AWS compares only properties that the template sets, and not every type of resource; those that it cannot check are
    listed.
  - Nothing is changed but what CloudFormation itself keeps of the last detection.
options:
  stack_names:
    description:
      - Names or ids of the stacks.
      - A stack that is not there does not fail the module, it is listed in RV(missing).
    type: list
    elements: str
    required: true
  nested:
    description: Whether the stacks nested in them are looked into too, at any depth.
    type: bool
    default: true
  ignore:
    description:
      - Differences that do not count, for example C(Table/ProvisionedThroughput) where autoscaling sets the capacity.
      - A pattern is the logical id of the resource and the path of the property; C(*) stands for anything. It means all
        that is below it too.
    type: list
    elements: str
    default: []
  owner:
    description:
      - What the parameters of the stacks, or else their tags, must say, for example their Project and Environment.
        A stack of another owner fails the module.
      - Any stack will do where it is not given.
    type: dict
  wait_timeout:
    description: Seconds for all the stacks together. A detection takes some seconds a resource, minutes for many.
    type: int
    default: 900
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
- name: Look for changes by hand
  gantry.ecs.cfn_drift_info:
    stack_names: [shop-prod-network, shop-prod-table]
    ignore: [Table/ProvisionedThroughput]
  register: drift

- name: Say what differs
  ansible.builtin.assert:
    that: not drift.drifted
    fail_msg: "{{ drift.lines }}"
"""

RETURN = r"""
drifted:
  description: Whether a resource of any stack was changed or deleted behind CloudFormation's back.
  returned: always
  type: bool
  sample: true
complete:
  description: Whether every stack is there and every resource that AWS can check was checked.
  returned: always
  type: bool
  sample: true
lines:
  description: What differs, what could not be checked and which stacks are missing, a line each.
  returned: always
  type: list
  elements: str
  sample: ["shop-prod-table: Table (AWS::DynamoDB::Table, shop) BillingMode: expected PAY_PER_REQUEST, is PROVISIONED"]
missing:
  description: Names of the stacks that are not there.
  returned: always
  type: list
  elements: str
  sample: []
stacks:
  description: The stacks that are there; a nested one comes after the one that holds it.
  returned: always
  type: list
  elements: dict
  contains:
    stack_name:
      description: Name of the stack.
      type: str
      sample: shop-prod-table
    stack_id:
      description: Its ARN.
      type: str
      sample: arn:aws:cloudformation:eu-west-1:123456789012:stack/shop-prod-table/3f786850-e387-550f-dab8-36ed7e6dc881
    parent:
      description: Name of the stack that it is nested in; null where it is in none.
      type: str
      sample: null
    status:
      description:
        - C(DRIFTED), C(IN_SYNC), or C(UNKNOWN) where something could not be checked and nothing else has drifted.
      type: str
      sample: DRIFTED
    checked:
      description: How many resources were checked.
      type: int
      sample: 1
    drifted:
      description: The resources that have drifted.
      type: list
      elements: dict
      contains: &resource
        logical_id:
          description: Its name in the template.
          type: str
          sample: Table
        physical_id:
          description: Its name or id in the account; null where it has none.
          type: str
          sample: shop
        type:
          description: Its type.
          type: str
          sample: AWS::DynamoDB::Table
        status:
          description: C(MODIFIED), C(DELETED), C(IN_SYNC) or C(UNKNOWN).
          type: str
          sample: MODIFIED
        reason:
          description: Why it could not be checked; null where it was.
          type: str
          sample: null
        differences:
          description: What it differs in.
          type: list
          elements: dict
          contains: &difference
            property:
              description: Path of the property.
              type: str
              sample: BillingMode
            kind:
              description: C(NOT_EQUAL), C(ADD) if only the resource has it, C(REMOVE) if only the template has it.
              type: str
              sample: NOT_EQUAL
            expected:
              description: What the template says, JSON where it is no plain value; null where it says nothing.
              type: str
              sample: PAY_PER_REQUEST
            actual:
              description: What is there; null where nothing is.
              type: str
              sample: PROVISIONED
        ignored:
          description: Differences that do not count, by O(ignore).
          type: list
          elements: dict
          contains: *difference
    unknown:
      description: The resources that AWS failed to check.
      type: list
      elements: dict
      contains: *resource
    ignored:
      description: The resources with differences that do not count.
      type: list
      elements: dict
      contains: *resource
    unsupported:
      description: Names in the template of the resources that AWS does not check.
      type: list
      elements: str
      sample: []
    lines:
      description: What differs and what could not be checked, a line each.
      type: list
      elements: str
      sample: ["shop-prod-table: Table (AWS::DynamoDB::Table, shop) is gone"]
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import AwsClients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.drift.detection import DriftDetector, DriftTimeoutError
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError

ARGUMENT_SPEC: dict[str, Any] = {
    "stack_names": {"type": "list", "elements": "str", "required": True},
    "nested": {"type": "bool", "default": True},
    "ignore": {"type": "list", "elements": "str", "default": []},
    "owner": {"type": "dict"},
    "wait_timeout": {"type": "int", "default": 900},
}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params, action = module.params, "cannot detect drift"
    with Interrupt() as interrupt:
        try:
            client = AwsClients(module, lambda: bool(interrupt)).patient("cloudformation")
            detector = DriftDetector(client, interrupted=lambda: bool(interrupt), owner=params["owner"])
            stacks, missing = detector.detect(
                params["stack_names"], params["nested"], params["ignore"], params["wait_timeout"]
            )
        except StackRequestError as error:
            module.fail_json(msg=error.problem.line())
        except DriftTimeoutError as error:
            ended = "interrupted" if interrupt else f"not done in {params['wait_timeout']} s"
            module.fail_json(msg=f"{action}: {ended}: {error} -> try again, with a higher wait_timeout")
        except Exception as error:
            module.fail_json(msg=explain(error, action, region_and_endpoint(module)).line())
    lines = [line for stack in stacks for line in stack["lines"]]
    lines += [f"{name}: this stack is missing" for name in missing]
    module.exit_json(
        changed=False,
        drifted=any(stack["status"] == "DRIFTED" for stack in stacks),
        complete=not missing and not any(stack["unknown"] or stack["status"] == "UNKNOWN" for stack in stacks),
        lines=lines,
        missing=missing,
        stacks=stacks,
    )


if __name__ == "__main__":
    main()
