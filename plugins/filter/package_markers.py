# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that returns the texts that stand for the outputs which the components of a system take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: package_markers
short_description: Texts that stand for outputs of components
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Returns a text for each output that a component of the system takes. It stands for the output in the parameters
    that roles give to their stacks, where P(gantry.ecs.system_package#filter) finds it.
options:
  _input:
    description: The description, as P(gantry.ecs.system_description#filter) returns it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show them
  ansible.builtin.debug:
    msg: "{{ system_description | gantry.ecs.package_markers }}"
"""

RETURN = r"""
_value:
  description: Texts by component and output.
  type: dict
  sample: {table: {TableName: <<table.TableName>>}}
"""


def package_markers(document: Any) -> dict[str, dict[str, str]]:
    """Return the texts that stand for outputs, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.module_utils.system.description import DescriptionError, parse
    from ansible_collections.gantry.ecs.plugins.plugin_utils.package.planned_stack import markers

    try:
        return markers(parse(document))
    except DescriptionError as error:
        raise AnsibleFilterError(error.problem.line()) from None


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"package_markers": package_markers}
