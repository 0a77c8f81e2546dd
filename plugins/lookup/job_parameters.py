# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of the values that a call of ansible-playbook gives to a job's parameters."""

from __future__ import annotations

DOCUMENTATION = r"""
name: job_parameters
short_description: The values of a job's parameters
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Returns the variables of the names, each as a whole. Of C(-e prompt="say hello") a shell makes one word without
    quotes, of which Ansible itself reads only C(say).
options:
  _terms:
    description: Names of the parameters.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the values
  ansible.builtin.debug:
    msg: "{{ lookup('gantry.ecs.job_parameters', 'prompt', 'executor') }}"
"""

RETURN = r"""
_raw:
  description: The values by name; a parameter without one is empty.
  type: list
  elements: dict
"""

from typing import Any

from ansible import context
from ansible.plugins.lookup import LookupBase
from ansible_collections.gantry.ecs.plugins.module_utils.system.job_run import whole_value


class LookupModule(LookupBase):  # type: ignore[misc]  # no types are published for it
    """The lookup, for Ansible."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **_options: Any) -> list[dict[str, Any]]:
        """Return the value of each parameter."""
        given = [str(each) for each in context.CLIARGS.get("extra_vars") or ()]
        known = variables or {}
        values = {name: whole_value(name, given) for name in terms}
        return [
            {
                name: self._templar.template(known.get(name, "")) if value is None else value
                for name, value in values.items()
            }
        ]
