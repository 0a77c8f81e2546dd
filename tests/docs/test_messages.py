# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code contains every error line of docs/troubleshooting.md; <…> in a line stands for text that differs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from fences import ROOT, Fence, fences

SOURCES = (
    "plugins/**/*.py",
    "loadtest_app/src/**/*.py",
    "roles/**/*.py",
    "roles/**/*.yml",
    "playbooks/*.yml",
    "requirements/*.sh",
)
LINES = fences(ROOT / "docs" / "troubleshooting.md", "text")
# The text between fixed parts: a placeholder, or the arrow before a remedy, which often comes from another text.
SEAM = re.compile(r"<[^<>]*>|->")
MARKS = " :;,.()[]{}$\"'"
TELLING = 10  # characters of its fixed parts; a line with fewer fits any text
FEWEST_WORDS = 3  # words of a piece that is not a whole text of the code


def texts() -> Iterator[str]:
    """Yield every text of the code; a value in a text splits it in two."""
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            source = path.read_text(encoding="utf-8")
            if path.suffix == ".py":
                tree = ast.parse(source)
                docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
                yield from (
                    node.value
                    for node in ast.walk(tree)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings
                )
            else:
                yield source.replace('\\"', '"')


def parts(line: str) -> list[str]:
    """Return the fixed parts of a line."""
    return [part for one in SEAM.split(" ".join(line.split())) if (part := one.strip(MARKS))]


WHOLE = {part for text in texts() for part in parts(text)}
ALL_TEXTS = "\n".join(WHOLE)


def is_in_code(part: str) -> bool:
    """Return whether the code contains a text, in one piece or in several pieces in a row."""
    words = part.split()
    while words:
        pieces = [" ".join(words[:count]).strip(MARKS) for count in range(len(words), 0, -1)]
        known = (
            piece for piece in pieces if piece in WHOLE or (len(piece.split()) >= FEWEST_WORDS and piece in ALL_TEXTS)
        )
        found = next(known, "")
        if not found:
            return False
        words = words[len(found.split()) :]
    return True


@pytest.mark.parametrize("fence", LINES, ids=lambda fence: fence.location)
def test_error_line_is_in_the_code(fence: Fence) -> None:
    found = parts(fence.text)
    assert sum(map(len, found)) >= TELLING
    assert [part for part in found if not is_in_code(part)] == []


@pytest.mark.parametrize(
    "line",
    ["port <port> is occupied by <process>", "AWS does not know who calls", "the image does not exist -> pull it"],
)
def test_line_that_the_code_does_not_contain_is_found(line: str) -> None:
    assert [part for part in parts(line) if not is_in_code(part)] != []
