# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ECS says of a stopped task: all the rules in their order, the particular before the general.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.image_reasons import IMAGE_RULES
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.rule import WAY_OUT, Rule, first_fitting
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.start_reasons import (
    NEEDS_RULES,
    PLACE_RULES,
    ROLE_RULES,
)

EXECUTE = r"OCI runtime|runc|shim|starting container process|exec:|CannotStartContainer|container runtime task"
AGAIN = "a fault of AWS: run it again"

# What ECS' agent says of a container that waits in vain: https://github.com/aws/amazon-ecs-agent/pull/3218
DEPENDENCY_RULES = (
    Rule(
        "never_started",
        (r"dependency graph|container ordering dependency",),
        "a container that another one waits for has failed",
        "look at the log of the container that the reason names first, and mend what it does",
    ),
)

ROOM_RULES = (
    Rule(
        "memory",
        (r"OutOfMemory|OOM.?killed|memory limit too low|cannot allocate memory|Minimum memory limit",),
        "a container ran out of memory",
        "raise the memory of the task or the container, or lower the load in it",
    ),
    Rule(
        "disk",
        (r"no space left on device|Thin Pool",),
        "the disk is full",
        "raise overrides.ephemeral_storage, or use a smaller image; on EC2 free the instance's disk",
    ),
)

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-runtime-timeout-error.html and its neighbours
CONTAINER_RULES = (
    Rule(
        "command",
        (EXECUTE, r"file not found|no such file|not a directory|permission denied"),
        "the command cannot be run in this image",
        "mend command, entryPoint and workingDirectory, and see that the file is in the image and executable",
    ),
    Rule(
        "never_started",
        (r"DockerTimeout|ContainerRuntimeTimeout|Could not transition to (created|started|running)",),
        "a container did not start in time",
        "give the subnet a way to CloudWatch Logs (NAT gateway, or endpoint logs), or raise startTimeout",
    ),
    Rule(
        "never_started", (r"CannotCreateVolume",), "a volume could not be made", "check the task definition's volumes"
    ),
    Rule(
        "never_started",
        (r"CannotCreateContainer|CannotStartContainer|OCI runtime",),
        "a container could not be started",
        "check the container's command, mounts, ulimits and devices in the task definition",
    ),
)

END_RULES = (
    Rule(
        "spot",
        (r"Spot Task was interrupted|Spot ?Interruption",),
        "interrupted: Spot took its capacity back",
        "run it again, or on FARGATE",
    ),
    Rule(
        "health",
        (r"health check|is unhealthy",),
        "a health check failed",
        "mend healthCheck of the task definition: command, startPeriod and retries",
    ),
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-maintenance.html
    Rule(
        "retired",
        (r"Host EC2|instance (deregist|terminat|stopp|drain)|maintenance|\bretire|underlying (host|infra|hardw)",),
        "stopped: its host went away",
        "run it again",
    ),
    Rule("stopped", (r"stopped by (a )?user",), "stopped on request", ""),
    Rule("stopped", (r"Scaling activity",), "stopped by a service's scheduler", "run it outside of a service"),
    Rule(
        "never_started", (r"Timeout waiting for|Internal ?error|ContainerRuntimeError",), "AWS could not run it", AGAIN
    ),
    Rule(
        "never_started",
        (r"ResourceInitialization",),
        "what the task needs could not be set up",
        f"check the execution role; {WAY_OUT}",
    ),
    Rule(
        "unknown",
        (r"Cannot(Stop|Inspect|Describe|Remove|List)\w+",),
        "the container runtime failed",
        "run it again; on EC2 look at the load of the instance",
    ),
    Rule(
        "unknown",
        (r"ECS does not know the task",),
        "its end was not seen",
        "look at its log; ECS forgets a task an hour after its end",
    ),
)

RULES = (
    *DEPENDENCY_RULES,
    *ROOM_RULES,
    *ROLE_RULES,
    *IMAGE_RULES,
    *NEEDS_RULES,
    *PLACE_RULES,
    *CONTAINER_RULES,
    *END_RULES,
)


def rule_for(reasons: Iterable[str]) -> Rule | None:
    """Find the rule that says the most of what ECS gave as reasons; None where none fits.

    Args:
        reasons: ``stoppedReason`` of the task, and ``reason`` of its containers.
    """
    return first_fitting(RULES, reasons)
