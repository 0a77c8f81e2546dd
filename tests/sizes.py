# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sizes of the source trees: fails on a file of too many lines of code, and on a hall of too many rooms.

A module's documentation is not counted: Ansible wants it in the same file. A room is a file or a folder.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
TREES = ("loadtest_app/src", "loadtest_app/image", "plugins", "roles/local_aws/files", "bench")
MAX_LINES = 400
MAX_ROOMS = 10
DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
# Ansible looks for its plugins in these, bench has a file a client, and ddbload has twelve halls and its command.
WITHOUT_HALLS = {"plugins/modules", "plugins/filter", "bench", "loadtest_app/src/ddbload"}


def code_lines(source: str) -> int:
    """Return the lines of a file without its documentation for Ansible."""
    documentation = sum(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id in DOCUMENTATION for target in node.targets)
    )
    return len(source.splitlines()) - documentation


def rooms(folder: Path) -> list[str]:
    """Return the names of a folder's files and of its folders with files."""
    return sorted(
        path.name
        for path in folder.iterdir()
        if (path.suffix == ".py" and path.stem not in {"__init__", "__main__"})
        or (path.is_dir() and any(path.rglob("*.py")))
    )


def problems(root: Path, trees: tuple[str, ...] = TREES) -> Iterator[str]:
    """Yield a line for each file or hall that is too large."""
    for tree in trees:
        for path in sorted((root / tree).rglob("*.py")):
            if "tests" in path.relative_to(root / tree).parts:
                continue
            lines = code_lines(path.read_text(encoding="utf-8"))
            if lines > MAX_LINES:
                yield f"{path.relative_to(root)} has {lines} lines of code -> cut it, {MAX_LINES} are the most"
        for folder in sorted({above for path in (root / tree).rglob("*.py") for above in path.parents}):
            if not folder.is_relative_to(root / tree):
                continue
            name = folder.relative_to(root).as_posix()
            if len(rooms(folder)) > MAX_ROOMS and name not in WITHOUT_HALLS and "tests" not in folder.parts:
                yield f"{name}/ has {len(rooms(folder))} rooms -> put some together, {MAX_ROOMS} are the most"


def main() -> int:
    """Print the problems; return 1 where a file or a hall is too large."""
    found = list(problems(ROOT))
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
