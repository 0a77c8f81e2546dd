# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The import graph of both source trees: prints halls, floors and arrows; fails on an arrow upwards or a circle.

A hall may import from lower floors only, not from its neighbours. Within a hall, files and inner halls make no circle.
Imports inside functions and those for types count as well.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
Arrow = tuple[str, str]


@dataclass(frozen=True)
class Tree:
    """One source tree: its folder, its package's name, and its halls by floor, ground floor first."""

    folder: str
    package: str
    floors: tuple[tuple[str, ...], ...]
    # Arrows that a later change removes, by file, with the reason.
    exceptions: Mapping[Arrow, str] = field(default_factory=dict)


TREES = (
    Tree(
        "loadtest_app/src/ddbload",
        "ddbload",
        (
            ("__init__", "files", "instants", "turns"),
            ("stats", "pacing"),
            ("dynamo",),
            ("scenario", "control"),
            ("workload", "sizing"),
            ("engine", "verify"),
            ("results", "telemetry"),
            ("run", "report", "authoring"),
            ("cli",),
            ("__main__",),
        ),
    ),
    Tree(
        "plugins",
        "ansible_collections.gantry.ecs.plugins",
        (
            ("module_utils/text",),
            ("module_utils/aws", "module_utils/local_aws", "module_utils/system"),
            ("module_utils/live", "module_utils/images"),
            ("module_utils/cfn", "module_utils/ecs"),
            ("module_utils/environment",),
            ("module_utils/preflight",),
            ("plugin_utils",),
            ("modules", "action", "callback", "filter", "lookup"),
        ),
        {},
    ),
    Tree(
        "roles/local_aws/files/embedded_aws",
        "embedded_aws",
        (
            ("__init__",),
            ("guard", "names"),
            ("engine", "extension", "front"),
            ("database", "service_connect"),
            ("application",),
        ),
    ),
)


def arrows_of(root: Path, tree: Tree) -> tuple[list[str], set[Arrow]]:
    """Return the imports of a tree: for each file (without suffix) the files that it imports."""
    folder = root / tree.folder
    files = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.py"))
    by_module = {f"{tree.package}.{file.replace('/', '.')}".removesuffix(".__init__"): file for file in files}
    arrows = set()
    for file in files:
        for names in _imported(ast.parse((folder / f"{file}.py").read_text(encoding="utf-8"))):
            target = next((by_module[name] for name in names if name in by_module), file)
            if target != file:
                arrows.add((file, target))
    return files, arrows


def _imported(module: ast.Module) -> Iterator[tuple[str, ...]]:
    """Yield the modules that an import may mean: the module of that name, else the module that has the name."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((alias.name,) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node.module) for alias in node.names)


def hall_of(file: str, halls: Collection[str]) -> str | None:
    """Return the hall of a file: itself, or a folder above it; None where no floor names one."""
    parts = file.split("/")
    found = ("/".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((name for name in found if name in halls), None)


def problems_of(tree: Tree, files: Collection[str], arrows: Collection[Arrow]) -> list[str]:
    """Return what is wrong with a tree's imports, a line each."""
    floors = {hall: floor for floor, halls in enumerate(tree.floors) for hall in halls}
    problems = [
        f"{tree.folder}/{file}.py is in no hall -> name its hall in tests/graph.py, or move it into one"
        for file in files
        if hall_of(file, floors) is None
    ]
    problems += [
        f"{tree.folder}: {source} no longer imports {target} -> remove that exception from tests/graph.py"
        for source, target in tree.exceptions
        if (source, target) not in arrows
    ]
    kept = [arrow for arrow in arrows if arrow not in tree.exceptions]
    for source, target in sorted(kept):
        above, below = hall_of(source, floors), hall_of(target, floors)
        if above and below and above != below and floors[above] <= floors[below]:
            problems.append(f"{tree.folder}: {source} imports {target}, which is on no lower floor -> move one of them")
    return problems + [f"{tree.folder}: a circle: {' -> '.join(circle)}" for circle in circles(kept)]


def circles(arrows: Collection[Arrow]) -> list[list[str]]:
    """Return one circle for each folder whose files and inner halls have one."""
    inner: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for source, target in arrows:
        # A package's __init__ represents the whole package.
        ends = [end.removesuffix("/__init__").split("/") for end in (source, target)]
        depth = next((n for n, (one, other) in enumerate(zip(*ends, strict=False)) if one != other), None)
        if depth is not None:
            inner["/".join(ends[0][:depth])][ends[0][depth]].add(ends[1][depth])
    found = []
    for folder, graph in sorted(inner.items()):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            found.append(["/".join(filter(None, (folder, name))) for name in error.args[1]])
    return found


def draw(tree: Tree, root: Path, files: Collection[str], arrows: Collection[Arrow]) -> str:
    """Return the picture of a tree: a line a hall, ground floor first, with its size and what it imports from."""
    halls = {hall: floor for floor, names in enumerate(tree.floors) for hall in names}
    lines = [f"{tree.folder}: {len(files)} files, {len(arrows)} imports"]
    for hall, floor in halls.items():
        inside = [file for file in files if hall_of(file, halls) == hall]
        length = sum(len((root / tree.folder / f"{file}.py").read_text().splitlines()) for file in inside)
        outward = Counter(hall_of(target, halls) for source, target in arrows if source in inside)
        outward.pop(hall, None)
        to = ", ".join(f"{name} ({count})" for name, count in sorted(outward.items(), key=str))
        lines.append(f"  {floor + 1:2} {hall:<24} {len(inside):3} files {length:6,} lines{'  -> ' + to if to else ''}")
    lines += [f"     exception: {source} -> {target}: {why}" for (source, target), why in tree.exceptions.items()]
    return "\n".join(lines)


def main() -> int:
    """Print the graph; return 1 where an arrow runs upwards or in a circle."""
    problems = []
    for tree in TREES:
        files, arrows = arrows_of(ROOT, tree)
        print(draw(tree, ROOT, files, arrows), end="\n\n")
        problems += problems_of(tree, files, arrows)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
