#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: what is known of a job's run, by its id alone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_run_info
short_description: Find a run of a job by its id, with exit code, cause, duration, cost and log lines
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Finds the task of a run of a system's job, from any machine, and returns its status, exit code, cause, duration,
    cost and log lines.
  - ECS keeps a stopped task for an hour. Afterwards the run is found in the log group of its job, by a line that
    names the run id, or by the task id. RV(unknown) then lists what nothing knows any more.
options:
  project:
    description: First part of the system's names.
    type: str
    required: true
  environment:
    description: Name of the environment.
    type: str
    required: true
  jobs:
    description: Names of the jobs whose runs are searched.
    type: list
    elements: str
    required: true
  clusters:
    description:
      - What follows project and environment in the name of a job's cluster, by job. A job that is not named has the
        cluster C(project-environment).
    type: dict
    default: {}
  run_id:
    description: Id of the run, of the message that it handled, or of its task.
    type: str
    required: true
  log_lines:
    description: Log lines that are returned, the newest ones.
    type: int
    default: 1000
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would return otherwise.
    support: full
notes:
  - It calls C(ecs:ListTasks), C(ecs:DescribeTasks), C(ecs:DescribeTaskDefinition), C(logs:GetLogEvents),
    C(logs:FilterLogEvents) and C(logs:DescribeLogStreams).
  - A search through a log group reads its lines from the time in the run id on, or all of them where the id has none.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Find a run
  gantry.ecs.ecs_run_info:
    project: oneshot
    environment: dev
    jobs: [prompt]
    run_id: 20261128T180422Z-0a1b2c
  register: run

- name: Show how it ended
  ansible.builtin.debug:
    msg: "{{ run.lines }}"
"""

RETURN = r"""
lines:
  description: What is known of the run, for a person.
  returned: always
  type: list
  elements: str
  sample: ["run monday of job prompt: STOPPED, exit code 1, task 0cc175b9c0f1b6a831c399e269772661"]
job:
  description: The job.
  returned: always
  type: str
  sample: prompt
source:
  description: V(ecs) while ECS knows the task, else V(log).
  returned: always
  type: str
  sample: ecs
status:
  description: Last status of the task; null where nothing knows it.
  returned: always
  type: str
  sample: STOPPED
exit_code:
  description: Exit code of the main container; null where it has none, or nothing knows it.
  returned: always
  type: int
  sample: 1
cause:
  description: Why the task ended, and what to do; empty while it runs, or where nothing knows it.
  returned: always
  type: str
  sample: "a container failed (exit code 1) -> look at its log"
duration_s:
  description:
    - Seconds from the start to the end of the containers; where the source is the log, from the first to the last line.
  returned: always
  type: float
  sample: 12.4
cost:
  description: The estimated cost on Fargate, as RV(gantry.ecs.ecs_task_run#module:cost) has it; null where unknown.
  returned: always
  type: dict
attempts:
  description: Number of tasks of the run; a message that is received again has several.
  returned: always
  type: int
  sample: 1
task:
  description: The newest task, with the fields that RV(gantry.ecs.ecs_task_run#module:tasks) has.
  returned: always
  type: dict
log_group:
  description: Log group of the job.
  returned: always
  type: str
  sample: /oneshot/dev/prompt
log_stream:
  description: Log stream of the task; empty where it has no lines.
  returned: always
  type: str
  sample: prompt/prompt/0cc175b9c0f1b6a831c399e269772661
log_events:
  description: The newest log lines, with C(timestamp) in ms since 1970 and C(message).
  returned: always
  type: list
  elements: dict
unknown:
  description: What nothing knows any more.
  returned: always
  type: list
  elements: str
  sample: [exit code, cause]
"""

from datetime import UTC, datetime
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import AwsClients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.past_run import (
    PastRun,
    find_run,
    past_job,
    run_lines,
    unknown_run,
)

ARGUMENT_SPEC: dict[str, Any] = {
    "project": {"type": "str", "required": True},
    "environment": {"type": "str", "required": True},
    "jobs": {"type": "list", "elements": "str", "required": True},
    "clusters": {"type": "dict", "default": {}},
    "run_id": {"type": "str", "required": True},
    "log_lines": {"type": "int", "default": 1000},
}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    project, environment, run_id = (module.params[name] for name in ("project", "environment", "run_id"))
    clusters = module.params["clusters"]
    jobs = [past_job(project, environment, name, clusters.get(name, "")) for name in module.params["jobs"]]
    keep, now = max(0, module.params["log_lines"]), datetime.now(UTC)
    run: PastRun | None = None
    try:
        clients = AwsClients(module)
        ecs, logs = clients.patient("ecs"), clients.patient("logs")
        run = find_run(ecs, logs, jobs, run_id, keep, now)
    except Exception as error:
        module.fail_json(msg=explain(error, f"cannot find run {run_id}", region_and_endpoint(module)).line())
    if run is None:
        module.fail_json(msg=unknown_run(run_id, jobs).line())
    else:
        task = run.task
        known = {"lines": run_lines(run_id, run), "status": task["last_status"], "exit_code": task["exit_code"]}
        module.exit_json(changed=False, **known, **run._asdict())


if __name__ == "__main__":
    main()
