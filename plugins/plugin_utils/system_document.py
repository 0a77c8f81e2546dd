# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A system's description: read with its lines, joined with an environment's values, checked and completed."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import MOST_BYTES
from ansible_collections.gantry.ecs.plugins.module_utils.system.checks import check
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import DescriptionError, parse
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.finding import Finding
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.names import rendered_from
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.words.suggestions import suggestions
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.limits import too_large

SCHEMA = Path(__file__).parents[2] / "systems" / "schema.json"
KIND = "description"
# Sections whose entries start from the section defaults.
WITH_DEFAULTS = ("services", "jobs")
DIRECTORY = "{system_directory}"
TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
# Types whose key has a unit.
NUMBERS = ("integer", "number")

Keys = tuple[str | int, ...]
Schema = Mapping[str, Any]


class Document(NamedTuple):
    """A description with what is wrong with it.

    Attributes:
        description: joined with the values, with all defaults; use it only where there is no problem.
        problems: what is wrong.
    """

    description: Mapping[str, Any]
    problems: Sequence[Problem]


def read(text: str, path: str, values: Mapping[str, Any] | None = None) -> Document:
    """Read a description.

    Args:
        text: the YAML of its file.
        path: of the file, for messages; its directory replaces ``{system_directory}``.
        values: the environment's values, in the sections of a description: they replace those of the file.
    """
    if find_spec("jsonschema") is None:
        return Document({}, [Problem(KIND, "the Python package jsonschema is missing", "pip install jsonschema")])
    try:
        tree = yaml.compose(text, Loader=_Loader)
        written = yaml.load(text, Loader=_Loader)
        if problems := list(_repeated(tree, path)):
            return Document({}, problems)
    except yaml.YAMLError as error:
        return Document({}, [_not_yaml(error, text, path)])
    except (RecursionError, ValueError) as error:
        what = "an anchor refers to itself" if isinstance(error, RecursionError) else str(error)
        return Document({}, [Problem(KIND, f"{path}:1: this is no YAML: {what}", "correct it")])
    if not isinstance(written, Mapping):
        return Document({}, [Problem(KIND, f"{path}:1: this is no mapping", "write names and values")])
    if problems := list(_values_problems(values, f"system_values.{written.get('name')}")):
        return Document({}, problems)
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    joined = _in_directory(merged(written, values or {}), str(Path(path).parent))
    found = list(_schema_findings(joined, schema))
    if not found:
        joined = completed(joined, schema)
        found = check(cast(Sections, joined), joined["components"]) or _parse_findings(joined)
    lines = _lines(tree)
    found.sort(key=lambda each: lines[_in_file(each, lines)])
    return Document(joined, [_problem(each, path, str(joined.get("name")), lines, values or {}) for each in found])


def unknown_systems(names: Collection[str], directories: Sequence[str]) -> list[Problem]:
    """Return a problem for each name that is no system.

    Args:
        names: those to which an inventory gives values.
        directories: in which the directories of systems are; those of this collection are known too.
    """
    roots = [SCHEMA.parent, *map(Path, directories)]
    known = {file.parent.name for root in roots for file in root.glob("*/system.yml")}
    return [
        Problem(
            KIND,
            f"inventory variable system_values names {name}, which is no system",
            f"take one of {', '.join(sorted(known))}",
        )
        for name in names
        if name not in known
    ]


def _parse_findings(description: Mapping[str, Any]) -> list[Finding]:
    """Return what is wrong between the components of a description without another finding, and with their size."""
    try:
        components = parse(description).components
    except DescriptionError as error:
        return [error.finding]
    templates = {each.name: each.rendered.template for each in components.values() if each.rendered}
    paths = rendered_from(cast(Sections, description), templates)
    return [
        Finding(
            paths[component],
            f"gives stack {component} a template of {size:,} bytes, and CloudFormation takes {MOST_BYTES:,}",
            f"save {size - MOST_BYTES:,}, or move some services and jobs into a system of their own",
        )
        for component, size in too_large(templates)
    ]


class _Loader(yaml.SafeLoader):
    """Reads keys as the texts that stand in the file: for YAML, on and no are truth values, and 80 is a number.

    Dates stay texts, too.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        for key, _value in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


def _not_yaml(error: yaml.YAMLError, text: str, path: str) -> Problem:
    mark, position = getattr(error, "problem_mark", None), getattr(error, "position", 0)
    line = mark.line + 1 if mark else text.count("\n", 0, position) + 1
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return Problem(KIND, f"{path}:{line}: this is no YAML: {what}", "correct it")


def _repeated(node: Any, path: str, keys: Keys = ()) -> Iterator[Problem]:
    """Yield each key that a mapping has more than once: of its values, YAML keeps the last."""
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in first:
                found = Finding(
                    (*keys, key.value), f"is there twice, first in line {first[key.value]}", "keep one of them"
                )
                yield Problem(KIND, f"{path}:{line}: {found.keys} {found.what}", found.remedy)
            first.setdefault(str(key.value), line)
            yield from _repeated(value, path, (*keys, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _repeated(value, path, (*keys, number))


def _values_problems(values: Any, where: str) -> Iterator[Problem]:
    """Yield what makes the values of an environment no part of a description."""
    if values is not None and not isinstance(values, Mapping):
        yield Problem(KIND, f"inventory variable {where} is {_shown(values)}", "write a mapping")
    elif values:
        yield from _no_texts(values, where)


def _no_texts(values: Any, where: str) -> Iterator[Problem]:
    """Yield each key that YAML reads as something else than a text."""
    if isinstance(values, Mapping):
        for key, each in values.items():
            if not isinstance(key, str):
                yield Problem(KIND, f"inventory variable {where} has the key {key!r}", "write it in quotes")
            yield from _no_texts(each, f"{where}.{key}")


def merged(one: Any, other: Any) -> Any:
    """Return a document with the values of another: mappings are merged, everything else is replaced."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return _plain(other)
    both = {key: merged(one[key], value) if key in one else _plain(value) for key, value in other.items()}
    return {**_plain(one), **both}


def _plain(document: Any) -> Any:
    """Return a copy in which the templates of a variable are resolved; copy.deepcopy copies their context instead."""
    if isinstance(document, Mapping):
        return {key: _plain(each) for key, each in document.items()}
    return [_plain(each) for each in document] if isinstance(document, list) else document


def completed(document: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Return a valid document with the defaults of its section defaults, and then with those of the schema."""
    defaults = document.get("defaults", {})
    started = {
        section: {name: each if "role" in each else merged(defaults, each) for name, each in entries.items()}
        for section in WITH_DEFAULTS
        if (entries := document.get(section)) is not None
    }
    return cast(dict[str, Any], _completed({**document, **started}, schema, schema))


def _completed(document: Any, part: Schema, schema: Schema) -> Any:
    part = _resolved(part, schema)
    if not isinstance(document, Mapping):
        return document
    properties, other = part.get("properties", {}), part.get("additionalProperties")
    known = {name: {**_resolved(each, schema), **each} for name, each in properties.items()}
    missing = {
        name: _plain(each["default"]) for name, each in known.items() if name not in document and "default" in each
    }
    others = other if isinstance(other, Mapping) else {}
    return {
        name: _completed(each, properties.get(name, others), schema) for name, each in {**document, **missing}.items()
    }


def _resolved(part: Schema, schema: Schema) -> Schema:
    reference = part.get("$ref")
    return cast(Schema, schema["$defs"][reference.rpartition("/")[2]]) if reference else part


def _in_directory(document: Any, directory: str) -> Any:
    if isinstance(document, Mapping):
        return {key: _in_directory(each, directory) for key, each in document.items()}
    if isinstance(document, list):
        return [_in_directory(each, directory) for each in document]
    return document.replace(DIRECTORY, directory) if isinstance(document, str) else document


def _schema_findings(document: Any, schema: Schema) -> Iterator[Finding]:
    # Ansible loads all filters in each task that uses one, and this import takes longer than those.
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema)
    for error in sorted(validator.iter_errors(document), key=lambda each: [str(key) for key in each.absolute_path]):
        yield from _findings(error)


def _findings(error: Any) -> Iterator[Finding]:
    """Yield what a validator reports, in words of this project."""
    path: Keys = tuple(error.absolute_path)
    what = "is no key of this section"
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        for key in (str(each) for each in error.instance if each not in known):
            words = list(suggestions((*path, key), error.instance[key]))
            yield from (Finding(where, what, word) for where, word in words)
            if not words:
                yield Finding((*path, key), what, _remedy(key, known, {} if path else error.schema["$defs"]))
    elif error.validator == "type" and isinstance(error.instance, Mapping) and (words := _words_inside(path, error)):
        yield from (Finding(where, what, word) for where, word in words)
    else:
        yield _finding(error)


def _remedy(key: str, known: Sequence[str], definitions: Schema) -> str:
    """Return what to do with an unknown key; definitions, those of the schema, are empty below the top."""
    owners = [section for section in WITH_DEFAULTS if key in definitions.get(section[:-1], {}).get("properties", {})]
    if owners:
        return f"write it into an entry of {' or '.join(owners)}"
    close = get_close_matches(key, known, 1)
    return f"did you mean {close[0]}?" if close else f"take one of {', '.join(known)}"


def _words_inside(path: Keys, error: Any) -> list[tuple[Keys, str]]:
    """Return the words of other tools in a mapping that has to be something else, such as image.build."""
    return [each for each in suggestions(path, error.instance) if each[0] != path]


def _finding(error: Any) -> Finding:
    """Return what a validator reports of a value."""
    path: Keys = tuple(error.absolute_path)
    value, limit = error.instance, error.validator_value
    if "propertyNames" in error.absolute_schema_path:
        return Finding((*path, str(value)), "has a name that does not fit", f"take one that matches {limit}")
    if error.validator == "required":
        # There is an error for each missing key, which its message names.
        key = next(key for key in limit if str(error.message).startswith(repr(key)))
        meaning = error.schema["properties"][key].get("description", "").rstrip(".")
        return Finding(path, f"lacks {key}", f"add it: {meaning}" if meaning else "add it")
    if error.validator == "dependentRequired":
        key, needed = next(
            (key, need) for key, needs in limit.items() if key in value for need in needs if need not in value
        )
        return Finding((*path, key), f"needs {needed}", "add it")
    remedies: Mapping[str, Callable[[], str]] = {
        "enum": lambda: f"take one of {', '.join(map(str, limit))}",
        "type": lambda: f"write {_types(limit)}",
        "minimum": lambda: f"take {limit} at least",
        "maximum": lambda: f"take {limit} at most",
        "minItems": lambda: f"list {limit} at least",
        "maxItems": lambda: f"list {limit} at most",
        "minProperties": lambda: f"name {limit} at least",
        "uniqueItems": lambda: "name each once",
        "minLength": lambda: "write a text",
        "pattern": lambda: f"take one that matches {limit}",
    }
    remedy = remedies[error.validator]() if error.validator in remedies else str(error.message)
    is_explained = error.validator == "pattern" or (error.validator == "type" and limit in NUMBERS)
    meaning = str(error.schema.get("description", "")).rstrip(".") if is_explained else ""
    return Finding(path, f"is {_shown(value)}", f"{remedy}: {meaning}" if meaning else remedy)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a mapping of {len(value)}"
    return f"a list of {len(value)}" if isinstance(value, list) else repr(value)


def _types(limit: str | Sequence[str]) -> str:
    return " or ".join(TYPES[each] for each in ([limit] if isinstance(limit, str) else limit))


def _problem(finding: Finding, path: str, name: str, lines: Mapping[Keys, int], values: Mapping[str, Any]) -> Problem:
    """Return a finding with where it is: a line of the file, or the variable with the environment's values."""
    keys = finding.keys
    in_file = _in_file(finding, lines)
    in_values = next(each for each in _above(finding) if each == () or _holds(values, each))
    if len(in_values) > len(in_file) or (in_values == finding.path and not isinstance(_at(values, in_values), Mapping)):
        where = f"inventory variable system_values.{name}.{keys}"
    else:
        where = f"{path}:{lines[in_file]}: {keys or 'the description'}"
    return Problem(KIND, f"{where} {finding.what}", finding.remedy)


def _in_file(finding: Finding, lines: Mapping[Keys, int]) -> Keys:
    """Return the path of a finding, or the nearest one above it that has a line."""
    return next(each for each in _above(finding) if each in lines)


def _above(finding: Finding) -> list[Keys]:
    return [finding.path[:end] for end in range(len(finding.path), -1, -1)]


def _holds(values: Any, path: Keys) -> bool:
    return _at(values, path) is not None


def _at(values: Any, path: Keys) -> Any:
    """Return the value at a path, or None."""
    for key in path:
        if isinstance(values, Mapping):
            values = values.get(key)
        elif isinstance(values, list) and isinstance(key, int) and key < len(values):
            values = values[key]
        else:
            return None
    return values


def _lines(tree: Any) -> dict[Keys, int]:
    """Return the line, from 1, of each key and item of a YAML document by its path."""
    return {(): 1, **dict(_positions(tree, ()))}


def _positions(node: Any, path: Keys) -> Iterator[tuple[Keys, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark.line + 1
            yield from _positions(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*path, number), value.start_mark.line + 1
            yield from _positions(value, (*path, number))
