# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stacks of a package, as a deploy would apply them, with markers for the outputs of other components."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import parameter_strings
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import System
from ansible_collections.gantry.ecs.plugins.module_utils.text.values import texts_of
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.template_text import load

MARKER = re.compile(r"<<([a-z][a-z0-9_-]*)\.([A-Za-z][A-Za-z0-9]*)>>")


class Taken(NamedTuple):
    """An output of another component in the value of a parameter."""

    component: str
    output: str

    @property
    def text(self) -> str:
        """The output as a description names it, such as table.TableName."""
        return f"{self.component}.{self.output}"


Value = tuple[str | Taken, ...]


class PlannedStack(NamedTuple):
    """A stack that a deploy would apply.

    Attributes:
        component: its name.
        template: its template, with functions in their long form.
        values: of its parameters, by name; a parameter without a value has its default.
        tags: of the stack, by name.
    """

    component: str
    template: Mapping[str, Any]
    values: Mapping[str, Value]
    tags: Mapping[str, str]

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """Definitions of its parameters, by name."""
        found: Mapping[str, Mapping[str, Any]] = self.template.get("Parameters", {})
        return found

    @property
    def outputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Its outputs, by name."""
        found: Mapping[str, Mapping[str, Any]] = self.template.get("Outputs", {})
        return found


def planned(entry: Mapping[str, Any]) -> PlannedStack:
    """Return a stack that a role has collected.

    Args:
        entry: its component, and the options of the module cfn_stacks.

    Raises:
        StackRequestError: a parameter has a value that CloudFormation does not take.
    """
    options = entry["options"]
    values = {name: value_of(text) for name, text in parameter_strings(options["parameters"]).items()}
    return PlannedStack(str(entry["component"]), load(options["template_body"]), values, texts_of(options["tags"]))


def markers(system: System) -> dict[str, dict[str, str]]:
    """Return a text for each output that a component takes, by component and output: it stands for the output."""
    found: dict[str, dict[str, str]] = {}
    for each in system.components.values():
        for reference in each.takes.values():
            marker = f"<<{reference.component}.{reference.output}>>"
            found.setdefault(reference.component, {})[reference.output] = marker
    return found


def value_of(text: str) -> Value:
    """Return the parts of a parameter's value: texts, and the outputs whose markers are in it."""
    parts: list[str | Taken] = []
    end = 0
    for match in MARKER.finditer(text):
        parts += [text[end : match.start()], Taken(match[1], match[2])]
        end = match.end()
    return tuple(part for part in (*parts, text[end:]) if part != "") or ("",)


def taken_in(value: Value) -> list[Taken]:
    """Return the outputs in a value."""
    return [part for part in value if isinstance(part, Taken)]
