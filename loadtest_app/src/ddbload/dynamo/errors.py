# SPDX-License-Identifier: Apache-2.0
"""What an answer means: its class and its reason.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

EXPECTED = {"ConditionalCheckFailedException"}
THROTTLED = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
}
CONTENTION = {"TransactionConflictException", "TransactionInProgressException"}


class Verdict(NamedTuple):
    """Outcome, reason, and the service's own words where there are any."""

    outcome: str
    reason: str
    message: str = ""


OK = Verdict("ok", "")
BAD_CHECKSUM = Verdict("network", "BadChecksum", "the answer's x-amz-crc32 is not that of its body")


def classify(status: int, body: bytes) -> Verdict:
    """Class an answer that is not 200.

    Args:
        status: of HTTP.
        body: DynamoDB's error document, or whatever came in its place.

    Returns:
        throttled with the first of DynamoDB's ThrottlingReasons; expected; contention; server for 5xx and for what is
        no answer of DynamoDB; fatal for the rest, which will not get better by going on.
    """
    error = _document(body)
    name = str(error.get("__type", "")).rpartition("#")[2]
    message = str(error.get("message") or error.get("Message") or "")
    if name in THROTTLED:
        return Verdict("throttled", _throttling_reason(error) or name, message)
    if name in EXPECTED:
        return Verdict("expected", name, message)
    if name in CONTENTION:
        return Verdict("contention", name, message)
    if status >= 500 or not name:
        return Verdict("server", name or f"HTTP{status}", message)
    return Verdict("fatal", name, message)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _throttling_reason(error: dict[str, Any]) -> str:
    reasons = error.get("ThrottlingReasons") or error.get("throttlingReasons") or []
    first = reasons[0] if isinstance(reasons, list) and reasons else {}
    return str(first.get("reason", "")) if isinstance(first, dict) else ""
