# SPDX-License-Identifier: Apache-2.0
"""Every error code of DynamoDB's model and documentation has a class."""

import json

import botocore.session
import pytest
from botocore.retries import standard
from ddbload.dynamo.responses import codes
from ddbload.dynamo.responses.codes import KIND_OF, REMEDIES
from ddbload.dynamo.responses.errors import OUTCOMES, RETRYABLE, classify
from ddbload.dynamo.sign import API
from ddbload.engine.load import Stop
from ddbload.results.verdict import Ending, conclude

MODEL = botocore.session.get_session().get_service_model("dynamodb")
# Only the documentation names the rest; True where the request may be retried. DynamoDB's page says so
# ("OK to retry?"); of the common ones it follows from the description (a fault of the server, a time-out, a throttle).
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html
# https://docs.aws.amazon.com/awsconsolehelpdocs/latest/gsg/common-errors.html
# https://docs.aws.amazon.com/qldb/latest/developerguide/CommonErrors.html (older names)
DOCUMENTED = {
    "AccessDeniedException": False,
    "ConditionalCheckFailedException": False,
    "IncompleteSignatureException": False,
    "LimitExceededException": True,
    "MissingAuthenticationTokenException": False,
    "ProvisionedThroughputExceededException": True,
    "ReplicatedWriteConflictException": True,
    "RequestLimitExceeded": True,
    "ResourceInUseException": False,
    "ResourceNotFoundException": False,
    "ThrottlingException": True,
    "UnrecognizedClientException": True,
    "ValidationException": False,
    "InternalServerError": True,
    "ServiceUnavailable": True,
    "InvalidAction": False,
    "InvalidClientTokenId": False,
    "InvalidParameterCombination": False,
    "InvalidParameterValue": False,
    "MalformedQueryString": False,
    "MissingAction": False,
    "MissingParameter": False,
    "TransactionConflictException": True,
    "TransactionInProgressException": True,
    "ExpiredTokenException": False,
    "IncompleteSignature": False,
    "InternalFailure": True,
    "MalformedHttpRequestException": False,
    "NotAuthorized": False,
    "OptInRequired": False,
    "RequestAbortedException": True,
    "RequestEntityTooLargeException": False,
    "RequestTimeoutException": True,
    "UnknownOperationException": False,
    "ValidationError": False,
    "MissingAuthenticationToken": False,
    "InvalidSignatureException": False,
    "RequestExpired": False,
    "SerializationException": False,
}


def model_codes() -> set[str]:
    return {shape.name for name in MODEL.operation_names for shape in MODEL.operation_model(name).error_shapes}


def error(name: str) -> bytes:
    return json.dumps({"__type": f"{API}#{name}", "message": "so it is"}).encode()


def test_every_code_of_the_service_model_is_classed() -> None:
    assert len(model_codes()) > 30
    assert model_codes() - KIND_OF.keys() == set()


def test_documented_codes_are_classed() -> None:
    """Every documented code is classed, and ends no run without need."""
    assert DOCUMENTED.keys() - KIND_OF.keys() == set()
    for name, may_be_sent_again in DOCUMENTED.items():
        outcome = classify(400, error(name)).kind
        assert (name, outcome in RETRYABLE) == (name, may_be_sent_again)
    # A full item collection refuses what is put into it, and nothing else.
    assert classify(400, error("ItemCollectionSizeLimitExceededException")).kind == "refused"


def retried_by_the_sdk() -> set[str]:
    """Return the codes that botocore retries, for all services and for DynamoDB.

    https://docs.aws.amazon.com/boto3/latest/guide/retries.html
    """
    policies = botocore.session.get_session().get_data("_retry")["retry"]["dynamodb"]["__default__"]["policies"]
    answers = [policy["applies_when"]["response"] for policy in policies.values()]
    return {
        *standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
        *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES,
        *(answer["service_error_code"] for answer in answers if "service_error_code" in answer),
    }


def test_codes_that_the_sdk_retries_end_no_run() -> None:
    assert len(retried_by_the_sdk()) > 15
    for name in retried_by_the_sdk():
        assert (name, classify(400, error(name)).kind in RETRYABLE) == (name, True)
    assert classify(429, error("BrandNewException")).kind == "throttled"
    for status in (500, 502, 503, 504):
        assert classify(status, error("BrandNewException")).kind in RETRYABLE


def test_unreachable_kms_key_is_reported() -> None:
    said = (
        "KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: The ciphertext refers to a "
        "customer master key that does not exist, does not exist in this region, or you are not allowed to access."
    )
    assert codes.remedy("AccessDeniedException", said) == codes.KEY
    assert codes.remedy("AccessDeniedException", "not authorized to perform: dynamodb:PutItem") == codes.PERMISSION
    assert codes.remedy("ExpiredTokenException", said) == codes.CREDENTIALS


def test_a_code_has_one_class_and_a_fatal_one_a_remedy() -> None:
    groups = [codes.THROTTLED, codes.CONTENTION, codes.REFUSED, codes.SERVER, {*REMEDIES}]
    others = {codes.CONDITION_FAILED, codes.DUPLICATE_ITEM, codes.TRANSACTION_CANCELED}
    assert sum(map(len, groups)) + len(others) == len(KIND_OF)
    assert set(KIND_OF.values()) <= set(OUTCOMES)
    assert {name for name, outcome in KIND_OF.items() if outcome == "fatal"} == set(REMEDIES) - codes.UNKNOWN_KEY


def test_every_data_operation_has_each_of_its_codes_in_a_class() -> None:
    operations = ("PutItem", "UpdateItem", "DeleteItem", "GetItem", "Query", "Scan", "BatchWriteItem", "BatchGetItem")
    operations += ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction")
    for operation in (*operations, "TransactWriteItems", "TransactGetItems", "DescribeTable"):
        for shape in MODEL.operation_model(operation).error_shapes:
            retryable = shape.metadata.get("retryable") is not None
            assert not (retryable and KIND_OF[shape.name] == "fatal"), (operation, shape.name)


def test_every_code_of_a_statement_in_a_batch_is_classed() -> None:
    """The service's model lists the codes, and a fatal one has a remedy."""
    kinds = codes.KIND_OF_STATEMENT
    assert set(MODEL.shape_for("BatchStatementErrorCodeEnum").enum) == kinds.keys()
    assert {name for name, kind in kinds.items() if kind == "fatal"} <= REMEDIES.keys()


@pytest.mark.parametrize("name", sorted(REMEDIES.keys() - codes.UNKNOWN_KEY))
def test_only_missing_permissions_name_the_task_role(name: str) -> None:
    figures = {"thresholds": [], "verification": None, "duplicates": None, "search": None}
    ending = Ending(classify(400, error(name)), Stop("fatal", name), "", 1.0, "http://here", "t")
    code, message = conclude(figures, ending)
    assert code == 5
    assert message.endswith(REMEDIES[name])
    permission = name in ("AccessDenied", "AccessDeniedException", "NotAuthorized")
    assert ("permission" in message, "task role" in message) == (permission, permission or name.startswith("KMS"))


def test_unknown_code_is_looked_up() -> None:
    assert classify(400, error("BrandNewException")).kind == "fatal"
    assert classify(500, error("BrandNewException")).kind == "server"
    assert codes.remedy("BrandNewException") == codes.UNKNOWN
