#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: a deployment of an ECS service, requested where it is needed and followed to its end."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_service
short_description: Deploy an ECS service, follow it, and report the first cause of a failure
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Follows a deployment of an ECS service until the requested task definition runs, and fails with the first cause
    where it does not. Reports each stopped task with its cause as it stops, while CloudFormation or a circuit breaker
    still waits.
  - Fails where the deployment was rolled back or stopped, although the service is stable again and its stack is
    complete.
  - Shows the revisions with their tasks, healthy targets, the share of traffic, the stage, and the service's events.
  - Deploys a task definition or a number of tasks by UpdateService, or follows what a stack (O(stack_name)), a
    pipeline or another client deploys.
  - Works with the deployment controller C(ECS) and each of its strategies (rolling, blue/green, linear, canary).
options:
  cluster:
    description: Name or ARN of the ECS cluster.
    type: str
    required: true
  service:
    description: Name or ARN of the service.
    type: str
    required: true
  state:
    description:
      - V(deployed) deploys O(task_definition) and O(desired_count) where the service has others, and follows the
        deployment. What is in progress is followed, whoever started it.
      - V(stopped) sets the number of tasks to 0 and waits until none runs. The number before is kept in the tag
        C(gantry.ecs/desired-count) of the service.
      - V(rolled_back) deploys the task definition that ran before, or O(task_definition). A deployment in progress is
        rolled back by StopServiceDeployment. Where the last deployment was a rollback, nothing is changed.
    type: str
    choices: [deployed, stopped, rolled_back]
    default: deployed
  task_definition:
    description:
      - ARN, or family and revision (C(family:revision)), of the task definition that has to run.
      - Without it the task definition of the service's newest deployment has to run, so that a newest deployment that
        was rolled back is a failure.
      - It is of the family that the service has.
    type: str
  desired_count:
    description:
      - Number of tasks of the service; V(0) switches it off.
      - Without it the number stays. A service that O(state=stopped) has stopped gets the number back that it had
        before.
      - Leave it out where Application Auto Scaling sets the number.
    type: int
  force_new_deployment:
    description:
      - Start a new deployment although nothing else changes, for example for new values of secrets.
      - A task definition whose last deployment failed is deployed again without it.
    type: bool
    default: false
  stack_name:
    description:
      - CloudFormation stack whose operation deploys the service. The module then requests nothing itself, waits until
        the operation has reached the service, and fails as soon as the operation rolls back, with the first cause.
      - Start the operation before this call. The service need not exist yet while the operation is in progress.
      - The call does not wait for the end of the operation where the service is deployed before it.
    type: str
  deployment:
    description:
      - ARN of the service deployment to follow, RV(deployment) of an earlier call. Nothing is requested.
      - Where ECS returns no service deployments, the id of the deployment in C(deployments) of the service.
    type: str
  pause_action:
    description:
      - What to do where the deployment waits at a lifecycle hook of type C(PAUSE). Without it the module reports the
        hook and waits until another client decides, or the hook times out.
    type: str
    choices: [continue, rollback]
  fail_early:
    description:
      - Number of tasks of the new revision that fail for the same cause at which the call fails, before ECS ends the
        deployment; V(0) waits for ECS.
      - A task that ECS, AWS or a user has stopped does not count.
    type: int
    default: 3
  on_early_failure:
    description:
      - What to do with the deployment at O(fail_early).
      - V(continue) leaves it to ECS, with its circuit breaker and alarms.
      - V(rollback) rolls it back by StopServiceDeployment, and waits for that. CloudFormation then rolls its stack
        back, too. The first deployment of a service has nothing to roll back to, and goes on.
    type: str
    choices: [continue, rollback]
    default: continue
  wait:
    description: Whether to follow the deployment. With V(false) it is requested only.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait at most. The deployment goes on after that, and the module fails with what is missing.
      - Bake time and waits of hooks are part of it.
    type: int
    default: 3600
  show:
    description: What is shown while the deployment is followed; V(none) shows nothing.
    type: str
    choices: [progress, none]
    default: progress
  _live:
    description:
      - Internal, not for use in plays, and free to change.
      - File from which the action plugin reads what to show.
    type: path
notes:
  - "Permissions to follow: C(ecs:DescribeServices) and C(ecs:ListServiceDeployments) on the service,
    C(ecs:DescribeServiceDeployments) on its service deployments, C(ecs:DescribeServiceRevisions) on its service
    revisions, C(ecs:DescribeTasks) on the cluster's tasks, C(ecs:ListTasks) on C(*) (with the condition key
    C(ecs:cluster)), C(ecs:DescribeTaskDefinition) on C(*), and, with target groups,
    C(elasticloadbalancing:DescribeTargetHealth) on C(*). C(logs:GetLogEvents) on the streams of the log groups shows
    the last lines of a failed task; without it there is a warning."
  - "To deploy also C(ecs:UpdateService) on the service and C(iam:PassRole) on the roles of the task definition (with
    C(iam:PassedToService) C(ecs-tasks.amazonaws.com)). For O(state=stopped), and to give the number of tasks back,
    C(ecs:TagResource) and C(ecs:UntagResource) on the service. For O(state=rolled_back) and
    O(on_early_failure=rollback) C(ecs:StopServiceDeployment) on the service deployments, and for O(state=rolled_back)
    C(ecs:ListTaskDefinitions) on C(*). For O(pause_action) C(ecs:ContinueServiceDeployment) on the service
    deployments. For O(stack_name) C(cloudformation:DescribeStacks) and C(cloudformation:DescribeStackEvents) on the
    stack."
  - Ctrl-C or SIGTERM ends the module, and the deployment goes on. The same call follows it again.
  - A look makes six calls or so, and the module makes two calls a second on average, whatever the deployment takes.
  - A scalable target of Application Auto Scaling with a minimum above 0 starts a stopped service again. Set its
    minimum to 0, or suspend its scaling, before O(state=stopped).
  - CloudFormation deregisters the task definition that an update replaces, and ECS deploys no inactive one. For
    O(state=rolled_back) give the task definition C(UpdateReplacePolicy) V(Retain) in the template.
  - Lines are shown live where the module runs on the controller, so use C(connection=local) or
    C(delegate_to=localhost).
attributes:
  check_mode:
    description: Reads service and task definitions, and says what would be deployed; requests nothing.
    support: full
  diff_mode:
    description:
      - Shows the task definition that would run instead of the other, with images, sizes, and the names of variables
        and secrets. Values are not shown.
    support: full
  action:
    description: An action plugin of the same name shows the deployment live.
    support: full
  async:
    description: Supports the C(async) keyword; nothing is shown live then.
    support: full
seealso:
  - module: gantry.ecs.ecs_task_run
  - module: gantry.ecs.cfn_stacks
  - name: Amazon ECS, service deployments
    description: What a deployment is, and its statuses.
    link: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
  - name: Amazon ECS, deployment circuit breaker
    description: When ECS ends a deployment itself.
    link: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Deploy a task definition and follow it
  gantry.ecs.ecs_service:
    cluster: shop
    service: web
    task_definition: web:8
  delegate_to: localhost

- name: Show what would run instead of what
  gantry.ecs.ecs_service:
    cluster: shop
    service: web
    task_definition: web:8
  check_mode: true
  diff: true

- name: Follow what a stack deploys, while its operation is in progress
  gantry.ecs.ecs_service:
    cluster: shop
    service: web
    stack_name: shop-prod-web
    fail_early: 2
    on_early_failure: rollback

- name: Check that what was deployed last is what runs
  gantry.ecs.ecs_service:
    cluster: shop
    service: web

- name: Deploy new values of secrets
  gantry.ecs.ecs_service:
    cluster: shop
    service: web
    force_new_deployment: true

- name: Continue a deployment that waits at a hook
  gantry.ecs.ecs_service:
    cluster: shop
    service: web
    deployment: "{{ web.deployment }}"
    pause_action: continue

- name: Deploy the revision before
  gantry.ecs.ecs_service:
    cluster: shop
    service: web
    state: rolled_back

- name: Switch a service off for the night
  gantry.ecs.ecs_service:
    cluster: shop
    service: web
    state: stopped

- name: Switch it on with the number of tasks that it had
  gantry.ecs.ecs_service:
    cluster: shop
    service: web
"""

RETURN = r"""
status:
  description: Status of the service when it was last seen; null where it does not exist.
  returned: always
  type: str
  sample: ACTIVE
task_definition:
  description: ARN of the task definition that the service deploys or keeps.
  returned: always
  type: str
  sample: arn:aws:ecs:eu-west-1:123456789012:task-definition/web:8
previous_task_definition:
  description: ARN of the task definition that the service had before the call; null with O(stack_name).
  returned: always
  type: str
  sample: arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7
desired_count:
  description: Number of tasks that the service wants.
  returned: always
  type: int
  sample: 3
running_count:
  description: Number of tasks that run.
  returned: always
  type: int
  sample: 3
deployment:
  description: ARN of the service deployment, for O(deployment); null where there is none.
  returned: always
  type: str
  sample: arn:aws:ecs:eu-west-1:123456789012:service-deployment/shop/web/ejGvqq2ilnbKT9qj0vLJe
deployment_status:
  description:
    - Status of the deployment, one of C(PENDING), C(IN_PROGRESS), C(SUCCESSFUL), C(STOP_REQUESTED), C(STOPPED),
      C(ROLLBACK_REQUESTED), C(ROLLBACK_IN_PROGRESS), C(ROLLBACK_SUCCESSFUL), C(ROLLBACK_FAILED) and C(FAILED).
  returned: always
  type: str
  sample: SUCCESSFUL
unmet:
  description: What is missing to the requested state where the time was over; empty otherwise.
  returned: always
  type: list
  elements: str
  sample: ["1 of 3 task(s) of web:8 run"]
failed_tasks:
  description: The tasks of the new revision that failed, in the order in which they stopped.
  returned: always
  type: list
  elements: dict
  contains:
    task_id:
      description: Id of the task.
      type: str
      sample: 0cc175b9c0f1b6a831c399e269772661
    cause:
      description: What happened and how to fix it, in one line.
      type: str
      sample: "killed for want of memory (exit code 137): OutOfMemoryError -> raise the memory of the task or container"
    cause_kind:
      description: Kind of the cause, as RV(gantry.ecs.ecs_task_run#module:tasks[].cause_kind).
      type: str
      sample: memory
    exit_code:
      description: Exit code of the container that decides; null for none.
      type: int
      sample: 137
    stopped_at:
      description: When it stopped, ISO 8601.
      type: str
      sample: "2026-01-31T12:01:15.430000+00:00"
    log_group:
      description: Log group of that container; null for none.
      type: str
      sample: /shop/web
    log_stream:
      description: Its log stream; null for none.
      type: str
      sample: web/web/0cc175b9c0f1b6a831c399e269772661
    log_lines:
      description:
        - The last five lines of its log, the oldest first, of the first task of each cause and exit code; empty for the
          others.
      type: list
      elements: str
      sample: ["cannot open the database"]
problem:
  description: Why the service is not in the requested state; null where it is.
  returned: always
  type: dict
  contains:
    kind:
      description:
        - One of C(rolled_back), C(stopped), C(early_failure), C(replaced), C(stack), C(absent), C(controller),
          C(family), C(inactive), C(no_revision), C(timeout), C(interrupted) and C(parameter), or AWS's error code.
      type: str
      sample: rolled_back
    what:
      description: What is wrong.
      type: str
      sample: "service web: the deployment of web:8 was rolled back to web:7"
    remedy:
      description: What to do about it; empty where nothing is known.
      type: str
      sample: fix the cause, then deploy again
cause:
  description: The first cause of the failure; null where none is known.
  returned: always
  type: dict
  contains:
    kind:
      description: Its kind.
      type: str
      sample: image
    what:
      description: What happened.
      type: str
      sample: "task 0cc175b9c0f1b6a831c399e269772661: the image could not be found"
    remedy:
      description: What to do about it.
      type: str
      sample: push the image, or fix its name and tag in the task definition
calls:
  description: Number of calls of AWS that observed the service.
  returned: always
  type: int
  sample: 42
elapsed_s:
  description: Seconds that the call took.
  returned: always
  type: float
  sample: 41.3
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import cause_of, cause_problem, first_failure
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import StackState, is_done, state_of, status_of
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import StackSeen
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.outcome import service_result
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.runner import ServiceRunner
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

ARGUMENT_SPEC = {
    "cluster": {"type": "str", "required": True},
    "service": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["deployed", "stopped", "rolled_back"], "default": "deployed"},
    "task_definition": {"type": "str"},
    "desired_count": {"type": "int"},
    "force_new_deployment": {"type": "bool", "default": False},
    "stack_name": {"type": "str"},
    "deployment": {"type": "str"},
    "pause_action": {"type": "str", "choices": ["continue", "rollback"]},
    "fail_early": {"type": "int", "default": 3},
    "on_early_failure": {"type": "str", "choices": ["continue", "rollback"], "default": "continue"},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 3600},
    "show": {"type": "str", "choices": ["progress", "none"], "default": "progress"},
    "_live": {"type": "path"},
}
MUTUALLY_EXCLUSIVE = [("stack_name", "deployment")]


def task_definitions(events: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the ARNs of the task definitions that an operation of a stack created or deleted.

    Args:
        events: of the operation.
    """
    arns = [one.get("PhysicalResourceId") for one in events if one.get("ResourceType") == "AWS::ECS::TaskDefinition"]
    return tuple(dict.fromkeys(str(arn) for arn in arns if arn))


def stack_sight(client: Callable[[], Any], name: str) -> Callable[[], StackSeen]:
    """Return what looks at a stack.

    Args:
        client: returns a CloudFormation client.
        name: of the stack.
    """
    stack = Stack(client, name)

    def look() -> StackSeen:
        described = stack.look()
        status, state = status_of(described), state_of(described)
        if described is None or state is StackState.ABSENT:
            missing = Problem("absent", f"stack {name} does not exist", "apply it first, or check the region")
            return StackSeen(name, status, False, problem=missing)
        # The cleanup of replaced resources comes after the service is updated.
        is_complete = is_done(described) or status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
        is_going = state in (StackState.IN_PROGRESS, StackState.REVIEW) and not is_complete
        started_at = described.get("LastUpdatedTime") or described.get("CreationTime")
        problem = None
        definitions: tuple[str, ...] = ()
        if (not is_complete and "ROLLBACK" in status) or status.endswith("FAILED"):
            events = stack.last_operation(str(described["StackId"]))
            event, definitions = first_failure(events), task_definitions(events)
            before = f"stack {name} is {status}"
            problem = cause_problem(cause_of(event), name, before) if event else Problem("failed", before)
        return StackSeen(name, status, is_going, started_at, problem, definitions)

    return look


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC, mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True
    )
    with Interrupt() as interrupt:
        result = service_result(ServiceRunner(module, interrupt, stack_sight).run())
    for warning in result.pop("warnings"):
        module.warn(warning)
    (module.fail_json if result.pop("failed") else module.exit_json)(**result)


if __name__ == "__main__":
    main()
