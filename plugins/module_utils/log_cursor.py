# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place in a CloudWatch log stream: what comes after it is read by pages, nothing is lost and nothing comes twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LogEvent = dict[str, Any]


@dataclass
class LogCursor:
    """Where reading stopped in one stream.

    Attributes:
        group: the log group's name.
        stream: the log stream's name.
        token: GetLogEvents' ``nextForwardToken``; None before the stream was found.
    """

    group: str
    stream: str
    token: str | None = None


def read_new(client: Any, cursor: LogCursor) -> list[LogEvent]:
    """Read all that the stream holds after the cursor, and move the cursor.

    Only tokens tell what was read: lines with the same instant and the same text are lines of their own. A page may be
    empty though more follow; the end is where the token that comes back is the one that was sent. See
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html

    Args:
        client: a boto3 CloudWatch Logs client that takes ``aws_retry``.
        cursor: the place; it moves only once all was read, so that after an error the same lines are read again.

    Returns:
        The events, ``timestamp`` (ms) and ``message``; none while the stream does not exist.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: CloudWatch Logs refused, or is out of reach.
    """
    events: list[LogEvent] = []
    token = cursor.token
    while True:
        request = {"logGroupName": cursor.group, "logStreamName": cursor.stream, "startFromHead": True}
        if token:
            request["nextToken"] = token
        try:
            page = client.get_log_events(**request, aws_retry=True)
        except client.exceptions.ResourceNotFoundException:
            return events
        events += [{"timestamp": one["timestamp"], "message": one["message"]} for one in page["events"]]
        sent, token = token, page["nextForwardToken"]
        if token == sent:
            cursor.token = token
            return events
