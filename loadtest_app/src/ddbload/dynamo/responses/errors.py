# SPDX-License-Identifier: Apache-2.0
"""What a response means: its kind and its reason.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ddbload.dynamo.responses.codes import KIND_OF, TRANSACTION_CANCELED
from ddbload.dynamo.responses.documents import InvalidAnswer, read_object

# In the order in which they are shown.
OUTCOMES = (
    *("ok", "expected", "throttled", "contention", "cancelled"),
    *("refused", "server", "invalid", "network", "fatal"),
)
FAILURES = ("refused", "server", "invalid", "network", "fatal")
# After these outcomes it is unknown whether the write was applied.
UNCERTAIN = frozenset({"server", "invalid", "network"})
# A number of these in a row opens the breaker.
OUTAGE = UNCERTAIN
# A condition did not hold, but an earlier attempt may have written the item that it refers to.
AFTER_UNCERTAIN = "AfterUncertainAttempt"
RETRYABLE = frozenset({"throttled", "contention", *UNCERTAIN})

# The codes of CancellationReasons that decide the outcome of the whole transaction.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
THROTTLING_CODES = {"ThrottlingError", "ProvisionedThroughputExceeded"}
CONFLICT_CODES = {"TransactionConflict"}
CONDITION_CODE = "ConditionalCheckFailed"
# A server may send names and texts of any length, and both go into events: DynamoDB's own names are shorter.
LONGEST_NAME = 120
LONGEST_MESSAGE = 1000
# AWS's SDKs retry this status with any code. https://docs.aws.amazon.com/boto3/latest/guide/retries.html
TOO_MANY_REQUESTS = 429


class Outcome(NamedTuple):
    """How an operation ended: kind, reason, and the service's message where there is one."""

    kind: str
    reason: str
    message: str = ""


BAD_CHECKSUM = Outcome("network", "BadChecksum", "the answer's x-amz-crc32 is not that of its body")


class Unsuccessful(InvalidAnswer):
    """A response of status 200 with errors, which has an ``outcome`` other than ok."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason, outcome.message)
        self.outcome = outcome


def invalid(error: InvalidAnswer) -> Outcome:
    """Return the outcome of a response of status 200 that is no success: most are not DynamoDB's."""
    return error.outcome if isinstance(error, Unsuccessful) else Outcome("invalid", error.reason, str(error))


def classify(status: int, body: bytes) -> Outcome:
    """Return the outcome of a response that is not 200.

    Args:
        status: of HTTP.
        body: DynamoDB's error document, or any other bytes.

    Returns:
        throttled with the first of DynamoDB's ThrottlingReasons; expected; contention; cancelled for a transaction
        that ran into something else than these; refused where nothing was written and other operations may succeed;
        server for 5xx; invalid for what is not DynamoDB's; fatal for the rest, which do not get better by
        going on.
    """
    error = error_document(body)
    name = error_name(error)
    message = error_message(error)
    kind = KIND_OF.get(name) or ("throttled" if name and status == TOO_MANY_REQUESTS else None)
    if kind == "throttled":
        return Outcome("throttled", _throttling_reason(error) or name, message)
    if name == TRANSACTION_CANCELED:
        return _cancelled(error, message)
    if kind and kind != "fatal":
        return Outcome(kind, name, message)
    if status >= 500:
        return Outcome("server", name or f"HTTP{status}", message)
    if not name:
        return Outcome("invalid", f"HTTP{status}", "an answer that is not DynamoDB's")
    return Outcome("fatal", name, message)


def error_document(body: bytes) -> dict[str, Any]:
    """Return an error's document, an empty one where the body is none."""
    try:
        return read_object(body)
    except InvalidAnswer:
        return {}


def error_name(error: dict[str, Any]) -> str:
    """Return the name of the exception in an error document, without its namespace; empty without one."""
    name = error.get("__type")
    return name.rpartition("#")[2][:LONGEST_NAME] if isinstance(name, str) else ""


def error_message(error: dict[str, Any]) -> str:
    """Return the service's message, cut to a length; empty where there is none."""
    text = error.get("message") or error.get("Message")
    return text[:LONGEST_MESSAGE] if isinstance(text, str) else ""


def _cancelled(error: dict[str, Any], message: str) -> Outcome:
    """Class a transaction by the ordered reasons of its items; those that were not at fault say "None"."""
    reasons = error.get("CancellationReasons")
    found = [reason.get("Code") for reason in reasons if isinstance(reason, dict)] if isinstance(reasons, list) else []
    at_fault = dict.fromkeys(code for code in found if isinstance(code, str) and code != "None")
    if at_fault and at_fault.keys() <= THROTTLING_CODES:
        return Outcome("throttled", next(iter(at_fault)), message)
    if at_fault and at_fault.keys() <= CONFLICT_CODES:
        return Outcome("contention", next(iter(at_fault)), message)
    return Outcome("cancelled", "+".join(at_fault)[:LONGEST_NAME] or TRANSACTION_CANCELED, message)


def _throttling_reason(error: dict[str, Any]) -> str:
    reasons = error.get("ThrottlingReasons") or error.get("throttlingReasons")
    first = reasons[0] if isinstance(reasons, list) and reasons else None
    reason = first.get("reason") if isinstance(first, dict) else None
    return reason[:LONGEST_NAME] if isinstance(reason, str) else ""
