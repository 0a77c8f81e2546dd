# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that reads a system's description: its components in the order of a deploy and of a teardown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: system_plan
short_description: The order in which a system is deployed and deleted
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Derives the order of a system's components from which takes outputs from which.
options:
  _input:
    description: The description, as P(gantry.ecs.system_description#filter) returns it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the order of a deploy
  ansible.builtin.debug:
    msg: "{{ (system_description | gantry.ecs.system_plan).batches }}"
"""

RETURN = r"""
_value:
  description: The system's plan.
  type: dict
  contains:
    problem:
      description: Why the components cannot be put in order, in one line; empty where they can.
      type: str
      sample: ""
    name:
      description: The system's name.
      type: str
      sample: load_test
    project:
      description: The start of the names of its stacks, unless the inventory says otherwise.
      type: str
      sample: ddbload
    ignored_drift:
      description: Differences from the templates that are no drift, since ECS or Application Auto Scaling owns them.
      type: list
      elements: str
      sample: [ListenerRule/Actions, Service/DesiredCount]
    services:
      description:
        - The ECS services, with C(component), C(name), which project and environment precede on AWS, C(cluster), what
          follows these in the name of its cluster, C(desired_count), which is null where Application Auto Scaling owns
          it, and C(images), those of its containers that no component gives.
      type: list
      elements: dict
      sample: [{component: service-ui, name: ui, cluster: "", desired_count: 1, images: []}]
    clusters:
      description: What follows project and environment in the names of clusters beside the first one.
      type: list
      elements: str
      sample: []
    setup:
      description: Names of the setup jobs in the order of a deploy; those of one list may run in any order.
      type: list
      elements: list
      sample: [[realm, scopes], [registration]]
    batches:
      description: Names of the components in the order of a deploy; those of one batch are applied at the same time.
      type: list
      elements: list
      sample: [[network, registry, table, cluster], [image], [task, observability]]
    waves:
      description: Names of the stacks in the order of a teardown; those of one wave are deleted at the same time.
      type: list
      elements: list
      sample: [[network, cluster, task, observability], [registry, table]]
    stacks:
      description: Names of the stacks, in the order of a deploy.
      type: list
      elements: str
      sample: [network, registry, table, cluster, task, observability]
    components:
      description:
        - By name, C(role), C(is_stack), C(needs), C(gives), C(has_arguments), C(is_rendered) and C(has_roles) of each
          component.
      type: dict
    jobs:
      description: By name, C(role), C(needs) and C(cluster) of each job, the latter as for services.
      type: dict
"""


def system_plan(document: Any) -> dict[str, Any]:
    """Return the order in which a system is deployed and deleted, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.module_utils.system.description import DescriptionError, parse
    from ansible_collections.gantry.ecs.plugins.module_utils.system.graph import delete_waves, deploy_batches
    from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.setup import setup_waves

    try:
        system = parse(document)
    except DescriptionError as error:
        return {"problem": error.problem.line()}
    batches = deploy_batches(system)
    components = [system.components[name] for batch in batches for name in batch]
    return {
        "problem": "",
        "name": system.name,
        "project": system.project,
        "ignored_drift": list(system.ignored_drift),
        "services": [
            {
                "component": component,
                "name": name,
                "cluster": system.cluster_of[name],
                "desired_count": system.counts.get(name),
                "images": _images(document["services"].get(name, {})),
            }
            for component, name in system.services.items()
        ],
        "setup": setup_waves(document["jobs"]),
        "clusters": [each for each in system.clusters.values() if each],
        "batches": batches,
        "waves": delete_waves(system),
        "stacks": [each.name for each in components if each.is_stack],
        "components": {
            each.name: {
                "role": each.role,
                "is_stack": each.is_stack,
                "needs": sorted(each.needs),
                "gives": dict(each.gives),
                "has_arguments": bool(each.takes or each.arguments),
                "is_rendered": each.rendered is not None,
                "has_roles": bool(each.rendered and each.rendered.has_roles),
            }
            for each in components
        },
        "jobs": {
            each.name: {
                "role": each.role,
                "needs": sorted(each.needs),
                "cluster": system.cluster_of.get(each.name, ""),
            }
            for each in system.jobs.values()
        },
    }


def _images(service: Mapping[str, Any]) -> list[str]:
    """Return the images of a service's containers that are no outputs of components."""
    from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import output_named

    named = [each.get("image", "") for each in (service, *service.get("sidecars", {}).values())]
    return [image for image in named if image and output_named(image) is None]


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"system_plan": system_plan}
