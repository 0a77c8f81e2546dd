# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that turns the parameters of a job's run into what the run differs in from its task definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

DOCUMENTATION = r"""
name: job_request
short_description: What a run of a job differs in from its task definition
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Checks the parameters of a run against the job's description, and puts them into the command and the environment.
options:
  _input:
    description: The system's description, as P(gantry.ecs.system_description#filter) returns it.
    type: dict
    required: true
  job:
    description: Name of the job.
    type: str
    required: true
  values:
    description: Values of the job's parameters; an empty one counts as none.
    type: dict
    required: true
  run_id:
    description: Identifies the run; stands for C({run_id}).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the command of a run
  ansible.builtin.debug:
    msg: "{{ (system_description | gantry.ecs.job_request('prompt', {'prompt': 'say hello'}, 'run-1')).command }}"
"""

RETURN = r"""
_value:
  description: What the run differs in.
  type: dict
  contains:
    problem:
      description: What is wrong with the values, in one line; empty where nothing is. Then there is nothing else.
      type: str
      sample: job prompt needs parameter prompt -> call with -e prompt="<What Oneshot is to do>"
    command:
      description: The command of the container; empty where that of the task definition holds.
      type: list
      elements: str
    environment:
      description: Variables of the container that depend on the run.
      type: dict
    fail_on:
      description: Exit codes that are a failure, as O(gantry.ecs.ecs_task_run#module:fail_on) takes them.
      type: list
      elements: str
    capacity_provider_strategy:
      description: Shares of capacity providers; empty for Fargate alone.
      type: list
      elements: dict
"""


def job_request(document: Mapping[str, Any], job: str, values: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """Return what a run differs in from its task definition, see the documentation above."""
    # Ansible loads all filters in each task that uses one: they import in the call what the others need not.
    from ansible_collections.gantry.ecs.plugins.module_utils.system.job_run import job_run
    from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Job
    from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import ProblemError

    try:
        return {"problem": "", **job_run(job, cast(Job, document["jobs"][job]), values, run_id)._asdict()}
    except ProblemError as error:
        return {"problem": str(error)}


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"job_request": job_request}
