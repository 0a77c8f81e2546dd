# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS::SecretsManager::Secret: its Ref is its ARN, its value is what GenerateSecretString describes, or it has none.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import secretsmanager
from ministack.services.cloudformation import drift, provisioners

from embedded_aws.extension.api_shapes import PropertyError, request_shape, to_request

TYPE = "AWS::SecretsManager::Secret"
PROPERTIES = frozenset(
    {"Description", "GenerateSecretString", "KmsKeyId", "Name", "ReplicaRegions", "SecretString", "Tags"}
)
GENERATED = "GenerateSecretString"


def check(properties: Mapping[str, Any]) -> None:
    """Refuse what MiniStack would drop or AWS would refuse.

    Raises:
        PropertyError: a property is unknown here, or contradicts another.
    """
    for name in sorted(properties.keys() - PROPERTIES):
        raise PropertyError(f"{name} is not kept by the embedded AWS -> write one of {', '.join(sorted(PROPERTIES))}")
    if "SecretString" in properties and GENERATED in properties:
        raise PropertyError(f"SecretString and {GENERATED} exclude each other -> remove one of them")


def secret_string(properties: Mapping[str, Any]) -> str:
    """Return a secret's value: SecretString, or a password as GenerateSecretString describes it.

    Raises:
        PropertyError: GenerateSecretString is not as AWS documents it.
    """
    if GENERATED not in properties:
        return str(properties.get("SecretString", ""))
    options = properties[GENERATED]
    if not isinstance(options, Mapping):
        raise PropertyError(f"{GENERATED} is no object -> write one, of names and values")
    rules = dict(options)
    template, key = rules.pop("SecretStringTemplate", None), rules.pop("GenerateStringKey", None)
    if (template is None) != (key is None):
        raise PropertyError(f"{GENERATED}: SecretStringTemplate and GenerateStringKey need each other -> write both")
    password = _password(rules)
    return password if template is None else json.dumps({**_template(template), str(key): password})


def install() -> None:
    """Let a template's secrets have the value and the Ref that AWS gives them."""
    create_by_name, update_by_name = provisioners._sm_secret_create, provisioners._sm_secret_update
    delete_by_name, read_by_name = provisioners._sm_secret_delete, drift._read_secret

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
        check(properties)
        name = properties.get("Name") or provisioners._physical_name(stack_name, logical_id)
        if name in secretsmanager._secrets:
            raise ValueError(f"a secret named {name} exists already -> delete it, or write another Name")
        created, attributes = create_by_name(logical_id, properties, stack_name)
        if "SecretString" not in properties and GENERATED not in properties:
            # An empty secret has no version, and GetSecretValue refuses it.
            secretsmanager._secrets[created]["Versions"].clear()
        return attributes["Id"], {"Id": attributes["Id"]}

    def update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str | None = None
    ) -> Any:
        check(new)
        declared = new.get("Name") or provisioners._physical_name(stack_name, logical_id or physical_id)
        name = secret_name(physical_id)
        replaced = provisioners._rename_replacement(
            physical_id, old, new, stack_name, logical_id, declared, name, create, delete
        )
        if replaced is not None:
            return replaced
        update_by_name(name, old, new, stack_name, logical_id)
        return physical_id, {"Id": physical_id}

    def delete(physical_id: str, properties: dict[str, Any]) -> None:
        delete_by_name(secret_name(physical_id), properties)

    def read(physical_id: str, properties: dict[str, Any]) -> Any:
        return read_by_name(secret_name(physical_id), properties)

    provisioners._sm_secret_string = secret_string
    provisioners._RESOURCE_HANDLERS[TYPE].update(create=create, update=update, delete=delete)
    drift._DRIFT_READERS[TYPE] = (read, drift._DRIFT_READERS[TYPE][1])


def secret_name(arn: str) -> str | None:
    """Return the name of the secret of an ARN, None where it is gone: MiniStack keeps secrets by name."""
    return next((name for name, secret in secretsmanager._secrets.items() if secret["ARN"] == arn), None)


def _password(rules: Mapping[str, Any]) -> str:
    request = to_request(request_shape("secretsmanager", "GetRandomPassword"), rules, GENERATED)
    status, _headers, body = secretsmanager._get_random_password(request)
    answer = json.loads(body)
    if status >= 400:
        reason = answer.get("message") or answer.get("Message") or status
        raise PropertyError(f"{GENERATED}: {reason} -> allow a longer password or more characters")
    return str(answer["RandomPassword"])


def _template(text: Any) -> dict[str, Any]:
    try:
        template = json.loads(text)
    except (TypeError, ValueError):
        template = None
    if not isinstance(template, dict):
        raise PropertyError(f"{GENERATED}.SecretStringTemplate is no JSON object -> write one as text")
    return template
