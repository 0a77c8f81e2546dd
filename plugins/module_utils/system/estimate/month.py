# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a system costs a month before it is deployed: by component, at least and at most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ansible_collections.gantry.ecs.plugins.module_utils.system.description import System, parse
from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.charges import (
    Charge,
    resource_charges,
    summed,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.fargate import (
    MONTH,
    task_counts,
    task_hour,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.network import network_charges, zones
from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.prices import (
    ALARM_METRIC,
    BY_USE,
    DASHBOARD,
    ENDPOINT,
    FREE_ALARM_METRICS,
    FREE_DASHBOARDS,
    NAT_GATEWAY,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.workers import with_workers
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    Limits,
    Sections,
    Service,
    container_jobs,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

NETWORK, ALARMS = "network", "alarms"
# Stacks that are not rendered, and cost nothing while they exist, or are counted.
COUNTED = {NETWORK, "cluster"}
# What an account has free of charge each month, in USD by the noun of the charge.
ALLOWANCES: Mapping[str, float] = {
    ALARM_METRIC.noun: FREE_ALARM_METRICS * ALARM_METRIC.month,
    DASHBOARD.noun: FREE_DASHBOARDS * DASHBOARD.month,
}
# The noun of the network's charge beside which its traffic is paid, by the type of the resource.
OF_NETWORK: Mapping[str, str] = {
    "AWS::EC2::NatGateway": NAT_GATEWAY.noun,
    "AWS::EC2::VPCEndpoint": ENDPOINT.noun,
}
# Paid by use in every system.
ALWAYS_BY_USE = ("traffic to the internet, $0.09 a GB", "metrics of Container Insights, $0.07 to $0.30 each")
DAY = 24 * 60  # minutes


@dataclass(frozen=True)
class Estimate:
    """The cost of a system, USD a month.

    Attributes:
        components: the charges of each component that costs money while it exists, without tasks; alarms are together.
        tasks: the charges of the tasks of services and workers.
        not_counted: what is paid by use, or has no price here, in words.
    """

    components: Mapping[str, list[Charge]]
    tasks: list[Charge]
    not_counted: list[str]

    @property
    def charges(self) -> list[Charge]:
        """All charges."""
        return [*self.tasks, *(each for charges in self.components.values() for each in charges)]

    def lines(self) -> dict[str, str]:
        """Return a line for each component."""
        return {
            name: f"{name}: {', '.join(each.words for each in charges)}, {dollars(charges)} a month"
            for name, charges in self.components.items()
        }


def estimate(document: Mapping[str, Any], arguments: Mapping[str, Any]) -> Estimate:
    """Return what a system costs.

    Args:
        document: its description, checked, with the defaults filled in.
        arguments: of role network, by their names, as the environment sets them; those of the description win.
    """
    system = parse(document)
    sections = with_workers(cast(Sections, document))
    if NETWORK in system.components:
        arguments = {**arguments, **system.components[NETWORK].arguments}
    found = {name: summed(each) for name, each in _components(system, arguments)}
    alarms = [each for charges in found.values() for each in charges if each.noun == ALARM_METRIC.noun]
    found = {name: [each for each in charges if each.noun != ALARM_METRIC.noun] for name, charges in found.items()}
    found[ALARMS] = summed(alarms)
    return Estimate(
        {name: [_with_allowance(each) for each in charges] for name, charges in found.items() if charges},
        [_tasks(service, sections["limits"]) for service in sections["services"].values()],
        list(_not_counted(system, sections, {each.noun for each in found.get(NETWORK, [])})),
    )


def dollars(charges: Iterable[Charge]) -> str:
    """Return the sum of charges in words: one amount, or the least and the most."""
    listed = list(charges)
    amounts = (sum(each.least for each in listed), sum(each.most for each in listed))
    return " to ".join(dict.fromkeys(f"${each:,.2f}" for each in amounts))


def over_budget(found: Estimate, limits: Limits) -> Problem | None:
    """Return that a system costs more than its budget at least; None where it may cost less, or has no budget."""
    budget, least = limits.get("monthly_budget_usd"), sum(each.least for each in found.charges)
    if budget is None or least <= budget:
        return None
    what = f"limits.monthly_budget_usd is {budget:g}, and the system costs ${least:,.2f} a month at least"
    return Problem("description", what, "raise it, or take less of what the estimate lists")


def night_share(limits: Limits) -> float:
    """Return the share of a day in which no service has a task."""
    if "night_off" not in limits:
        return 0.0
    off, on = (60 * int(time[:2]) + int(time[3:]) for time in limits["night_off"].split("-"))
    return (on - off) % DAY / DAY


def _components(system: System, arguments: Mapping[str, Any]) -> Iterator[tuple[str, Iterator[Charge]]]:
    if NETWORK in system.components:
        yield NETWORK, network_charges(arguments)
    for name, component in system.components.items():
        if component.rendered:
            yield name, resource_charges(component.rendered.template["Resources"], zones(arguments))


def _tasks(service: Service, limits: Limits) -> Charge:
    smallest, largest = task_counts(service)
    cost = task_hour(service) * MONTH * (1 - night_share(limits))
    return Charge("task", largest, smallest * cost, largest * cost)


def _with_allowance(charge: Charge) -> Charge:
    return charge._replace(least=max(0.0, charge.least - ALLOWANCES.get(charge.noun, 0.0)))


def _not_counted(system: System, sections: Sections, nouns: set[str]) -> Iterator[str]:
    """Yield what is not counted, in words.

    Args:
        system: the system.
        sections: its description.
        nouns: those of the network's charges.
    """
    types = {
        resource["Type"]
        for component in system.components.values()
        if component.rendered
        for resource in component.rendered.template["Resources"].values()
    }
    for kind, (words, _page) in BY_USE.items():
        if kind in types or OF_NETWORK.get(kind) in nouns:
            yield words
    yield from ALWAYS_BY_USE
    if container_jobs(sections):
        yield "runs of jobs"
    own = [
        each.name
        for each in system.components.values()
        if each.is_stack and not each.rendered and each.role not in COUNTED
    ]
    if own:
        yield f"stack{'s' if len(own) > 1 else ''} {', '.join(own)}"
