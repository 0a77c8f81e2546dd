# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that estimates what a system costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

DOCUMENTATION = r"""
name: system_costs
short_description: What a system costs
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Estimates what a system costs by list prices on demand, from the description and the arguments of its network alone.
  - What exists is counted for a month of 730 hours, and tasks on Fargate by the least and the most of each service.
  - What is paid by use, such as traffic, storage and logs, is named and not counted.
options:
  _input:
    description: The description, as P(gantry.ecs.system_description#filter) returns it.
    type: dict
    required: true
  arguments:
    description:
      - The arguments of the role P(gantry.ecs.network#role) that the environment sets, by their names.
      - Those of the description take precedence. Others have the defaults of the role.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show what a run costs at most
  ansible.builtin.debug:
    msg: "{{ (system_description | gantry.ecs.system_costs).jobs.prompt }}"
"""

RETURN = r"""
_value:
  description: The estimates.
  type: dict
  contains:
    services:
      description: A line for each service, by its name.
      type: dict
      sample: {ui: "service ui: 1 task of 0.5 vCPU and 1 GB, $18.02 a month"}
    jobs:
      description: A line for each job that is a task, by its name.
      type: dict
      sample: {sum: "job sum: 1 vCPU and 4 GB, at most $0.0583 a run of 3600 s; nothing when idle"}
    components:
      description: A line for each component that costs money while it exists, by its name; alarms are together.
      type: dict
      sample: {network: "network: 2 NAT gateways, 2 public IPv4 addresses, $73.00 a month"}
    total:
      description: The sum of services and components, at least and at most.
      type: str
      sample: "in all: $91.02 a month"
    not_counted:
      description: What is paid by use, or has no price here.
      type: str
      sample: "not counted: logs, $0.50 a GB written and $0.03 a GB kept; runs of jobs"
    over_budget:
      description: That the system costs more than its budget at least; empty where it does not, or has no budget.
      type: str
      sample: limits.monthly_budget_usd is 50, and the system costs $91.02 a month at least -> raise it, or take less
    prices:
      description: Whose prices they are.
      type: str
      sample: list prices on demand in us-east-1, 2026-11-21
"""


def system_costs(document: Mapping[str, Any], arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what a system costs, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.fargate import (
        PRICE_DATE,
        PRICE_REGION,
        job_line,
        service_line,
    )
    from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.month import dollars, estimate, over_budget
    from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections, container_jobs

    sections = cast(Sections, document)
    found = estimate(document, arguments or {})
    over = over_budget(found, sections["limits"])
    return {
        "services": {name: service_line(name, each) for name, each in sections["services"].items()},
        "jobs": {name: job_line(name, each) for name, each in container_jobs(sections).items()},
        "components": found.lines(),
        "total": f"in all: {dollars(found.charges)} a month",
        "not_counted": f"not counted: {'; '.join(found.not_counted)}",
        "over_budget": over.line() if over else "",
        "prices": f"list prices on demand in {PRICE_REGION}, {PRICE_DATE}",
    }


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"system_costs": system_costs}
