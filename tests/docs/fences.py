# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fenced blocks of the documentation, and the commands in them."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
# The order of the pages whose commands are run: a newcomer reads these two first.
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "docs" / "getting-started.md",
    *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name != "getting-started.md"),
    ROOT / "CONTRIBUTING.md",
]
# A block within a list is indented.
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
PROMPT = "$ "
# The first line of a block that is a file names the file.
FILE_NAME = re.compile(r"# (\S+\.\w+)\n")
# The first line of a block that is a scenario in YAML names its schema.
SCENARIO_START = "# yaml-language-server: "
# The first line of a block that is a whole description of a system names its file and more.
DESCRIPTION_START = "# systems/"


class Fence(NamedTuple):
    """A fenced block: the location of its start, its language and its text."""

    location: str
    language: str
    text: str


class Command(NamedTuple):
    """A command that the reader types: its location, and its words as the shell splits them."""

    location: str
    words: tuple[str, ...]


def fences(path: Path, *languages: str) -> list[Fence]:
    """Return a document's fenced blocks of these languages."""
    text = path.read_text(encoding="utf-8")
    return [
        Fence(f"{path.name}:{text.count(chr(10), 0, match.start()) + 1}", match[2], textwrap.dedent(match[3]))
        for match in FENCE.finditer(text)
        if match[2] in languages
    ]


def commands(fence: Fence) -> Iterator[Command]:
    """Yield the commands of a console block; a quotation or a backslash continues one on the next line."""
    name, _colon, first = fence.location.rpartition(":")
    lines = fence.text.splitlines()
    for number, line in enumerate(lines):
        if not line.startswith(PROMPT):
            continue
        typed = line.removeprefix(PROMPT)
        for following in (*lines[number + 1 :], None):
            try:
                words = shlex.split(typed.replace("\\\n", " "), comments=True)
                break
            except ValueError:
                assert following is not None, f"{fence.location}: a quotation has no end"
                typed += "\n" + following
        yield Command(f"{name}:{int(first) + 1 + number}", tuple(words))


def files(paths: list[Path] = DOCUMENTS) -> dict[str, str]:
    """Return the files that the documentation shows whole, by name."""
    shown = [fence.text for path in paths for fence in fences(path, "yaml", "json", "text", "ini")]
    return {match[1]: text for text in shown if (match := FILE_NAME.match(text))}
