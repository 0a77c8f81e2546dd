# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.images.digest import directory_digest


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "src" / "inner").mkdir(parents=True)
    (tmp_path / "src" / "a.py").write_text("a")
    (tmp_path / "src" / "inner" / "b.py").write_text("b")
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    return tmp_path


def digest(tree: Path) -> str:
    return directory_digest(tree, ["src", "Dockerfile"], ["__pycache__", "*.pyc"])


def test_content_names_and_executable_bits_count(tree: Path) -> None:
    digests = [digest(tree)]
    (tree / "src" / "a.py").write_text("A")
    digests.append(digest(tree))
    (tree / "src" / "a.py").rename(tree / "src" / "c.py")
    digests.append(digest(tree))
    (tree / "src" / "c.py").chmod(0o755)
    digests.append(digest(tree))
    assert len(set(digests)) == 4


def test_times_order_and_excluded_files_do_not_count(tree: Path) -> None:
    before = digest(tree)
    os.utime(tree / "src" / "a.py", (1, 1))
    (tree / "src" / "__pycache__").mkdir()
    (tree / "src" / "__pycache__" / "a.pyc").write_text("x")
    (tree / "elsewhere").write_text("x")
    assert digest(tree) == before
    assert directory_digest(tree, ["Dockerfile", "src", "src"], ["__pycache__"]) == before


def test_same_bytes_at_another_path_are_another_content(tree: Path) -> None:
    """The same bytes at another path of the tree are another content."""
    before = digest(tree)
    (tree / "src" / "inner" / "b.py").rename(tree / "src" / "b.py")
    assert digest(tree) != before


def test_a_missing_path_is_an_error(tree: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        directory_digest(tree, ["nowhere"])
