# SPDX-License-Identifier: Apache-2.0
"""What an answer means: its class and its reason.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ddbload.dynamo.codes import OUTCOME_OF, TRANSACTION_CANCELED
from ddbload.dynamo.documents import InvalidAnswer, read_object

# In the order in which they are shown.
OUTCOMES = (
    *("ok", "expected", "throttled", "contention", "cancelled"),
    *("refused", "server", "invalid", "network", "fatal"),
)
FAILURES = ("refused", "server", "invalid", "network", "fatal")
# After these a write may have been done, or not: nobody was told.
UNCERTAIN = frozenset({"server", "invalid", "network"})
# After so many of these in a row the target counts as gone.
OUTAGE = UNCERTAIN
# A condition did not hold, but an attempt before may have written what it speaks of.
AFTER_UNCERTAIN = "AfterUncertainAttempt"
RETRYABLE = frozenset({"throttled", "contention", *UNCERTAIN})

# The codes of a cancelled transaction's reasons that say what the whole of it ran into.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
THROTTLING_CODES = {"ThrottlingError", "ProvisionedThroughputExceeded"}
CONFLICT_CODES = {"TransactionConflict"}
CONDITION_CODE = "ConditionalCheckFailed"
# What answers may send names and texts of any length, and both go into events: DynamoDB's own names are shorter.
LONGEST_NAME = 120
LONGEST_MESSAGE = 1000
# AWS's SDKs send again whatever this status comes with. https://docs.aws.amazon.com/boto3/latest/guide/retries.html
TOO_MANY_REQUESTS = 429


class Verdict(NamedTuple):
    """Outcome, reason, and the service's own words where there are any."""

    outcome: str
    reason: str
    message: str = ""


OK = Verdict("ok", "")
BAD_CHECKSUM = Verdict("network", "BadChecksum", "the answer's x-amz-crc32 is not that of its body")


def invalid(error: InvalidAnswer) -> Verdict:
    """Return the verdict on an answer of status 200 that is not DynamoDB's."""
    return Verdict("invalid", error.reason, str(error))


def classify(status: int, body: bytes) -> Verdict:
    """Class an answer that is not 200.

    Args:
        status: of HTTP.
        body: DynamoDB's error document, or whatever came in its place.

    Returns:
        throttled with the first of DynamoDB's ThrottlingReasons; expected; contention; cancelled for a transaction
        that ran into something else than these; refused where nothing was written and other operations may succeed;
        server for 5xx; invalid for what is no answer of DynamoDB; fatal for the rest, which will not get better by
        going on.
    """
    error = error_document(body)
    name = error_name(error)
    message = error_message(error)
    outcome = OUTCOME_OF.get(name) or ("throttled" if name and status == TOO_MANY_REQUESTS else None)
    if outcome == "throttled":
        return Verdict("throttled", _throttling_reason(error) or name, message)
    if name == TRANSACTION_CANCELED:
        return _cancelled(error, message)
    if outcome and outcome != "fatal":
        return Verdict(outcome, name, message)
    if status >= 500:
        return Verdict("server", name or f"HTTP{status}", message)
    if not name:
        return Verdict("invalid", f"HTTP{status}", "an answer that is not DynamoDB's")
    return Verdict("fatal", name, message)


def error_document(body: bytes) -> dict[str, Any]:
    """Return an error's document, an empty one where the body is none."""
    try:
        return read_object(body)
    except InvalidAnswer:
        return {}


def error_name(error: dict[str, Any]) -> str:
    """Return the name of the exception that an error document tells, without its namespace; empty without one."""
    name = error.get("__type")
    return name.rpartition("#")[2][:LONGEST_NAME] if isinstance(name, str) else ""


def error_message(error: dict[str, Any]) -> str:
    """Return the service's own words, or the beginning of many; empty where there are none."""
    text = error.get("message") or error.get("Message")
    return text[:LONGEST_MESSAGE] if isinstance(text, str) else ""


def _cancelled(error: dict[str, Any], message: str) -> Verdict:
    """Class a transaction by the ordered reasons of its items; those that were not at fault say "None"."""
    reasons = error.get("CancellationReasons")
    told = [reason.get("Code") for reason in reasons if isinstance(reason, dict)] if isinstance(reasons, list) else []
    at_fault = dict.fromkeys(code for code in told if isinstance(code, str) and code != "None")
    if at_fault and at_fault.keys() <= THROTTLING_CODES:
        return Verdict("throttled", next(iter(at_fault)), message)
    if at_fault and at_fault.keys() <= CONFLICT_CODES:
        return Verdict("contention", next(iter(at_fault)), message)
    return Verdict("cancelled", "+".join(at_fault)[:LONGEST_NAME] or TRANSACTION_CANCELED, message)


def _throttling_reason(error: dict[str, Any]) -> str:
    reasons = error.get("ThrottlingReasons") or error.get("throttlingReasons")
    first = reasons[0] if isinstance(reasons, list) and reasons else None
    reason = first.get("reason") if isinstance(first, dict) else None
    return reason[:LONGEST_NAME] if isinstance(reason, str) else ""
