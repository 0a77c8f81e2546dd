# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that chooses the image to go back to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: rollback_image
short_description: The image to go back to
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Puts the images of a repository in order, and chooses the one before the deployed one, or the one that is named.
options:
  _input:
    description: The images, as M(gantry.ecs.ecr_image_info) returns them.
    type: list
    elements: dict
    required: true
  deployed:
    description: The image in use, C(repository:tag) or C(repository@digest).
    type: str
    required: true
  image_tag:
    description: Tag or digest of the image to go back to; empty for the one before the deployed one.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show which image is the one before
  ansible.builtin.debug:
    msg: "{{ found.images | gantry.ecs.rollback_image(deployed='registry/app:2') }}"
"""

RETURN = r"""
_value:
  description: The choice.
  type: dict
  contains:
    tag:
      description: Tag of the chosen image; empty where there is none.
      type: str
      sample: 0.1.0-3f786850e387550f
    digest:
      description: Digest of the chosen image; empty where there is none.
      type: str
      sample: sha256:3f786850e387550fdab836ed7e6dc881de23001b9bb3c93d2f8d5ecf0c3a4a71
    image:
      description: The chosen image in full, by its digest, in the repository that the deployed one is from.
      type: str
      sample: registry/app@sha256:3f786850e387550fdab836ed7e6dc881de23001b9bb3c93d2f8d5ecf0c3a4a71
    problem:
      description: Why there is none, and what to do; empty where there is one.
      type: str
      sample: ""
    lines:
      description: The images, newest first, a line each with digest, time of the push, and a mark at the deployed one.
      type: list
      elements: str
      sample: ["0.1.0-3f786850e387550f  sha256:3f78…  pushed 2026-01-31 12:00:00 UTC  <- deployed"]
"""


def rollback_image(images: Iterable[Mapping[str, Any]], deployed: str, image_tag: str = "") -> dict[str, Any]:
    """Choose an image, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.plugin_utils.images.history import (
        ImageChoiceError,
        choose_image,
        image_by_digest,
        image_history,
    )

    history = image_history(images, deployed)
    lines = [entry["line"] for entry in history]
    try:
        chosen = choose_image(history, image_tag)
    except ImageChoiceError as error:
        return {"tag": "", "digest": "", "image": "", "problem": str(error), "lines": lines}
    image = image_by_digest(deployed, chosen["digest"])
    tag = image_tag if image_tag in chosen["tags"] else chosen["tag"]
    return {"tag": tag, "digest": chosen["digest"], "image": image, "problem": "", "lines": lines}


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"rollback_image": rollback_image}
