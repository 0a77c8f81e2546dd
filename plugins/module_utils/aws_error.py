# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the AWS SDK raises, in one line: what was tried, where, what came back and how to mend it."""

from __future__ import annotations

from typing import Any

# Codes of https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html and of ECS itself
REMEDIES_BY_CODE = {
    "ClusterNotFoundException": "deploy the cluster first, or check its name and the region",
    "AccessDeniedException": "give the caller this permission",
    "AccessDenied": "give the caller this permission",
    "ExpiredTokenException": "the credentials have expired: log in again",
    "ExpiredToken": "the credentials have expired: log in again",
    "UnrecognizedClientException": "AWS does not know the credentials: check the profile and the region",
    "InvalidClientTokenId": "AWS does not know the credentials: check the profile",
    "InvalidSignatureException": "the secret key is wrong, or this machine's clock is",
    "ThrottlingException": "too many calls in this account: try again later",
    "PlatformUnknownException": "the platform version does not exist: leave platform_version out",
    "PlatformTaskDefinitionIncompatibilityException": "the platform version is too old: leave platform_version out",
    "BlockedException": "AWS has blocked the account: ask AWS Support",
}
REMEDIES_BY_TYPE = {
    "NoCredentialsError": "set AWS_PROFILE, or log in",
    "PartialCredentialsError": "set both keys, or AWS_PROFILE",
    "TokenRetrievalError": "log in again: aws sso login",
    "UnauthorizedSSOTokenError": "log in again: aws sso login",
    "SSOTokenLoadError": "log in: aws sso login",
    "CredentialRetrievalError": "the profile's credential source failed: log in again",
    "EndpointConnectionError": "check the network, region and endpoint_url, and that what it names runs",
    "ConnectTimeoutError": "check the network, proxy and endpoint_url",
    "ReadTimeoutError": "check the network, proxy and endpoint_url",
    "ConnectionClosedError": "check the network and what runs at endpoint_url",
    "SSLError": "check aws_ca_bundle, or the proxy that breaks the connection open",
    "ProxyConnectionError": "check HTTPS_PROXY",
}
TRANSIENT = {"EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"}


def explain(error: Exception, action: str, where: str) -> str:
    """Say in one line what failed.

    Args:
        error: a BotoCoreError or ClientError.
        action: what was tried, such as "cannot launch tasks of cluster x".
        where: region and endpoint.
    """
    code, message = _code_and_message(error)
    remedy = REMEDIES_BY_CODE.get(code) or REMEDIES_BY_TYPE.get(type(error).__name__, "")
    if code == "ClientException" and "task definition" in message.lower():
        remedy = "deploy the task definition first, or check its name and the region"
    told = f"{code}: {message}" if code and code not in message else message
    return f"{action} ({where}): {' '.join(told.split())}" + (f" -> {remedy}" if remedy else "")


def is_transient(error: Exception) -> bool:
    """Tell whether the connection failed, which may pass by itself."""
    return type(error).__name__ in TRANSIENT


def _code_and_message(error: Exception) -> tuple[str, str]:
    response: Any = getattr(error, "response", None)
    if not isinstance(response, dict):
        return "", str(error)
    detail = response.get("Error", {})
    return str(detail.get("Code", "")), str(detail.get("Message", error))
