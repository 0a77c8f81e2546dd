# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that says why an image was not built or pushed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: build_failure
short_description: Why an image was not built or pushed
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Puts what the modules of community.docker return into one line, with what is the matter and how to fix it.
options:
  _input:
    description: What the module returned.
    type: dict
    required: true
  action:
    description: What was tried.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Push
  community.docker.docker_image_push:
    name: registry/app:1
  register: pushed
  until: pushed.image is defined or not (pushed | gantry.ecs.build_failure('cannot push it')).is_passing
"""

RETURN = r"""
_value:
  description: The failure.
  type: dict
  contains:
    kind:
      description: Kind of the cause, a word or two that do not change with the wording.
      type: str
      sample: disk full
    is_passing:
      description: Whether the same may work in a moment.
      type: bool
      sample: false
    line:
      description: What was tried, what is the matter, what was said, and how to fix it.
      type: str
      sample: "cannot push it: the disk of the engine is full (no space left on device) -> make room"
"""


def build_failure(result: Mapping[str, Any], action: str) -> dict[str, Any]:
    """Return why an image was not built or pushed, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.plugin_utils.images.build_failure import PASSING
    from ansible_collections.gantry.ecs.plugins.plugin_utils.images.build_failure import build_failure as explain

    problem = explain(str(result.get("msg", "")), str(result.get("stderr", "")), action)
    return {"kind": problem.kind, "is_passing": problem.kind in PASSING, "line": problem.line()}


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"build_failure": build_failure}
