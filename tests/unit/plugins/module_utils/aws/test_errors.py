# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.credentials import (
    CredentialsError,
    raised_as_credentials_error,
)
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import (
    explain,
    is_ambiguous,
    is_expired,
    is_throttled,
    is_transient,
)
from botocore import exceptions
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import strategies as st

URL = "http://127.0.0.1:1"
NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"


def refused(code: str, message: str = "no", status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "RunTask")


def of_credentials(error: Exception) -> CredentialsError:
    with pytest.raises(CredentialsError) as raised, raised_as_credentials_error("profile x"):
        raise error
    return raised.value


INVALID = "InvalidParameterException"
CLIENT = "ClientException"


def test_an_error_without_a_remedy_is_reported_as_it_is() -> None:
    assert explain(refused("NewException", "new."), "cannot", "here") == (
        "NewException",
        "cannot (here): NewException: new",
        "",
    )
    assert explain(ValueError(), "cannot", "here") == ("ValueError", "cannot (here): ValueError", "")


def test_signed_requests_and_parameter_values_are_not_shown() -> None:
    signed = (
        "The request signature we calculated does not match the signature you provided.\n\nThe Canonical String for "
        "this request should have been\n'POST\n/\nx-amz-security-token:FwoGZXIvYXdzTOKEN\n'"
    )
    encoded = "You are not authorized to perform this operation. Encoded authorization failure message: 9xJTOKEN"
    invalid = exceptions.ParamValidationError(
        report="Invalid type for parameter environment[0].value, value: TOKEN, type: <class 'int'>, valid types: str"
    )
    errors = [refused("SignatureDoesNotMatch", signed, 403), refused("UnauthorizedOperation", encoded, 403), invalid]
    lines = [explain(error, "cannot", "here").line() for error in errors]
    assert [line for line in lines if "TOKEN" in line] == []
    assert "does not match" in lines[0] and "not authorized" in lines[1] and "environment[0].value" in lines[2]


@given(st.text(max_size=3000), st.text(max_size=40))
def test_any_error_is_one_line_of_bounded_length(message: str, code: str) -> None:
    line = explain(refused(code, message), "cannot", "here").line()
    assert line.isprintable() and len(line) < 900


def garbled() -> UnicodeDecodeError:
    return UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


REFUSED, PASSING, IN_DOUBT = (False, False), (True, False), (True, True)  # whether transient, whether ambiguous
KINDS = [
    (REFUSED, refused("AccessDeniedException")),
    (REFUSED, refused(INVALID, "No Container Instances were found in your cluster.")),
    (REFUSED, refused("ConflictException")),
    (REFUSED, refused("ExpiredTokenException")),
    (REFUSED, refused("LimitExceededException")),
    (REFUSED, refused(CLIENT, NO_CAPACITY)),
    (REFUSED, refused("ServerException", NO_CAPACITY, 500)),
    (REFUSED, refused("NotImplemented", "not implemented", 501)),
    (REFUSED, exceptions.NoCredentialsError()),
    (REFUSED, exceptions.ParamValidationError(report="x")),
    (REFUSED, exceptions.SSLError(endpoint_url=URL, error=OSError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"))),
    (REFUSED, KeyError("tasks")),
    (REFUSED, ValueError("x")),
    (PASSING, refused("ThrottlingException")),
    (PASSING, refused("Throttling", "Rate exceeded", 503)),
    (PASSING, refused("RequestLimitExceeded", "Request limit exceeded.", 503)),
    (PASSING, refused("TooManyRequestsException", status=429)),
    (PASSING, refused("429", "Too Many Requests", 429)),
    (PASSING, refused(INVALID, "Error retrieving subnet information: Request limit exceeded.")),
    (PASSING, exceptions.EndpointConnectionError(endpoint_url=URL)),
    (PASSING, exceptions.ConnectTimeoutError(endpoint_url=URL)),
    (PASSING, exceptions.ProxyConnectionError(proxy_url=URL)),
    (PASSING, ConnectionRefusedError()),
    (IN_DOUBT, exceptions.ReadTimeoutError(endpoint_url=URL)),
    (IN_DOUBT, exceptions.ConnectionClosedError(endpoint_url=URL)),
    (IN_DOUBT, exceptions.HTTPClientError(error="x")),
    (IN_DOUBT, exceptions.ResponseStreamingError(error="x")),
    (IN_DOUBT, exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2)),
    (IN_DOUBT, exceptions.SSLError(endpoint_url=URL, error=OSError("EOF occurred in violation of protocol"))),
    (IN_DOUBT, ConnectionResetError()),
    (IN_DOUBT, TimeoutError()),
    (IN_DOUBT, ResponseParserError("x")),
    (IN_DOUBT, json.JSONDecodeError("x", "x", 0)),
    (IN_DOUBT, garbled()),
    (IN_DOUBT, refused("ServerException", status=500)),
    (IN_DOUBT, refused("ServiceUnavailable", status=503)),
    (IN_DOUBT, refused("502", "Bad Gateway", 502)),
    (IN_DOUBT, ClientError({"Error": {"Code": "InternalFailure", "Message": "x"}}, "RunTask")),
]


@pytest.mark.parametrize(
    ("kind", "error"), KINDS, ids=[str(error)[-48:] or type(error).__name__ for kind, error in KINDS]
)
def test_transient_and_possibly_executed_errors_differ(kind: tuple[bool, bool], error: Exception) -> None:
    """Each error says whether it is transient, and whether the request may have been executed."""
    assert (is_transient(error), is_ambiguous(error)) == kind


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refused("ThrottlingException"), True),
        (refused("x", status=429), True),
        (refused(INVALID, "Request limit exceeded. (ErrorCode: RequestLimitExceeded)"), True),
        (refused("ServerException", status=500), False),
        (RuntimeError("Rate exceeded"), False),
    ],
)
def test_throttling_is_recognised_by_code_status_or_message(error: Exception, expected: bool) -> None:
    assert is_throttled(error) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refused("ExpiredToken"), True),
        (refused("ExpiredTokenException"), True),
        (refused("RequestExpired", "Request has expired."), True),
        (exceptions.UnauthorizedSSOTokenError(), True),
        (exceptions.SSOTokenLoadError(error_msg="x"), True),
        (exceptions.TokenRetrievalError(provider="sso", error_msg="x"), True),
        (exceptions.CredentialRetrievalError(provider="x", error_msg="x"), True),
        (exceptions.NoCredentialsError(), True),
        (of_credentials(RuntimeError("the refreshed credentials are still expired.")), True),
        (of_credentials(FileNotFoundError(2, "No such file or directory", "/token")), True),
        (of_credentials(exceptions.EndpointConnectionError(endpoint_url=URL)), False),
        (RuntimeError("something else"), False),
        (refused("AccessDeniedException"), False),
        (exceptions.ReadTimeoutError(endpoint_url=URL), False),
    ],
)
def test_expired_credentials_are_recognised(error: Exception, expected: bool) -> None:
    assert is_expired(error) is expected


def test_the_cause_of_missing_credentials_decides_the_retry() -> None:
    cut = of_credentials(exceptions.ReadTimeoutError(endpoint_url=URL))
    assert is_transient(cut)
    # Without credentials the request is not sent.
    assert not is_ambiguous(cut)
    refusal = of_credentials(refused("AccessDenied", "u is not authorized to perform: sts:AssumeRole on resource: r"))
    assert not is_transient(refusal) and not is_expired(refusal)
    line = explain(refusal, "cannot", "here").line()
    assert line.startswith("cannot (here, profile x): AccessDenied: u is not") and "allow sts:AssumeRole" in line
