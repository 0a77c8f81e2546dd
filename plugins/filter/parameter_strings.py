# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that writes values as CloudFormation's parameters want them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: parameter_strings
short_description: Values as CloudFormation's parameters want them
version_added: 0.1.0
author: The ddbload.aws contributors (@ddbload)
description:
  - Every CloudFormation parameter travels as a string. Python's own words for a truth value or a list are none of its.
options:
  _input:
    description: Parameters by name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what becomes of the values
  ansible.builtin.debug:
    msg: "{{ {'Alarms': true, 'ZoneCount': 2, 'SubnetIds': ['a', 'b']} | ddbload.aws.parameter_strings }}"
"""

RETURN = r"""
_value:
  description: The same names; C(true) and C(false) in lower case, lists joined with commas, the rest as text.
  type: dict
"""


def parameter_strings(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Write each value as the string that CloudFormation expects.

    Args:
        parameters: values by parameter name.

    Returns:
        Strings by parameter name: truth values in lower case, lists joined with commas (CommaDelimitedList), see
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    return {name: _string(value) for name, value in parameters.items()}


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(_string(item) for item in value)
    return str(value)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"parameter_strings": parameter_strings}
