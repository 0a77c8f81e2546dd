#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: the resources of an environment in the account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_info
short_description: List the resources of an environment
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Lists all resources that belong to an environment of this collection, whether a stack holds them or not - stacks,
    running tasks, the table, the repository, file systems, queues, secrets, task definitions, log groups, SSM
    parameters, alarms and network interfaces.
  - A stack belongs to the environment where its parameters C(Project) and C(Environment), or else its tags of these
    names, say so. Names alone do not, since project C(a) with environment C(b-c) has the same names as C(a-b) with
    C(c); another environment's stacks with the same names are listed in RV(foreign).
  - Tables, repositories, file systems, queues, secrets, alarms and a cluster's tasks belong to it only where one of its
    stacks holds them, or where CloudFormation's own tag says that one created them and the tags C(Project) and
    C(Environment) do not say otherwise. A table of another owner is never listed, whatever its name.
  - Log groups, SSM parameters and task definitions belong to it by their path or family, unless their tags C(Project)
    and C(Environment) name another owner. Those that no stack created are protected (C(by_hand)).
  - A stack that no component makes, such as that of a service that was taken out of the description, is of the kind
    C(undescribed_stack). It is protected (C(undescribed)), as another system of the same project may have made it.
  - What the caller lacks the permission to read is listed in RV(not_checked) and does not fail the module, except for
    the stacks.
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
    description: The components of the system, one stack each; a stack's name is C(project-environment-component).
    type: list
    elements: str
    required: true
  clusters:
    description: What follows project and environment in the names of clusters beside C(project-environment).
    type: list
    elements: str
    default: []
  confirmed_data:
    description: Names of protected data that may be deleted, see RV(refused) and RV(remnants).
    type: list
    elements: str
    default: []
  subnets:
    description: Ids of subnets, existing or deleted, whose network interfaces are listed.
    type: list
    elements: str
    default: []
  security_groups:
    description: Ids of security groups, existing or deleted, whose network interfaces are listed.
    type: list
    elements: str
    default: []
  gone_timeout:
    description:
      - Seconds to wait, at most, until no resource is left; 0 lists once.
      - AWS deletes network interfaces minutes after their task.
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
- name: List what is left of an environment
  gantry.ecs.environment_info:
    project: ddbload
    environment: dev
    components: [network, registry, table, cluster, observability]
  register: left

- name: Report what is left
  ansible.builtin.assert:
    that: not left.resources
    fail_msg: "{{ left.resources | map(attribute='line') }}"
"""

RETURN = r"""
resources:
  description: The resources, the stacks first.
  returned: always
  type: list
  elements: dict
  contains: &resource
    kind:
      description:
        - One of C(stack), C(undescribed_stack), C(task), C(table), C(repository), C(file_system), C(queue), C(secret),
          C(hosted_zone), C(database), C(database_snapshot), C(kms_key), C(task_definition), C(log_group),
          C(ssm_parameter), C(alarm) and C(network_interface).
      type: str
      sample: table
    name:
      description: Its name.
      type: str
      sample: ddbload-dev
    id:
      description: The name or ARN that the call to remove it takes.
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
          stack keeps it when it is deleted), C(left_behind) (a deleted stack has kept it), C(by_hand) (a log group, SSM
          parameter or task definition that no stack created), C(irreplaceable) (a file system, a queue with messages,
          a secret with a value, a database, its snapshot, or a KMS key), C(protected_stack) (a log group whose stack
          has termination protection) and C(undescribed) (a stack that no component makes).
      type: list
      elements: str
      sample: [deletion_protection, retained]
    line:
      description: All of it in one line for a person.
      type: str
      sample: table ddbload-dev (ACTIVE, about 300 items, 120,000 bytes; deletion protection is on)
    component:
      description: The component that a stack deploys.
      returned: for a stack
      type: str
      sample: table
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
    - Names of the resources with data that are protected, kept, irreplaceable, or created by hand.
  returned: always
  type: list
  elements: str
  sample: [ddbload-prod]
refused:
  description:
    - The lines of the resources in RV(protected_data) that O(confirmed_data) does not name. A deletion has to stop
      where there are any.
  returned: always
  type: list
  elements: str
  sample: ["table ddbload-prod (ACTIVE, about 300 items, 120,000 bytes; deletion protection is on)"]
stacks:
  description: The resources that are stacks.
  returned: always
  type: list
  elements: dict
  contains: *resource
deletable:
  description: The stacks without termination protection.
  returned: always
  type: list
  elements: dict
  contains: *resource
protected:
  description:
    - The stacks and tables whose protection M(gantry.ecs.environment_resource) has to turn off before a deletion.
  returned: always
  type: list
  elements: dict
  contains: *resource
remnants:
  description:
    - The resources that no stack holds and that M(gantry.ecs.environment_resource) can remove; protected data only
      where O(confirmed_data) names it.
  returned: always
  type: list
  elements: dict
  contains: *resource
foreign:
  description: The stacks with the environment's names that belong to another project or environment, a line each.
  returned: always
  type: list
  elements: str
  sample: ["stack shop-eu-dev-table belongs to project shop-eu, environment dev"]
foreign_table:
  description: Name of the table that the environment uses and no stack of it created; null where there is none.
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
  description: What the caller lacks the permission to read, with the error.
  returned: always
  type: list
  elements: str
  sample: []
"""

import time
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import module_clients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.deletion import deletion
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.table import foreign_table
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.network_interface import (
    SECURITY_GROUP,
    SUBNET,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names
from ansible_collections.gantry.ecs.plugins.module_utils.environment.survey import find_resources

ARGUMENT_SPEC: dict[str, Any] = {
    "project": {"type": "str", "required": True},
    "environment": {"type": "str", "required": True},
    "components": {"type": "list", "elements": "str", "required": True},
    "clusters": {"type": "list", "elements": "str", "default": []},
    "confirmed_data": {"type": "list", "elements": "str", "default": []},
    "subnets": {"type": "list", "elements": "str", "default": []},
    "security_groups": {"type": "list", "elements": "str", "default": []},
    "gone_timeout": {"type": "int", "default": 0},
}
PAUSE = 5.0  # seconds between two lists


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    names = Names(params["project"], params["environment"], params["components"], params["clusters"])
    clients, deadline = module_clients(module), time.monotonic() + params["gone_timeout"]
    try:
        while True:
            account = Account(names, params["subnets"], params["security_groups"])
            resources = find_resources(clients, account)
            if not resources or time.monotonic() + PAUSE > deadline:
                break
            time.sleep(PAUSE)
    except Exception as error:
        module.fail_json(
            msg=explain(error, f"cannot list environment {params['environment']}", region_and_endpoint(module)).line()
        )
    module.exit_json(
        changed=False,
        resources=resources,
        **deletion(resources, [name.strip() for name in params["confirmed_data"]]),
        foreign=account.foreign,
        foreign_table=foreign_table(resources),
        subnets=account.held(SUBNET),
        security_groups=account.held(SECURITY_GROUP),
        not_checked=account.not_checked,
    )


if __name__ == "__main__":
    main()
