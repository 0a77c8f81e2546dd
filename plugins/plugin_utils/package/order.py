# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each stack of a package waits for: outputs of roles, which CloudFormation does not run, and other stacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.description import System
from ansible_collections.gantry.ecs.plugins.module_utils.system.graph import deploy_batches
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.planned_stack import PlannedStack, Taken, taken_in


class Requirements(NamedTuple):
    """What a component needs before it.

    Attributes:
        given: outputs of roles without which it is not created, also those that other stacks need.
        stacks: every stack that comes before it.
    """

    given: frozenset[Taken]
    stacks: frozenset[str]


class Order:
    """The order of a package's stacks: that of a deploy."""

    def __init__(self, system: System, stacks: Sequence[PlannedStack]) -> None:
        """Take the system and its stacks in the order of a deploy."""
        self._system = system
        self._stacks = {each.component: each for each in stacks}
        self._waits: dict[str, Requirements] = {}
        for batch in deploy_batches(system):
            for name in batch:
                self._waits[name] = self._requirements(name)

    def requirements(self, component: str) -> Requirements:
        """Return what a component needs before it."""
        return self._waits[component]

    @cached_property
    def given(self) -> Mapping[Taken, Sequence[str]]:
        """Every output of a role that a stack takes, with the stacks that are not created without it."""
        found: dict[Taken, list[str]] = {}
        for stack in self._stacks.values():
            for taken in self._taken(stack.component):
                if not self._system.components[taken.component].is_stack:
                    found.setdefault(taken, [])
            for taken in self._waits[stack.component].given:
                found.setdefault(taken, []).append(stack.component)
        return dict(sorted(found.items()))

    def explicit(self, component: str) -> list[str]:
        """Return the stacks that come before a stack although it refers to none of what they lead to.

        A role between two stacks puts them in order in a deploy. In a package the role's output is a parameter.
        """
        referred = {each.component for each in self._taken(component)} & self._stacks.keys()
        implied = referred.union(*(self._waits[each].stacks for each in referred))
        missing = self._waits[component].stacks - implied
        covered = frozenset[str]().union(*(self._waits[each].stacks for each in missing))
        return [each for each in self._stacks if each in missing - covered]

    def is_optional(self, component: str, taken: Taken) -> bool:
        """Return whether a stack does without an output."""
        references = self._system.components[component].takes.values()
        matching = [each for each in references if (each.component, each.output) == taken]
        return bool(matching) and all(each.is_optional for each in matching)

    def _requirements(self, name: str) -> Requirements:
        component = self._system.components[name]
        needed = sorted(component.needs)
        given = {
            Taken(each.component, each.output)
            for each in component.takes.values()
            if component.is_stack and not each.is_optional and not self._system.components[each.component].is_stack
        }
        required = {each.component for each in component.takes.values() if not each.is_optional}
        stacks = {each for each in needed if self._system.components[each].is_stack}
        return Requirements(
            frozenset(given).union(*(self._waits[each].given for each in required)),
            frozenset(stacks).union(*(self._waits[each].stacks for each in needed)),
        )

    def _taken(self, component: str) -> list[Taken]:
        stack = self._stacks.get(component)
        return [each for value in stack.values.values() for each in taken_in(value)] if stack else []
