# SPDX-License-Identifier: Apache-2.0
"""What an answer means: its class and its reason.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

# In the order in which they are shown.
OUTCOMES = ("ok", "expected", "throttled", "contention", "cancelled", "server", "network", "fatal")
FAILURES = ("server", "network", "fatal")
# After these a write may have been done, or not: nobody was told.
UNCERTAIN = frozenset({"server", "network"})
# A condition did not hold, but an attempt before may have written what it speaks of.
AFTER_UNCERTAIN = "AfterUncertainAttempt"
RETRYABLE = frozenset({"throttled", "contention", "server", "network"})

EXPECTED = {"ConditionalCheckFailedException"}
THROTTLED = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
}
CONTENTION = {"TransactionConflictException", "TransactionInProgressException"}
CANCELLED = "TransactionCanceledException"
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html
CLOCK = {"InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed"}
# The codes of a cancelled transaction's reasons that say what the whole of it ran into.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
THROTTLING_CODES = {"ThrottlingError", "ProvisionedThroughputExceeded"}
CONFLICT_CODES = {"TransactionConflict"}


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
        throttled with the first of DynamoDB's ThrottlingReasons; expected; contention; cancelled for a transaction
        that ran into something else than these; server for 5xx and for what is no answer of DynamoDB; fatal for the
        rest, which will not get better by going on.
    """
    error = _document(body)
    name = error_name(error)
    message = str(error.get("message") or error.get("Message") or "")
    if name in THROTTLED:
        return Verdict("throttled", _throttling_reason(error) or name, message)
    if name in EXPECTED:
        return Verdict("expected", name, message)
    if name in CONTENTION:
        return Verdict("contention", name, message)
    if name == CANCELLED:
        return _cancelled(error, message)
    if status >= 500 or not name:
        return Verdict("server", name or f"HTTP{status}", message)
    return Verdict("fatal", name, message)


def error_name(error: dict[str, Any]) -> str:
    """Return the name of the exception that an error document tells, without its namespace."""
    return str(error.get("__type", "")).rpartition("#")[2]


def _cancelled(error: dict[str, Any], message: str) -> Verdict:
    """Class a transaction by the ordered reasons of its items; those that were not at fault say "None"."""
    reasons = error.get("CancellationReasons") or []
    codes = [str(reason.get("Code", "None")) for reason in reasons if isinstance(reason, dict)]
    at_fault = dict.fromkeys(code for code in codes if code != "None")
    if at_fault and at_fault.keys() <= THROTTLING_CODES:
        return Verdict("throttled", next(iter(at_fault)), message)
    if at_fault and at_fault.keys() <= CONFLICT_CODES:
        return Verdict("contention", next(iter(at_fault)), message)
    return Verdict("cancelled", "+".join(at_fault) or CANCELLED, message)


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
