#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: one thing of an environment, unprotected or removed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_part
short_description: Unprotect or remove one thing that M(gantry.ecs.environment_info) found
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Takes the protection off a stack or table, so that the stack can be deleted.
  - Removes what outlives its stack - a table or repository that was kept, a log group that a service made, an SSM
    parameter or a task definition that somebody made by hand.
  - Asks nothing. Whoever calls it has to know that the thing may go.
options:
  state:
    description:
      - V(unprotected) takes termination protection off a stack, or deletion protection off a table.
      - V(absent) removes the thing, a repository with its images. It takes no protection off.
    type: str
    choices: [unprotected, absent]
    required: true
  kind:
    description:
      - What it is, C(kind) of RV(gantry.ecs.environment_info#module:things).
      - V(stack) for O(state=unprotected) only; stacks are deleted by M(gantry.ecs.cfn_stack).
    type: str
    choices: [stack, table, repository, log_group, ssm_parameter, task_definition]
    required: true
  id:
    description: C(id) of RV(gantry.ecs.environment_info#module:things), a name or an ARN.
    type: str
    required: true
  wait_timeout:
    description: Seconds that a table may take to be changed or deleted.
    type: int
    default: 600
attributes:
  check_mode:
    description: Says whether it would change something.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: gantry.ecs.environment_info
"""

EXAMPLES = r"""
- name: Take the deletion protection off the table
  gantry.ecs.environment_part:
    state: unprotected
    kind: table
    id: ddbload-dev

- name: Remove a log group that Container Insights made
  gantry.ecs.environment_part:
    state: absent
    kind: log_group
    id: /aws/ecs/containerinsights/ddbload-dev/performance
"""

RETURN = r"""
# Nothing beside the common values.
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.module_clients import module_clients, place
from ansible_collections.gantry.ecs.plugins.module_utils.environment.removal import EnvironmentPart, PartTimeoutError

ARGUMENT_SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["unprotected", "absent"], "required": True},
    "kind": {
        "type": "str",
        "choices": ["stack", "table", "repository", "log_group", "ssm_parameter", "task_definition"],
        "required": True,
    },
    "id": {"type": "str", "required": True},
    "wait_timeout": {"type": "int", "default": 600},
}
PROTECTABLE = ("stack", "table")


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    state, kind, id_ = module.params["state"], module.params["kind"], module.params["id"]
    if state == "unprotected" and kind not in PROTECTABLE:
        module.fail_json(msg=f"kind {kind} has no protection -> name a stack or a table")
    if state == "absent" and kind == "stack":
        module.fail_json(msg=f"stack {id_} is not deleted by this module -> use gantry.ecs.cfn_stack")
    part = EnvironmentPart(module_clients(module), module.params["wait_timeout"], module.check_mode)
    verb = "unprotect" if state == "unprotected" else "remove"
    try:
        changed = part.unprotect(kind, id_) if state == "unprotected" else part.remove(kind, id_)
    except PartTimeoutError as error:
        module.fail_json(msg=f"{error} -> try again, with a higher wait_timeout")
    except Exception as error:
        module.fail_json(msg=explain(error, f"cannot {verb} {kind.replace('_', ' ')} {id_}", place(module)))
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
