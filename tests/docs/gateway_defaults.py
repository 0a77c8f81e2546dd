# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/mcp-gateway-defaults.md from systems/mcp_gateway/defaults.yml; --check only compares."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mcp-gateway-defaults.md"
TESTS = ROOT / "tests" / "systems" / "mcp_gateway"
HEADER = """# Defaults of the MCP gateway

This page is for you if you know the original's Terraform, and want to know what
[`systems/mcp_gateway`](../systems/mcp_gateway/README.md) deploys instead. Each default of the Terraform has a row, with
the value here. "equal" is the same value, "difference 4" is row 4 of the first table, any other text is the reason of
the difference. "Here" is a key of [`system.yml`](../systems/mcp_gateway/system.yml); `inventory:` is a variable of the
inventory, `role:` a default of a role.

The Terraform is that of commit [`{short}`]({url}) of {date}.
[`defaults.yml`](../systems/mcp_gateway/defaults.yml) lists its defaults, and
[a test](../tests/systems/mcp_gateway/test_defaults.py) compares each with the description.
`python tests/docs/gateway_defaults.py` writes this page.

## Nine deliberate differences

| | The original | Here | Shown by |
|---|---|---|---|
"""
TITLES = {
    "root": "The 29 variables of the root module",
    "module": "Variables of the inner module that the root module does not set",
    "fixed": "Values that the Terraform sets without a variable",
}
FIRST_COLUMN = {"root": "Variable", "module": "Variable", "fixed": "Setting"}
DIFFERENCES = "tests/systems/mcp_gateway/test_differences.py"


def page() -> str:
    """Return the page: the differences, and a table for each group of defaults."""
    baseline = importlib.import_module("baseline")
    table = baseline.table()
    source = table["baseline"]
    url = f"{source['repository']}/tree/{source['commit']}/terraform/aws-ecs"
    lines = [HEADER.format(short=source["commit"][:8], url=url, date=source["date"]).rstrip("\n")]
    for number, each in table["differences"].items():
        lines.append(f"| {number} | {each['original']} | {each['ours']} | `{DIFFERENCES}::{each['shown_by']}` |")
    for group, title in TITLES.items():
        lines += [
            "",
            f"## {title}",
            "",
            f"| {FIRST_COLUMN[group]} | Terraform | Here | Comparison |",
            "|---|---|---|---|",
        ]
        lines += [_line(row, baseline.MISSING) for row in baseline.rows() if row.group == group]
    return "\n".join(lines) + "\n"


def _line(row: Any, missing: object) -> str:
    ours = "" if not row.path else row.path if row.ours is missing else f"{row.path}: {_text(row.ours)}"
    name = row.name if row.group == "fixed" else f"`{row.name}`"
    default = "required" if row.default is None and row.group != "fixed" else f"`{_text(row.default)}`"
    why = "equal" if row.is_equal else f"difference {row.difference}" if row.difference else row.reason
    return f"| {name} | {'nothing' if default == '`null`' else default} | {f'`{ours}`' if ours else ''} | {why} |"


def _text(value: Any) -> str:
    if isinstance(value, dict) and value:
        return f"{len(value)} of them"
    text = value if isinstance(value, str) and value else json.dumps(value)
    return text if len(text) < 60 else f"{text[:56]} ..."


def unknown_tests(table: dict[str, Any]) -> Iterator[str]:
    """Yield the tests of differences that do not exist."""
    source = (ROOT / DIFFERENCES).read_text(encoding="utf-8")
    return (each["shown_by"] for each in table["differences"].values() if f"def {each['shown_by']}(" not in source)


def main() -> int:
    """Write the page, or with --check return 1 where it is out of date."""
    sys.path.insert(0, str(TESTS))
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
