# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that returns what is kept of the runs of a system's setup jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: setup_marks
short_description: What is kept of a successful run of each setup job
version_added: 0.2.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Returns an SSM parameter for each setup job, as O(gantry.ecs.ssm_parameters#module:parameters). Its value is the
    task definition with its revision, and a digest of the defaults of the job's parameters.
options:
  _input:
    description: The description, as P(gantry.ecs.system_description#filter) returns it.
    type: dict
    required: true
  outputs:
    description: Outputs of the components that exist, by component and output.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the setup jobs
  ansible.builtin.debug:
    msg: "{{ system_description | gantry.ecs.setup_marks(stack_outputs) | map(attribute='name') }}"
"""

RETURN = r"""
_value:
  description: The parameters, in the order of a deploy.
  type: list
  elements: dict
  sample: [{name: realm, type: String, value: "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-dev-realm:3"}]
"""


def setup_marks(document: Mapping[str, Any], outputs: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return what is kept of the runs of the setup jobs, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.module_utils.system.arguments import UNKNOWN
    from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.setup import (
        setup_mark,
        setup_order,
    )
    from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.stacks import job_component

    jobs = document["jobs"]
    definitions = {name: outputs.get(job_component(name), {}) for name in setup_order(jobs)}
    return [
        {"name": name, "type": "String", "value": setup_mark(jobs[name], found.get("TaskDefinitionArn", UNKNOWN))}
        for name, found in definitions.items()
    ]


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"setup_marks": setup_marks}
