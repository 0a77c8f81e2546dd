#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: what of an environment is in the account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_info
short_description: What of an environment is in the account
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Looks for everything that belongs to an environment of this collection, in stacks or left over from them - stacks,
    running tasks, the table, the repository, task definitions, log groups, SSM parameters, alarms and network
    interfaces.
  - A stack counts where its parameters C(Project) and C(Environment), or else its tags of these names, are the
    environment's. Names alone do not tell, since project C(a) with environment C(b-c) makes the same ones as C(a-b)
    with C(c); another's stacks of such a name are listed in RV(foreign).
  - Tables, repositories, alarms and a cluster's tasks count only where a stack of the environment holds them, or where
    CloudFormation's own tag says that one made them and the tags C(Project) and C(Environment) do not say otherwise. A
    table of somebody else's is never listed, whatever its name.
  - Log groups, SSM parameters and task definitions count by their path or family, unless their tags C(Project) and
    C(Environment) are another's. Those that no stack made are protected (C(by_hand)).
  - What the caller may not look at is told in RV(not_checked) and does not fail the module, the stacks excepted.
options:
  project:
    description: Name of the project.
    type: str
    required: true
  environment:
    description: Name of the environment.
    type: str
    required: true
  components:
    description: What the stacks are; a stack's name is C(project-environment-component).
    type: list
    elements: str
    default: [network, registry, table, cluster, observability]
  subnets:
    description: Ids of subnets, gone by now or not, in which network interfaces are looked for.
    type: list
    elements: str
    default: []
  security_groups:
    description: Ids of security groups, gone by now or not, whose network interfaces are looked for.
    type: list
    elements: str
    default: []
  gone_timeout:
    description:
      - Seconds to wait, at most, until nothing of it is there any more; 0 looks once.
      - Network interfaces go minutes after their task.
    type: int
    default: 0
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
- name: Look for what is left of an environment
  gantry.ecs.environment_info:
    project: ddbload
    environment: dev
  register: left

- name: Say what is left
  ansible.builtin.assert:
    that: not left.things
    fail_msg: "{{ left.things | map(attribute='line') }}"
"""

RETURN = r"""
things:
  description: What is there, the stacks first.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description:
        - One of C(stack), C(task), C(table), C(repository), C(task_definition), C(log_group), C(ssm_parameter),
          C(alarm) and C(network_interface).
      type: str
      sample: table
    name:
      description: Its name.
      type: str
      sample: ddbload-dev
    id:
      description: The name or ARN that a call which removes it needs.
      type: str
      sample: ddbload-dev
    stack:
      description: Name of the stack that holds it; null where none does.
      type: str
      sample: ddbload-dev-table
    state:
      description: Its state; null where it has none.
      type: str
      sample: ACTIVE
    protections:
      description:
        - What keeps it from being deleted, any of C(termination_protection), C(deletion_protection), C(retained) (its
          stack keeps it when it is deleted), C(left_behind) (a stack that is gone has kept it), C(by_hand) (a log
          group, SSM parameter or task definition that no stack made) and C(protected_stack) (a log group whose stack
          has termination protection).
      type: list
      elements: str
      sample: [deletion_protection, retained]
    line:
      description: The same for a person to read.
      type: str
      sample: table ddbload-dev (ACTIVE, about 300 items, 120,000 bytes; deletion protection is on)
    parameters:
      description: The parameters of a stack.
      returned: for a stack
      type: dict
      sample: {Project: ddbload, Environment: dev}
    outputs:
      description: The outputs of a stack.
      returned: for a stack
      type: dict
      sample: {TableName: ddbload-dev}
protected_data:
  description:
    - Names of the tables, repositories, log groups, SSM parameters and task definitions that somebody wanted kept, or
      put there by hand.
  returned: always
  type: list
  elements: str
  sample: [ddbload-prod]
foreign:
  description: The stacks of such a name that are another project's or environment's and are not touched, a line each.
  returned: always
  type: list
  elements: str
  sample: ["stack shop-eu-dev-table belongs to project shop-eu, environment dev"]
foreign_table:
  description: Name of the table that the environment only uses and that is never touched; null where there is none.
  returned: always
  type: str
  sample: null
subnets:
  description: Ids of the subnets that the stacks hold.
  returned: always
  type: list
  elements: str
  sample: [subnet-0123456789abcdef0]
security_groups:
  description: Ids of the security groups that the stacks hold.
  returned: always
  type: list
  elements: str
  sample: [sg-0123456789abcdef0]
not_checked:
  description: What the caller may not look at, and why.
  returned: always
  type: list
  elements: str
  sample: []
"""

import time
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.module_clients import module_clients, place
from ansible_collections.gantry.ecs.plugins.module_utils.environment.belongings import (
    Names,
    foreign_table,
    protected_data,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.survey import EnvironmentSurvey

ARGUMENT_SPEC: dict[str, Any] = {
    "project": {"type": "str", "required": True},
    "environment": {"type": "str", "required": True},
    "components": {
        "type": "list",
        "elements": "str",
        "default": ["network", "registry", "table", "cluster", "observability"],
    },
    "subnets": {"type": "list", "elements": "str", "default": []},
    "security_groups": {"type": "list", "elements": "str", "default": []},
    "gone_timeout": {"type": "int", "default": 0},
}
PAUSE = 5.0  # seconds between two looks


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    names = Names(params["project"], params["environment"], params["components"])
    clients, until = module_clients(module), time.monotonic() + params["gone_timeout"]
    try:
        while True:
            survey = EnvironmentSurvey(clients, names)
            things = survey.look(params["subnets"], params["security_groups"])
            if not things or time.monotonic() + PAUSE > until:
                break
            time.sleep(PAUSE)
    except Exception as error:
        module.fail_json(msg=explain(error, f"cannot look at environment {params['environment']}", place(module)))
    module.exit_json(
        changed=False,
        things=things,
        protected_data=protected_data(things),
        foreign=survey.foreign,
        foreign_table=foreign_table(things),
        subnets=survey.held("AWS::EC2::Subnet"),
        security_groups=survey.held("AWS::EC2::SecurityGroup"),
        not_checked=survey.not_checked,
    )


if __name__ == "__main__":
    main()
