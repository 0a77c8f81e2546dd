# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import (
    EMPTY_PAGES_AT_END,
    PAGES_AT_ONCE,
    LogReader,
)
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

Line = tuple[int, str]


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "from the test"}}, "GetLogEvents")


class CloudWatchLogs:
    """One stream as GetLogEvents serves it: sorted by time, in pages, from the position of a token.

    ``troubles`` are the results of the next calls: "fails", "empty" (though more may follow), or a limit of lines.
    """

    def __init__(self, lines: Iterable[Line] = (), exists: bool = True) -> None:
        self.stored: list[tuple[int, int, str]] = []
        self.exists, self.never_ends, self.valid_from = exists, False, 0
        self.troubles: list[str | int] = []
        self.requests: list[dict[str, Any]] = []
        for line in lines:
            self.write(line)

    def write(self, line: Line) -> None:
        self.exists = True
        timestamp, message = line
        self.stored = sorted([*self.stored, (timestamp, len(self.stored), message)])

    def expire_tokens(self) -> None:
        self.valid_from = len(self.requests) + 1

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        assert (request["logGroupName"], request["logStreamName"], request["startFromHead"]) == (
            "group",
            "stream",
            True,
        )
        self.requests.append(request)
        trouble = self.troubles.pop(0) if self.troubles else 10_000
        if trouble == "fails":
            raise EndpointConnectionError(endpoint_url="https://logs.example")
        if not self.exists:
            raise refusal("ResourceNotFoundException")
        sent = request.get("nextToken")
        timestamp, serial, issued = map(int, (sent or "f/-1/-1/0")[2:].split("/"))
        if sent and issued < self.valid_from:
            raise refusal("InvalidParameterException")
        following = [one for one in self.stored if one[:2] > (timestamp, serial)]
        page = [] if trouble == "empty" else following[: int(trouble)]
        while sum(len(one[2]) for one in page) > 1_000_000:
            page.pop()
        if sent and not following and trouble != "empty" and not self.never_ends:
            token = sent
        else:
            timestamp, serial = page[-1][:2] if page else (timestamp, serial)
            token = f"f/{timestamp}/{serial}/{len(self.requests)}"
        events = [{"timestamp": one[0], "message": one[2], "ingestionTime": 0} for one in page]
        return {"events": events, "nextForwardToken": token, "nextBackwardToken": "b/0/0/0"}


def lines_of(events: Iterable[Any]) -> list[Line]:
    return [(event["timestamp"], event["message"]) for event in events]


def reader(keep: int | None = None) -> LogReader:
    return LogReader("group", "stream", keep)


def many(count: int) -> list[Line]:
    return [(number, f"line {number}") for number in range(count)]


def caught_up_reader(logs: CloudWatchLogs) -> LogReader:
    log = reader()
    log.read(logs)
    assert log.caught_up
    return log


MESSAGES = st.sampled_from(["same", "other", ""])
TROUBLES = st.lists(st.sampled_from(["fails", "empty", 1, 2, 3]), max_size=8)


class Following(RuleBasedStateMachine):
    """Anything that may happen to a stream and between the calls, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.logs = CloudWatchLogs(exists=False)
        self.written: list[Line] = []
        self.late: list[Line] = []
        self.lines_read: list[Line] = []
        self.there_before_an_error: list[Line] | None = None
        self.now = 10

    @initialize(keep=st.sampled_from([None, 0, 1, 5]))
    def begin(self, keep: int | None) -> None:
        self.keep, self.log = keep, reader(keep)

    @rule(steps=st.lists(st.tuples(st.integers(0, 2), MESSAGES), min_size=1, max_size=8))
    def lines_come(self, steps: list[tuple[int, str]]) -> None:
        for step, message in steps:
            self.now += step
            self.logs.write((self.now, message))
            self.written.append((self.now, message))

    @rule(message=MESSAGES, age=st.integers(1, 10))
    def a_line_comes_late(self, message: str, age: int) -> None:
        line = (self.now - age, message)
        self.logs.write(line)
        self.written.append(line)
        self.late.append(line)

    @rule(troubles=TROUBLES)
    def the_next_calls_meet(self, troubles: list[str | int]) -> None:
        self.logs.troubles = troubles

    @precondition(lambda self: self.logs.exists)
    @rule()
    def tokens_expire(self) -> None:
        self.logs.expire_tokens()

    @rule()
    def read(self) -> None:
        try:
            self.lines_read += lines_of(self.log.read(self.logs))
        except (EndpointConnectionError, ClientError):
            self.read_failed()
            return
        self.there_before_an_error = None
        self.check_the_read_lines()
        if self.log.caught_up:
            assert Counter(self.lines_read) >= Counter(self.written) - Counter(self.late)

    @rule()
    def read_again(self) -> None:
        try:
            self.lines_read += lines_of(self.log.read_again(self.logs))
        except (EndpointConnectionError, ClientError):
            self.read_failed()
            return
        # A late line may have a timestamp before the position at which a pass failed.
        there, self.there_before_an_error = self.there_before_an_error, None
        self.check_the_read_lines()
        if self.logs.exists:
            assert self.log.caught_up
            assert Counter(self.lines_read) >= Counter(self.written if there is None else there)

    def read_failed(self) -> None:
        assert not self.log.caught_up
        if self.there_before_an_error is None:
            self.there_before_an_error = list(self.written)

    def check_the_read_lines(self) -> None:
        assert Counter(self.lines_read) <= Counter(self.written)
        if not self.late:
            assert self.lines_read == self.written[: len(self.lines_read)]
        assert self.log.lines == len(self.lines_read)
        in_order = sorted(self.lines_read, key=itemgetter(0))
        kept = in_order if self.keep is None else in_order[len(in_order) - min(self.keep, len(in_order)) :]
        if self.keep is None or not self.late:
            assert lines_of(self.log.events) == kept
        else:
            assert [time for time, _text in lines_of(self.log.events)] == [time for time, _text in kept]

    def teardown(self) -> None:
        self.logs.troubles, self.logs.valid_from = [], 0
        self.read_again()
        self.read_again()
        assert Counter(self.lines_read) == Counter(self.written)


Following.TestCase.settings = settings(max_examples=200, stateful_step_count=25)
test_each_line_comes_once_and_none_is_lost = Following.TestCase


def test_a_stream_that_is_not_there_yet_has_no_lines() -> None:
    log = reader()
    assert log.read(CloudWatchLogs(exists=False)) == []
    assert not log.caught_up


def test_other_refusals_are_raised() -> None:
    class Refusing:
        def get_log_events(self, **request: Any) -> None:
            raise refusal("AccessDeniedException")

    with pytest.raises(ClientError, match="AccessDenied"):
        reader().read(Refusing())


def test_the_first_read_goes_to_the_end() -> None:
    logs, log = CloudWatchLogs(many(20)), reader()
    logs.troubles = [3, "empty", 2, 5]
    assert lines_of(log.read(logs)) == many(20)
    assert log.caught_up


def test_a_few_new_lines_cost_one_call() -> None:
    logs = CloudWatchLogs(many(3))
    log = caught_up_reader(logs)
    logs.write((3, "new"))
    before = len(logs.requests)
    assert lines_of(log.read(logs)) == [(3, "new")]
    assert len(logs.requests) == before + 1
    assert not log.caught_up
    assert log.read(logs) == []
    assert len(logs.requests) == before + 2
    assert log.caught_up


@pytest.mark.parametrize("late", [many(25_000)[3:], [(9, "x" * 200_000)] * 7], ids=["10,000 lines", "1 MB"])
def test_lines_of_the_next_page_are_read_at_once(late: list[Line]) -> None:
    logs = CloudWatchLogs(many(3))
    log = caught_up_reader(logs)
    logs.stored += [(time, 3 + number, text) for number, (time, text) in enumerate(late)]
    before = len(logs.requests)
    assert lines_of(log.read(logs)) == late
    assert len(logs.requests) > before + 1


def test_the_page_after_an_empty_one_is_read_at_once() -> None:
    logs = CloudWatchLogs(many(3))
    log = caught_up_reader(logs)
    logs.write((3, "new"))
    logs.troubles = ["empty", "empty"]
    assert lines_of(log.read(logs)) == [(3, "new")]


def test_read_makes_a_bounded_number_of_calls() -> None:
    """One read makes a bounded number of calls, and the next one goes on from there."""
    logs, log = CloudWatchLogs(many(PAGES_AT_ONCE + 1)), reader()
    logs.troubles = [1] * (PAGES_AT_ONCE + 1)
    assert lines_of(log.read(logs)) == many(PAGES_AT_ONCE)
    assert not log.caught_up
    assert lines_of(log.read(logs)) == many(PAGES_AT_ONCE + 1)[-1:]


def test_stream_whose_token_always_changes_ends() -> None:
    """The end of a stream is found even if every call returns a new token."""
    logs, log = CloudWatchLogs(many(3)), reader()
    logs.never_ends = True
    assert lines_of(log.read(logs)) == many(3)
    for _turn in range(EMPTY_PAGES_AT_END):
        assert log.read(logs) == []
    assert log.caught_up
    # A stream without new lines must not use up the account's quota of calls.
    assert len(logs.requests) <= PAGES_AT_ONCE + EMPTY_PAGES_AT_END
    assert log.read_again(logs) == []
    assert log.caught_up


def test_pauses_between_lines_are_no_end() -> None:
    logs = CloudWatchLogs(many(3))
    log = caught_up_reader(logs)
    for number in range(EMPTY_PAGES_AT_END):
        logs.write((3 + number, "new"))
        logs.troubles = ["empty"]
        assert lines_of(log.read(logs)) == [(3 + number, "new")]
    assert not log.caught_up


def test_an_error_loses_and_repeats_nothing() -> None:
    logs, log = CloudWatchLogs(many(5)), reader()
    logs.troubles = [2, "fails"]
    with pytest.raises(EndpointConnectionError):
        log.read(logs)
    assert lines_of(log.read(logs)) == many(5)
    assert "nextToken" not in logs.requests[0]
    assert all("nextToken" in request for request in logs.requests[1:])


def test_a_second_pass_continues_where_it_failed() -> None:
    logs = CloudWatchLogs(many(5))
    log = caught_up_reader(logs)
    logs.write((1, "late"))
    logs.troubles = [3, "fails"]
    before = len(logs.requests)
    with pytest.raises(EndpointConnectionError):
        log.read_again(logs)
    assert lines_of(log.read_again(logs)) == [(1, "late")]
    assert ["nextToken" in request for request in logs.requests[before:]] == [False, True, True, True]


def test_second_pass_puts_late_lines_in_order() -> None:
    """The second pass returns late lines, in the order of their timestamps."""
    logs = CloudWatchLogs([(1, "a"), (2, "b"), (3, "c")])
    log = caught_up_reader(logs)
    for line in [(2, "late"), (2, "b")]:
        logs.write(line)
    assert log.read(logs) == []
    assert lines_of(log.read_again(logs)) == [(2, "late"), (2, "b")]
    assert lines_of(log.events) == [(1, "a"), (2, "b"), (2, "late"), (2, "b"), (3, "c")]
    assert log.read_again(logs) == []


def test_late_line_older_than_the_kept_is_returned_only() -> None:
    """A late line that is older than the kept ones is returned, and not kept."""
    logs, log = CloudWatchLogs(many(5)), reader(keep=2)
    log.read(logs)
    logs.write((0, "late"))
    assert lines_of(log.read_again(logs)) == [(0, "late")]
    assert lines_of(log.events) == many(5)[-2:]
    assert log.lines == 6


def test_lines_that_the_stream_no_longer_holds_are_kept() -> None:
    logs = CloudWatchLogs(many(3))
    log = caught_up_reader(logs)
    del logs.stored[:2]
    assert log.read_again(logs) == []
    assert lines_of(log.events) == many(3)


def test_lines_during_the_second_pass_are_returned_once() -> None:
    """Lines that come while the second pass runs are not returned again."""
    logs = CloudWatchLogs(many(3))
    log = caught_up_reader(logs)
    logs.write((3, "new"))
    assert lines_of(log.read_again(logs)) == [(3, "new")]
    assert log.read(logs) == []


def test_an_expired_token_costs_no_line() -> None:
    logs = CloudWatchLogs(many(3))
    log = caught_up_reader(logs)
    logs.write((3, "new"))
    logs.expire_tokens()
    assert lines_of(log.read(logs)) == [(3, "new")]
    assert log.read(logs) == []


def test_token_that_expires_in_the_second_pass_loses_no_line() -> None:
    """A token that expires during the second pass loses no line."""
    logs = CloudWatchLogs(many(3))
    log = caught_up_reader(logs)
    logs.write((3, "new"))
    logs.troubles = [4, "fails"]
    with pytest.raises(EndpointConnectionError):
        log.read_again(logs)
    logs.expire_tokens()
    with pytest.raises(ClientError):
        log.read_again(logs)
    assert lines_of(log.read(logs)) == [(3, "new")]
    assert log.read_again(logs) == []


def test_requests_and_responses_match_the_model_of_the_sdk() -> None:
    client = boto3.client("logs", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b" * 40)
    request = {"logGroupName": "group", "logStreamName": "stream", "startFromHead": True}
    event = {"timestamp": 1_700_000_000_000, "message": "hello", "ingestionTime": 1_700_000_000_100}
    log = reader()
    with Stubber(client) as stubber:
        stubber.add_client_error("get_log_events", "ResourceNotFoundException", http_status_code=400)
        assert log.read(client) == []
        answer = {"events": [event], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"}
        stubber.add_response("get_log_events", answer, request)
        end = {"events": [], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"}
        stubber.add_response("get_log_events", end, {**request, "nextToken": "f/1"})
        assert log.read(client) == [{"timestamp": 1_700_000_000_000, "message": "hello"}]
        assert log.caught_up
        stubber.add_client_error("get_log_events", "InvalidParameterException", http_status_code=400)
        stubber.add_response("get_log_events", answer, request)
        stubber.add_response("get_log_events", end, {**request, "nextToken": "f/1"})
        assert log.read(client) == []
        stubber.assert_no_pending_responses()
