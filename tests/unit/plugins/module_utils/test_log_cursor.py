# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ddbload.aws.plugins.module_utils.log_cursor import LogCursor, read_new
from hypothesis import given
from hypothesis import strategies as st


class NotFound(Exception):
    pass


class Stream:
    """A log stream as CloudWatch serves it: pages of any size, empty ones among them, tokens for places."""

    def __init__(self, page_sizes: list[int]) -> None:
        self.lines: list[tuple[int, str]] = []
        self.exists = False
        self.page_sizes = page_sizes or [1]
        self.calls = 0
        self.exceptions = type("Exceptions", (), {"ResourceNotFoundException": NotFound})
        self.fail_at: int | None = None

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        assert request["startFromHead"] is True and request.pop("aws_retry") is True
        if not self.exists:
            raise NotFound
        self.calls += 1
        if self.calls == self.fail_at:
            raise ConnectionError
        # A place is a count of lines and a turn: a page may be empty though more follow, with a token of its own.
        place, turn = request.get("nextToken", "0/0").split("/")
        start, size = int(place), self.page_sizes[self.calls % len(self.page_sizes)]
        if start == len(self.lines) and "nextToken" in request:
            return {"events": [], "nextForwardToken": request["nextToken"]}
        page = self.lines[start : start + size]
        events = [{"timestamp": time, "message": text, "ingestionTime": 0} for time, text in page]
        return {"events": events, "nextForwardToken": f"{start + len(page)}/{int(turn) + 1}"}


def read(stream: Stream, cursor: LogCursor) -> list[tuple[int, str]]:
    return [(event["timestamp"], event["message"]) for event in read_new(stream, cursor)]


LINES = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["same", "other", ""])), max_size=20)


@given(batches=st.lists(LINES, max_size=6), page_sizes=st.lists(st.integers(0, 5), max_size=4).map(lambda s: [*s, 1]))
def test_every_line_comes_once_and_in_order(batches: list[list[tuple[int, str]]], page_sizes: list[int]) -> None:
    stream, cursor = Stream(page_sizes), LogCursor("group", "stream")
    seen = read(stream, cursor)
    stream.exists = True
    for batch in batches:
        stream.lines += batch
        seen += read(stream, cursor)
        seen += read(stream, cursor)
        cursor = LogCursor(**vars(cursor))
    assert seen == [line for batch in batches for line in batch]


def test_a_missing_stream_has_no_lines() -> None:
    cursor = LogCursor("group", "stream")
    assert read(Stream([1]), cursor) == []
    assert cursor.token is None


def test_what_was_read_before_an_error_is_read_again() -> None:
    stream, cursor = Stream([1]), LogCursor("group", "stream")
    stream.exists, stream.lines, stream.fail_at = True, [(1, "a"), (1, "b"), (1, "c")], 2
    with pytest.raises(ConnectionError):
        read(stream, cursor)
    assert read(stream, cursor) == stream.lines
