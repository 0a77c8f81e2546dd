# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The new lines of all streams of a log group, read together in sweeps over the last seconds.

See https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogEvent

OVERLAP_MS = 500  # that a sweep reads again, for lines that become readable out of order; costs calls at 1 MB each
# The log driver awslogs sends a stream's lines every 5 s: the first lines of a new stream may be as old.
# https://github.com/moby/moby/blob/master/daemon/logger/awslogs/cloudwatchlogs.go
NEW_STREAM_MS = 8_000
WINDOW_MS = 15_000  # the longest part of the past that a sweep reads for streams that are behind


class LogGroupReader:
    """Reads the streams of one prefix; each event once, by its id.

    A sweep starts where the stream that is furthest behind was read up to: within a stream lines come in order, between
    streams they do not. A line that comes still later is a gap in its stream's numbers, and not found here.

    Attributes:
        group: the log group's name.
        swept: how many sweeps are complete.

    Args:
        group: the log group's name.
        prefix: of the streams' names.
        start_ms: before the first line; ms since 1970.
    """

    def __init__(self, group: str, prefix: str, start_ms: int) -> None:
        self.group, self._prefix, self._first_ms = group, prefix, start_ms
        self.swept = 0
        self._start_ms = start_ms
        self._token: str | None = None
        self._seen: dict[str, int] = {}  # timestamps of the events that may come again, by id
        self._newest: dict[str, int] = {}  # timestamp of each stream's newest line
        self._newest_ms = 0

    @property
    def within_sweep(self) -> bool:
        """Whether the sweep goes on with the next page."""
        return self._token is not None

    def read(self, client: Any, streams: Iterable[str]) -> dict[str, list[LogEvent]]:
        """Read the next page of a sweep, by one call.

        A page may be empty although others follow it. A group that does not exist is a complete sweep without a line.

        Args:
            client: a boto3 CloudWatch Logs client.
            streams: names of the streams that may have new lines.

        Returns:
            The new lines by stream, those of one stream by time; also of streams that were not named.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: CloudWatch Logs refused, or is out of reach. The next read
            goes on with the same page.
        """
        if self._token is None:
            self._start_ms = self._next_start_ms(streams)
        request = {"logGroupName": self.group, "logStreamNamePrefix": self._prefix, "startTime": self._start_ms}
        try:
            page = client.filter_log_events(**request, **({"nextToken": self._token} if self._token else {}))
        except Exception as error:
            code = error_code(error)
            if code == "InvalidParameterException" and self._token is not None:
                # Tokens expire after 24 hours: the next read starts the sweep anew.
                self._token = None
                return {}
            if code != "ResourceNotFoundException":
                raise
            # A group that does not exist holds no line.
            page = {"events": []}
        new = self._new_events(page["events"])
        self._token = page.get("nextToken") or None
        if self._token is None:
            self.swept += 1
            oldest_ms = self._newest_ms - WINDOW_MS - OVERLAP_MS
            self._seen = {event_id: at for event_id, at in self._seen.items() if at >= oldest_ms}
        return new

    def _new_events(self, events: Iterable[dict[str, Any]]) -> dict[str, list[LogEvent]]:
        new: dict[str, list[LogEvent]] = {}
        for one in events:
            event_id, stream, timestamp = one["eventId"], one["logStreamName"], one["timestamp"]
            if event_id in self._seen:
                continue
            self._seen[event_id] = timestamp
            self._newest[stream] = max(timestamp, self._newest.get(stream, 0))
            self._newest_ms = max(self._newest_ms, timestamp)
            new.setdefault(stream, []).append(LogEvent(timestamp=timestamp, message=one["message"]))
        return new

    def _next_start_ms(self, streams: Iterable[str]) -> int:
        if not self._newest_ms:
            return self._first_ms
        at_ms = (self._newest.get(stream, self._newest_ms - NEW_STREAM_MS) for stream in streams)
        behind_ms = min(at_ms, default=self._newest_ms)
        return max(self._first_ms, max(behind_ms, self._newest_ms - WINDOW_MS) - OVERLAP_MS)
