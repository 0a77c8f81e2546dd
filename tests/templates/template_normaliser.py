# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a template for given parameters with few functions, for emulators that support few.

    cloudformation.create_stack(TemplateBody=simplified("network", {"Environment": "dev"}), ...)

The result has no conditions, rules, mappings and transforms, since they depend on parameters alone. It keeps references
to resources, their attributes, and texts with them, since only a deployment knows these.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from template_evaluator import Evaluator, Parameters, TemplateError, parameter_text
from template_parser import ACCOUNT, PARTITION, REGION, load


class _Simplifier(Evaluator):
    """Computes a template's nodes, except references to resources."""

    def __init__(self, template: Mapping[str, Any], given: Parameters, region: str, account: str) -> None:
        super().__init__(template, given, region, account, PARTITION)
        self.functions["Fn::Join"] = self.join

    def ref(self, name: str) -> Any:
        if name in self.pseudo or name in self.parameters:
            return super().ref(name)
        self.type_of(name)
        return {"Ref": name}

    def get_att(self, node: Any) -> Any:
        logical_id, attribute = node.split(".", 1) if isinstance(node, str) else (node[0], ".".join(node[1:]))
        self.type_of(logical_id)
        return {"Fn::GetAtt": [logical_id, attribute]}

    def join(self, node: Any) -> Any:
        delimiter, items = self.text(node[0]), self.items(node[1])
        known = not any(isinstance(one, dict) for one in items)
        return delimiter.join(map(parameter_text, items)) if known else {"Fn::Join": [delimiter, items]}

    def sub(self, node: Any) -> Any:
        text, own = (node, {}) if isinstance(node, str) else node
        parts: list[Any] = []
        for index, part in enumerate(re.split(r"\$\{([^}]+)\}", text)):
            if index % 2 == 0:
                parts.append(part)
            elif part.startswith("!"):
                parts.append(f"${{{part[1:]}}}")
            elif part in own:
                parts.append(self.value(own[part]))
            else:
                parts.append(self.get_att(part) if "." in part else self.ref(part))
        return self.join(["", [one if isinstance(one, dict) else parameter_text(one) for one in parts]])


def simplified(component: str, parameters: Parameters, *, region: str = REGION, account: str = ACCOUNT) -> str:
    """Return a component's template, as JSON, for these parameters; the result has no parameters.

    Args:
        component: one of COMPONENTS.
        parameters: native values (booleans, numbers, lists) or text; a missing parameter takes its default.
        region: the value of ``AWS::Region``.
        account: the value of ``AWS::AccountId``.

    Raises:
        TemplateError: CloudFormation refuses the parameters, or the template with them.
    """
    template = load(component)
    simplifier = _Simplifier(template, parameters, region, account)
    if violations := simplifier.violations():
        raise TemplateError("; ".join(violations))
    resources = {name: simplifier.resource(name) for name in template["Resources"] if simplifier.exists(name)}
    for resource in resources.values():
        wanted = resource.pop("DependsOn", [])
        if left := [name for name in ([wanted] if isinstance(wanted, str) else wanted) if name in resources]:
            resource["DependsOn"] = left
    outputs = {
        name: {"Value": simplifier.value(output["Value"])}
        for name, output in template.get("Outputs", {}).items()
        if "Condition" not in output or simplifier.condition(output["Condition"])
    }
    return json.dumps({"Resources": resources, "Outputs": outputs})
