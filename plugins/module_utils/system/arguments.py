# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments that a role takes from other components of its system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.description import (
    Component,
    DescriptionError,
    Reference,
    System,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.file_systems import ZONES
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import LIST

UNKNOWN = "known-after-the-deploy"
# An item for each zone: Fn::Select fails beyond the end of a list.
UNKNOWN_LIST = ",".join([UNKNOWN] * len(ZONES))


def arguments(
    system: System, name: str, outputs: Mapping[str, Mapping[str, str]], is_check: bool = False
) -> dict[str, Any]:
    """Return the arguments of a component's or a job's role; of a component with a rendered template, its parameters.

    Args:
        system: the system.
        name: the component, or the job.
        outputs: of the components that exist, by component and output.
        is_check: whether an output that does not exist yet is replaced by its preview.

    Raises:
        DescriptionError: the component does not exist, or an output is missing.
    """
    component = system.components.get(name)
    taker = component or system.jobs.get(name)
    if taker is None:
        known = ", ".join([*system.components, *system.jobs])
        raise DescriptionError((), f"system {system.name} has no component or job {name!r}", f"take one of {known}")
    lists = _lists(component) if component else set()
    taken = {
        argument: _value(
            system,
            f"{name} takes {argument}",
            reference,
            outputs,
            (UNKNOWN_LIST if argument in lists else UNKNOWN) if is_check else None,
        )
        for argument, reference in taker.takes.items()
    }
    return {**component.arguments, **taken} if component else taken


def _lists(component: Component) -> set[str]:
    """Return the parameters of a rendered template that are lists."""
    parameters = component.rendered.template["Parameters"] if component.rendered else {}
    return {name for name, parameter in parameters.items() if parameter["Type"] == LIST}


def _value(
    system: System, where: str, reference: Reference, outputs: Mapping[str, Mapping[str, str]], preview: str | None
) -> str:
    source, output = reference.component, reference.output
    if output in outputs.get(source, {}):
        return outputs[source][output]
    if reference.is_optional:
        return ""
    if preview is not None:
        return str(system.components[source].previews.get(output, preview))
    raise DescriptionError(
        (),
        f"{where} from {source}.{output}, and {source} has no output {output}",
        f"deploy {source} again, or correct takes",
    )
