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
# Streams whose token changes for ever have been met (boto/boto3#4591): so many empty pages in a row are an end too.
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
        self._digests = array("q")  # of every line, in place of the line
        self._untold: list[LogEvent] = []  # taken before an error, told by the next read
        self._pass: _Pass | None = None

    def read(self, client: Any) -> list[LogEvent]:
        """Read what is new, mostly by one call.

        The next page is read at once until the stream's end is met for the first time, and after that where a page was
        large, or was empty although more may follow. After an error nothing is lost and nothing comes twice: the next
        read goes on where this one broke off, and returns also what this one had taken.

        Args:
            client: a boto3 CloudWatch Logs client.

        Returns:
            The new lines; none while there is no such stream.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: CloudWatch Logs refused, or is out of reach.
        """
        if self._pass:
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
        return self._told()

    def read_again(self, client: Any) -> list[LogEvent]:
        """Read the whole stream from its head, for lines that came late and before the place that was read up to.

        A line that is equal to another one, its instant too, is a line of its own. After an error the next read of
        either kind goes on with the pass; what comes late behind its place meanwhile is found by another pass.

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
                return self._told()
            self._take(current.unknown(page.events))
            self.caught_up = current.meets_end(page)
        # The pass may have gone beyond the place up to which was read.
        self._token, self._pass = current.token, None
        self._empty_pages, self._has_caught_up = 0, True
        return self._told()

    def _page(self, client: Any, token: str | None) -> _Page | None:
        request = {"logGroupName": self.group, "logStreamName": self.stream, "startFromHead": True}
        if token is not None:
            request["nextToken"] = token
        try:
            answer = client.get_log_events(**request)
        except Exception as error:
            if _code(error) != "ResourceNotFoundException":
                raise
            # A task's stream is made with its first line.
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
        self._untold += events
        is_late = any(later["timestamp"] < one["timestamp"] for one, later in pairwise([*self.events[-1:], *events]))
        self.events += events
        if is_late:
            self.events.sort(key=lambda event: event["timestamp"])
        if self._keep is not None:
            del self.events[: max(0, len(self.events) - self._keep)]

    def _told(self) -> list[LogEvent]:
        told, self._untold = self._untold, []
        return told


class _Page(NamedTuple):
    events: list[LogEvent]
    token: str


class _Pass:
    """A pass over a stream from its head: its place, and the lines that it has yet to meet again."""

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
