# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a system's components, derived from the outputs that each takes from others."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter

from ansible_collections.gantry.ecs.plugins.module_utils.system.description import Component, System

# Minutes that resources take on AWS, about; the others take less than one.
MINUTES = {
    "AWS::CertificateManager::Certificate": 2,
    "AWS::ECS::Service": 2,
    "AWS::EFS::MountTarget": 2,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": 3,
    "AWS::RDS::DBCluster": 10,
}
# The same for roles with a template of their own: a NAT gateway takes two.
MINUTES_OF_ROLES = {"network": 2}


def minutes(component: Component) -> int:
    """Return the minutes that a component takes on AWS, about."""
    if component.rendered is None:
        return MINUTES_OF_ROLES.get(component.role, 0)
    types = {resource["Type"] for resource in component.rendered.template["Resources"].values()}
    return max((MINUTES.get(each, 0) for each in types), default=0)


def deploy_batches(system: System) -> list[list[str]]:
    """Return the components in the order of a deploy.

    The stacks of a batch need nothing of each other, nor of a later batch: they are applied at the same time. A deploy
    waits for what a batch needs, so that the batch with the fewest minutes before it goes first. A stack that keeps no
    slow one waiting joins a later batch. A role is a batch of its own, and goes before the stacks that are ready with
    it, which it would keep waiting.
    """
    needed_by = _dependents(system)
    slow = {name for name, component in system.components.items() if minutes(component)}
    batches: list[list[str]] = []
    left = dict(system.components)
    ends: dict[str, int] = {}
    while left:
        ready = {
            name: max((ends[needed] for needed in component.needs), default=0)
            for name, component in left.items()
            if not component.needs & left.keys()
        }
        urgent = [start for name, start in ready.items() if slow & ({name} | needed_by[name])]
        start = min(urgent or ready.values())
        first = [left[name] for name, each in ready.items() if each <= start]
        roles = [component.name for component in first if not component.is_stack]
        stacks = [component.name for component in first if component.is_stack]
        batch = roles[:1] if roles and (batches or not stacks) else stacks
        batches.append(batch)
        ends.update({name: start + minutes(left[name]) for name in batch})
        left = {name: component for name, component in left.items() if name not in batch}
    return batches


def delete_waves(system: System) -> list[list[str]]:
    """Return the stacks in the order of a teardown: each wave holds those that no stack of a later wave needs."""
    needed_by = _dependents(system)
    left = {name for name, component in system.components.items() if component.is_stack}
    waves = []
    while left:
        waves.append([name for name in system.components if name in left and not needed_by[name] & left])
        left.difference_update(waves[-1])
    return waves


def _dependents(system: System) -> Mapping[str, set[str]]:
    """Return which components need a component, be it by way of others."""
    found: dict[str, set[str]] = {name: set() for name in system.components}
    order = TopologicalSorter({name: component.needs for name, component in system.components.items()}).static_order()
    for name in reversed(list(order)):
        for needed in system.components[name].needs:
            found[needed] |= {name} | found[name]
    return found
