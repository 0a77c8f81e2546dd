# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runbooks of systems: one for each alarm and each error of their plays, with a symptom, commands and an end."""

from __future__ import annotations

import ast
import re

import pytest
from fences import FENCE, ROOT
from test_links import anchors
from test_messages import is_in_code, parts

PAGE = ROOT / "docs" / "runbooks.md"
RUNBOOKS = ROOT / "plugins" / "module_utils" / "system" / "runbooks.py"
LINK = re.compile(r"docs/runbooks\.md#([a-z0-9-]+)")
# What plays of systems raise, as their messages have it, by the section that says what to do.
ERRORS = {
    "A run is not found": "and no log line names it",
    "A deployment fails or is rolled back": "was rolled back",
    "A promise of an experiment did not hold": "the promise did not hold",
    "A secret is still deleted": "is still deleted",
}


def sections() -> dict[str, str]:
    """Return the runbooks of systems by their titles."""
    page = PAGE.read_text(encoding="utf-8").partition("\n## Systems\n")[2].partition("\n## ")[0]
    found = re.split(r"^### (.*)$", page, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def titles() -> dict[str, str]:
    """Return the titles of the alarms' sections by kind of alarm, as the renderer has them."""
    for node in ast.parse(RUNBOOKS.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "RUNBOOKS":
            assert node.value
            found: dict[str, str] = ast.literal_eval(node.value)
            return found
    raise AssertionError("there are no titles")


SECTIONS = sections()


def test_each_alarm_and_error_has_a_runbook() -> None:
    assert SECTIONS.keys() == {*titles().values(), *ERRORS}


@pytest.mark.parametrize("title", SECTIONS)
def test_a_runbook_has_symptom_commands_and_end(title: str) -> None:
    text = SECTIONS[title]
    languages = [match[2] for match in FENCE.finditer(text)]
    assert languages[:2] == ["text", "console"]
    assert re.search(r"^\*[^*]", text, re.MULTILINE), "it does not say what the line means"
    assert "**Solved when**" in text


@pytest.mark.parametrize("title", SECTIONS)
def test_the_line_of_a_runbook_is_in_the_code(title: str) -> None:
    line = next(match[3] for match in FENCE.finditer(SECTIONS[title]) if match[2] == "text")
    assert parts(line)
    assert [part for part in parts(line) if not is_in_code(part)] == []
    assert ERRORS.get(title, "") in line


def test_each_link_of_the_code_leads_to_a_runbook() -> None:
    files = [path for top in ("playbooks", "roles", "plugins", "files") for path in (ROOT / top).rglob("*.y*ml")]
    files += [*(ROOT / "plugins").rglob("*.py")]
    linked = {name for path in files for name in LINK.findall(path.read_text(encoding="utf-8"))}
    assert len(linked) > 5
    assert linked <= anchors(PAGE)
