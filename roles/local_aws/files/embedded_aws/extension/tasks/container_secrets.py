# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's `secrets`: the version that valueFrom names, and a SecureString decrypted.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-ssm-paramstore.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services import ecs, secretsmanager, ssm

NO_VALUE = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"


@dataclass(frozen=True)
class SecretReference:
    """A valueFrom that names a secret: its ARN, and where it says so the key of its JSON, the stage, the version."""

    arn: str
    json_key: str = ""
    version_stage: str = ""
    version_id: str = ""


def secret_reference(value_from: str) -> SecretReference | None:
    """Read a valueFrom; None where it names a parameter of SSM, by ARN or by name."""
    parts = value_from.split(":")
    if parts[0] != "arn" or len(parts) < 7 or parts[2] != "secretsmanager":
        return None
    return SecretReference(":".join(parts[:7]), *parts[7:10])


def container_secrets(container: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment variables that a container definition takes from secrets.

    Raises:
        ecs._SecretResolutionError: one cannot be had, for which ECS stops the task before it runs.
    """
    return {secret["name"]: _value(secret) for secret in container.get("secrets", [])}


def install() -> None:
    """Let MiniStack's tasks have their secrets as ECS hands them out."""
    ecs._resolve_container_secrets = container_secrets


def _value(secret: Mapping[str, str]) -> str:
    name, value_from = secret["name"], secret["valueFrom"]
    reference = secret_reference(value_from)
    if reference is None:
        value = ssm.resolve_parameter_value(value_from, decrypt=True)
    else:
        value = secretsmanager.resolve_secret_string(
            reference.arn, reference.version_stage or "AWSCURRENT", reference.version_id or None
        )
    if value is None:
        what = f"unable to retrieve secret {value_from} for environment variable {name}"
        if reference and not (reference.version_stage or reference.version_id) and _is_empty(reference.arn):
            what += f": ResourceNotFoundException: {NO_VALUE}"
        raise ecs._SecretResolutionError(what)
    return str(value) if reference is None or not reference.json_key else _member(value, reference.json_key, secret)


def _is_empty(arn: str) -> bool:
    return any(secret["ARN"] == arn and not secret["Versions"] for secret in secretsmanager._secrets.values())


def _member(value: str, key: str, secret: Mapping[str, str]) -> str:
    try:
        member = json.loads(value)[key]
    except (KeyError, TypeError, ValueError):
        # Without the parser's reason, which quotes the secret.
        raise ecs._SecretResolutionError(
            f"unable to retrieve json key '{key}' from secret {secret['valueFrom']} "
            f"for environment variable {secret['name']}"
        ) from None
    return member if isinstance(member, str) else json.dumps(member)
