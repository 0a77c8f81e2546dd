# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The defaults of the original's Terraform beside ours: systems/mcp_gateway/defaults.yml and where ours stand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import SCHEMA, completed

ROOT = Path(__file__).parents[3]
SYSTEM = ROOT / "systems" / "mcp_gateway"
GROUPS = ("root", "module", "fixed")
MISSING = object()


class Row(NamedTuple):
    """A default of the baseline.

    Attributes:
        group: root, module or fixed.
        name: of the Terraform variable, or what is set.
        default: its value; None where there is none.
        path: where ours is; empty where it has no counterpart.
        ours: our value.
        reason: why it differs.
        difference: the number of the deliberate difference; 0 for none.
    """

    group: str
    name: str
    default: Any
    path: str
    ours: Any
    reason: str
    difference: int

    @property
    def is_equal(self) -> bool:
        """Whether both are the same; a key that is not written is empty."""
        return bool(self.path) and (self.ours == self.default or (self.ours is MISSING and self.default in ("", None)))


@cache
def table() -> Mapping[str, Any]:
    """Return the file of defaults."""
    found = yaml.safe_load((SYSTEM / "defaults.yml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


@cache
def description() -> Mapping[str, Any]:
    """Return the description with the schema's defaults."""
    document = yaml.safe_load((SYSTEM / "system.yml").read_text(encoding="utf-8"))
    found = completed(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert isinstance(found, dict)
    return found


def rows() -> Iterator[Row]:
    """Yield each default of the baseline with ours."""
    for group in GROUPS:
        for each in table()[group]:
            path = each.get("ours", "")
            yield Row(
                group,
                each["name"],
                each.get("default"),
                path,
                value(path) if path else MISSING,
                each.get("reason", ""),
                each.get("difference", 0),
            )


def value(path: str) -> Any:
    """Return our value: of a role's default, of the inventory dev, or of the description."""
    kind, _colon, name = path.rpartition(":")
    if kind == "role":
        return _yaml(ROOT / "roles" / name.partition("_")[0] / "defaults" / "main.yml")[name]
    if kind == "inventory":
        return _yaml(ROOT / "inventories" / "dev" / "group_vars" / "dev.yml")[name]
    found: Any = description()
    for key in path.split("."):
        if not isinstance(found, Mapping) or key not in found:
            return MISSING
        found = found[key]
    return found


@cache
def _yaml(path: Path) -> Mapping[str, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found
