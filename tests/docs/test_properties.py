# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of properties lists all of them, and each requirement of its tables is shown by one that exists."""

from __future__ import annotations

from properties import DESIGN, OFFLINE, PAGE, TABLES, page, unknown
from test_template_properties import PROPERTIES


def test_page_agrees_with_the_properties() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "-> python tests/docs/properties.py"


def test_each_row_is_shown_by_a_property_or_a_test() -> None:
    assert list(unknown(set(PROPERTIES))) == []
    assert all(row.shown_by for rows in TABLES.values() for row in rows)


def test_all_eleven_properties_and_eight_checks_are_there() -> None:
    assert [row.number for row in DESIGN] == [str(number) for number in range(1, 12)]
    assert [row.number for row in OFFLINE] == list("abcdefgh")
