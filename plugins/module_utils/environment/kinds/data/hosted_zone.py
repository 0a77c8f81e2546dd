# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosted zones of Route 53."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import (
    IRREPLACEABLE,
    PRESENT,
    Removable,
    is_described,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.domain import COMPONENT

TYPE, RECORD_TYPE = "AWS::Route53::HostedZone", "AWS::Route53::RecordSet"
# https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
VALIDATIONS = ".acm-validations.aws."


class HostedZone(Removable):
    """Hosted zones that a stack of the environment holds or created; one with records of others holds data.

    The validation records of certificates stay when their stack is deleted, and Route 53 deletes an empty zone only.
    """

    name = "hosted_zone"
    label = "hosted zone"
    protections = (IRREPLACEABLE, "left_behind")
    holds_data = True

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the hosted zones of the stacks, and those that a stack kept."""
        if not is_described(account, COMPONENT, TYPE):
            return
        for page in self._client("route53").get_paginator("list_hosted_zones").paginate():
            for each in page["HostedZones"]:
                id_ = _id(each["Id"])
                holder = account.holder(TYPE, id_)
                # The template starts the comment so, which saves a request for the tags of each other zone.
                is_named = each.get("Config", {}).get("Comment", "").startswith(f"{account.names.base}: ")
                # CloudFormation gives a zone the tags of its template only, so none with the name of the stack.
                if holder or (is_named and account.names.owner.items() <= self._tags(account, id_).items()):
                    own = [name.rstrip(".") for name in account.held(RECORD_TYPE)]
                    yield self.hosted_zone(each, self._records(id_), own, holder)

    def hosted_zone(
        self,
        described: Mapping[str, Any],
        records: Sequence[Mapping[str, Any]],
        own: Collection[str],
        stack: Resource | None,
    ) -> Resource:
        """Return a hosted zone.

        Args:
            described: the zone, as ListHostedZones returns it.
            records: its records beside those that Route 53 creates with it.
            own: names of the records that the stacks hold.
            stack: the stack that holds the zone; None where the stack was deleted.
        """
        others = [each for each in records if each["Name"].rstrip(".") not in own and not _is_validation(each)]
        kept = [IRREPLACEABLE, *([] if stack else ["left_behind"])] if others else []
        return self.resource(
            described["Name"].rstrip("."),
            _id(described["Id"]),
            stack,
            protections=kept,
            detail=f"{len(records)} record(s), {len(others)} of others",
        )

    def state(self, id_: str) -> str | None:
        """Return `PRESENT`; None where it does not exist."""
        client = self._client("route53")
        try:
            client.get_hosted_zone(Id=id_)
        except client.exceptions.NoSuchHostedZone:
            return None
        return PRESENT

    def remove(self, id_: str) -> None:
        """Delete a hosted zone and its records.

        See https://docs.aws.amazon.com/Route53/latest/APIReference/API_DeleteHostedZone.html
        """
        client = self._client("route53")
        for record in self._records(id_):
            changes = [{"Action": "DELETE", "ResourceRecordSet": record}]
            client.change_resource_record_sets(HostedZoneId=id_, ChangeBatch={"Changes": changes})
        client.delete_hosted_zone(Id=id_)

    def _records(self, id_: str) -> list[Mapping[str, Any]]:
        """Return the records of a zone beside those that Route 53 creates with it: SOA, and NS of the same name."""
        pages = self._client("route53").get_paginator("list_resource_record_sets").paginate(HostedZoneId=id_)
        records = [each for page in pages for each in page["ResourceRecordSets"]]
        apex = {each["Name"] for each in records if each["Type"] == "SOA"}
        return [each for each in records if not (each["Name"] in apex and each["Type"] in ("NS", "SOA"))]

    def _tags(self, account: Account, id_: str) -> dict[str, str]:
        request = {"ResourceType": "hostedzone", "ResourceId": id_}
        return account.tags(
            self.label, lambda: self._client("route53").list_tags_for_resource(**request)["ResourceTagSet"]["Tags"]
        )


def _id(text: str) -> str:
    return text.rpartition("/")[2]


def _is_validation(record: Mapping[str, Any]) -> bool:
    """Return whether a record is that by which ACM validates a domain."""
    values = [each["Value"] for each in record.get("ResourceRecords", [])]
    return record["Type"] == "CNAME" and all(f"{value.rstrip('.')}.".endswith(VALIDATIONS) for value in values)
