# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that reads a system's description, joins it with an environment's values and checks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

DOCUMENTATION = r"""
name: system_description
short_description: A system's description, checked and completed
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Reads the text of a description, and joins it with the values of an environment.
  - Checks it against C(systems/schema.json) and by rules of its own, and fills in the defaults.
options:
  _input:
    description: The text of the description's file.
    type: str
    required: true
  path:
    description: The file, which the problems name. Its folder replaces C({system_directory}) in the description.
    type: str
    required: true
  values:
    description:
      - Values of the environment, in the sections of a description.
      - They replace those of the file; mappings are merged.
    type: dict
    default: {}
  named:
    description: Names of the systems to which the environment gives values; each has to be a system.
    type: list
    elements: str
    default: []
  directories:
    description: Directories in which the directories of systems are, besides those of this collection.
    type: list
    elements: path
    default: []
requirements:
  - jsonschema
"""

EXAMPLES = r"""
- name: Show what is wrong with a description
  ansible.builtin.debug:
    msg: "{{ (lookup('ansible.builtin.file', path) | gantry.ecs.system_description(path)).problems }}"
  vars:
    path: systems/oneshot/system.yml
"""

RETURN = r"""
_value:
  description: The description.
  type: dict
  contains:
    description:
      description: The description with the values and all defaults.
      type: dict
    problems:
      description: What is wrong with it, a line each, with the file and the line or the variable, and what to do.
      type: list
      elements: str
      sample:
        - "systems/oneshot/system.yml:12: services.ui.ports is a list of 1 -> write a mapping"
"""


def system_description(
    text: str,
    path: str,
    values: Mapping[str, Any] | None = None,
    named: Sequence[str] = (),
    directories: Sequence[str] = (),
) -> dict[str, Any]:
    """Return a description and what is wrong with it, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read, unknown_systems

    document = read(text, path, values)
    problems = [*unknown_systems(named, directories), *document.problems]
    return {"description": document.description, "problems": [problem.line() for problem in problems]}


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"system_description": system_description}
