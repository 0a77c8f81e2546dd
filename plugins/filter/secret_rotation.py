# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that returns how a secret of a system gets a new value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

DOCUMENTATION = r"""
name: secret_rotation
short_description: How a secret gets a new value, and which services get new tasks
version_added: 0.2.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Derives from a description who makes the value of a secret, which SSM parameters copy it, and which services
    have it.
options:
  _input:
    description: The description, as P(gantry.ecs.system_description#filter) returns it.
    type: dict
    required: true
  secret:
    description: Name of the secret, C(database:NAME) for that of a database, or C(parameter:NAME) for a generated one.
    type: str
    required: true
  is_restart:
    description: Whether the value stays, as it has a new one already.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show which services have the secret
  ansible.builtin.debug:
    msg: "{{ (system_description | gantry.ecs.secret_rotation('web')).restarts.keys() }}"
"""

RETURN = r"""
_value:
  description: What to do.
  type: dict
  contains:
    problem:
      description: Why the secret cannot get a new value, in one line; empty where it can. Then there is nothing else.
      type: str
      sample: ""
    kind:
      description: C(generate), C(value) (you give it), C(database), C(parameter), C(job), or C(restart).
      type: str
      sample: generate
    arn:
      description: ARN of the secret, or as C(component.Output) the output that has it; empty for a job or a parameter.
      type: str
      sample: secrets.WebArn
    length:
      description: Characters of a generated value.
      type: int
      sample: 32
    json_key:
      description: Key of the JSON object that gets the value.
      type: str
      sample: client_secret
    database:
      description: Name of the database.
      type: str
      sample: ""
    parameter:
      description: Name of the SSM parameter.
      type: str
      sample: ""
    job:
      description: The job that writes the secret.
      type: str
      sample: ""
    copies:
      description: SSM parameters that copy the secret.
      type: list
      elements: str
      sample: []
    restarts:
      description: Services that get new tasks, with the components of their clusters.
      type: dict
      sample: {web: cluster}
"""


def secret_rotation(document: Mapping[str, Any], secret: str, is_restart: bool = False) -> dict[str, Any]:
    """Return how a secret gets a new value, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.rotation import rotation
    from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import Output
    from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections
    from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import ProblemError

    try:
        found = rotation(secret, cast(Sections, document), is_restart)
    except ProblemError as error:
        return {"problem": str(error)}
    arn = found.arn.reference if isinstance(found.arn, Output) else found.arn
    return {
        "problem": "",
        **found._asdict(),
        "arn": arn,
        "copies": list(found.copies),
        "restarts": dict(found.restarts),
    }


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"secret_rotation": secret_rotation}
