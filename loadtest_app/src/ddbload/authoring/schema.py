# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of a scenario, for editors: made by reading trial documents with the reader itself.

The reader notes the shape of each field that it reads. Which fields it reads depends on others: on a plan's type, on an
entry's operation, on whether a field is there. So each object is read once for each choice and each field, and at both
bounds of each number. The schema is draft-07, which all editors know:
https://json-schema.org/draft-07/json-schema-validation
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ddbload.scenario import entries, scenario
from ddbload.scenario.reader import Reader
from ddbload.scenario.thresholds import OPERATION_NAME

ADDRESS = "https://raw.githubusercontent.com/gantry/gantry.ecs/main/docs/scenario.schema.json"
# The fields without a default that may come from elsewhere, for example from --table.
BESIDE = ("table",)
Shape = dict[str, Any]
# What stands for a field that may be an object, or a list of objects.
TRIALS: tuple[Any, ...] = ({}, [{}])
# Reads a document in which only one object differs, and returns the reader of this object.
Probe = Callable[[Mapping[str, Any]], Reader]


def schema() -> Shape:
    """Return the JSON Schema of a scenario, in draft-07.

    It accepts every document that the reader accepts. It knows names, types, bounds and choices; it does not know what
    only several fields together decide, and takes 1.0 for a whole number, as JSON Schema does.
    """
    found = _object(_read)
    mix, definitions = _mix(lambda document: _read({"mix": document}).children["mix"])
    found["properties"]["mix"] = mix
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": ADDRESS, "title": "A scenario of ddbload"}
    return {**head, **found, "definitions": definitions}


def text() -> str:
    """Return the schema as it is printed and published."""
    return json.dumps(schema(), indent=1) + "\n"


def _read(document: Mapping[str, Any]) -> Reader:
    reader = Reader(document)
    scenario.read(reader)
    return reader


def _object(probe: Probe) -> Shape:
    """Return the schema of an object: of its fields, or by the choice that decides which fields it has."""
    plain = probe({})
    switch = next((name for name, shape in plain.shapes.items() if _decides(probe, name, shape)), None)
    if switch is None:
        return {"type": "object", **_fields(probe, {}, _names([plain]))}
    shape = plain.shapes[switch]
    names = _names(probe({switch: kind}) for kind in shape["enum"])
    kinds = [_kind(probe, switch, kind, shape.get("default"), names) for kind in shape["enum"]]
    return {"type": "object", "properties": {switch: shape}, "allOf": kinds}


def _decides(probe: Probe, name: str, shape: Shape) -> bool:
    """Return whether an object's fields differ by the choice of one of them."""
    return len({frozenset(probe({name: kind}).known) for kind in shape.get("enum", [])}) > 1


def _kind(probe: Probe, switch: str, kind: str, default: str | None, names: Iterable[str]) -> Shape:
    """Return the fields of an object whose deciding field has one value."""
    condition: Shape = {"properties": {switch: {"const": kind}}}
    if kind != default:
        condition["required"] = [switch]
    return {"if": condition, "then": _fields(probe, {switch: kind}, names, switch)}


def _fields(probe: Probe, fixed: Mapping[str, Any], names: Iterable[str], switch: str = "") -> Shape:
    """Return the schemas of all fields that an object may have beside the fixed ones, and that it has no others."""
    properties: Shape = {switch: {}} if switch else {}
    plain, bounds = probe(fixed), list(_bounds(probe, fixed))
    for name in names:
        if name in fixed:
            continue
        read = [plain, *(probe({**fixed, name: value}) for value in TRIALS), *bounds]
        if found := [reader for reader in read if name in reader.known]:
            properties[name] = _field(probe, fixed, name, found)
    required = [name for name, shape in plain.shapes.items() if "default" not in shape and name not in BESIDE]
    return {"properties": properties, **({"required": required} if required else {}), "additionalProperties": False}


def _bounds(probe: Probe, fixed: Mapping[str, Any]) -> Iterator[Reader]:
    """Yield readers with each number at either bound, by which the bounds of other fields may change."""
    for name, shape in probe(fixed).shapes.items():
        for bound in ("minimum", "maximum"):
            if bound in shape and name not in fixed:
                yield probe({**fixed, name: shape[bound]})


def _field(probe: Probe, fixed: Mapping[str, Any], name: str, read: list[Reader]) -> Shape:
    """Return the schema of a field, in all forms that a reader has read it in."""
    shapes = [reader.shapes[name] for reader in read if name in reader.shapes]
    shape = _together(shapes) if shapes else {}
    children = [reader.children[name] for reader in read if name in reader.children]
    if not children:
        return shape | _items(probe, fixed, name, read)
    inner = _object(lambda document: probe({**fixed, name: document}).children[name])
    if short := children[0].short:
        shape = _property(inner, short)
    return {"if": {"type": "object"}, "then": inner, "else": shape} if shape else inner


def _items(probe: Probe, fixed: Mapping[str, Any], name: str, read: list[Reader]) -> Shape:
    """Return the schema of a list's items; nothing where the reader has no objects in it."""
    first = f"{name}[0]"
    if not any(first in reader.children for reader in read):
        return {}
    return {"items": _object(lambda document: probe({**fixed, name: [document]}).children[first])}


def _property(found: Shape, name: str) -> Shape:
    """Return the schema of a field that an object has whatever its kind is."""
    fields: Shape = found["properties"] if name in found["properties"] else found["allOf"][0]["then"]["properties"]
    return dict(fields[name])


def _together(shapes: list[Shape]) -> Shape:
    """Return one shape for all that a field has: with the widest bounds, and with what is the same in each."""
    first, *others = shapes
    shape = {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
    for bound, widest in (("minimum", min), ("maximum", max)):
        if bound in first:
            shape[bound] = widest(other[bound] for other in shapes)
    return shape


def _names(readers: Iterable[Reader]) -> list[str]:
    """Return the names of all fields that any of the readers knows."""
    return list(dict.fromkeys(name for reader in readers for name in reader.known))


def _mix(probe: Probe) -> tuple[Shape, Shape]:
    """Return the schema of the mix, and the definitions that it refers to: one of the entry, one of each operation."""
    first = entries.OPERATIONS[0]
    entry = _object(lambda document: probe({first: document}).children[first])
    weight = _property(entry, "weight")
    definitions = {kind["if"]["properties"]["operation"]["const"]: kind["then"] for kind in entry["allOf"]}
    by_operation = [
        {"if": _is_operation(name), "then": {"$ref": f"#/definitions/{name}"}} for name in entries.OPERATIONS
    ]
    operation = {name: value for name, value in entry["properties"]["operation"].items() if name != "default"}
    definitions["entry"] = {"type": "object", "properties": {"operation": operation}, "allOf": by_operation}
    of_any = {"$ref": "#/definitions/entry"}
    named = {}
    for name in entries.OPERATIONS:
        its_own = {"if": {"not": {"required": ["operation"]}}, "then": {"$ref": f"#/definitions/{name}"}}
        named[name] = {"if": {"type": "object"}, "then": {"allOf": [of_any, its_own]}, "else": weight}
    mix = {
        "type": "object",
        "properties": named,
        "propertyNames": {"pattern": f"^{OPERATION_NAME}$"},
        "additionalProperties": {"allOf": [of_any, {"required": ["operation"]}]},
    }
    return mix, definitions


def _is_operation(name: str) -> Shape:
    return {"properties": {"operation": {"const": name}}, "required": ["operation"]}
