# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reasons that ECS gives for a stopped task: all rules in their order, specific ones first.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.image_reasons import IMAGE_RULES
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.rule import WAY_OUT, Rule, first_match
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.start_reasons import (
    NEEDS_RULES,
    PLACE_RULES,
    ROLE_RULES,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

EXECUTE = r"OCI runtime|runc|shim|starting container process|exec:|CannotStartContainer|container runtime task"
AGAIN = "a fault of AWS: run it again"

# Reasons of ECS' agent for a container whose dependency failed: https://github.com/aws/amazon-ecs-agent/pull/3218
DEPENDENCY_RULES = (
    Rule(
        (r"dependency graph|container ordering dependency",),
        Problem(
            "never_started",
            "a container that another one waits for has failed",
            "look at the log of the container that the reason names first, and fix what it does",
        ),
    ),
)

ROOM_RULES = (
    Rule(
        (r"OutOfMemory|OOM.?killed|memory limit too low|cannot allocate memory|Minimum memory limit",),
        Problem(
            "memory",
            "a container ran out of memory",
            "raise the memory of the task or the container, or lower the load in it",
        ),
    ),
    Rule(
        (r"no space left on device|Thin Pool",),
        Problem(
            "disk",
            "the disk is full",
            "raise overrides.ephemeral_storage, or use a smaller image; on EC2 free the instance's disk",
        ),
    ),
)

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-runtime-timeout-error.html and its neighbours
CONTAINER_RULES = (
    Rule(
        (EXECUTE, r"file not found|no such file|not a directory|permission denied"),
        Problem(
            "command",
            "the command cannot be run in this image",
            "fix command, entryPoint and workingDirectory, and see that the file is in the image and executable",
        ),
    ),
    Rule(
        (r"DockerTimeout|ContainerRuntimeTimeout|Could not transition to (created|started|running)",),
        Problem(
            "never_started",
            "a container did not start in time",
            "give the subnet a way to CloudWatch Logs (NAT gateway, or endpoint logs), or raise startTimeout",
        ),
    ),
    Rule(
        (r"CannotCreateVolume",),
        Problem("never_started", "a volume could not be made", "check the task definition's volumes"),
    ),
    Rule(
        (r"CannotCreateContainer|CannotStartContainer|OCI runtime",),
        Problem(
            "never_started",
            "a container could not be started",
            "check the container's command, mounts, ulimits and devices in the task definition",
        ),
    ),
)

END_RULES = (
    Rule(
        (r"Spot Task was interrupted|Spot ?Interruption",),
        Problem("spot", "interrupted: Spot took its capacity back", "run it again, or on FARGATE"),
    ),
    Rule(
        (r"health check|is unhealthy",),
        Problem(
            "health",
            "a health check failed",
            "fix healthCheck of the task definition: command, startPeriod and retries",
        ),
    ),
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-maintenance.html
    Rule(
        (r"Host EC2|instance (deregist|terminat|stopp|drain)|maintenance|\bretire|underlying (host|infra|hardw)",),
        Problem("retired", "stopped: its host went away", "run it again"),
    ),
    Rule((r"stopped by (a )?user",), Problem("stopped", "stopped on request")),
    Rule((r"Scaling activity",), Problem("stopped", "stopped by a service's scheduler", "run it outside of a service")),
    Rule(
        (r"Timeout waiting for|Internal ?error|ContainerRuntimeError",),
        Problem("never_started", "AWS could not run it", AGAIN),
    ),
    Rule(
        (r"ResourceInitialization",),
        Problem("never_started", "what the task needs could not be set up", f"check the execution role; {WAY_OUT}"),
    ),
    Rule(
        (r"Cannot(Stop|Inspect|Describe|Remove|List)\w+",),
        Problem("unknown", "the container runtime failed", "run it again; on EC2 look at the load of the instance"),
    ),
    Rule(
        (r"ECS does not know the task",),
        Problem("unknown", "its end was not seen", "look at its log; ECS forgets a task an hour after its end"),
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


def problem_for(reasons: Iterable[str]) -> Problem | None:
    """Return the problem that the reasons mean, the most specific one; None where no rule matches.

    Args:
        reasons: ``stoppedReason`` of the task, and ``reason`` of its containers.
    """
    return first_match(RULES, reasons)
