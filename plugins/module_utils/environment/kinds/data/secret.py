# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of Secrets Manager."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import (
    IRREPLACEABLE,
    PRESENT,
    Removable,
    is_described,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import database_component
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.secrets import SECRETS

TYPE = "AWS::SecretsManager::Secret"


class Secret(Removable):
    """Secrets that a stack of the environment holds or created; one with a value holds data."""

    name = "secret"
    label = "secret"
    protections = (IRREPLACEABLE, "left_behind")
    holds_data = True

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the secrets of the stacks, and those that a stack kept, without their values."""
        if not is_described(account, SECRETS, TYPE):
            return
        client = self._client("secretsmanager")
        named = [{"Key": "name", "Values": [f"{account.names.path[1:]}/"]}]
        pages = client.get_paginator("list_secrets").paginate(Filters=named)
        listed = [each["ARN"] for page in pages for each in page["SecretList"]]
        for arn in dict.fromkeys([*account.held(TYPE), *listed]):
            described, holder = self._described(arn), account.holder(TYPE, arn)
            if described and (holder or account.names.owns(tag_map(described.get("Tags", [])))):
                yield self.secret(described, holder)

    def secret(self, described: Mapping[str, Any], stack: Resource | None) -> Resource:
        """Return a secret.

        Args:
            described: the secret, as DescribeSecret returns it.
            stack: the stack that holds it; None where the stack was deleted.
        """
        has_value = bool(described.get("VersionIdsToStages"))
        is_login = stack is not None and stack.get("component", "").startswith(database_component(""))
        # The next deploy makes a secret without a value again, and the login of a database that is deleted.
        kept = [IRREPLACEABLE, *([] if stack else ["left_behind"])] if has_value and not is_login else []
        return self.resource(
            described["Name"],
            described["ARN"],
            stack,
            protections=kept,
            detail="with a value" if has_value else "without a value",
        )

    def state(self, id_: str) -> str | None:
        """Return `PRESENT`; None where it does not exist, or is being deleted."""
        return PRESENT if self._described(id_) else None

    def remove(self, id_: str) -> None:
        """Delete a secret for ever; with a time for recovery, its name could not be used again.

        See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
        """
        self._client("secretsmanager").delete_secret(SecretId=id_, ForceDeleteWithoutRecovery=True)

    def _described(self, id_: str) -> Mapping[str, Any] | None:
        client = self._client("secretsmanager")
        try:
            described: Mapping[str, Any] = client.describe_secret(SecretId=id_)
        except client.exceptions.ResourceNotFoundException:
            return None
        return None if described.get("DeletedDate") else described
