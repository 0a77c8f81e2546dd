# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The permissions of scopes.yml: groups have scopes, scopes allow methods and tools of servers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ALL = frozenset({"*", "all"})
TOOL_METHOD = "tools/call"
SECTIONS = ("UI-Scopes", "group_mappings")


class ScopesError(ValueError):
    """The file of the scopes is invalid."""


class Call(NamedTuple):
    """What a request wants: a method of a server, and the tool where it calls one."""

    server: str
    method: str
    tool: str = ""


@dataclass(frozen=True)
class Permission:
    """Methods and tools of a server; each may be all."""

    server: str
    methods: frozenset[str]
    tools: frozenset[str]

    def allows(self, call: Call) -> bool:
        """Whether it allows a call."""
        return (
            _matches(frozenset({self.server}), call.server)
            and _matches(self.methods, call.method)
            and (call.method != TOOL_METHOD or _matches(self.tools, call.tool))
        )


@dataclass(frozen=True)
class Scopes:
    """The scopes of each group, and the permissions of each scope."""

    groups: dict[str, list[str]] = field(default_factory=dict)
    permissions: dict[str, list[Permission]] = field(default_factory=dict)

    def of(self, groups: Iterable[str]) -> list[str]:
        """Return the scopes of a user's groups, each once; a group without mapping has none."""
        return list(dict.fromkeys(scope for group in groups for scope in self.groups.get(group, [])))

    def allow(self, scopes: Iterable[str], call: Call) -> bool:
        """Whether one of the scopes allows a call."""
        return any(permission.allows(call) for scope in scopes for permission in self.permissions.get(scope, []))

    def allow_server(self, scopes: Iterable[str], server: str) -> bool:
        """Whether one of the scopes allows anything of a server."""
        found = (permission for scope in scopes for permission in self.permissions.get(scope, []))
        return any(_matches(frozenset({permission.server}), server) for permission in found)


def scopes_of(document: Any) -> Scopes:
    """Return the scopes of a document in the form of scopes.yml.

    Raises:
        ScopesError: it has another form.
    """
    if not isinstance(document, dict) or not isinstance(document.get("group_mappings"), dict):
        raise ScopesError("it has no mapping group_mappings")
    groups = {
        str(group): _texts(f"group_mappings.{group}", found) for group, found in document["group_mappings"].items()
    }
    permissions: dict[str, list[Permission]] = {}
    for scope, entries in document.items():
        if scope in SECTIONS:
            continue
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ScopesError(f"{scope} is not a list of mappings")
        permissions[scope] = [_permission(scope, entry) for entry in entries if "server" in entry]
    return Scopes(groups, permissions)


def read_scopes(path: Path) -> Scopes:
    """Return the scopes of a file; none where there is no file, as before the job that writes it.

    Raises:
        ScopesError: it is not YAML or has another form.
    """
    if not path.exists():
        return Scopes()
    try:
        return scopes_of(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise ScopesError(str(error)) from error


def _permission(scope: str, entry: dict[str, Any]) -> Permission:
    methods, tools = (_texts(f"{scope}.{name}", entry.get(name) or []) for name in ("methods", "tools"))
    return Permission(str(entry["server"]).strip("/"), frozenset(methods), frozenset(tools))


def _texts(name: str, found: Any) -> list[str]:
    if isinstance(found, str):
        return [found]
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ScopesError(f"{name} is not a list of texts")
    return found


def _matches(allowed: frozenset[str], wanted: str) -> bool:
    return wanted in allowed or not ALL.isdisjoint(allowed)
