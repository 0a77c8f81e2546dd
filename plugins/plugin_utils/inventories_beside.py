# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts that the environments of the neighbouring inventories name, loaded or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

VARIABLE = "preflight_allowed_accounts"
HOSTS = "hosts.yml"  # what makes a folder an inventory of this collection's kind
NO_ENVIRONMENT = ("all", "ungrouped")
ENDINGS = ("", ".yml", ".yaml", ".json")


def accounts_beside(folder: Path, read: Callable[[Path], Any]) -> tuple[dict[str, list[str]], list[str]]:
    """Read which accounts the environments name whose inventories lie in the folder of an inventory.

    Nothing is executed and nothing is rendered: a dynamic inventory is skipped.

    Args:
        folder: of the inventory that is loaded.
        read: reads a file of YAML or JSON.

    Returns:
        Account ids by environment, of those that name any; and what could not be read, a line each.
    """
    accounts: dict[str, list[str]] = {}
    unread: list[str] = []
    for hosts in sorted(folder.parent.glob(f"*/{HOSTS}")):
        try:
            named = list(_named(hosts, read))
        except Exception as error:  # an error in another environment's file must not end this one's play
            unread.append(f"{hosts.parent}: {' '.join(str(error).split())}")
            continue
        for environment, value in named:
            if isinstance(value, list):
                accounts[environment] = [str(each) for each in value]
            else:
                unread.append(f"{hosts.parent}: {VARIABLE} of {environment} is no list, or an expression")
    return accounts, unread


def _named(hosts: Path, read: Callable[[Path], Any]) -> Iterator[tuple[str, Any]]:
    groups = read(hosts) or {}
    children = (groups.get("all") or {}).get("children") or {}
    for environment, group in {**children, **groups}.items():
        if environment in NO_ENVIRONMENT:
            continue
        variables: dict[str, Any] = {}
        for own in [group or {}, *((group or {}).get("hosts") or {}).values()]:
            if isinstance(own, Mapping):
                variables |= {**(own.get("vars") or {}), **own}
        for file in _files(hosts.parent / "group_vars" / environment):
            variables |= read(file) or {}
        if variables.get(VARIABLE):
            yield environment, variables[VARIABLE]


def _files(base: Path) -> Iterator[Path]:
    """List the files of a group's variables, in the order in which Ansible reads them."""
    for ending in ENDINGS:
        path = base.with_name(base.name + ending)
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.is_file() and each.suffix in ENDINGS)
        elif path.is_file():
            yield path
