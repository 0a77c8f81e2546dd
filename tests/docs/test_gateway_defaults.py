# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the MCP gateway's defaults agrees with their table, and each deliberate difference has its test."""

from __future__ import annotations

from baseline import table
from gateway_defaults import PAGE, page, unknown_tests


def test_page_agrees_with_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "-> python tests/docs/gateway_defaults.py"


def test_each_deliberate_difference_has_a_test() -> None:
    assert list(unknown_tests(dict(table()))) == []
