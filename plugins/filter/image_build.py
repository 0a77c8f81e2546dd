# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that returns what a build of an image is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

DOCUMENTATION = r"""
name: image_build
short_description: What a build of an image is given
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Returns labels, build arguments, outputs and platform for the modules of community.docker.
options:
  _input:
    description: Address of the repository.
    type: str
    required: true
  tag:
    description: Tag of the image.
    type: str
    required: true
  content_sha256:
    description: Digest of the source.
    type: str
    required: true
  platform:
    description: Platform of the image, of a build for one.
    type: str
    required: true
  machine:
    description: Architecture of the engine, as C(docker info) reports it.
    type: str
    required: true
  base_image:
    description: Name of the base image; empty for that of the Dockerfile.
    type: str
    default: ""
  index_url:
    description: Package index of the build; empty for PyPI.
    type: str
    default: ""
  revision:
    description: Revision of the source; empty where it has none.
    type: str
    default: ""
  pushes:
    description: Whether buildx pushes the image; it goes into the engine otherwise.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Show the labels
  ansible.builtin.debug:
    msg: "{{ (uri | gantry.ecs.image_build('1.2.0', source.sha256, 'linux/amd64', 'x86_64')).labels }}"
"""

RETURN = r"""
_value:
  description: What the build is given.
  type: dict
  contains:
    labels:
      description: Labels of the image.
      type: dict
      sample: {org.opencontainers.image.version: 1.2.0}
    arguments:
      description: Build arguments.
      type: dict
      sample: {BASE_IMAGE: "python:3.13"}
    outputs:
      description: Outputs of buildx.
      type: list
      elements: dict
      sample: [{type: docker}]
    platform:
      description: The platform, where it is not the engine's own; empty otherwise.
      type: str
      sample: linux/arm64
"""


def build_of(uri: str, tag: str, content_sha256: str, platform: str, machine: str, **options: Any) -> dict[str, Any]:
    """Return what a build of an image is given, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.plugin_utils.images.build import foreign_platform, image_build

    return {
        **image_build(uri, tag, content_sha256, **options),
        "platform": foreign_platform(platform, machine),
    }


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"image_build": build_of}
