# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates as YAML: read with functions in their long form; the same template gives the same text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

WIDTH = 120
# These two keep their name in the long form; all others get Fn:: before it.
UNPREFIXED = ("Ref", "Condition")


def load(text: str) -> dict[str, Any]:
    """Return the template of a text; ``!GetAtt A.B`` becomes ``{"Fn::GetAtt": ["A", "B"]}``.

    See https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
    """
    template: dict[str, Any] = yaml.load(text, Loader=_Loader)
    return template


def dump(template: Mapping[str, Any]) -> str:
    """Return a template as YAML."""
    # As plain values: those of Ansible carry tags.
    return yaml.dump(json.loads(json.dumps(template)), Dumper=_Dumper, sort_keys=False, width=WIDTH)


class _Loader(yaml.SafeLoader):
    """Reads the short forms of functions; dates stay texts."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def function(self, name: str, node: yaml.Node) -> dict[str, Any]:
        """Return a function in its long form."""
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = self.construct_mapping(node, deep=True)
        elif isinstance(node, yaml.SequenceNode):
            value = self.construct_sequence(node, deep=True)
        else:
            value = self.construct_scalar(node)  # type: ignore[arg-type]
        if name == "GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        return {name if name in UNPREFIXED else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _Loader.function)


class _Dumper(yaml.SafeDumper):
    """Writes each value in full, since CloudFormation reads no anchors, and items further in than their list's key."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Write a text of several lines as a block, for reviews."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _Dumper.represent_text)
