#!/usr/bin/python
# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: ECS tasks, launched and followed to their end."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_task_run
short_description: Run ECS tasks to their end, with their logs and exit codes
version_added: 0.1.0
author: The ddbload.aws contributors (@ddbload)
description:
  - Launches up to ten tasks of a task definition and waits until they have ended and their logs have been read.
  - Shows status changes, the load tester's progress and other log lines while the tasks run.
  - Stops the tasks where they take longer than O(wait_timeout), where the play is interrupted (C(Ctrl-C), C(SIGTERM)),
    where the task's C(timeout) keyword strikes, and where ECS launched only some of them.
  - Fails where a task did not start, was stopped, or where an essential container's exit code is not 0; the message
    says why, how to mend it, and ends with the last log lines.
options:
  cluster:
    description: Name or ARN of the ECS cluster.
    type: str
    required: true
  task_definition:
    description: Family, family and revision (C(family:revision)), or ARN of the task definition.
    type: str
    required: true
  count:
    description: How many tasks to launch, 1 to 10.
    type: int
    default: 1
  launch_type:
    description: What the tasks run on.
    type: str
    choices: [FARGATE, EC2, EXTERNAL]
    default: FARGATE
  network_configuration:
    description: Where the tasks' network interfaces go; task definitions of network mode C(awsvpc) need it.
    type: dict
    suboptions:
      subnets:
        description: Ids of the subnets.
        type: list
        elements: str
        required: true
      security_groups:
        description: Ids of the security groups; the VPC's default one where it is empty.
        type: list
        elements: str
        default: []
      assign_public_ip:
        description: Whether the interfaces get public addresses, which a public subnet without NAT needs.
        type: bool
        default: false
  overrides:
    description:
      - What differs from the task definition, a container each.
      - ECS takes 8,192 characters in all; longer ones are refused before anything is launched.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the container.
        type: str
        required: true
      command:
        description: The command and its arguments.
        type: list
        elements: str
      environment:
        description:
          - Environment variables, added to those of the task definition.
          - Values other than text are written as JSON.
        type: dict
      cpu:
        description: CPU units of the container.
        type: int
      memory:
        description: Hard limit of the container's memory in MiB.
        type: int
  started_by:
    description: A mark on the tasks by which they can be listed, up to 128 characters.
    type: str
  group:
    description: Name of the task group; ECS makes it of the family where it is not given.
    type: str
  tags:
    description: Tags of the tasks.
    type: dict
  propagate_tags:
    description: Whether the tasks get the task definition's tags too.
    type: str
    choices: [TASK_DEFINITION]
  platform_version:
    description: Fargate's platform version; the latest where it is not given.
    type: str
  client_token:
    description:
      - Makes the launch idempotent for 24 hours, a repeated call with it and the same arguments launches nothing new.
      - Up to 64 characters of 33 to 126 in ASCII; a new one is made where it is not given.
    type: str
  wait:
    description: Whether to wait for the end of the tasks; otherwise they are launched and left alone.
    type: bool
    default: true
  wait_timeout:
    description: Seconds after which tasks that have not ended are stopped, and the module fails.
    type: int
    default: 3600
  log_tail_wait:
    description:
      - Log lines arrive some seconds late. After the end of a task its log is read until it has been quiet for so many
        seconds, or until the load tester's last event has come.
    type: int
    default: 5
  fail_on_nonzero:
    description: Whether an essential container's exit code that is not 0 is a failure.
    type: bool
    default: true
  show_logs:
    description:
      - What is shown while the tasks run.
      - V(progress) shows status changes, the load tester's events as short lines, and every line that is not JSON.
      - V(all) shows other JSON lines too, as they are.
      - V(none) shows nothing, and costs the controller the least.
    type: str
    choices: [none, progress, all]
    default: progress
  _step:
    description:
      - Internal, not for use in plays, and free to change.
      - The action plugin says with it which part of the work one module call does, and hands over what is known so far.
    type: dict
notes:
  - Needs the permissions C(ecs:DescribeClusters), C(ecs:DescribeTaskDefinition), C(ecs:RunTask), C(ecs:DescribeTasks),
    C(ecs:StopTask), C(logs:GetLogEvents), and C(iam:PassRole) on the task's roles.
  - The log that is read is that of the first overridden or essential container that uses the C(awslogs) driver.
  - While something is shown, an action plugin carries the module out as a chain of short module calls, each of which
    looks at tasks and logs for about 2.5 seconds. With C(async) the module runs in one piece and shows nothing.
attributes:
  check_mode:
    description: Checks that cluster and task definition exist and fit the overrides; launches nothing.
    support: full
  action:
    description: An action plugin of the same name shows the tasks live.
    support: full
  async:
    description: Supports the C(async) keyword; nothing is shown live then.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Run the load tester and follow it
  ddbload.aws.ecs_task_run:
    cluster: ddbload-dev
    task_definition: ddbload-dev
    network_configuration:
      subnets: [subnet-0a1b2c3d4e5f60718]
      security_groups: [sg-0a1b2c3d4e5f60718]
    overrides:
      - name: ddbload
        environment:
          DDBLOAD_RUN_ID: 20260131T120000Z-3f7868
          DDBLOAD_TABLE: ddbload-dev
    started_by: ddbload/20260131T120000Z-3f7868
    wait_timeout: 900

- name: Launch four tasks and leave them alone
  ddbload.aws.ecs_task_run:
    cluster: ddbload-dev
    task_definition: ddbload-dev:7
    count: 4
    network_configuration:
      subnets: [subnet-0a1b2c3d4e5f60718]
    wait: false
"""

RETURN = r"""
cluster:
  description: The cluster, as it was given.
  returned: when the tasks were launched, and in check mode
  type: str
  sample: ddbload-dev
task_definition:
  description: ARN of the task definition that was run.
  returned: when the tasks were launched, and in check mode
  type: str
  sample: arn:aws:ecs:eu-west-1:123456789012:task-definition/ddbload-dev:7
started_by:
  description: The mark on the tasks.
  returned: when the tasks were launched, and in check mode
  type: str
  sample: ddbload/20260131T120000Z-3f7868
exit_code:
  description: The first exit code of an essential container that is not 0, else 0; null where there is none.
  returned: when the tasks were launched, and in check mode
  type: int
  sample: 0
timed_out:
  description: Whether O(wait_timeout) was over before the tasks had ended.
  returned: when the tasks were launched, and in check mode
  type: bool
  sample: false
elapsed_s:
  description: Seconds from the launch to the end of the observation.
  returned: when the tasks were launched, and in check mode
  type: float
  sample: 74.2
tasks:
  description: The tasks; empty in check mode.
  returned: when the tasks were launched, and in check mode
  type: list
  elements: dict
  contains:
    task_arn:
      description: ARN of the task.
      type: str
      sample: arn:aws:ecs:eu-west-1:123456789012:task/ddbload-dev/0cc175b9c0f1b6a831c399e269772661
    task_id:
      description: Id of the task, the ARN's last part.
      type: str
      sample: 0cc175b9c0f1b6a831c399e269772661
    last_status:
      description: Status when it was last seen.
      type: str
      sample: STOPPED
    stop_code:
      description: ECS' code for the reason why it stopped.
      type: str
      sample: EssentialContainerExited
    stopped_reason:
      description: ECS' reason why it stopped.
      type: str
      sample: Essential container in task exited
    cause:
      description: What happened and how to mend it, in one line; null while the task runs.
      type: str
      sample: "a threshold failed (exit code 3): put.p99 < 50ms was 71.3 ms"
    exit_code:
      description: The first exit code of an essential container that is not 0, else 0; null where there is none.
      type: int
      sample: 3
    created_at:
      description: When it was created, ISO 8601.
      type: str
      sample: "2026-01-31T12:00:01.230000+00:00"
    started_at:
      description: When it was started; null where it never was.
      type: str
      sample: "2026-01-31T12:00:31.450000+00:00"
    stopped_at:
      description: When it was stopped.
      type: str
      sample: "2026-01-31T12:01:13.670000+00:00"
    containers:
      description: Its containers.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the container.
          type: str
          sample: ddbload
        exit_code:
          description: Its exit code; null where it has none.
          type: int
          sample: 3
        reason:
          description: ECS' reason where something went wrong with it.
          type: str
          sample: "OutOfMemoryError: Container killed due to memory usage"
    log_group:
      description: Log group of its output; null where it has none that can be read.
      type: str
      sample: /ddbload/dev
    log_stream:
      description: Log stream of its output.
      type: str
      sample: ddbload/ddbload/0cc175b9c0f1b6a831c399e269772661
    log_events:
      description: Its log, each line once and in order.
      type: list
      elements: dict
      contains:
        timestamp:
          description: Milliseconds since 1970.
          type: int
          sample: 1769860833123
        message:
          description: The line.
          type: str
          sample: '{"event": "run.started", "level": "info"}'
msg:
  description: The outcome in one line; after a failure the last log lines follow.
  returned: always
  type: str
  sample: 1 task(s) ended with exit code 0 after 74.2 s
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.ddbload.aws.plugins.module_utils.interrupt import Interrupt
from ansible_collections.ddbload.aws.plugins.module_utils.task_run_steps import Runner

ARGUMENT_SPEC = {
    "cluster": {"type": "str", "required": True},
    "task_definition": {"type": "str", "required": True},
    "count": {"type": "int", "default": 1},
    "launch_type": {"type": "str", "choices": ["FARGATE", "EC2", "EXTERNAL"], "default": "FARGATE"},
    "network_configuration": {
        "type": "dict",
        "options": {
            "subnets": {"type": "list", "elements": "str", "required": True},
            "security_groups": {"type": "list", "elements": "str", "default": []},
            "assign_public_ip": {"type": "bool", "default": False},
        },
    },
    "overrides": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "command": {"type": "list", "elements": "str"},
            "environment": {"type": "dict"},
            "cpu": {"type": "int"},
            "memory": {"type": "int"},
        },
    },
    "started_by": {"type": "str"},
    "group": {"type": "str"},
    "tags": {"type": "dict"},
    "propagate_tags": {"type": "str", "choices": ["TASK_DEFINITION"]},
    "platform_version": {"type": "str"},
    "client_token": {"type": "str", "no_log": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 3600},
    "log_tail_wait": {"type": "int", "default": 5},
    "fail_on_nonzero": {"type": "bool", "default": True},
    "show_logs": {"type": "str", "choices": ["none", "progress", "all"], "default": "progress"},
    "_step": {"type": "dict"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    if not 1 <= module.params["count"] <= 10:
        module.fail_json(msg=f"count is {module.params['count']}: give a number from 1 to 10")
    with Interrupt() as interrupt:
        Runner(module, interrupt).run()


if __name__ == "__main__":
    main()
