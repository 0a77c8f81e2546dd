# SPDX-License-Identifier: Apache-2.0
"""Every error code that DynamoDB's model and documentation name is classed on purpose."""

import json

import botocore.session
import pytest
from ddbload.dynamo import codes
from ddbload.dynamo.codes import OUTCOME_OF, REMEDIES
from ddbload.dynamo.errors import OUTCOMES, RETRYABLE, classify
from ddbload.dynamo.operations.base import API
from ddbload.load import Stop
from ddbload.verdict import Ending, conclude

MODEL = botocore.session.get_session().get_service_model("dynamodb")
# The rest is named by the documentation alone; True where it says that the same request may be sent again.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html
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
    "ValidationException": False,
    "InternalServerError": True,
    "ServiceUnavailable": True,
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
    assert model_codes() - OUTCOME_OF.keys() == set()


def test_every_documented_code_is_classed_and_ends_no_run_in_vain() -> None:
    assert DOCUMENTED.keys() - OUTCOME_OF.keys() == set()
    for name, may_be_sent_again in DOCUMENTED.items():
        outcome = classify(400, error(name)).outcome
        assert (name, outcome in RETRYABLE) == (name, may_be_sent_again)
    # A full item collection refuses what is put into it, and nothing else.
    assert classify(400, error("ItemCollectionSizeLimitExceededException")).outcome == "refused"


def test_a_code_has_one_class_and_what_ends_a_run_a_remedy() -> None:
    groups = [codes.THROTTLED, codes.CONTENTION, codes.REFUSED, codes.SERVER, {*REMEDIES}]
    others = {codes.CONDITION_FAILED, codes.TRANSACTION_CANCELED}
    assert sum(map(len, groups)) + len(others) == len(OUTCOME_OF)
    assert set(OUTCOME_OF.values()) <= set(OUTCOMES)
    assert {name for name, outcome in OUTCOME_OF.items() if outcome == "fatal"} == set(REMEDIES)


def test_every_data_operation_has_each_of_its_codes_in_a_class() -> None:
    operations = ("PutItem", "UpdateItem", "DeleteItem", "GetItem", "Query", "Scan", "BatchWriteItem", "BatchGetItem")
    for operation in (*operations, "TransactWriteItems", "TransactGetItems", "DescribeTable"):
        for shape in MODEL.operation_model(operation).error_shapes:
            retryable = shape.metadata.get("retryable") is not None
            assert not (retryable and OUTCOME_OF[shape.name] == "fatal"), (operation, shape.name)


@pytest.mark.parametrize("name", sorted(REMEDIES))
def test_the_task_role_is_blamed_for_permissions_alone(name: str) -> None:
    figures = {"thresholds": [], "verification": None, "duplicates": None, "search": None}
    ending = Ending(classify(400, error(name)), Stop("fatal", name), "", 1.0, "http://here", "t")
    code, message = conclude(figures, ending)
    assert code == 5
    assert message.endswith(REMEDIES[name])
    permission = name in ("AccessDenied", "AccessDeniedException", "NotAuthorized")
    assert ("permission" in message, "task role" in message) == (permission, permission or name.startswith("KMS"))


def test_a_code_that_nobody_knows_is_looked_up() -> None:
    assert classify(400, error("BrandNewException")).outcome == "fatal"
    assert classify(500, error("BrandNewException")).outcome == "server"
    assert codes.remedy("BrandNewException") == codes.UNKNOWN
