# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of secrets: read from Secrets Manager, one key of a JSON object chosen, and generated. No error holds one."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import ClientError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

LETTERS = string.ascii_letters + string.digits
CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"
ABSENT = "ResourceNotFoundException"


def generated(length: int) -> str:
    """Return a random text of letters and digits.

    Args:
        length: in characters.
    """
    return "".join(secrets.choice(LETTERS) for _index in range(length))


def version_text(client: Any, arn: str, stage: str = CURRENT) -> str | None:
    """Return the text of a secret's version; None where the secret, or the version, does not exist.

    See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html

    Args:
        client: a boto3 client of Secrets Manager.
        arn: of the secret.
        stage: staging label of the version.

    Raises:
        ProblemError: the secret is binary.
        botocore.exceptions.BotoCoreError, ClientError: the request failed.
    """
    try:
        found = client.get_secret_value(SecretId=arn, VersionStage=stage)
    except ClientError as error:
        if error_code(error) == ABSENT:
            return None
        raise
    if "SecretString" not in found:
        what = f"secret {arn} is binary"
        raise ProblemError(Problem("binary", what, "put a text: aws secretsmanager put-secret-value --secret-string"))
    return str(found["SecretString"])


def secret_value(client: Any, arn: str, json_key: str = "") -> str:
    """Return the value of a secret.

    Args:
        client: a boto3 client of Secrets Manager.
        arn: of the secret.
        json_key: key of the JSON object that the secret is; empty for its whole text.

    Raises:
        ProblemError: the secret has no value, or lacks the key.
        botocore.exceptions.BotoCoreError, ClientError: the request failed.
    """
    text = version_text(client, arn)
    if text is None:
        remedy = f"put one: aws secretsmanager put-secret-value --secret-id {arn} --secret-string file://FILE"
        raise ProblemError(Problem("no_value", f"secret {arn} has no value", remedy))
    if not json_key:
        return text
    members = json_object(text)
    if members is None or json_key not in members:
        what = f"secret {arn} is no JSON object with the key {json_key}"
        raise ProblemError(Problem("no_key", what, "put one, or name another key"))
    member = members[json_key]
    return member if isinstance(member, str) else json.dumps(member)


def json_object(text: str) -> Mapping[str, Any] | None:
    """Return the JSON object that a text is; None where it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
