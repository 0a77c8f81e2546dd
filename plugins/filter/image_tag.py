# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that names an image by its content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

DOCUMENTATION = r"""
name: image_tag
short_description: The tag of an image, made from its content
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Returns a tag that is the same for the same version, source, platforms and base image, and another for all else.
options:
  _input:
    description: Digest of the source.
    type: str
    required: true
  version:
    description: Version of what the image holds.
    type: str
    required: true
  platforms:
    description: Platforms of the image.
    type: list
    elements: str
    required: true
  base_image:
    description: Name of the base image; empty for that of the Dockerfile.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the tag
  ansible.builtin.debug:
    msg: "{{ source.sha256 | gantry.ecs.image_tag('1.2.0', ['linux/amd64']) }}"
"""

RETURN = r"""
_value:
  description: The tag.
  type: str
  sample: 1.2.0-0f1e2d3c4b5a6978
"""


def tag_of(content_sha256: str, version: str, platforms: Sequence[str], base_image: str = "") -> str:
    """Return the tag of an image, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.plugin_utils.images.build import image_tag

    return image_tag(version, content_sha256, platforms, base_image)


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"image_tag": tag_of}
