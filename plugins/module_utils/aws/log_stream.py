# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of one CloudWatch log stream, read page by page while they come: each line once, and none left out.

What is said here of pages and tokens is said of GetLogEvents in
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple, TypedDict

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code

# A page holds 1 MB or 10,000 lines at most, and often far less though more follow.
LARGE_PAGE_LINES = 100
LARGE_PAGE_CHARACTERS = 65_536
# Calls that one read makes at most. The quota is one for all streams of an account and region:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
PAGES_AT_ONCE = 10
# Some streams change their token for ever (boto/boto3#4591): this number of empty pages in a row is an end too.
EMPTY_PAGES_AT_END = 50


class LogEvent(TypedDict):
    """A line of a log.

    Attributes:
        timestamp: when it was written; ms since 1970.
        message: the line.
    """

    timestamp: int
    message: str


class LogReader:
    """Reads one stream, and keeps its newest lines.

    Attributes:
        group: the log group's name.
        stream: the log stream's name.
        events: the lines so far, the newest ``keep`` of them; by time, and those of one instant as they came.
        lines: how many lines have come.
        caught_up: whether the last read met the stream's end.

    Args:
        group: the log group's name.
        stream: the log stream's name.
        keep: how many lines are kept; None for all.
    """

    def __init__(self, group: str, stream: str, keep: int | None = None) -> None:
        self.group, self.stream = group, stream
        self.events: list[LogEvent] = []
        self.lines = 0
        self.caught_up = False
        self._keep = keep
        self._token: str | None = None
        self._empty_pages = 0
        self._has_caught_up = False
        self._digests = array("q")  # of every line, instead of the line
        self._unreturned: list[LogEvent] = []  # taken before an error, returned by the next read
        self._pass: _Pass | None = None
        self._ahead: Counter[int] = Counter()  # lines that a pass found, and `add` may still bring

    def read(self, client: Any) -> list[LogEvent]:
        """Read the new lines, mostly with one call.

        The next page is read at once until the stream's end is met for the first time, and after that where a page was
        large, or was empty although more may follow. After an error no line is lost or repeated: the next read
        continues from this one's position, and returns this one's lines too.

        Args:
            client: a boto3 CloudWatch Logs client.

        Returns:
            The new lines; none while the stream does not exist.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: CloudWatch Logs refused, or is out of reach.
        """
        # Lines that came by `add` have no position from which to go on.
        if self._pass or (self._token is None and self.lines):
            return self.read_again(client)
        self.caught_up = False
        for _turn in range(PAGES_AT_ONCE):
            try:
                page = self._page(client, self._token)
            except Exception as error:
                if self._token is None or not _is_about_token(error):
                    raise
                # Tokens expire after 24 hours.
                return self.read_again(client)
            if page is None:
                break
            self._empty_pages = 0 if page.events else self._empty_pages + 1
            self.caught_up = page.token == self._token or self._empty_pages >= EMPTY_PAGES_AT_END
            self._has_caught_up |= self.caught_up
            self._token = page.token
            self._take(page.events)
            if self.caught_up or not self._goes_on(page.events):
                break
        return self._new_events()

    def read_again(self, client: Any) -> list[LogEvent]:
        """Read the whole stream from its head, for late lines from before the position that is read up to.

        A line that is equal to another one, its instant too, is a line of its own. After an error the next read of
        either kind goes on with the pass; another pass finds lines that arrive behind its position meanwhile.

        Args:
            client: a boto3 CloudWatch Logs client.

        Returns:
            The lines that had not come before.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: CloudWatch Logs refused, or is out of reach.
        """
        self.caught_up = False
        current = self._pass = self._pass or _Pass(self._digests)
        while not self.caught_up:
            try:
                page = self._page(client, current.token)
            except Exception as error:
                if current.token is not None and _is_about_token(error):
                    self._pass = _Pass(self._digests)
                raise
            if page is None:
                return self._new_events()
            unknown = current.unknown(page.events)
            self._ahead.update(map(_digest, unknown))
            self._take(unknown)
            self.caught_up = current.meets_end(page)
        # The pass may be ahead of the last read position.
        self._token, self._pass = current.token, None
        self._empty_pages, self._has_caught_up = 0, True
        return self._new_events()

    def add(self, events: list[LogEvent]) -> list[LogEvent]:
        """Take lines of the stream that were read in another way, each once.

        Returns:
            The new lines, with those that a failed read has left behind; without those that `read_again` has returned.
        """
        # A pass does not know the lines that come while it goes on.
        self._pass = None
        new = []
        for event in events:
            digest = _digest(event)
            if self._ahead[digest] > 0:
                self._ahead[digest] -= 1
            else:
                new.append(event)
        self._take(new)
        return self._new_events()

    def _page(self, client: Any, token: str | None) -> _Page | None:
        request = {"logGroupName": self.group, "logStreamName": self.stream, "startFromHead": True}
        if token is not None:
            request["nextToken"] = token
        try:
            answer = client.get_log_events(**request)
        except Exception as error:
            if _code(error) != "ResourceNotFoundException":
                raise
            # A task's first line creates its stream.
            return None
        events = [LogEvent(timestamp=one["timestamp"], message=one["message"]) for one in answer["events"]]
        return _Page(events, answer["nextForwardToken"])

    def _goes_on(self, events: list[LogEvent]) -> bool:
        if not events:
            return self._empty_pages < PAGES_AT_ONCE
        is_large = (
            len(events) >= LARGE_PAGE_LINES or sum(len(one["message"]) for one in events) >= LARGE_PAGE_CHARACTERS
        )
        return is_large or not self._has_caught_up

    def _take(self, events: list[LogEvent]) -> None:
        if not events:
            return
        self.lines += len(events)
        self._digests.extend(map(_digest, events))
        self._unreturned += events
        is_late = any(later["timestamp"] < one["timestamp"] for one, later in pairwise([*self.events[-1:], *events]))
        self.events += events
        if is_late:
            self.events.sort(key=lambda event: event["timestamp"])
        if self._keep is not None:
            del self.events[: max(0, len(self.events) - self._keep)]

    def _new_events(self) -> list[LogEvent]:
        events, self._unreturned = self._unreturned, []
        return events


class _Page(NamedTuple):
    events: list[LogEvent]
    token: str


class _Pass:
    """A pass over a stream from its head: its position, and the known lines that it has not met yet."""

    def __init__(self, digests: Iterable[int]) -> None:
        self.token: str | None = None
        self._unmet = Counter(digests)
        self._empty_pages = 0

    def unknown(self, events: list[LogEvent]) -> list[LogEvent]:
        unknown = []
        for event in events:
            digest = _digest(event)
            if self._unmet[digest] > 0:
                self._unmet[digest] -= 1
            else:
                unknown.append(event)
        return unknown

    def meets_end(self, page: _Page) -> bool:
        self._empty_pages = 0 if page.events else self._empty_pages + 1
        sent, self.token = self.token, page.token
        return page.token == sent or self._empty_pages >= EMPTY_PAGES_AT_END


def _digest(event: LogEvent) -> int:
    return hash((event["timestamp"], event["message"]))


def _code(error: Exception) -> str:
    return error_code(error) or type(error).__name__


def _is_about_token(error: Exception) -> bool:
    return _code(error) == "InvalidParameterException"
