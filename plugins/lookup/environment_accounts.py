# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of the accounts that the environments next to an inventory name."""

from __future__ import annotations

DOCUMENTATION = r"""
name: environment_accounts
short_description: The accounts that the environments next to an inventory name
version_added: 0.2.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Reads C(preflight_allowed_accounts) of the inventories next to one, folders with a C(hosts.yml), whether
    they are loaded or not. So prod's account is kept out of dev where only dev's inventory was named.
  - Nothing is executed and nothing is rendered.
options:
  _terms:
    description: The folder of an inventory, C(inventory_dir) of a host; empty for none.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show which accounts are another environment's
  ansible.builtin.debug:
    msg: "{{ lookup('gantry.ecs.environment_accounts', inventory_dir).accounts }}"
"""

RETURN = r"""
_raw:
  description: The accounts found next to each folder.
  type: list
  elements: dict
  contains:
    accounts:
      description: Lists of account ids by environment, of those that name any.
      type: dict
      sample: {prod: ["123456789012"]}
    unread:
      description: What could not be read, a line each.
      type: list
      elements: str
      sample: []
"""

from pathlib import Path
from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.gantry.ecs.plugins.plugin_utils.inventories_beside import accounts_beside


class LookupModule(LookupBase):  # type: ignore[misc]  # no types are published for it
    """The lookup, for Ansible."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **_options: Any) -> list[dict[str, Any]]:
        """Return the accounts found next to each folder."""
        return [self._beside(term) for term in terms]

    def _beside(self, folder: str) -> dict[str, Any]:
        if not folder:
            return {"accounts": {}, "unread": []}
        accounts, unread = accounts_beside(Path(folder), lambda path: self._loader.load_from_file(str(path)))
        return {"accounts": accounts, "unread": unread}
