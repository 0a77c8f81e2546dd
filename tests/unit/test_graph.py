# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[1] / "graph.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("graph", PROGRAM)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up their module
    spec.loader.exec_module(module)
    return module


graph = load()
FLOORS = (("low",), ("high", "beside"))


def problems(root: Path, sources: dict[str, str], exceptions: dict[tuple[str, str], str] | None = None) -> list[str]:
    for name, text in sources.items():
        file = root / "tree" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    tree = graph.Tree("tree", "package", FLOORS, exceptions or {})
    found: list[str] = graph.problems_of(tree, *graph.arrows_of(root, tree))
    return found


def test_imports_from_lower_floors_are_valid(tmp_path: Path) -> None:
    sources = {
        "low/one": "",
        "low/two": "from package.low import one\n",
        "high/three": "from package.low.two import x\n",
    }
    assert problems(tmp_path, sources) == []


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("from package.high import three\n", "high/three"),
        ("from package.high.three import x\n", "high/three"),
        ("import package.high.three\n", "high/three"),
        ("def f():\n    from package.high.three import x\n", "high/three"),
    ],
)
def test_an_arrow_upwards_is_a_problem(tmp_path: Path, text: str, target: str) -> None:
    (line,) = problems(tmp_path, {"low/one": text, "high/three": ""})
    assert line == f"tree: low/one imports {target}, which is on no lower floor -> move one of them"


def test_an_arrow_to_a_neighbour_is_a_problem(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, {"beside/one": "from package.high.three import x\n", "high/three": ""})
    assert "beside/one imports high/three" in line


def test_a_circle_of_files_is_a_problem(tmp_path: Path) -> None:
    sources = {"low/one": "from package.low import two\n", "low/two": "from package.low import one\n"}
    (line,) = problems(tmp_path, sources)
    assert line.startswith("tree: a circle: low/")


def test_a_circle_of_inner_halls_is_a_problem(tmp_path: Path) -> None:
    sources = {
        "low/inner/one": "from package.low.two import x\n",
        "low/inner/other": "",
        "low/two": "from package.low.inner.other import x\n",
    }
    (line,) = problems(tmp_path, sources)
    assert "low/inner -> low/two" in line or "low/two -> low/inner" in line


def test_a_file_in_no_hall_is_a_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, {"stray": ""}) == [
        "tree/stray.py is in no hall -> name its hall in tests/graph.py, or move it into one"
    ]


def test_an_exception_covers_one_arrow_while_it_is_there(tmp_path: Path) -> None:
    sources = {"low/one": "from package.high.three import x\n", "high/three": ""}
    assert problems(tmp_path, sources, {("low/one", "high/three"): "until the cut"}) == []
    (line,) = problems(tmp_path, sources | {"low/one": ""}, {("low/one", "high/three"): "until the cut"})
    assert line == "tree: low/one no longer imports high/three -> remove that exception from tests/graph.py"


def test_graph_of_this_checkout_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    code = graph.main()
    printed = capsys.readouterr()
    assert (code, printed.err) == (0, "")
    for tree in graph.TREES:
        assert f"{tree.folder}: " in printed.out
