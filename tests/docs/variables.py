# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the roles' variables into docs/variables.md, from their argument specifications; --check only compares."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "variables.md"
BEGIN, END = "<!-- variables: begin -->\n", "<!-- variables: end -->\n"
LINE_LENGTH = 120
# https://docs.ansible.com/ansible/latest/dev_guide/ansible_markup.html
MARKUP = re.compile(r"\b[COV]\(([^()]*)\)")


def specifications() -> dict[str, Mapping[str, Any]]:
    """Return the specification of each role's main entry point, by the role's name."""
    found = {}
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        found[path.parts[-3]] = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]
    return found


def sections() -> str:
    """Return a section for each role."""
    return "\n".join("\n".join(_section(role, document)) + "\n" for role, document in specifications().items())


def with_sections(page: str) -> str:
    """Return the page with its generated part replaced."""
    before, _begin, rest = page.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{sections()}\n{END}{after}"


def _section(role: str, document: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {role}\n"
    yield f"{document['short_description']}: [README](../roles/{role}/README.md).\n"
    for name, option in document["options"].items():
        yield from _entry(name, option, "")


def _entry(name: str, option: Mapping[str, Any], indent: str) -> Iterator[str]:
    facts = [option.get("type", "str")]
    if "elements" in option:
        facts[0] += f" of {option['elements']}"
    if option.get("required"):
        facts.append("required")
    if "default" in option:
        facts.append(f"default {_code(option['default'])}")
    if "choices" in option:
        facts.append(f"one of {', '.join(_code(choice) for choice in option['choices'])}")
    description = option["description"]
    text = MARKUP.sub(r"`\1`", " ".join(description if isinstance(description, list) else [description]))
    # A browser reads text outside code as HTML.
    text = re.sub(r"<(?=[^`]*(?:`[^`]*`[^`]*)*$)", "&lt;", text)
    yield textwrap.fill(
        f"`{name}` ({'; '.join(facts)}): {text}",
        LINE_LENGTH,
        initial_indent=f"{indent}- ",
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    for inner, suboption in option.get("options", {}).items():
        yield from _entry(inner, suboption, f"{indent}  ")


def _code(value: Any) -> str:
    text = " ".join(value.split()) if isinstance(value, str) and value else json.dumps(value)
    return f"`{text}`"


def main() -> int:
    """Write the page, or with ``--check`` return by the exit code whether it is current."""
    page = PAGE.read_text(encoding="utf-8")
    made = with_sections(page)
    if sys.argv[1:] == ["--check"]:
        return int(page != made)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
