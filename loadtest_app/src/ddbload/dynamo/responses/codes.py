# SPDX-License-Identifier: Apache-2.0
"""DynamoDB's error codes: what each one means for a run, and how to fix the cause of persistent ones.

Every code of the service's model, of Error handling with DynamoDB, of Common Error Types and of those that AWS's SDKs
send again has its class here.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html
https://docs.aws.amazon.com/boto3/latest/guide/retries.html
"""

from __future__ import annotations

import re

CONDITION_FAILED = "ConditionalCheckFailedException"
# An INSERT of PartiQL always has the condition that its key is new.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html
DUPLICATE_ITEM = "DuplicateItemException"
TRANSACTION_CANCELED = "TransactionCanceledException"
# A signature by a clock that is minutes off; the engine corrects the clock once before the code counts.
CLOCK = frozenset(
    {
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
# Too many requests: for the table, an index, the account, its control plane, or the table's KMS key. AWS's SDKs know
# some of these from other services, and an endpoint in between may use them.
THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "KMSThrottlingException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# Another write of the same item is under way, in this Region or in another one of a global table.
CONTENTION = frozenset(
    {
        "ReplicatedWriteConflictException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
# One partition key's item collection is full (10 GB): nothing was written, and other partition keys have room.
REFUSED = frozenset({"ItemCollectionSizeLimitExceededException"})
# It is unknown whether the operation was applied.
SERVER = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServerErrorException",
        "RequestAbortedException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
# A new access key takes a moment to be known everywhere, so that DynamoDB's documentation says to send it again.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
UNKNOWN_KEY = frozenset({"UnrecognizedClientException"})

PERMISSION = "grant the task role the permission that the message names (task_operations)"
CREDENTIALS = "renew the credentials, and check the clock"
ACCOUNT = "enable DynamoDB, and the Region, for the account"
TABLE = "the table, or an index of it, has gone: deploy it, or check the name"
BUSY_TABLE = "wait until the table is ACTIVE, then run again"
REQUEST = "check what the scenario asks of this table"
KEY = "give the task role and the table back the use of the table's KMS key"
ENDPOINT = "check the endpoint: what answers there does not know DynamoDB's operations"
RUN_ID = "choose another run id, or wait ten minutes: a transaction of this run id went out with other items"
UNKNOWN = "look the code up in DynamoDB's documentation"

# DynamoDB reports KMS's errors about the table's key as AccessDeniedException: the key is gone, in another Region, or
# may not be used. https://github.com/aws/aws-cdk/issues/18616
OF_THE_KEY = re.compile(r"\bkms\b|AWSKMS|customer master key", re.IGNORECASE)

# Persistent error code -> its remedy; each ends the run, except UNKNOWN_KEY.
REMEDIES = {
    **dict.fromkeys(("AccessDenied", "AccessDeniedException", "NotAuthorized"), PERMISSION),
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "InvalidClientTokenId",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            *sorted(CLOCK | UNKNOWN_KEY),
        ),
        CREDENTIALS,
    ),
    "OptInRequired": ACCOUNT,
    **dict.fromkeys(
        ("IndexNotFoundException", "ResourceNotFound", "ResourceNotFoundException", "TableNotFoundException"), TABLE
    ),
    **dict.fromkeys(("ResourceInUseException", "TableInUseException"), BUSY_TABLE),
    **dict.fromkeys(
        (
            "InvalidParameterCombination",
            "InvalidParameterValue",
            "MissingParameter",
            "RequestEntityTooLargeException",
            "SerializationException",
            "ValidationError",
            "ValidationException",
        ),
        REQUEST,
    ),
    **dict.fromkeys(
        (
            "KMSAccessDeniedException",
            "KMSDisabledException",
            "KMSInvalidStateException",
            "KMSNotFoundException",
            "KMSOptInRequired",
        ),
        KEY,
    ),
    **dict.fromkeys(
        (
            "InvalidAction",
            "InvalidEndpointException",
            "InvalidQueryParameter",
            "MalformedHttpRequestException",
            "MalformedQueryString",
            "MissingAction",
            "UnknownOperationException",
        ),
        ENDPOINT,
    ),
    "IdempotentParameterMismatchException": RUN_ID,
    # Errors of operations that a load test never sends.
    **dict.fromkeys(
        (
            "BackupInUseException",
            "BackupNotFoundException",
            "ContinuousBackupsUnavailableException",
            "ExportConflictException",
            "ExportNotFoundException",
            "GlobalTableAlreadyExistsException",
            "GlobalTableNotFoundException",
            "ImportConflictException",
            "ImportNotFoundException",
            "InvalidExportTimeException",
            "InvalidRestoreTimeException",
            "PointInTimeRecoveryUnavailableException",
            "PolicyNotFoundException",
            "ReplicaAlreadyExistsException",
            "ReplicaNotFoundException",
            "TableAlreadyExistsException",
        ),
        ENDPOINT,
    ),
}

KIND_OF = {
    CONDITION_FAILED: "expected",
    DUPLICATE_ITEM: "expected",
    TRANSACTION_CANCELED: "cancelled",
    **dict.fromkeys(THROTTLED, "throttled"),
    **dict.fromkeys(CONTENTION, "contention"),
    **dict.fromkeys(REFUSED, "refused"),
    **dict.fromkeys(SERVER, "server"),
    **dict.fromkeys(REMEDIES, "fatal"),
    **dict.fromkeys(UNKNOWN_KEY, "server"),
}

# The codes of single statements in the response of a BatchExecuteStatement.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html
KIND_OF_STATEMENT = {
    **dict.fromkeys(("ConditionalCheckFailed", "DuplicateItem"), "expected"),
    **dict.fromkeys(("ProvisionedThroughputExceeded", "RequestLimitExceeded", "ThrottlingError"), "throttled"),
    "TransactionConflict": "contention",
    "ItemCollectionSizeLimitExceeded": "refused",
    "InternalServerError": "server",
    **dict.fromkeys(("AccessDenied", "ResourceNotFound", "ValidationError"), "fatal"),
}


def remedy(code: str, message: str = "") -> str:
    """Return how to fix the cause of a persistent error.

    Args:
        code: of the error.
        message: of the service; it may name the table's KMS key as the resource to which access was denied.
    """
    known = REMEDIES.get(code, UNKNOWN)
    return KEY if known == PERMISSION and OF_THE_KEY.search(message) else known
