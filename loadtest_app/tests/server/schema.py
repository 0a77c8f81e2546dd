# SPDX-License-Identifier: Apache-2.0
"""The schema of a table: its keys, secondary indexes, and description. Specifications are as for CreateTable."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from server.errors import invalid
from server.values import Item, Scalar, Value, scalar

REGION_ARN = "arn:aws:dynamodb:us-east-1:123456789012"
DEFAULT: Mapping[str, Any] = {
    "TableName": "test-table",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
    # The initial throughput of a new on-demand table.
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
    "WarmThroughput": {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000},
}
MISMATCH = "The provided key element does not match the schema"
MAX_KEY_BYTES = (2048, 1024)

Key = tuple[Scalar, Scalar | None]


class KeyAttribute(NamedTuple):
    """An attribute of a key: its name, and its type S, N or B."""

    name: str
    type: str


class Index(NamedTuple):
    """A global secondary index: its key, and which attributes it holds (None: all)."""

    name: str
    key: tuple[KeyAttribute, ...]
    attributes: frozenset[str] | None

    def projected(self, item: Item | None) -> Item | None:
        """Return an item's projection to the index; None where the item is not in the index."""
        if item is None or any(attribute.name not in item for attribute in self.key):
            return None
        if self.attributes is None:
            return item
        return {name: value for name, value in item.items() if name in self.attributes}

    def key_values(self, item: Item) -> tuple[Value, ...]:
        """Return an item's key in the index."""
        return tuple(item[attribute.name] for attribute in self.key)


@dataclass(frozen=True)
class Schema:
    """A table's name, its primary key (hash, and range where there is one) and its indexes."""

    name: str
    key: tuple[KeyAttribute, ...]
    indexes: Mapping[str, Index]
    specification: Mapping[str, Any]

    @classmethod
    def of(cls, specification: Mapping[str, Any]) -> Schema:
        """Read a specification; DEFAULT has the members that it lacks."""
        whole = {**DEFAULT, **specification}
        types = {entry["AttributeName"]: entry["AttributeType"] for entry in whole["AttributeDefinitions"]}
        key = _key(whole["KeySchema"], types)
        indexes = {
            entry["IndexName"]: Index(
                entry["IndexName"],
                (index_key := _key(entry["KeySchema"], types)),
                _projected(entry.get("Projection", {}), (*key, *index_key)),
            )
            for entry in whole.get("GlobalSecondaryIndexes", [])
        }
        return cls(whole["TableName"], key, indexes, whole)

    @property
    def arn(self) -> str:
        """The table's ARN."""
        return f"{REGION_ARN}:table/{self.name}"

    def key_of_item(self, item: Item) -> Key:
        """Return the primary key of an item that is to be put.

        Raises:
            ApiError: the item lacks the key, or its key attributes of an index are not valid.
        """
        for attribute in self.key:
            if attribute.name not in item:
                raise invalid(
                    f"One or more parameter values were invalid: Missing the key {attribute.name} in the item"
                )
            if attribute.type not in item[attribute.name]:
                ((actual, _content),) = item[attribute.name].items()
                raise invalid(
                    f"One or more parameter values were invalid: Type mismatch for key {attribute.name} "
                    f"expected: {attribute.type} actual: {actual}"
                )
        self.check_indexes(item)
        return self._scalars(item)

    def key_of(self, key: Item) -> Key:
        """Return the primary key of a request's Key.

        Raises:
            ApiError: it is not a key of this table.
        """
        if len(key) != len(self.key):
            raise invalid("The number of conditions on the keys is invalid" if not key else MISMATCH)
        if any(attribute.type not in key.get(attribute.name, {}) for attribute in self.key):
            raise invalid(MISMATCH)
        return self._scalars(key)

    def check_indexes(self, item: Item) -> None:
        """Refuse an item whose index keys have a wrong type or are empty."""
        for index in self.indexes.values():
            for attribute in index.key:
                value = item.get(attribute.name)
                if value is None:
                    continue
                if attribute.type not in value:
                    raise invalid(
                        f"One or more parameter values were invalid: Type mismatch for Index Key {attribute.name} "
                        f"Expected: {attribute.type} Actual: {next(iter(value))} IndexName: {index.name}"
                    )
                if value[attribute.type] == "":
                    raise invalid(
                        "One or more parameter values are not valid. A value specified for a secondary index key is "
                        "not supported. The AttributeValue for a key attribute cannot contain an empty string value. "
                        f"IndexName: {index.name}, IndexKey: {attribute.name}"
                    )

    def key_document(self, item: Item) -> Item:
        """Return the primary key of a stored item as requests give it."""
        return {attribute.name: item[attribute.name] for attribute in self.key}

    def description(self, items: int, size: int) -> dict[str, Any]:
        """Return DescribeTable's response for a table with a number of items and a size in bytes."""
        given = self.specification
        throughput = given.get("ProvisionedThroughput", {})
        table: dict[str, Any] = {
            "AttributeDefinitions": given["AttributeDefinitions"],
            "TableName": self.name,
            "KeySchema": given["KeySchema"],
            "TableStatus": given.get("TableStatus", "ACTIVE"),
            "CreationDateTime": round(time.time(), 3),
            "ProvisionedThroughput": _throughput(throughput),
            "TableSizeBytes": size,
            "ItemCount": items,
            "TableArn": self.arn,
            "TableId": "00000000-0000-4000-8000-000000000000",
            "DeletionProtectionEnabled": False,
        }
        if given["BillingMode"] == "PAY_PER_REQUEST":
            table["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
        if given.get("WarmThroughput"):
            table["WarmThroughput"] = {"Status": "ACTIVE", **given["WarmThroughput"]}
        if given.get("GlobalSecondaryIndexes"):
            table["GlobalSecondaryIndexes"] = [
                {
                    "Projection": {"ProjectionType": "ALL"},
                    **entry,
                    "IndexStatus": "ACTIVE",
                    "ProvisionedThroughput": _throughput(entry.get("ProvisionedThroughput", {})),
                    "IndexSizeBytes": 0,
                    "ItemCount": 0,
                    "IndexArn": f"{self.arn}/index/{entry['IndexName']}",
                }
                for entry in given["GlobalSecondaryIndexes"]
            ]
        return table

    def _scalars(self, item: Item) -> Key:
        parts: list[Scalar] = []
        for attribute, limit in zip(self.key, MAX_KEY_BYTES, strict=False):
            content = item[attribute.name][attribute.type]
            if content == "":
                kind = "string" if attribute.type == "S" else "binary"
                raise invalid(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
                    f"an empty {kind} value. Key: {attribute.name}"
                )
            part = scalar(item[attribute.name])
            if not isinstance(part, int | float) and len(content.encode()) > limit and attribute.type == "S":
                name = "hashkey" if limit == MAX_KEY_BYTES[0] else "rangekey"
                raise invalid(
                    f"One or more parameter values were invalid: Size of {name} has exceeded the maximum size limit "
                    f"of {limit} bytes"
                )
            parts.append(part)
        return parts[0], parts[1] if len(parts) > 1 else None


def _key(elements: list[Mapping[str, str]], types: Mapping[str, str]) -> tuple[KeyAttribute, ...]:
    ordered = sorted(elements, key=lambda element: element["KeyType"] != "HASH")
    return tuple(KeyAttribute(element["AttributeName"], types[element["AttributeName"]]) for element in ordered)


def _projected(projection: Mapping[str, Any], keys: tuple[KeyAttribute, ...]) -> frozenset[str] | None:
    if projection.get("ProjectionType", "ALL") == "ALL":
        return None
    return frozenset({attribute.name for attribute in keys} | set(projection.get("NonKeyAttributes", [])))


def _throughput(given: Mapping[str, int]) -> dict[str, int]:
    return {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": given.get("ReadCapacityUnits", 0),
        "WriteCapacityUnits": given.get("WriteCapacityUnits", 0),
    }
