# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a system.

Logical ids and outputs end in what they are, so that no name in a description gives one of another name, or that of a
parameter.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.kept import KEPT
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.keys import encryption_key
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    Output,
    Parts,
    logical_id,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Secret, Sections

SECRETS = "secrets"


def secrets(sections: Sections) -> Parts:
    """Return the secrets that the deploy creates; an existing one is used by its ARN."""
    found = Parts()
    for name, secret in sections["secrets"].items():
        if is_created(secret):
            found |= _secret(name, secret)
    return found


def is_created(secret: Secret) -> bool:
    """Return whether the deploy creates a secret."""
    return not ({"arn", "parameter_arn"} & secret.keys())


def secret_arn(name: str, secret: Secret) -> Any:
    """Return the ARN of a secret, or of the SSM parameter that holds it."""
    if is_created(secret):
        return Output(SECRETS, f"{logical_id(name)}Arn")
    return secret.get("arn") or secret.get("parameter_arn")


def _secret(name: str, secret: Secret) -> Parts:
    resource = f"{logical_id(name)}Secret"
    key = encryption_key(secret)
    return Parts(
        {
            resource: {
                "Type": "AWS::SecretsManager::Secret",
                **KEPT,
                "Properties": {
                    "Name": sub("${Project}/${Environment}/" + name),
                    "Description": secret.get("description", f"Secret {name}"),
                    **({"KmsKeyId": key} if key else {}),
                    **({"GenerateSecretString": _generated(secret)} if "generate" in secret else {}),
                },
            }
        },
        {f"{logical_id(name)}Arn": output(f"ARN of secret {name}.", {"Ref": resource})},
    )


def _generated(secret: Secret) -> dict[str, Any]:
    """Return how the value is generated: as the whole secret, or as a key of a JSON object."""
    key = secret.get("json_key")
    return {
        "PasswordLength": secret["generate"],
        "ExcludePunctuation": True,
        **({"SecretStringTemplate": "{}", "GenerateStringKey": key} if key else {}),
    }
