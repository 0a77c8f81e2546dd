# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "sizes.py"
spec = importlib.util.spec_from_file_location("sizes", PROGRAM)
assert spec and spec.loader
sizes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sizes)


def test_a_long_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "long.py").write_text("x = 1\n" * 401)
    (tmp_path / "tree" / "short.py").write_text("x = 1\n" * 400)
    assert list(sizes.problems(tmp_path, ("tree",))) == [
        "tree/long.py has 401 lines of code -> cut it, 400 are the most"
    ]


def test_documentation_for_ansible_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "module.py").write_text('DOCUMENTATION = r"""\n' + "line\n" * 500 + '"""\n')
    assert list(sizes.problems(tmp_path, ("tree",))) == []


def test_a_hall_of_eleven_rooms_is_a_problem(tmp_path: Path) -> None:
    hall = tmp_path / "tree" / "hall"
    (hall / "inner").mkdir(parents=True)
    for number in range(9):
        (hall / f"room{number}.py").touch()
    (hall / "__init__.py").touch()
    (hall / "inner" / "room.py").touch()
    assert list(sizes.problems(tmp_path, ("tree",))) == []
    (hall / "one_more.py").touch()
    assert list(sizes.problems(tmp_path, ("tree",))) == [
        "tree/hall/ has 11 rooms -> put some together, 10 are the most"
    ]


def test_a_hall_of_folders_alone_counts_them(tmp_path: Path) -> None:
    for number in range(11):
        (tmp_path / "tree" / f"inner{number}").mkdir(parents=True)
        (tmp_path / "tree" / f"inner{number}" / "room.py").touch()
    assert list(sizes.problems(tmp_path, ("tree",))) == ["tree/ has 11 rooms -> put some together, 10 are the most"]
