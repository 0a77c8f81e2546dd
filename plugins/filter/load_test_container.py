# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that returns the environment and the command of the load tester's container."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

DOCUMENTATION = r"""
name: load_test_container
short_description: Environment and command of the load tester's container
version_added: 0.2.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Returns the overrides of the container that runs the load tester, for M(gantry.ecs.ecs_task_run).
options:
  _input:
    description: Additional environment variables by name; those of the run take precedence.
    type: dict
    required: true
  run_id:
    description: Id of the run.
    type: str
    required: true
  table:
    description: Name of the table under test.
    type: str
    required: true
  timeout:
    description: Seconds after which the tasks end themselves; part of the scenario, if there is one.
    type: int
    required: true
  scenario:
    description: The scenario as JSON text; empty for a scenario from SSM.
    type: str
    default: ""
  settings_path:
    description: Path in SSM of the scenario's parameters; required without a scenario.
    type: str
    default: ""
  command:
    description: Command that replaces the load tester's.
    type: list
    elements: str
    default: []
  control:
    description: For several tasks, C(table), C(tasks), C(start), C(ready_timeout); empty for none.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show the container of a run
  ansible.builtin.debug:
    msg: "{{ {} | gantry.ecs.load_test_container('run-1', 'shop-dev', 3600, settings_path='/shop/dev') }}"
"""

RETURN = r"""
_value:
  description: The overrides.
  type: dict
  contains:
    environment:
      description: Environment variables by name.
      type: dict
      sample: {DDBLOAD_RUN_ID: run-1, DDBLOAD_TABLE: shop-dev, DDBLOAD_SSM_PATH: /shop/dev}
    command:
      description: The command; empty for that of the task definition.
      type: list
      elements: str
      sample: [ddbload, run, --set, deadline=3600, --table=shop-dev]
"""


def load_test_container(
    environment: Mapping[str, Any],
    run_id: str,
    table: str,
    timeout: int,
    scenario: str = "",
    settings_path: str = "",
    command: Sequence[str] = (),
    control: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the overrides of the load tester's container, see the documentation above."""
    variables = dict(environment) | {"DDBLOAD_RUN_ID": run_id, "DDBLOAD_TABLE": table}
    # The variable of a scenario has precedence over SSM, so that only one of them is set.
    variables |= {"DDBLOAD_SCENARIO": scenario} if scenario else {"DDBLOAD_SSM_PATH": settings_path}
    if control:
        variables |= {
            "DDBLOAD_CONTROL_TABLE": control["table"],
            # An image that knows no control table would send the whole plan from each task; it refuses this segment.
            "DDBLOAD_SEGMENT": "by the control table, which this image does not know: deploy again",
            "DDBLOAD_TASKS": str(control["tasks"]),
            "DDBLOAD_START": control["start"],
            "DDBLOAD_READY_TIMEOUT": str(control["ready_timeout"]),
        }
    # Options have precedence over the deadline and the table in SSM.
    from_ssm = [] if scenario else ["ddbload", "run", "--set", f"deadline={timeout}", f"--table={table}"]
    return {"environment": variables, "command": list(command) or from_ssm}


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"load_test_container": load_test_container}
