# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/system-reference.md from systems/schema.json; --check only compares."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "systems" / "schema.json"
PAGE = ROOT / "docs" / "system-reference.md"
HEADER = """# Reference of a system's description

Every key of `systems/<name>/system.yml`. [Systems](systems.md) explains them. `python tests/docs/system_reference.py`
writes this page from [`systems/schema.json`](../systems/schema.json).
"""


def page() -> str:
    """Return the page: a table for the description, and one for each definition that has keys."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    definitions = schema["$defs"]
    tables = {"description": schema} | {name: value for name, value in definitions.items() if "properties" in value}
    return HEADER + "".join(_section(name, table, definitions) for name, table in tables.items())


def _section(name: str, table: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    lines = ["", f"## {name}", ""]
    if "description" in table:
        lines += [table["description"], ""]
    lines += ["| Key | Type | Default | Meaning |", "|---|---|---|---|"]
    lines += _rows(table, definitions, "")
    return "\n".join(lines) + "\n"


def _rows(table: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str) -> Iterator[str]:
    required = table.get("required", [])
    for key, value in table["properties"].items():
        name = value.get("$ref", "").rpartition("/")[2]
        merged = definitions.get(name, {}) | value
        cells = [
            f"`{prefix}{key}`",
            _link(name) if "properties" in merged and name else _type(merged),
            "required" if key in required else _default(merged),
            merged.get("description", ""),
        ]
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        if "properties" in merged and not name:
            yield from _rows(merged, definitions, f"{prefix}{key}.")


def _type(value: Mapping[str, Any]) -> str:
    if "enum" in value:
        return "one of " + ", ".join(f"`{choice}`" for choice in value["enum"])
    inner = value.get("items") or value.get("additionalProperties")
    kind = value.get("type", "object")
    word = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if isinstance(inner, Mapping):
        name = inner.get("$ref", "").rpartition("/")[2]
        word += f" of {_link(name) if name else _type(inner)}"
    low, high = value.get("minimum"), value.get("maximum")
    if low is not None:
        word += f", {low} to {high}" if high is not None else f", {low} or more"
    return word


def _link(name: str) -> str:
    return f"[{name}](#{name})"


def _default(value: Mapping[str, Any]) -> str:
    return f"`{json.dumps(value['default'])}`" if "default" in value else ""


def main() -> int:
    """Write the page, or with --check return 1 where it is out of date."""
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
