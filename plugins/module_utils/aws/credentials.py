# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why there are no credentials: one problem for every way in which the SDK's chain of credentials fails.

The chain runs programs, reads files and asks services, and lets through what Python raises for them:
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import problem_of
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

if TYPE_CHECKING:
    Base = Exception
else:
    try:
        from botocore.exceptions import BotoCoreError as Base
    except ImportError:  # AnsibleAWSModule says so
        Base = Exception

NO_PROFILE = "no profile, the default credentials"
KEYS = ("access_key", "secret_key", "session_token")
# Which of the chain's classes was at work, and the setting that names what it uses.
SETTINGS = {
    "ProcessProvider": "credential_process",
    "FileWebIdentityTokenLoader": "web_identity_token_file (or AWS_WEB_IDENTITY_TOKEN_FILE)",
    "ContainerProvider": "AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
}
WEB_TOKEN = SETTINGS["FileWebIdentityTokenLoader"]
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
CONTAINER_REMEDY = (
    "check what answers at AWS_CONTAINER_CREDENTIALS_FULL_URI, and the role of the task or the pod; or unset the "
    "variable"
)
# The endpoint's response may hold a secret.
CONTAINER_BODY = re.compile(r"(?<=from container metadata): .*", re.DOTALL)
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
PROCESS_REMEDY = "run that command by hand: it has to print the JSON of the credentials, and nothing else"
MFA = Problem(
    "mfa",
    "a role requires the code of an MFA device, and a module has no terminal to read it",
    "log in by single sign-on (`aws sso login`), or take a session beforehand (`aws sts assume-role` with "
    "--serial-number and --token-code) and set its keys in the environment",
)
EXPIRED = Problem(
    "expired",
    "the credentials have expired already when they are fetched",
    "log in again, or renew them where they come from: what credential_process prints, or the keys in the "
    "environment beside AWS_CREDENTIAL_EXPIRATION",
)
CA_REMEDY = "name a file of certificates in PEM format, or unset AWS_CA_BUNDLE"


class CredentialsError(Base):
    """There are no credentials to call AWS with.

    Attributes:
        source: where they were looked for: the profile, or the default credentials.
        problem: what failed, without secrets.
        origin: what the SDK or Python raised; None where nothing was.
    """

    def __init__(self, source: str, problem: Problem, origin: Exception | None = None) -> None:
        self.source, self.problem, self.origin = source, problem, origin
        Exception.__init__(self, problem.within(source).line())

    @property
    def response(self) -> Any:
        """AWS's response to the call for credentials; None where there is none."""
        return getattr(self.origin, "response", None)


def source_of(params: Mapping[str, Any]) -> str:
    """Name where a module's credentials come from.

    Args:
        params: the module's parameters; AWS_PROFILE is in ``profile`` already.
    """
    return f"profile {params['profile']}" if params.get("profile") else NO_PROFILE


@contextmanager
def raised_as_credentials_error(source: str) -> Iterator[None]:
    """Raise CredentialsError instead of any error of the credential provider chain.

    Args:
        source: where the credentials are looked for.
    """
    try:
        yield
    except CredentialsError:
        raise
    except Exception as error:
        raise CredentialsError(source, _problem(error), error) from error


def check_settings(params: Mapping[str, Any]) -> None:
    """Check the settings that the SDK misreads, or checks only at its first call.

    Args:
        params: the module's parameters.

    Raises:
        CredentialsError: a profile and keys contradict each other, or the file of certificates is none.
    """
    if params.get("profile") and any(params.get(name) for name in KEYS):
        raise CredentialsError(
            source_of(params),
            Problem(
                "settings",
                "access keys are set beside the profile, and contradict it",
                "unset AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset AWS_PROFILE",
            ),
        )
    bundle = params.get("aws_ca_bundle")
    is_used = params.get("validate_certs", True) and not str(params.get("endpoint_url") or "").startswith("http:")
    if bundle and is_used:
        try:
            ssl.create_default_context(cafile=bundle)
        except OSError as error:  # ssl.SSLError is one
            why = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
            problem = Problem("settings", f"AWS_CA_BUNDLE names {bundle}: {why}", CA_REMEDY)
            raise CredentialsError(source_of(params), problem, error) from error


def _problem(error: Exception) -> Problem:
    """Return the problem of the credentials, from the error of the credential provider chain."""
    setting = next((SETTINGS[name] for name in _classes_of(error) if name in SETTINGS), "")
    if isinstance(error, EOFError):
        return MFA
    if isinstance(error, RuntimeError) and "expired" in str(error):
        return EXPIRED
    if hasattr(error, "response") or _is_of_the_sdk(error):
        return _problem_of_sdk(error, setting)
    if isinstance(error, OSError):
        return Problem(
            "file",
            f"{setting or 'a file'} names {error.filename}: {error.strerror or type(error).__name__}",
            "fix the path, or make the file one that you may read and, if it is a command, execute",
        )
    if setting == SETTINGS["ProcessProvider"]:
        # What it printed may hold a secret.
        return Problem("process", f"{setting} did not print the JSON of credentials", PROCESS_REMEDY)
    what = f"{setting}: {error}" if setting else f"the credentials could not be read ({type(error).__name__}: {error})"
    return Problem("unreadable", what, "fix the profile in ~/.aws/config, or the variables in the environment")


def _problem_of_sdk(error: Exception, setting: str) -> Problem:
    found = problem_of(error)
    if setting == SETTINGS["ContainerProvider"]:
        return found._replace(what=CONTAINER_BODY.sub("", found.what), remedy=CONTAINER_REMEDY)
    if "length for parameter WebIdentityToken" in found.what:
        return Problem("file", f"{WEB_TOKEN} names a file without a token", "have its issuer write the token again")
    if "ProfileNotFound" in {each.__name__ for each in type(error).__mro__} and (reason := _config_reason()):
        remedy = "fix AWS_CONFIG_FILE, or set AWS_PROFILE to a profile of that file"
        return found._replace(what=f"{found.what}: {reason}", remedy=remedy)
    return found


def _is_of_the_sdk(error: Exception) -> bool:
    return isinstance(error, Base) and Base is not Exception


def _classes_of(error: Exception) -> Iterator[str]:
    """Name the classes whose methods the error came through, the innermost last."""
    trace = error.__traceback__
    while trace:
        yield type(trace.tb_frame.f_locals.get("self")).__name__
        trace = trace.tb_next


def _config_reason() -> str:
    """Say why no profile is found in what the SDK takes for the configuration; it passes over what it cannot read."""
    path = Path(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    if path.is_dir():
        return f"{path} is a folder"
    if not path.exists():
        return f"there is no {path}"
    return "" if os.access(path, os.R_OK) else f"{path} may not be read"
