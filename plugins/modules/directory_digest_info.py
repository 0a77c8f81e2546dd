#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: one digest for a directory's content."""

from __future__ import annotations

DOCUMENTATION = r"""
module: directory_digest_info
short_description: Compute one digest of a directory's content
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Computes one digest of the names, executable bits and bytes of the files below a directory.
  - An image's tag can be made of it, so that the tag changes when, and only when, the content does.
  - Times, owners and the order on disk do not count. The digest is the same on every machine.
options:
  directory:
    description: What O(paths) are relative to.
    type: path
    required: true
  paths:
    description: Files or directories below O(directory) that count; a directory counts with all that is in it.
    type: list
    elements: str
    required: true
  exclude:
    description: Shell patterns of file or directory names that do not count.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would return otherwise.
    support: full
"""

EXAMPLES = r"""
- name: Digest what goes into the image
  gantry.ecs.directory_digest_info:
    directory: loadtest_app
    paths: [Dockerfile, requirements.txt, src]
    exclude: [__pycache__, "*.pyc"]
  register: digest
"""

RETURN = r"""
sha256:
  description: The digest, in hexadecimal.
  returned: always
  type: str
  sample: 3f786850e387550fdab836ed7e6dc881de23001b9bb3c93d2f8d5ecf0c3a4a71
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gantry.ecs.plugins.module_utils.images.digest import directory_digest


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "paths": {"type": "list", "elements": "str", "required": True},
            "exclude": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        sha256 = directory_digest(Path(module.params["directory"]), module.params["paths"], module.params["exclude"])
    except OSError as error:
        module.fail_json(msg=f"cannot digest {module.params['directory']}: {error}")
    module.exit_json(changed=False, sha256=sha256)


if __name__ == "__main__":
    main()
