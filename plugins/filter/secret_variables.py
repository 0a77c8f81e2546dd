# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that finds the environment variables that hold a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: secret_variables
short_description: The environment variables that hold a secret
version_added: 0.2.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Finds URLs with a password in them, as of a proxy, and what the AWS SDKs take for a secret key or a session token.
  - What a play sets by C(environment) stands in the command line of every task, for every user of the machine to read.
options:
  _input:
    description: Values by name; one that is empty holds no secret.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse a secret in the command line
  ansible.builtin.assert:
    that: not (aws_environment | gantry.ecs.secret_variables)
"""

RETURN = r"""
_value:
  description: The names of those that do, in order.
  type: list
  elements: str
  sample: [HTTPS_PROXY]
"""


def secret_variables(variables: Mapping[str, Any]) -> list[str]:
    """Return the names of the variables that hold a secret, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.plugin_utils.secret_variables import secret_variables as names

    return names(variables)


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"secret_variables": secret_variables}
