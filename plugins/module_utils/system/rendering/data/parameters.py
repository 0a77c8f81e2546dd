# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSM parameters of type SecureString, which a role puts: CloudFormation cannot create them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.keys import key_arn
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import (
    parameter_arn,
    reference,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.references import (
    outputs as outputs_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.references import (
    pieces,
    unescaped,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import Output
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    Sections,
    SecureParameter,
)

# The start of the role's arguments that are outputs of other components.
TAKEN = "parameters_taken_"


def arn_fact(name: str) -> str:
    """Return the fact of the role with the ARN of a parameter."""
    return f"parameters_arn_{name.replace('-', '_')}"


def needed_outputs(name: str, sections: Sections) -> list[Output]:
    """Return the outputs that a parameter needs, each once."""
    return list(dict.fromkeys(_outputs(sections["parameters"][name], sections)))


def taken(sections: Sections) -> dict[str, str]:
    """Return the role's arguments that are outputs of other components, as component.Output."""
    needed = {each for name in sections["parameters"] for each in needed_outputs(name, sections)}
    return {f"{TAKEN}{each.parameter}": each.reference for each in sorted(needed)}


def given(sections: Sections) -> dict[str, str]:
    """Return the component's outputs: an ARN of each parameter, with the fact of the role that has it."""
    return {parameter_arn(name).name: arn_fact(name) for name in sections["parameters"]}


def parameter_requests(sections: Sections, outputs: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the parameters in the words of the module ssm_parameters.

    Args:
        sections: the description.
        outputs: values of the role's arguments that :func:`taken` names, by argument.
    """
    return [
        {
            "name": name,
            **({"description": parameter["description"]} if "description" in parameter else {}),
            **_key(parameter, outputs),
            **_source(parameter, sections, outputs),
        }
        for name, parameter in sections["parameters"].items()
    ]


def _outputs(parameter: SecureParameter, sections: Sections) -> Iterator[Output]:
    if "key" in parameter:
        yield key_arn(parameter["key"])
    if "secret" in parameter:
        arn = reference(parameter["secret"]).arn(sections)
        if isinstance(arn, Output):
            yield arn
    yield from outputs_of(parameter.get("value", ""))


def _key(parameter: SecureParameter, outputs: Mapping[str, str]) -> dict[str, str]:
    return {"key_id": _filled(key_arn(parameter["key"]), outputs)} if "key" in parameter else {}


def _source(parameter: SecureParameter, sections: Sections, outputs: Mapping[str, str]) -> dict[str, Any]:
    if "generate" in parameter:
        return {"generate": parameter["generate"]}
    if "secret" in parameter:
        secret = reference(parameter["secret"])
        return {"secret": _filled(secret.arn(sections), outputs), "json_key": secret.key}
    parts = [each if isinstance(each, Output) else unescaped(str(each)) for each in pieces(parameter["value"])]
    return {"value": "".join(_filled(each, outputs) for each in parts)}


def _filled(value: Any, outputs: Mapping[str, str]) -> str:
    return outputs[f"{TAKEN}{value.parameter}"] if isinstance(value, Output) else str(value)
