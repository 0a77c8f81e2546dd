# SPDX-License-Identifier: Apache-2.0
"""Where a scenario comes from: the command line, the environment, SSM, the defaults."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ddbload.files import MEGABYTE, FileError, read_text
from ddbload.scenario.scenario import Scenario, ScenarioError, parse

# A scenario has some hundreds of bytes.
LARGEST_BYTES = MEGABYTE
YAML = (".yml", ".yaml")
KINDS = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "a boolean", type(None): "null"}


def load(
    source: str | None,
    overrides: Sequence[str],
    environment: Mapping[str, str],
    table: str | None = None,
    parameters: Callable[[], Mapping[str, Any]] = dict,
) -> Scenario:
    """Put a scenario together: command line before environment before SSM before defaults.

    Args:
        source: a file's path (YAML where it ends in .yml or .yaml, else JSON) or a JSON text from the command line;
            DDBLOAD_SCENARIO otherwise.
        overrides: ``path.to.field=value``, where the value is JSON, or text where it is no JSON.
        environment: of the process; DDBLOAD_SCENARIO and DDBLOAD_TABLE are read.
        table: the table's name from the command line.
        parameters: returns the document of the SSM parameters; called only where there is no other.

    Raises:
        ScenarioError: there is a problem; all of them are listed.
    """
    if source:
        document = _read(source)
    elif environment.get("DDBLOAD_SCENARIO"):
        document = _parse_json(environment["DDBLOAD_SCENARIO"], "DDBLOAD_SCENARIO")
    else:
        document = dict(parameters())
    if not isinstance(document, dict):
        # A document that is no scenario may hold a secret: its content is not shown.
        raise ScenarioError([f"scenario: must be a JSON object, got {KINDS[type(document)]}"])
    if environment.get("DDBLOAD_TABLE"):
        document.setdefault("table", environment["DDBLOAD_TABLE"])
    if table:
        document["table"] = table
    for override in overrides:
        _override(document, override)
    return parse(document)


def _read(source: str) -> Any:
    if source.lstrip().startswith("{"):
        return _parse_json(source, "--scenario")
    try:
        text = read_text(Path(source), LARGEST_BYTES)
    except FileError as error:
        raise ScenarioError([f"scenario: {error}"]) from error
    return document_of(text, source)


def document_of(text: str, where: str) -> Any:
    """Return the document in the text of a file: YAML by the end of the file's name, else JSON.

    Raises:
        ScenarioError: it is neither.
    """
    return _parse_yaml(text, where) if where.endswith(YAML) else _parse_json(text, where)


def _parse_json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ScenarioError([f"scenario: {where} is not JSON of a scenario: it is nested too deep"]) from None
    except ValueError as error:
        raise ScenarioError([f"scenario: {where} is not JSON: {error}"]) from error


def _parse_yaml(text: str, where: str) -> Any:
    """Return a YAML text as the JSON document that it stands for."""
    try:
        import yaml  # the image does not have it, and nothing else needs it
    except ImportError:
        remedy = "convert it to JSON, or install PyYAML beside ddbload"
        raise ScenarioError([f"scenario: {where} is YAML, and PyYAML is not installed here -> {remedy}"]) from None
    try:
        return json.loads(_limited(json.JSONEncoder().iterencode(yaml.safe_load(text))))
    except RecursionError:
        raise ScenarioError([f"scenario: {where} is not YAML of a scenario: it is nested too deep"]) from None
    except (yaml.YAMLError, TypeError, ValueError) as error:
        # Dates, sets and a part that contains itself are YAML, but no JSON.
        raise ScenarioError([f"scenario: {where} is not YAML of a scenario: {' '.join(str(error).split())}"]) from error


def _limited(parts: Iterable[str]) -> str:
    """Join the parts of a JSON text: a few aliases of YAML can stand for gigabytes."""
    found, size = [], 0
    for part in parts:
        found.append(part)
        size += len(part)
        if size > LARGEST_BYTES:
            raise ValueError(f"its aliases stand for more than {LARGEST_BYTES:,} characters")
    return "".join(found)


def _override(document: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise ScenarioError([f"scenario: --set {override}: must be field=value, such as plan.rate=500"])
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    *sections, name = path.split(".")
    for section in sections:
        inner = document.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ScenarioError([f"scenario: --set {override}: {section} is not an object"])
        document = inner
    document[name] = value
