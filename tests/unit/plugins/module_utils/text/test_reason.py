# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import GAP, one_line, shortened
from hypothesis import given
from hypothesis import strategies as st


def test_the_start_and_end_of_a_long_text_stay() -> None:
    assert shortened("CannotPull: much in between: i/o timeout", 25) == "CannotPull ... /o timeout"


@given(st.text())
def test_any_text_becomes_one_line_without_control_characters(text: str) -> None:
    line = one_line(text)
    assert line.isprintable() and line == line.strip() and "  " not in line
    assert one_line(line) == line


@given(st.text(max_size=80), st.integers(min_value=len(GAP), max_value=60))
def test_text_is_cut_only_where_it_is_too_long(text: str, limit: int) -> None:
    """A text is never longer than the limit, and is cut only where it exceeds it."""
    cut = shortened(text, limit)
    assert len(cut) == min(len(text), limit)
    assert cut == text or GAP in cut
