# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSM parameters."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.gantry.ecs.plugins.module_utils.aws.secrets.ssm_parameters import GENERATED, SOURCE_TAG
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import IRREPLACEABLE, PRESENT, Removable
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource


class SsmParameter(Removable):
    """SSM parameters below the environment's path, unless their tags name another owner."""

    name = "ssm_parameter"
    label = "SSM parameter"
    protections = ("by_hand", IRREPLACEABLE)
    holds_data = True

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the parameters below the environment's path, without their values."""
        # GetParametersByPath would return the values.
        below = [{"Key": "Path", "Option": "Recursive", "Values": [account.names.path]}]
        for page in self._client("ssm").get_paginator("describe_parameters").paginate(ParameterFilters=below):
            for each in page["Parameters"]:
                yield from self._parameter(account, each["Name"])

    def _parameter(self, account: Account, name: str) -> Iterator[Resource]:
        if holder := account.holder("AWS::SSM::Parameter", name):
            yield self.resource(name, name, holder)
            return
        client, request = self._client("ssm"), {"ResourceType": "Parameter", "ResourceId": name}
        tags = account.tags(self.label, lambda: client.list_tags_for_resource(**request)["TagList"])
        if not account.names.disowns(tags):
            # A deploy puts a described one again.
            put = {GENERATED: [IRREPLACEABLE]}.get(tags[SOURCE_TAG], []) if SOURCE_TAG in tags else ["by_hand"]
            yield self.resource(name, name, protections=put)

    def state(self, id_: str) -> str | None:
        """Return `PRESENT`; None where it does not exist."""
        named = [{"Key": "Name", "Option": "Equals", "Values": [id_]}]
        return PRESENT if self._client("ssm").describe_parameters(ParameterFilters=named)["Parameters"] else None

    def remove(self, id_: str) -> None:
        """Delete a parameter."""
        self._client("ssm").delete_parameter(Name=id_)
