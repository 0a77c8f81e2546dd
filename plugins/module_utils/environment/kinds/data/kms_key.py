# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KMS keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import IRREPLACEABLE, Removable
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.keys import KEYS

TYPE = "AWS::KMS::Key"
# A key in this state decrypts nothing.
DELETED = "PendingDeletion"


class KmsKey(Removable):
    """KMS keys with the environment's aliases; without a key, nobody reads what it has encrypted."""

    name = "kms_key"
    label = "KMS key"
    protections = (IRREPLACEABLE, "left_behind")
    holds_data = True

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the keys of the description, and those that a stack kept."""
        # The key of the alarms' topic, which another stack has, encrypts no data.
        if KEYS not in account.names.components:
            return
        start = f"alias/{account.names.base}-"
        for page in self._client("kms").get_paginator("list_aliases").paginate():
            for alias in page["Aliases"]:
                if alias["AliasName"].startswith(start) and (id_ := alias.get("TargetKeyId")):
                    holder = account.holder(TYPE, id_)
                    if self.state(id_) and (holder or account.names.owns(self._tags(account, id_))):
                        yield self.key(alias, holder)

    def key(self, alias: Mapping[str, Any], stack: Resource | None) -> Resource:
        """Return a key by the name of its alias.

        Args:
            alias: the alias, as ListAliases returns it.
            stack: the stack that holds the key; None where the stack was deleted.
        """
        kept = [IRREPLACEABLE] if stack else [IRREPLACEABLE, "left_behind"]
        return self.resource(alias["AliasName"], alias["TargetKeyId"], stack, protections=kept)

    def state(self, id_: str) -> str | None:
        """Return a key's state; None where it does not exist, or waits for its deletion."""
        client = self._client("kms")
        try:
            state = client.describe_key(KeyId=id_)["KeyMetadata"]["KeyState"]
        except client.exceptions.NotFoundException:
            return None
        return None if state == DELETED else str(state)

    def remove(self, id_: str) -> None:
        """Delete the aliases of a key, whose names a deploy may use again, and schedule its deletion.

        KMS deletes a key 30 days later, and cancels that on request:
        https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
        """
        client = self._client("kms")
        for alias in client.list_aliases(KeyId=id_)["Aliases"]:
            client.delete_alias(AliasName=alias["AliasName"])
        client.schedule_key_deletion(KeyId=id_)

    def _tags(self, account: Account, id_: str) -> dict[str, str]:
        def read() -> dict[str, str]:
            found = self._client("kms").list_resource_tags(KeyId=id_)["Tags"]
            return {each["TagKey"]: each["TagValue"] for each in found}

        return account.tags(self.label, read)
