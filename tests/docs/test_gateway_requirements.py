# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the MCP gateway's requirements has each of them once, shown by a test that exists."""

from __future__ import annotations

import re

from fences import ROOT
from test_system_reference import NAMED_TEST, defined_in

PAGE = ROOT / "docs" / "mcp-gateway-requirements.md"
# Requirements of each of the plan's 14 groups.
GROUPS = (6, 4, 9, 6, 7, 5, 4, 4, 4, 4, 3, 5, 5, 4)
NUMBERS = [f"{group}.{number}" for group, most in enumerate(GROUPS, start=1) for number in range(1, most + 1)]


def rows(pattern: str) -> list[list[str]]:
    """Return the cells of the rows whose first cell matches a pattern."""
    lines = re.findall(rf"^\| {pattern} \| .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_each_requirement_is_there_once() -> None:
    assert [cells[0].strip() for cells in rows(r"\d+\.\d")] == NUMBERS


def test_each_requirement_is_shown_by_tests_or_account_only() -> None:
    for cells in rows(r"\d+\.\d"):
        tests = NAMED_TEST.findall(cells[4])
        assert cells[3] in ("shown", "account only"), cells
        assert (cells[3] == "shown") == bool(tests), cells
        assert [f"{path}::{name}" for path, name in tests if name not in defined_in(path)] == []


def test_each_case_of_a_login_is_shown_by_tests() -> None:
    assert [cells[0].strip() for cells in rows("[A-J]")] == list("ABCDEFGHIJ")
    for cells in rows("[A-J]"):
        tests = NAMED_TEST.findall(cells[3])
        assert tests, cells
        assert [f"{path}::{name}" for path, name in tests if name not in defined_in(path)] == []


def test_each_contradiction_has_a_decision() -> None:
    assert [cells[0].strip() for cells in rows(r"\d")] == [str(number) for number in range(1, 10)]
    assert all(cells[2].rstrip(" |") for cells in rows(r"\d"))
