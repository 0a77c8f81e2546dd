# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader of a log group over scripted pages."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.log_group import (
    NEW_STREAM_MS,
    OVERLAP_MS,
    WINDOW_MS,
    LogGroupReader,
)
from botocore.exceptions import ClientError


def event(stream: str, at_ms: int, message: str = "x", event_id: str = "") -> dict[str, Any]:
    return {
        "logStreamName": f"p/main/{stream}",
        "timestamp": at_ms,
        "message": message,
        "eventId": event_id or f"{stream}/{at_ms}/{message}",
    }


class Logs:
    """Returns one page after the other, each with a token if another one follows in its sweep."""

    def __init__(self, *pages: tuple[list[dict[str, Any]], str | None] | Exception) -> None:
        self.pages = list(pages)
        self.requests: list[dict[str, Any]] = []

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        page = self.pages.pop(0)
        if isinstance(page, Exception):
            raise page
        events, token = page
        return {"events": events} | ({"nextToken": token} if token else {})


def read(reader: LogGroupReader, logs: Logs, *streams: str) -> dict[str, list[str]]:
    found = reader.read(logs, [f"p/main/{stream}" for stream in streams])
    return {stream[-1]: [one["message"] for one in events] for stream, events in found.items()}


def test_an_event_that_two_sweeps_hold_comes_once() -> None:
    reader = LogGroupReader("/g", "p/main/", 1000)
    first, late, second = event("a", 5000, "1"), event("b", 4500, "late"), event("a", 6000, "2")
    logs = Logs(([first], None), ([late, first, second], None))
    assert read(reader, logs, "a", "b") == {"a": ["1"]}
    assert read(reader, logs, "a", "b") == {"b": ["late"], "a": ["2"]}


def test_equal_lines_of_one_instant_are_two_lines() -> None:
    reader = LogGroupReader("/g", "p/main/", 1000)
    logs = Logs(([event("a", 5000, event_id="1"), event("a", 5000, event_id="2")], None))
    assert read(reader, logs, "a") == {"a": ["x", "x"]}


def test_empty_pages_are_passed_until_the_sweep_ends() -> None:
    reader = LogGroupReader("/g", "p/main/", 1000)
    logs = Logs(([], "t1"), ([], "t2"), ([event("a", 5000)], None))
    assert [read(reader, logs, "a") for _look in range(3)] == [{}, {}, {"a": ["x"]}]
    assert [request.get("nextToken") for request in logs.requests] == [None, "t1", "t2"]
    assert {request["startTime"] for request in logs.requests} == {1000}
    assert (reader.swept, reader.within_sweep) == (1, False)


@pytest.mark.parametrize(
    ("streams", "start_ms"),
    [
        (["a"], 90_000),
        (["a", "b"], 86_000),
        (["a", "new"], 90_000 - NEW_STREAM_MS),
        (["a", "slow"], 90_000 - WINDOW_MS),
    ],
)
def test_a_sweep_starts_at_the_stream_that_is_furthest_behind(streams: list[str], start_ms: int) -> None:
    reader = LogGroupReader("/g", "p/main/", 1000)
    logs = Logs(([event("slow", 2000), event("b", 86_000), event("a", 90_000)], None), ([], None))
    read(reader, logs, *streams)
    read(reader, logs, *streams)
    assert logs.requests[1]["startTime"] == start_ms - OVERLAP_MS


def test_after_an_error_the_same_page_is_read() -> None:
    reader = LogGroupReader("/g", "p/main/", 1000)
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "FilterLogEvents")
    logs = Logs(([event("a", 5000)], "t1"), throttled, ([event("a", 6000)], None))
    read(reader, logs, "a")
    with pytest.raises(ClientError):
        read(reader, logs, "a")
    assert read(reader, logs, "a") == {"a": ["x"]}
    assert [request.get("nextToken") for request in logs.requests] == [None, "t1", "t1"]


def test_an_expired_token_restarts_the_sweep() -> None:
    reader = LogGroupReader("/g", "p/main/", 1000)
    expired = ClientError({"Error": {"Code": "InvalidParameterException", "Message": "token"}}, "FilterLogEvents")
    logs = Logs(([event("a", 5000)], "t1"), expired, ([event("a", 5000), event("a", 6000, "y")], None))
    read(reader, logs, "a")
    assert read(reader, logs, "a") == {}
    assert (reader.swept, reader.within_sweep) == (0, False)
    assert read(reader, logs, "a") == {"a": ["y"]}


def test_a_group_that_does_not_exist_has_no_events() -> None:
    """Its token is dropped too, where it is deleted within a sweep."""
    reader = LogGroupReader("/g", "p/main/", 1000)
    missing = ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "FilterLogEvents")
    logs = Logs(missing, ([event("a", 5000)], "t1"), missing)
    assert [read(reader, logs, "a") for _look in range(3)] == [{}, {"a": ["x"]}, {}]
    assert (reader.swept, reader.within_sweep) == (2, False)


def test_the_kept_ids_of_old_events_are_bounded() -> None:
    """Ids are kept for the window that a sweep may read again, not for the run."""
    reader = LogGroupReader("/g", "p/main/", 0)
    for second in range(1, 3601):
        read(reader, Logs(([event("a", second * 1000)], None)), "a")
    assert len(reader._seen) <= (WINDOW_MS + OVERLAP_MS) / 1000 + 1
