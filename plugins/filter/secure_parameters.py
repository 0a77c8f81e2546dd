# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that returns the SSM parameters of a description as the module ssm_parameters takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

DOCUMENTATION = r"""
name: secure_parameters
short_description: The SSM parameters of a system, in the words of the module that puts them
version_added: 0.2.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Returns the section C(parameters) of a description as O(gantry.ecs.ssm_parameters#module:parameters).
options:
  _input:
    description: The description, as P(gantry.ecs.system_description#filter) returns it.
    type: dict
    required: true
  taken:
    description: Arguments of the role C(parameters) that are outputs of components, by name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Count the parameters
  ansible.builtin.debug:
    msg: "{{ system_description | gantry.ecs.secure_parameters({}) | length }}"
"""

RETURN = r"""
_value:
  description: The parameters.
  type: list
  elements: dict
  sample: [{name: admin-password, generate: 32}]
"""


def secure_parameters(document: Mapping[str, Any], taken: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the SSM parameters as the module takes them, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.parameters import parameter_requests
    from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections

    return parameter_requests(cast(Sections, document), taken)


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"secure_parameters": secure_parameters}
