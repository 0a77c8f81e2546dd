# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the references in environment values: their form, their output, and circles that they close."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.job_run import RUN_ID, placeholders
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.workers import (
    with_workers,
    worker_jobs,
    workers_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.references import (
    is_plain,
    malformed,
    outputs,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.stacks import (
    job_component,
    service_component,
    stacks,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import Output, Rendered
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.finding import Finding, Path
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections, container_jobs

Components = Mapping[str, Mapping[str, Any]]


class Variable(NamedTuple):
    """A variable of a container.

    Attributes:
        path: its keys in the description.
        value: its value there.
        stacks: components whose templates have the value.
        parameters: names in braces that a run of the job replaces.
    """

    path: Path
    value: Any
    stacks: Sequence[str]
    parameters: Collection[str] = ()


def forms(sections: Sections) -> Iterator[Finding]:
    """Yield each value with a ${ that starts no reference, and each that a run of a job could not fill in."""
    for each in _variables(sections):
        for text in malformed(each.value, each.parameters):
            remedy = "write ${component.Output}, or ${! in place of ${ for the text itself"
            yield Finding(each.path, f"has {text}, which names no output", remedy)
        if each.parameters and placeholders([each.value]) and not is_plain(each.value):
            what = "has an output beside a parameter of the job, which each run fills in"
            yield Finding(each.path, what, "give each a variable of its own")


def known_outputs(sections: Sections, components: Components) -> Iterator[Finding]:
    """Yield each reference to an output that no component has, or that would make a stack wait for itself.

    Args:
        sections: the description, without another finding.
        components: its components, with their defaults.
    """
    rendered = stacks(sections["project"], with_workers(sections))
    needs = {
        **{name: _sources(component.get("takes", {})) for name, component in components.items()},
        **{name: _sources(each.takes) for name, each in rendered.items()},
    }
    for each in _variables(sections):
        for output in outputs(each.value):
            yield from _output(each, output, components, rendered)
            yield from _circle(each, output, needs)


def _variables(sections: Sections) -> Iterator[Variable]:
    workers = worker_jobs(sections)
    for name, service in sections["services"].items():
        at: Path = ("services", name)
        for path, environment in _environments(at, service):
            yield from (Variable((*path, key), value, [service_component(name)]) for key, value in environment.items())
    for name, job in container_jobs(sections).items():
        at = ("jobs", name)
        own = [job_component(name), *([service_component(workers_of(name))] if name in workers else [])]
        for path, environment in _environments(at, job):
            filled = {RUN_ID, *job["parameters"]} if path == (*at, "environment") else ()
            yield from (Variable((*path, key), value, own, filled) for key, value in environment.items())


def _environments(at: Path, workload: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    yield (*at, "environment"), workload["environment"]
    for name, sidecar in workload["sidecars"].items():
        yield (*at, "sidecars", name, "environment"), sidecar["environment"]


def _sources(takes: Mapping[str, str]) -> set[str]:
    return {text.partition(".")[0] for text in takes.values()}


def _output(
    variable: Variable, output: Output, components: Components, rendered: Mapping[str, Rendered]
) -> Iterator[Finding]:
    name, text = output.component, "${" + output.reference + "}"
    if name in rendered:
        template = rendered[name].template
        known = template.get("Outputs", {})
        if output.name not in known:
            remedy = f"take one of {', '.join(known)}" if known else "remove it"
            yield Finding(variable.path, f"has {text}, and {name} has no output {output.name}", remedy)
    elif name not in components:
        known = [*components, *rendered]
        yield Finding(variable.path, f"has {text}, and {name} is no component", f"take one of {', '.join(known)}")
    elif components[name]["kind"] == "role" and output.name not in components[name].get("gives", {}):
        what = f"has {text}, which component {name} does not give"
        yield Finding(variable.path, what, f"add it to components.{name}.gives")
    own = {each for stack in variable.stacks for each in rendered[stack].template["Resources"]}
    if output.parameter in own:
        what = f"has {text}, whose parameter would have the name of a resource, {output.parameter}"
        yield Finding(variable.path, what, f"rename {name}")


def _circle(variable: Variable, output: Output, needs: Mapping[str, set[str]]) -> Iterator[Finding]:
    text = "${" + output.reference + "}"
    if output.component in variable.stacks:
        what = f"has {text}, an output of its own stack"
        yield Finding(variable.path, what, "remove it: a stack takes the outputs of others")
    elif needed := set(variable.stacks) & _all_needs(output.component, needs):
        what = f"has {text}, and {output.component} needs {sorted(needed)[0]}"
        yield Finding(variable.path, what, "remove one of both: a stack cannot wait for itself")


def _all_needs(name: str, needs: Mapping[str, set[str]]) -> set[str]:
    """Return what a component needs, be it by way of others."""
    found: set[str] = set()
    left = [name]
    while left:
        new = needs.get(left.pop(), set()) - found
        found |= new
        left.extend(new)
    return found
