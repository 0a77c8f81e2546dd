# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

from ansible_collections.gantry.ecs.plugins.module_utils.live.log_lines import SHORTEST_CUT, LogPieces, is_json_object
from hypothesis import given
from hypothesis import strategies as st

CUT = 16_384
LONG_LINE = json.dumps({"event": "run.summary", "histograms": "x" * 40_000, "nested": {"a": [1]}})


def cut(line: str) -> list[str]:
    return [line[at : at + CUT] for at in range(0, len(line), CUT)]


def joined(messages: list[str]) -> list[str]:
    pieces = LogPieces()
    return [line for message in messages for line in pieces.take(message)] + pieces.rest()


@given(st.lists(st.integers(0, 60_000).map(lambda size: json.dumps({"x": "y" * size, "z": {}})) | st.text(max_size=50)))
def test_lines_that_were_cut_come_back_whole_and_in_order(lines: list[str]) -> None:
    lines = [line for line in lines if line]
    assert joined([piece for line in lines for piece in cut(line)]) == lines


@given(st.lists(st.sampled_from([*cut(LONG_LINE), LONG_LINE, "{", "}", "text", "y" * CUT, "{" + "z" * CUT])))
def test_no_line_is_lost_and_the_order_stays(messages: list[str]) -> None:
    assert "".join(joined(messages)) == "".join(messages)


def test_unended_line_holds_back_one_line_at_most() -> None:
    """A line without an end delays one line at most."""
    pieces = LogPieces()
    begin = "{" + "x" * SHORTEST_CUT
    assert pieces.take(begin) == []
    assert pieces.take("Traceback:") == [begin, "Traceback:"]
    assert pieces.take("more") == ["more"]


def test_a_whole_event_ends_the_wait_for_a_piece() -> None:
    pieces = LogPieces()
    begin = "{" + "x" * SHORTEST_CUT
    pieces.take(begin)
    assert pieces.take('{"event": "run.failed"}') == [begin, '{"event": "run.failed"}']


def test_pieces_without_an_end_use_bounded_memory() -> None:
    pieces = LogPieces()
    given_back = [line for message in ["{" + "x" * CUT, *["x" * CUT] * 200] for line in pieces.take(message)]
    assert len(given_back) > 50


def test_only_objects_count_as_json() -> None:
    assert is_json_object(' {"a": 1}\n')
    assert not any(map(is_json_object, ["", "42", "[1]", "{not}", "{" * 100_000 + "}", '{"a":' * 100_000 + "1}"]))
