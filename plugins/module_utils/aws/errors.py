# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the AWS SDK: the problem that each one is for the user, and the class that decides whether to retry.

Errors are recognised by the names of their classes, so that this works without the SDK.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.remedies import remedy
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line, shortened

MESSAGE_LIMIT = 600  # characters shown of what an error says
READ_LIMIT = 4000  # characters of it that are read

# The SDK's errors, and Python's where they come through. https://docs.aws.amazon.com/boto3/latest/guide/error-handling.html
LOST_CONNECTION = {"ConnectionError", "HTTPClientError", "TimeoutError", "IncompleteReadError"}
NOT_UNDERSTOOD = {"ResponseParserError", "JSONDecodeError", "UnicodeDecodeError", "ChecksumError"}
NOT_SENT = {"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "ConnectionRefusedError"}
# A retry does not help against a wrong or missing certificate.
WRONG_SERVER = re.compile(r"certificate|wrong.version.number|unknown protocol", re.IGNORECASE)

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html, and what the SDK repeats:
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
SERVER_CODES = {
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServerException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Unavailable",
}
THROTTLED_CODES = {
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
# ECS passes on what EC2 says to its own calls as InvalidParameterException.
THROTTLED_MESSAGE = re.compile(r"request ?limit ?exceeded|rate exceeded|too many requests", re.IGNORECASE)
EXPIRED_CODES = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
# A file of credentials may be missing while another program writes it.
EXPIRED_TYPES = {
    "CredentialRetrievalError",
    "LoginError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "SSOTokenLoadError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
}
NEVER_SERVED = {501, 505}  # HTTP's codes for a method or version that the server does not support

# The error of a wrong signature repeats the signed request, with the session's token.
SIGNED = re.compile(r"\s*the canonical string for this request.*", re.IGNORECASE | re.DOTALL)
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html: for an administrator to decode
ENCODED = re.compile(r"\s*encoded authorization failure message: \S+", re.IGNORECASE)
PARAMETER_VALUE = re.compile(r", value: .*?(?=, (type|valid|must))", re.DOTALL)
# "Capacity is unavailable at this time. Please try again later or in a different availability zone":
# https://repost.aws/knowledge-center/ecs-fargate-runtask-capacity
# The others come from EC2, where ECS starts the instances.
CAPACITY = re.compile(
    r"capacity is unavailable|capacity unavailable|insufficient(instance)?capacity|insufficient capacity"
    r"|unfulfillablecapacity|no capacity",
    re.IGNORECASE,
)


def explain(error: BaseException, action: str, where: str) -> Problem:
    """Describe a failed call as a problem.

    Args:
        error: a BotoCoreError or ClientError, or what Python raised below them.
        action: the failed action, such as "cannot launch tasks of cluster x".
        where: region and endpoint.

    Returns:
        A problem whose ``what`` is "action (where): message of the error"; see `problem_of`.
    """
    source = getattr(error, "source", where)
    if source not in where:
        where = f"{where}, {source}"
    return problem_of(error).within(f"{action} ({where})")


def problem_of(error: BaseException) -> Problem:
    """Return an error's message on one line, without the signed request and without values of parameters.

    Args:
        error: as for ``explain``.

    Returns:
        A problem whose kind is AWS's error code, or the name of the error's class where it has none.
    """
    if isinstance(known := getattr(error, "problem", None), Problem):
        return known
    code, message = error_code(error), _message(error)
    text = f"{code}: {message}" if code and code not in message else message
    shown = shortened(one_line(text), MESSAGE_LIMIT).rstrip(".") or type(error).__name__
    return Problem(code or type(error).__name__, shown, remedy(code, message, _types(error)))


def is_transient(error: BaseException) -> bool:
    """Return whether a retry of the call may succeed.

    True where the connection fails, breaks or times out, where AWS fails or throttles, and where its response cannot
    be parsed. False for lack of capacity, which has its own remedies.
    """
    return is_throttled(error) or _is_lost(error) or _has_failed_at_server(error)


def is_throttled(error: BaseException) -> bool:
    """Return whether AWS throttled a call, which then has no effect."""
    if error_code(error) in THROTTLED_CODES or _status(error) == 429:
        return True
    return bool(error_code(error)) and bool(THROTTLED_MESSAGE.search(_message(error)))


def is_expired(error: BaseException) -> bool:
    """Return whether the credentials have expired: new ones may replace them."""
    if error_code(error) in EXPIRED_CODES or not EXPIRED_TYPES.isdisjoint(_types(error)):
        return True
    # A file or a command of the credentials may be in the middle of its renewal.
    return _is_of_credentials(error) and not error_code(error) and not is_transient(error)


def is_ambiguous(error: BaseException) -> bool:
    """Return whether a request may have taken effect although its response is lost.

    True where the connection breaks after the request is sent, where the response cannot be parsed, and where AWS
    fails. A refused, throttled or unsent call has no effect.
    """
    if is_throttled(error) or _is_of_credentials(error) or not NOT_SENT.isdisjoint(_types(error)):
        return False
    return _is_lost(error) or _has_failed_at_server(error)


def _is_lost(error: BaseException) -> bool:
    types = _types(error)
    if "SSLError" in types and WRONG_SERVER.search(str(error)):
        return False
    return not (LOST_CONNECTION | NOT_UNDERSTOOD).isdisjoint(types)


def _has_failed_at_server(error: BaseException) -> bool:
    if CAPACITY.search(one_line(_message(error))):
        return False
    status = _status(error)
    if status in NEVER_SERVED:
        return False
    return error_code(error) in SERVER_CODES or status >= 500


def _types(error: BaseException) -> list[str]:
    """Name the classes of an error; of one about credentials, those of its origin too."""
    behind = getattr(error, "origin", None) if _is_of_credentials(error) else None
    return [each.__name__ for kind in (type(error), *([type(behind)] if behind else [])) for each in kind.__mro__]


def _is_of_credentials(error: BaseException) -> bool:
    return type(error).__name__ == "CredentialsError"


def _response(error: BaseException) -> dict[str, Any]:
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}


def error_code(error: BaseException) -> str:
    """Return AWS's code for an error; empty where it has none."""
    return str((_response(error).get("Error") or {}).get("Code") or "")


def said_with(error: BaseException, code: str) -> str:
    """Return what AWS says with an error of this code; empty where it has another."""
    return str((_response(error).get("Error") or {}).get("Message") or "") if error_code(error) == code else ""


def _status(error: BaseException) -> int:
    status = (_response(error).get("ResponseMetadata") or {}).get("HTTPStatusCode")
    return status if isinstance(status, int) else 0


def _message(error: BaseException) -> str:
    text = str((_response(error).get("Error") or {}).get("Message") or error)
    if "ParamValidationError" in _types(error):
        text = PARAMETER_VALUE.sub("", text)
    return shortened(ENCODED.sub("", SIGNED.sub("", text)), READ_LIMIT)
