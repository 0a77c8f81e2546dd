# SPDX-License-Identifier: Apache-2.0
"""The entries of the mix: which operations, how often, on which keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ddbload.scenario.reader import Reader
from ddbload.scenario.thresholds import OPERATION_NAME as ENTRY_NAME

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MOST_ITEMS = {
    **{"batch_write": 25, "batch_get": 100, "transact_write": 100, "transact_get": 100},
    **{"batch_execute_statement": 25, "execute_transaction": 100},
}
DEFAULT_ITEMS = {
    **{"batch_write": 25, "batch_get": 25, "transact_write": 2, "transact_get": 2},
    **{"batch_execute_statement": 25, "execute_transaction": 2},
}
WRITES = ("put", "update", "delete", "batch_write", "transact_write")
READS = ("get", "query", "scan", "batch_get", "transact_get")
# Those of PartiQL read or write, as their statement does. All statements of a request are of one kind: AWS allows no
# reads beside writes.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.batching.html
PARTIQL = ("execute_statement", "batch_execute_statement", "execute_transaction")
STATEMENTS = ("select", "insert", "update", "delete")
OPERATIONS = (*WRITES, *READS, *PARTIQL)
# Those that may be strongly consistent; a transaction always is.
CONSISTENT = ("get", "query", "scan", "batch_get", "execute_statement", "batch_execute_statement")
CONDITIONAL = ("put", "update", "delete", "transact_write")
# Those that take a key which exists, by a distribution.
CHOOSING = ("put", "update", "delete", "get", "query", "batch_get", "transact_get", *PARTIQL)


@dataclass(frozen=True)
class MixEntry:
    """One kind of operation in the mix, by a name of its own."""

    operation: str
    weight: int
    # How a key that exists is chosen; empty for a put that inserts new ones.
    keys: Mapping[str, Any] = field(default_factory=dict)
    consistent: bool = False
    condition: str = "none"
    items: int = 1
    limit: int = 100
    segments: int = 1
    index: str = ""
    # Of PartiQL's operations.
    statement: str = "select"

    @property
    def writes(self) -> bool:
        """Whether it writes items."""
        return self.operation in WRITES or (self.operation in PARTIQL and self.statement != "select")

    @property
    def inserts(self) -> int:
        """How many new keys one operation writes."""
        return self.items if self.writes and not self.keys else 0


def read(reader: Reader) -> dict[str, MixEntry]:
    """Read the mix of a scenario; the reader records its problems."""
    mix = reader.section("mix")
    mix.known.extend([*OPERATIONS, *map(str, mix.document)])
    if not mix.document:
        return {"put": MixEntry("put", 1)}
    entries = {}
    for name, value in mix.document.items():
        if not re.fullmatch(ENTRY_NAME, str(name)):
            mix.problem(str(name), "an entry's name has letters, digits, - and _ only")
        elif entry := _entry(mix, str(name), value):
            entries[str(name)] = entry
    if entries and not any(entry.weight for entry in entries.values()) and not reader.problems:
        mix.problem("", "at least one operation must have a weight above 0")
    return {name: entry for name, entry in entries.items() if entry.weight}


def _entry(mix: Reader, name: str, value: Any) -> MixEntry | None:
    part = mix.child(name, value, short="weight")
    if "operation" not in part.document and name not in OPERATIONS:
        part.known.extend(map(str, part.document))
        known = ", ".join(OPERATIONS)
        mix.problem(name, f'is no operation; known are {known}; a name of your own needs {{"operation": ...}}')
        return None
    operation = part.choice("operation", name if name in OPERATIONS else "put", OPERATIONS)
    weight = part.integer("weight", 1, 0, 10_000)
    values: dict[str, Any] = {}
    if operation in PARTIQL:
        values["statement"] = part.choice("statement", "select", STATEMENTS)
    statement = values.get("statement", "select")
    if operation in CHOOSING and statement != "insert" and ("keys" in part.document or operation != "put"):
        values["keys"] = _distribution(part, "keys", "uniform")
    if statement == "insert" and part.take("keys", None) is not None:
        part.problem("keys", "an INSERT takes new keys: leave keys out, or set statement to update")
    if operation in CONSISTENT and statement == "select":
        values["consistent"] = part.boolean("consistent", False)
    if operation in CONDITIONAL:
        values["condition"] = part.choice("condition", "none", ("none", "not_exists", "exists"))
    if operation in MOST_ITEMS:
        values["items"] = part.integer("items", DEFAULT_ITEMS[operation], 1, MOST_ITEMS[operation])
    if operation in ("query", "scan"):
        values["limit"] = part.integer("limit", 100, 1, 100_000)
        values["index"] = part.text("index", "", "the name of a secondary index")
    if operation == "scan":
        values["segments"] = part.integer("segments", 1, 1, 1_000_000)
    return MixEntry(operation, weight, **values)


def document_of(entry: MixEntry) -> dict[str, Any]:
    """Return an entry with what its operation knows, and nothing else."""
    document = asdict(entry)
    if entry.operation not in CHOOSING or not entry.keys:
        del document["keys"]
    for name, operations in {"consistent": CONSISTENT, "condition": CONDITIONAL, "items": MOST_ITEMS}.items():
        if entry.operation not in operations:
            del document[name]
    if entry.operation not in PARTIQL:
        del document["statement"]
    elif entry.statement != "select":
        document.pop("consistent", None)
    for name in ("limit", "index"):
        if entry.operation not in ("query", "scan"):
            del document[name]
    if entry.operation != "scan":
        del document["segments"]
    return document


def _distribution(reader: Reader, name: str, default: str) -> dict[str, Any]:
    part = reader.section(name, default, short="type")
    kind = part.choice("type", default, ("uniform", "sequential", "zipfian", "hot_set", "latest"))
    document: dict[str, Any] = {"type": kind}
    if kind in ("zipfian", "latest"):
        document["exponent"] = part.number("exponent", 0.99, 0.01, 5, "of Zipf's law")
    if kind == "hot_set":
        document["keys_share"] = part.number("keys_share", 0.01, 1e-9, 1, "share of the keys that is hot")
        document["operations_share"] = part.number("operations_share", 0.9, 0, 1, "share of operations on hot keys")
    return document
