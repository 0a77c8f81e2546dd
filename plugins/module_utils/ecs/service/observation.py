# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One observation of an ECS service: what ECS, its load balancer and its stack report at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

ACTIVE = "ACTIVE"
SUCCESSFUL = "SUCCESSFUL"
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
ROLLING_BACK = frozenset({"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"})
ROLLED_BACK = frozenset({"ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})
UNDER_WAY = frozenset({"PENDING", "IN_PROGRESS", "STOP_REQUESTED"}) | ROLLING_BACK
# Statuses after which another request for the same task definition needs a new deployment.
ENDED_BADLY = ROLLED_BACK | {"STOPPED", "FAILED"}
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
# A target group without health checks reports "unavailable", and sends requests to all targets.
HEALTHY_STATES = frozenset({"healthy", "unavailable"})
UNHEALTHY_STATES = frozenset({"unhealthy", "unused"})


@dataclass(frozen=True)
class Event:
    """An event of the service.

    Attributes:
        id: its id.
        created_at: when it was written.
        message: its text.
    """

    id: str
    created_at: datetime
    message: str


@dataclass(frozen=True)
class Target:
    """The health of one target of a target group.

    Attributes:
        group: ARN of the target group.
        address: address and port.
        state: the load balancer's word, such as "healthy".
        reason: its code, such as "Target.Timeout"; empty where there is none.
        description: its sentence; empty where there is none.
    """

    group: str
    address: str
    state: str
    reason: str = ""
    description: str = ""


@dataclass(frozen=True)
class StoppedTask:
    """A task of the service that has stopped.

    Attributes:
        task_id: its id.
        task_definition: ARN of its task definition.
        created_at: when it was created; None where it is not known.
        stopped_at: when it stopped; None where it is not known.
        cause: why it stopped.
        is_failure: whether the task itself failed; false where ECS, AWS or a user stopped it.
        exit_code: of the container that decides; None for none.
        log_group: log group of that container; empty for none.
        log_stream: its log stream; empty for none.
    """

    task_id: str
    task_definition: str
    created_at: datetime | None
    stopped_at: datetime | None
    cause: Problem
    is_failure: bool
    exit_code: int | None = None
    log_group: str = ""
    log_stream: str = ""


@dataclass(frozen=True)
class RevisionTasks:
    """The tasks of one revision of the service.

    Attributes:
        task_definition: ARN of the revision's task definition.
        desired: number of tasks that ECS wants.
        running: number of tasks that run.
        pending: number of tasks that start.
        is_primary: whether it is the revision that ECS deploys or keeps.
    """

    task_definition: str
    desired: int
    running: int
    pending: int
    is_primary: bool


@dataclass(frozen=True)
class Pause:
    """A lifecycle hook at which a deployment waits for a decision.

    Attributes:
        hook_id: its id.
        expires_at: when ECS decides itself; None where it is not known.
        timeout_action: what ECS does then, CONTINUE or ROLLBACK.
    """

    hook_id: str
    expires_at: datetime | None = None
    timeout_action: str = ""


@dataclass(frozen=True)
class Deployment:
    """A deployment of the service.

    Attributes:
        arn: of the service deployment; the id in DescribeServices where ECS returns no service deployments.
        status: as of a service deployment.
        task_definition: ARN of the task definition that it deploys.
        created_at: when it was created; None where it is not known.
        source: ARN of the task definition that ran before; empty where it is not known.
        reason: why it has this status; empty where ECS gives none.
        stage: its lifecycle stage; empty where ECS gives none.
        updated_at: when ECS updated it last; None where it is not known.
        bake_minutes: minutes of its bake time.
        traffic: the share of production traffic that the target revision gets, in percent; None where not known.
        failures: failed tasks that the circuit breaker counts; None without a circuit breaker.
        threshold: failed tasks at which the circuit breaker ends it; None without a circuit breaker.
        alarms: names of the alarms that ended it.
        pauses: hooks at which it waits for a decision.
        can_be_stopped: whether StopServiceDeployment applies to it.
    """

    arn: str
    status: str
    task_definition: str
    created_at: datetime | None = None
    source: str = ""
    reason: str = ""
    stage: str = ""
    updated_at: datetime | None = None
    bake_minutes: float = 0.0
    traffic: float | None = None
    failures: int | None = None
    threshold: int | None = None
    alarms: tuple[str, ...] = ()
    pauses: tuple[Pause, ...] = ()
    can_be_stopped: bool = False


@dataclass(frozen=True)
class StackSeen:
    """The stack whose operation deploys the service.

    Attributes:
        name: its name.
        status: CloudFormation's; empty where there is no stack.
        is_going: whether an operation is in progress.
        started_at: when the last operation started; None where it is not known.
        problem: why the last operation failed; None where it did not.
        task_definitions: ARNs of the task definitions that the failed operation created.
    """

    name: str
    status: str
    is_going: bool
    started_at: datetime | None = None
    problem: Problem | None = None
    task_definitions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Observation:
    """What is known of a service at one instant.

    Attributes:
        at: the instant.
        status: of the service; empty where it does not exist.
        desired: number of tasks that the service wants.
        running: number of its tasks that run.
        pending: number of its tasks that start.
        revisions: the tasks by revision.
        deployment: the followed deployment, else the newest one; None where there is none.
        events: the newest events, in any order.
        stopped: tasks that have stopped, in any order.
        targets: targets of the deployed revision's target groups.
        target_groups: ARNs of these target groups.
        stack: the stack whose operation deploys the service; None where none was named.
    """

    at: datetime
    status: str = ""
    desired: int = 0
    running: int = 0
    pending: int = 0
    revisions: tuple[RevisionTasks, ...] = ()
    deployment: Deployment | None = None
    events: tuple[Event, ...] = ()
    stopped: tuple[StoppedTask, ...] = ()
    targets: tuple[Target, ...] = ()
    target_groups: tuple[str, ...] = ()
    stack: StackSeen | None = None

    @property
    def primary(self) -> RevisionTasks | None:
        """The revision that ECS deploys or keeps; None where there is none."""
        return next((one for one in self.revisions if one.is_primary), None)

    def healthy(self, group: str) -> int:
        """Return how many targets of a target group get requests."""
        return sum(one.group == group and one.state in HEALTHY_STATES for one in self.targets)
