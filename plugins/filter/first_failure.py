# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter over a stack's events, for the role that applies stacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.ddbload.aws.plugins.module_utils.stack_events import first_failure, remedy

DOCUMENTATION = r"""
name: first_failure
short_description: The first cause in a CloudFormation stack's events
version_added: 0.1.0
author: The ddbload.aws contributors (@ddbload)
description:
  - Finds the event that explains why the last operation on a stack failed, leaving out its consequences.
options:
  _input:
    description: The stack's events, newest first, as M(amazon.aws.cloudformation_info) returns them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Say why
  ansible.builtin.fail:
    msg: "{{ (info.cloudformation[name].stack_events | ddbload.aws.first_failure).reason }}"
"""

RETURN = r"""
_value:
  description:
    - RV(_value['resource']), RV(_value['type']), RV(_value['status']), RV(_value['reason']) and RV(_value['remedy']).
    - Empty where nothing failed.
  type: dict
"""


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"first_failure": first_failure, "failure_remedy": remedy}
