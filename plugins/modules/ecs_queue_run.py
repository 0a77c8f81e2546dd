#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs an ECS task for each message of an SQS queue."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_queue_run
short_description: Run an ECS task for each message of an SQS queue
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Receives messages, and launches a task for each, at most O(max_running) at the same time.
  - Ends when the queue is empty, so that an idle queue has no task.
  - Deletes a message only after its task has succeeded. The message of a task that fails goes back to the queue, which
    moves it to the dead-letter queue after its last receive.
  - A message stays hidden from other clients for as long as its task runs.
  - Where an earlier call was killed, its tasks are taken up, found by their C(startedBy), so that no message is handled
    twice while ECS remembers its task, about an hour.
options:
  name:
    description: Name of the job; with the message's id it is the C(startedBy) of a task, and its tag C(Job).
    type: str
    required: true
  queue_url:
    description: URL of the queue.
    type: str
    required: true
  cluster:
    description: Name or ARN of the ECS cluster.
    type: str
    required: true
  task_definition:
    description: ARN of the task definition.
    type: str
    required: true
  container:
    description: Name of the container that gets the parameters, and whose exit code decides.
    type: str
    required: true
  job:
    description:
      - The job's section of the system's description, as P(gantry.ecs.system_description#filter) returns it.
      - A message holds the parameters as a JSON object, or with C(queue.parameter) the value of that one as text.
      - C({run_id}) is the message's id.
    type: dict
    required: true
  network_configuration:
    description: Where the tasks' network interfaces go.
    type: dict
    required: true
    suboptions:
      subnets:
        description: Ids of subnets of one VPC.
        type: list
        elements: str
        required: true
      security_groups:
        description: Ids of up to five security groups.
        type: list
        elements: str
        default: []
      assign_public_ip:
        description: Whether the interfaces get public addresses.
        type: bool
        default: false
  max_running:
    description: Tasks at the same time.
    type: int
    default: 10
  idle_timeout:
    description: Seconds for which the queue has to be empty before the module ends.
    type: int
    default: 0
  on_interrupt:
    description:
      - What to do when C(ansible-playbook) gets Ctrl-C or SIGTERM.
      - V(stop) stops the tasks and puts their messages back.
      - V(detach) leaves them running. A later call takes them up.
    type: str
    choices: [stop, detach]
    default: stop
  _live:
    description:
      - Internal, not for use in plays, and free to change.
      - File from which the action plugin reads what to show.
    type: path
notes:
  - "Permissions: C(sqs:ReceiveMessage), C(sqs:DeleteMessage), C(sqs:ChangeMessageVisibility) and
    C(sqs:GetQueueAttributes) on the queue, C(ecs:RunTask) on the task definition, C(ecs:DescribeTasks), C(ecs:StopTask)
    and C(ecs:TagResource) on the cluster's tasks, C(ecs:ListTasks) on C(*) with the condition key C(ecs:cluster), and
    C(iam:PassRole) on the two roles."
  - SQS delivers a message at least once. A job that must not run twice checks C({run_id}) itself.
attributes:
  check_mode:
    description: Says how many messages wait, and receives none.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Run a task for each prompt that waits
  gantry.ecs.ecs_queue_run:
    name: prompt
    queue_url: "{{ stack_outputs.queues.PromptsUrl }}"
    cluster: oneshot-dev
    task_definition: oneshot-dev-prompt
    container: prompt
    job: "{{ system_description.jobs.prompt }}"
    network_configuration:
      subnets: [subnet-0a1b2c3d4e5f60718]
      security_groups: [sg-0a1b2c3d4e5f60718]
    max_running: 20
  delegate_to: localhost
"""

RETURN = r"""
done:
  description: How many messages were handled and deleted.
  returned: always
  type: int
  sample: 60
failed_attempts:
  description: How many tasks failed; their messages went back to the queue, or to the dead-letter queue.
  returned: always
  type: int
  sample: 2
dead:
  description: How many messages went to the dead-letter queue.
  returned: always
  type: int
  sample: 0
put_back:
  description: How many messages were put back because the module ended early.
  returned: always
  type: int
  sample: 0
launched:
  description: How many tasks this call launched.
  returned: always
  type: int
  sample: 62
adopted:
  description: How many tasks of earlier calls it took up.
  returned: always
  type: int
  sample: 0
elapsed_s:
  description: Seconds that the call took.
  returned: always
  type: float
  sample: 31.2
messages:
  description: What became of each message, in the order of the ends.
  returned: always
  type: list
  elements: dict
  contains:
    message_id:
      description: Its id.
      type: str
    receives:
      description: How often it had been received.
      type: int
    end:
      description: V(done), V(failed) or V(put_back).
      type: str
    task_arn:
      description: Its task; empty where none ran.
      type: str
    exit_code:
      description: Exit code of the task.
      type: int
    reason:
      description: Why it failed or was put back.
      type: str
    is_dead:
      description: Whether it went to the dead-letter queue.
      type: bool
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.queue.runner import QueueRunner

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "queue_url": {"type": "str", "required": True},
    "cluster": {"type": "str", "required": True},
    "task_definition": {"type": "str", "required": True},
    "container": {"type": "str", "required": True},
    "job": {"type": "dict", "required": True},
    "network_configuration": {
        "type": "dict",
        "required": True,
        "options": {
            "subnets": {"type": "list", "elements": "str", "required": True},
            "security_groups": {"type": "list", "elements": "str", "default": []},
            "assign_public_ip": {"type": "bool", "default": False},
        },
    },
    "max_running": {"type": "int", "default": 10},
    "idle_timeout": {"type": "int", "default": 0},
    "on_interrupt": {"type": "str", "choices": ["stop", "detach"], "default": "stop"},
    "_live": {"type": "path"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    with Interrupt() as interrupt:
        QueueRunner(module, interrupt).run()


if __name__ == "__main__":
    main()
