#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: turns off the protection of one resource of an environment, or removes it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_resource
short_description: Unprotect or remove one resource of an environment
version_added: 0.2.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Unprotects or removes one resource that M(gantry.ecs.environment_info) lists.
  - Turns off the protection of a stack, table or database, so that the stack can be deleted.
  - Removes what outlives its stack - a table, repository, file system, queue, secret, database or key that was kept, a
    snapshot, a log group that a service created, an SSM parameter or a task definition that was created by hand.
  - Asks for no confirmation.
options:
  state:
    description:
      - V(unprotected) turns off termination protection of a stack, or deletion protection of a table or a database.
      - V(absent) removes the resource, a repository with its images, a queue with its messages. It does not turn off
        protection.
    type: str
    choices: [unprotected, absent]
    required: true
  kind:
    description:
      - The kind of resource, C(kind) of RV(gantry.ecs.environment_info#module:resources).
      - O(state=unprotected) takes V(stack), V(undescribed_stack), V(table) and V(database), O(state=absent) all but the
        two kinds of stacks; M(gantry.ecs.cfn_stack) deletes these.
    type: str
    choices:
      - stack
      - undescribed_stack
      - table
      - repository
      - file_system
      - queue
      - secret
      - hosted_zone
      - database
      - database_snapshot
      - kms_key
      - task_definition
      - log_group
      - ssm_parameter
    required: true
  id:
    description: Name of the resource; C(id) of RV(gantry.ecs.environment_info#module:resources) where that differs.
    type: str
    required: true
  wait_timeout:
    description: Seconds to wait, at most, until the resource is changed or deleted.
    type: int
    default: 600
attributes:
  check_mode:
    description: Returns whether it would change something.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: gantry.ecs.environment_info
"""

EXAMPLES = r"""
- name: Turn off the deletion protection of the table
  gantry.ecs.environment_resource:
    state: unprotected
    kind: table
    id: ddbload-dev

- name: Remove a log group that Container Insights created
  gantry.ecs.environment_resource:
    state: absent
    kind: log_group
    id: /aws/ecs/containerinsights/ddbload-dev/performance
"""

RETURN = r"""
# Nothing but the common values.
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import module_clients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.environment.catalogue import BY_NAME, PROTECTABLE, REMOVABLE
from ansible_collections.gantry.ecs.plugins.module_utils.environment.removal import (
    ResourceRemoval,
    ResourceTimeoutError,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

ARGUMENT_SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["unprotected", "absent"], "required": True},
    "kind": {
        "type": "str",
        "choices": [name for name in BY_NAME if name in PROTECTABLE or name in REMOVABLE],
        "required": True,
    },
    "id": {"type": "str", "required": True},
    "wait_timeout": {"type": "int", "default": 600},
}


def unsupported(state: str, kind: str) -> Problem | None:
    """Return why a kind of resource cannot be brought into a state; None where it can."""
    if state == "unprotected" and kind not in PROTECTABLE:
        return Problem("unsupported", f"kind {kind} has no protection", f"name one of {', '.join(PROTECTABLE)}")
    if state == "absent" and kind not in REMOVABLE:
        return Problem("unsupported", f"this module does not delete kind {kind}", "use gantry.ecs.cfn_stack")
    return None


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    state, kind, id_ = module.params["state"], module.params["kind"], module.params["id"]
    if problem := unsupported(state, kind):
        module.fail_json(msg=problem.line())
    removal = ResourceRemoval(module_clients(module), module.params["wait_timeout"], module.check_mode)
    verb, change = ("unprotect", removal.unprotect) if state == "unprotected" else ("remove", removal.remove)
    try:
        changed = change(kind, id_)
    except ResourceTimeoutError as error:
        module.fail_json(msg=Problem("timeout", str(error), "try again with a higher wait_timeout").line())
    except Exception as error:
        module.fail_json(
            msg=explain(error, f"cannot {verb} {BY_NAME[kind].label} {id_}", region_and_endpoint(module)).line()
        )
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
