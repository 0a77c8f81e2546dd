# SPDX-License-Identifier: Apache-2.0
"""Errors as DynamoDB writes them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DYNAMODB = "com.amazonaws.dynamodb.v20120810"
# Errors of layers in front of DynamoDB have another namespace.
NAMESPACES = {
    "ValidationException": "com.amazon.coral.validate",
    "SerializationException": "com.amazon.coral.service",
    "UnknownOperationException": "com.amazon.coral.service",
    "AccessDeniedException": "com.amazon.coral.service",
    "UnrecognizedClientException": "com.amazon.coral.service",
    "InvalidSignatureException": "com.amazon.coral.service",
    "ExpiredTokenException": "com.amazon.coral.service",
    "ThrottlingException": "com.amazon.coral.availability",
}
# These write their text with a capital letter, as the service's API model has it.
CAPITAL = {
    "AccessDeniedException",
    "IdempotentParameterMismatchException",
    "TransactionCanceledException",
    "TransactionInProgressException",
}
SERVER_ERRORS = {"InternalServerError": 500, "InternalFailure": 500, "ServiceUnavailable": 503}
MESSAGES = {
    "ProvisionedThroughputExceededException": "The level of configured provisioned throughput for the table was "
    "exceeded. Consider increasing your provisioning level with the UpdateTable API.",
    "ThrottlingException": "Throughput exceeds the current capacity of your table or index.",
    "ConditionalCheckFailedException": "The conditional request failed",
    "TransactionConflictException": "Transaction is ongoing for the item",
    "InternalServerError": "Internal server error",
}


class ApiError(Exception):
    """An error response: its HTTP status and its document."""

    def __init__(
        self, name: str, message: str | None = None, status: int | None = None, more: Mapping[str, Any] | None = None
    ) -> None:
        text = MESSAGES.get(name, "The request was refused") if message is None else message
        super().__init__(f"{name}: {text}")
        self.name = name
        self.status = status or SERVER_ERRORS.get(name, 400)
        namespace = NAMESPACES.get(name, DYNAMODB)
        self.document: dict[str, Any] = {
            "__type": f"{namespace}#{name}",
            "Message" if name in CAPITAL else "message": text,
            **(more or {}),
        }


def invalid(message: str) -> ApiError:
    """Return a ValidationException."""
    return ApiError("ValidationException", message)


def throttled(name: str, reason: str, resource: str) -> ApiError:
    """Return a throttle with its reason and the ARN of the throttled resource.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html
    """
    # The API's model spells this one member differently in this one error.
    member = "throttlingReasons" if name == "ThrottlingException" else "ThrottlingReasons"
    return ApiError(name, more={member: [{"reason": reason, "resource": resource}]})


def cancelled(reasons: Sequence[Mapping[str, Any]]) -> ApiError:
    """Return a TransactionCanceledException with one reason for each of the transaction's items, in order."""
    codes = ", ".join(str(reason["Code"]) for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return ApiError("TransactionCanceledException", message, more={"CancellationReasons": list(reasons)})
