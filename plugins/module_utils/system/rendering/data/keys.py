# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KMS keys of a system, each with an alias.

Logical ids and outputs end in what they are, so that no name in a description gives one of another name, or that of a
parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.kept import KEPT
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Output,
    Parts,
    logical_id,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Key, Sections

KEYS = "keys"
# Services that encrypt with a key of a description.
USERS = ("rds", "secretsmanager", "ssm")
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html: what administers a key, and not what
# encrypts with it.
ADMINISTRATION = tuple(
    f"kms:{action}"
    for action in (
        "CancelKeyDeletion",
        "CreateAlias",
        "DeleteAlias",
        "Describe*",
        "Disable*",
        "Enable*",
        "Get*",
        "List*",
        "PutKeyPolicy",
        "RevokeGrant",
        "RotateKeyOnDemand",
        "ScheduleKeyDeletion",
        "TagResource",
        "UntagResource",
        "Update*",
    )
)
USE = ("kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")


def keys(sections: Sections) -> Parts:
    """Return the KMS keys, which rotate every year, and their aliases."""
    found = Parts()
    for name, key in sections["keys"].items():
        found |= _key(name, key)
    return found


def key_arn(name: str) -> Output:
    """Return the ARN of a key."""
    return Output(KEYS, f"{logical_id(name)}KeyArn")


def encryption_key(section: Mapping[str, Any]) -> Any:
    """Return the ARN of the key of a secret, a parameter or a database; None where AWS owns the key."""
    return key_arn(section["key"]) if "key" in section else section.get("key_arn")


def via(service: str) -> dict[str, Any]:
    """Return the condition that a service uses a key for the caller.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
    """
    return {"StringEquals": {"kms:ViaService": sub(f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}")}}


def _key(name: str, key: Key) -> Parts:
    resource, alias = f"{logical_id(name)}Key", f"{logical_id(name)}Alias"
    return Parts(
        {
            resource: {
                "Type": "AWS::KMS::Key",
                **KEPT,
                "Properties": {
                    "Description": key.get("description", f"Key {name}"),
                    "EnableKeyRotation": True,
                    "PendingWindowInDays": key["pending_window_days"],
                    "KeyPolicy": {"Version": "2012-10-17", "Statement": _policy()},
                },
            },
            alias: {
                "Type": "AWS::KMS::Alias",
                # A teardown finds a kept key by its alias.
                **KEPT,
                "Properties": {"AliasName": sub(f"alias/{BASE}-{name}"), "TargetKeyId": {"Ref": resource}},
            },
        },
        {f"{resource}Arn": output(f"ARN of key {name}.", {"Fn::GetAtt": [resource, "Arn"]})},
    )


def _policy() -> list[dict[str, Any]]:
    """Return the statements of a key: the account's IAM policies administer it, and encrypt by way of services alone.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-services.html
    """
    account = {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")}
    services = [via(service)["StringEquals"]["kms:ViaService"] for service in USERS]
    return [
        {
            "Sid": "AdministerTheKey",
            "Effect": "Allow",
            "Principal": account,
            "Action": list(ADMINISTRATION),
            "Resource": "*",
        },
        {
            "Sid": "EncryptByServices",
            "Effect": "Allow",
            "Principal": account,
            "Action": list(USE),
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:ViaService": services, "kms:CallerAccount": {"Ref": "AWS::AccountId"}}},
        },
    ]
