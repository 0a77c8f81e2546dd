# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that returns the arguments that a role takes from the outputs of its system's components."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: system_arguments
short_description: What a role takes from the components of its system
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Returns the arguments that a component or a job takes, with the outputs that the system's description names.
options:
  _input:
    description: The description, as P(gantry.ecs.system_description#filter) returns it.
    type: dict
    required: true
  name:
    description: The component, or the job.
    type: str
    required: true
  outputs:
    description: Outputs of the components that exist, by component and output.
    type: dict
    required: true
  is_check:
    description: Whether an output that does not exist yet is replaced by its preview.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show what the task takes
  ansible.builtin.debug:
    msg: "{{ description | gantry.ecs.system_arguments('task', {'table': {'TableName': 'shop-dev'}}) }}"
"""

RETURN = r"""
_value:
  description: Values of the role's arguments, by name.
  type: dict
  sample: {task_table_name: shop-dev}
"""


def system_arguments(
    document: Any, name: str, outputs: Mapping[str, Mapping[str, str]], is_check: bool = False
) -> dict[str, Any]:
    """Return what a role takes from the components of its system, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.module_utils.system.arguments import arguments
    from ansible_collections.gantry.ecs.plugins.module_utils.system.description import DescriptionError, parse

    try:
        return arguments(parse(document), name, outputs, is_check)
    except DescriptionError as error:
        raise AnsibleFilterError(error.problem.line()) from None


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"system_arguments": system_arguments}
