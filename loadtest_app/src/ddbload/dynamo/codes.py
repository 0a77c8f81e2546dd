# SPDX-License-Identifier: Apache-2.0
"""DynamoDB's error codes: what each one means for a run, and how to mend what goes on failing.

Every code of the service's model, of Error handling with DynamoDB and of Common Error Types has its class here.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

CONDITION_FAILED = "ConditionalCheckFailedException"
TRANSACTION_CANCELED = "TransactionCanceledException"
# A signature by a clock that is minutes off; the engine corrects the clock once before the code counts.
CLOCK = frozenset(
    {
        "InvalidSignatureException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
# Too many requests: for the table, an index, the account, its control plane, or the table's KMS key.
THROTTLED = frozenset(
    {
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
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
# Nobody knows whether the operation was done.
SERVER = frozenset(
    {
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

PERMISSION = "grant the task role the permission that the message names (cluster_operations)"
CREDENTIALS = "renew the credentials, and check the clock"
ACCOUNT = "enable DynamoDB, and the Region, for the account"
TABLE = "the table, or an index of it, has gone: deploy it, or check the name"
BUSY_TABLE = "wait until the table is ACTIVE, then run again"
REQUEST = "check what the scenario asks of this table"
KEY = "give the task role and the table back the use of the table's KMS key"
ENDPOINT = "check the endpoint: what answers there does not know DynamoDB's operations"
RUN_ID = "choose another run id, or wait ten minutes: a transaction of this run id went out with other items"
UNKNOWN = "look the code up in DynamoDB's documentation"

# What goes on failing, and so ends the run -> its remedy. UnrecognizedClientException is here although a new access
# key may take a moment to be known: the table was described with these credentials just before.
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
            "UnrecognizedClientException",
            *sorted(CLOCK),
        ),
        CREDENTIALS,
    ),
    "OptInRequired": ACCOUNT,
    **dict.fromkeys(("IndexNotFoundException", "ResourceNotFoundException", "TableNotFoundException"), TABLE),
    **dict.fromkeys(("ResourceInUseException", "TableInUseException"), BUSY_TABLE),
    **dict.fromkeys(
        (
            "DuplicateItemException",
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
    # Answers to operations that a load test never asks for.
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

OUTCOME_OF = {
    CONDITION_FAILED: "expected",
    TRANSACTION_CANCELED: "cancelled",
    **dict.fromkeys(THROTTLED, "throttled"),
    **dict.fromkeys(CONTENTION, "contention"),
    **dict.fromkeys(REFUSED, "refused"),
    **dict.fromkeys(SERVER, "server"),
    **dict.fromkeys(REMEDIES, "fatal"),
}


def remedy(code: str) -> str:
    """Say how to mend what a code that goes on failing tells of."""
    return REMEDIES.get(code, UNKNOWN)
