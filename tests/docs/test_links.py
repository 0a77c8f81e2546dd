# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links between the pages have targets, the index links every page, and the tests that a page names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fences import DOCUMENTS, ROOT

INDEX = ROOT / "docs" / "README.md"
SECURITY = ROOT / "docs" / "security.md"
LOAD_TESTER = ROOT / "loadtest_app" / "README.md"
SYSTEMS = sorted((ROOT / "systems").glob("*/README.md"))
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
TEST = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")
CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """Return the anchors that a forge generates from a page's headings."""
    text = re.sub(r"^ *```.*?^ *```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", [*DOCUMENTS, LOAD_TESTER, *SYSTEMS], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_have_targets(path: Path) -> None:
    for link in LINK.findall(CODE.sub("", path.read_text(encoding="utf-8"))):
        name, _hash, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_names_every_page() -> None:
    linked = {(INDEX.parent / link.partition("#")[0]).resolve() for link in LINK.findall(INDEX.read_text("utf-8"))}
    assert linked >= {path for path in DOCUMENTS if path.parent == INDEX.parent and path != INDEX}


def test_each_test_that_the_security_page_names_exists() -> None:
    named = TEST.findall(SECURITY.read_text(encoding="utf-8"))
    files = [path for top in ("tests", "loadtest_app/tests") for path in (ROOT / top).rglob("*.py")]
    assert named
    for name, function in named:
        found = [path for path in files if path.as_posix().endswith(f"/{name}")]
        assert found, name
        assert not function or any(f"def {function}(" in path.read_text(encoding="utf-8") for path in found), function
