# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that renders the template of a system's component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: system_template
short_description: The CloudFormation template of a system's component
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Renders the template of a component from the system's description.
options:
  _input:
    description: The description, as P(gantry.ecs.system_description#filter) returns it.
    type: dict
    required: true
  component:
    description: The component, such as C(service-ui).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the template of service ui
  ansible.builtin.debug:
    msg: "{{ system_description | gantry.ecs.system_template('service-ui') }}"
"""

RETURN = r"""
_value:
  description: The template as YAML; the same description gives the same text.
  type: str
"""


def system_template(document: Mapping[str, Any], component: str) -> str:
    """Return the template of a component, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.module_utils.system.description import DescriptionError, parse
    from ansible_collections.gantry.ecs.plugins.plugin_utils.package.template_text import dump

    try:
        found = parse(document).components.get(component)
    except DescriptionError as error:
        raise AnsibleFilterError(error.problem.line()) from None
    if found is None or found.rendered is None:
        raise AnsibleFilterError(f"component {component} of system {document['name']} has no rendered template")
    return dump(found.rendered.template)


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"system_template": system_template}
