# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that returns the files with which CloudFormation alone deploys a system."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: system_package
short_description: A system as a parent template with nested stacks
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Returns a parent template, a template for each stack of the system, and a guide to what CloudFormation cannot do.
  - Checks the contract between parent and children, and the limits of CloudFormation.
options:
  _input:
    description: The description, as P(gantry.ecs.system_description#filter) returns it.
    type: dict
    required: true
  stacks:
    description:
      - The stacks as role C(gantry.ecs.stack) collects them, in the order of a deploy, with the texts of
        P(gantry.ecs.package_markers#filter) for outputs.
    type: list
    elements: dict
    required: true
  url:
    description: URL of the folder to which the templates are uploaded; empty for no upload.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the parent template
  ansible.builtin.debug:
    msg: "{{ (system_description | gantry.ecs.system_package(stacks)).files['parent.yaml'] }}"
"""

RETURN = r"""
_value:
  description: The package.
  type: dict
  contains:
    files:
      description:
        - Texts of the files by their path; the same description gives the same texts. With a URL, C(packaged.yaml) is
          the parent of the uploaded templates.
      type: dict
    uploads:
      description: Texts of the objects to upload by their key, which changes with the text; the last one is the parent.
      type: dict
    parameters:
      description: Names of the parent's parameters without a default.
      type: list
      elements: str
      sample: [Environment]
"""


def system_package(document: Any, stacks: Sequence[Mapping[str, Any]], url: str = "") -> dict[str, Any]:
    """Return the files with which CloudFormation alone deploys a system, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError
    from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
    from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import ProblemError
    from ansible_collections.gantry.ecs.plugins.plugin_utils.package.guide import guide
    from ansible_collections.gantry.ecs.plugins.plugin_utils.package.package import UPLOADED, package, uploads
    from ansible_collections.gantry.ecs.plugins.plugin_utils.package.planned_stack import planned

    system = parse(document)
    try:
        made = package(system, [planned(each) for each in stacks])
    except (ProblemError, StackRequestError) as error:
        raise AnsibleFilterError(str(error)) from None
    objects = uploads(made, url) if url else {}
    files = {**made.files, "README.md": guide(system, document, made)}
    return {
        "files": {**files, UPLOADED: list(objects.values())[-1]} if objects else files,
        "uploads": objects,
        "parameters": [name for name, each in made.parent["Parameters"].items() if "Default" not in each],
    }


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"system_package": system_package}
