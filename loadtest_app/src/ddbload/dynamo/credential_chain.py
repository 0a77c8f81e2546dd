# SPDX-License-Identifier: Apache-2.0
"""Loads credentials, and says in one line why there are none.

The SDK's chain of credentials runs programs, reads files and calls services, and passes their exceptions on:
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

REMEDY = "give the task a role, or set AWS_PROFILE"
MFA = "a role requires the code of an MFA device, and a load test has no terminal to read it"
MFA_REMEDY = "run `aws sso login`, or take a session with `aws sts assume-role` and set its keys in the environment"
PROCESS = "credential_process failed, or did not print the JSON of credentials"
PROCESS_REMEDY = "run that command by hand: it has to print the JSON of the credentials, and nothing else"
EXPIRED_REMEDY = "log in again, or renew them where they come from"
CA_REMEDY = "name a file of certificates in PEM format, or unset AWS_CA_BUNDLE"
SSO_REMEDY = "run `aws sso login` with the profile"
TOKEN_REMEDY = "renew the token, and check the provider that the role's trust policy names"
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
CONTAINER_REMEDY = "check what answers at AWS_CONTAINER_CREDENTIALS_FULL_URI, and the role of the task or the pod"
# The response of the endpoint may hold a secret.
CONTAINER_BODY = re.compile(r"(?<=from container metadata): .*", re.DOTALL)
# Error code of STS -> its remedy; STS returns AccessDenied for a missing role, too.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
ROLE_REMEDY = "let these credentials assume the role: sts:AssumeRole, that the role exists, and its trust policy"
REFUSALS = {
    "AccessDenied": ROLE_REMEDY,
    "IDPRejectedClaim": TOKEN_REMEDY,
    "InvalidIdentityToken": TOKEN_REMEDY,
    "RegionDisabledException": "activate STS in this Region (IAM, account settings), or give another Region",
}
# By the SDK's own errors.
MENDED = {
    "ConfigParseError": "fix the file that AWS_CONFIG_FILE names, or ~/.aws/config",
    "PartialCredentialsError": "set both keys, or AWS_PROFILE",
}
PROCESS_METHOD = "custom-process"
WEB_TOKEN = "web_identity_token_file"
CONTAINER_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
# Class of the credential provider that failed -> the setting that selects its source.
SETTINGS = {
    "ProcessProvider": "credential_process",
    "FileWebIdentityTokenLoader": WEB_TOKEN,
    "ContainerProvider": CONTAINER_TOKEN,
}


class CredentialsError(Exception):
    """There are no usable credentials; the text names the profile, the cause without secrets, and the remedy."""


class CertificatesError(Exception):
    """AWS_CA_BUNDLE names no file of certificates; the text says why, and how to fix it."""


class _CodeWanted(Exception):
    """A role requires the code of an MFA device."""


def new_session(region: str | None = None) -> Any:
    """Return an SDK session that never prompts at the terminal.

    Args:
        region: where a role is assumed; overrides AWS_DEFAULT_REGION and the profile's.
    """
    import botocore.session  # an eighth of a second that --help and report do not need

    session = botocore.session.get_session()
    if region:
        session.set_config_variable("region", region)
    with told_as_credentials():
        provider: Any = session.get_component("credential_provider").get_provider("assume-role")
        # https://github.com/boto/botocore/blob/develop/botocore/credentials.py, AssumeRoleProvider
        provider._prompter = _refuse_prompt
    return session


def load_credentials(session: Any) -> Any:
    """Return the session's credentials, loaded once so that an error shows here.

    Raises:
        CredentialsError: there are none, or they cannot be loaded.
    """
    with told_as_credentials():
        credentials = session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()
    if credentials is None:
        raise CredentialsError(_line("no provider has any", REMEDY))
    return credentials


@contextmanager
def told_as_credentials() -> Iterator[None]:
    """Turn what the chain of credentials raises into CredentialsError; an unknown profile passes through.

    Raises:
        CredentialsError: with the profile's name, the cause and the remedy.
    """
    import botocore.exceptions as failures

    try:
        yield
    except failures.ProfileNotFound:
        raise
    except Exception as error:  # every provider has its own
        # What credential_process printed may hold a secret, and the error that holds it may be shown.
        raise CredentialsError(_line(*_told(error))) from None


def certificates(path: str | None) -> ssl.SSLContext:
    """Return the TLS context, with the certificates of a file instead of the system's.

    Args:
        path: the value of AWS_CA_BUNDLE.

    Raises:
        CertificatesError: it is a directory, missing, or holds no certificates.
    """
    try:
        return ssl.create_default_context(cafile=path or None)
    except OSError as error:  # ssl.SSLError is one
        if path and Path(path).is_dir():
            why = "it is a folder"
        else:
            why = "it holds no certificates in PEM format" if isinstance(error, ssl.SSLError) else str(error.strerror)
        raise CertificatesError(f"AWS_CA_BUNDLE names {path}: {why} -> {CA_REMEDY}") from error


def _refuse_prompt(*_arguments: Any) -> NoReturn:
    raise _CodeWanted


def _line(what: str, remedy: str) -> str:
    profile = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or "default"
    return " ".join(f"no AWS credentials were found (profile {profile}): {what} -> {remedy}".split())


def _told(error: Exception) -> tuple[str, str]:
    """Return what failed, and how to fix it."""
    import botocore.exceptions as failures

    setting = next((SETTINGS[name] for name in _at_work(error) if name in SETTINGS), "")
    if isinstance(error, (_CodeWanted, EOFError)):
        return MFA, MFA_REMEDY
    if isinstance(error, OSError) and setting:
        why = error.strerror or type(error).__name__
        return f"{setting} names {error.filename}: {why}", "fix the path, or make the file one that you may use"
    if setting == SETTINGS["ProcessProvider"] or PROCESS_METHOD in str(error):
        return PROCESS, PROCESS_REMEDY
    if isinstance(error, RuntimeError) and "expired" in str(error):
        return "they are still expired after they were renewed", EXPIRED_REMEDY
    if setting == CONTAINER_TOKEN:
        said = str(error) if isinstance(error, (failures.BotoCoreError, ValueError)) else "it holds no credentials"
        return CONTAINER_BODY.sub("", f"container credentials: {said}"), CONTAINER_REMEDY
    if isinstance(error, failures.ParamValidationError) and "WebIdentityToken" in str(error):
        return f"{WEB_TOKEN} names a file without a token", "have its issuer write the token again"
    if isinstance(error, failures.ClientError):
        answer = error.response.get("Error", {})
        said = f"{error.operation_name}: {answer.get('Code', '')}: {answer.get('Message', '')}"
        if "MultiFactorAuthentication" in said:
            return said, MFA_REMEDY
        return said, REFUSALS.get(str(answer.get("Code")), "log in again, and check the clock")
    if isinstance(error, (failures.SSOError, failures.SSOTokenLoadError, failures.TokenRetrievalError)):
        return str(error), SSO_REMEDY
    name = type(error).__name__
    return f"{name}: {error}", MENDED.get(name, "fix the profile in ~/.aws/config, or the variables in the environment")


def _at_work(error: Exception) -> Iterator[str]:
    """Name the classes whose methods the error came through, the outermost first."""
    trace = error.__traceback__
    while trace:
        yield type(trace.tb_frame.f_locals.get("self")).__name__
        trace = trace.tb_next
