# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.reasons import (
    CONTAINER_RULES,
    END_RULES,
    ROOM_RULES,
    rule_for,
)

INIT = "ResourceInitializationError: "
OCI = "CannotStartContainerError: Error response from daemon: failed to create task for container: failed to create "
OCI += "shim task: OCI runtime create failed: runc create failed: unable to start container process: "

# What is said of containers, and of the end of tasks; the kind of it, and a word of the remedy.
WORDINGS = [
    (
        "disk",
        "ephemeral_storage",
        "CannotCreateContainerError: API error (500): devmapper: Thin Pool has 4350 free data",
    ),
    # The container
    ("memory", "raise the memory", "OutOfMemoryError: Container killed due to memory usage"),
    ("memory", "raise the memory", "OutOfMemory: container killed due to high memory usage"),
    ("memory", "raise the memory", OCI + "container init was OOM-killed (memory limit too low?): unknown"),
    ("command", "mend command", OCI + 'exec: "node index.js": executable file not found in $PATH: unknown'),
    ("command", "in the image", OCI + 'exec: "/run.sh": stat /run.sh: no such file or directory: unknown'),
    ("command", "executable", OCI + 'exec: "/run.sh": permission denied: unknown'),
    (
        "command",
        "in the image",
        f"CannotStartContainerError: {INIT}failed to create new container runtime task: OCI runtime create failed: "
        'starting container process caused: exec: "/run.sh": stat /run.sh...no such file or direct...',
    ),
    (
        "never_started",
        "startTimeout",
        "DockerTimeoutError: Could not transition to started; timed out after waiting 3m0s",
    ),
    (
        "never_started",
        "startTimeout",
        "ContainerRuntimeTimeoutError: Could not transition to running; timed out after 1m",
    ),
    ("never_started", "ulimits", "CannotCreateContainerError: API error (500): Conflict"),
    ("never_started", "ulimits", "CannotStartContainerError: failed to get container status: x"),
    ("never_started", "volumes", "CannotCreateVolumeError: Cannot create volume"),
    ("never_started", "run it again", "ContainerRuntimeError: failed to create container IO set"),
    ("never_started", "run it again", "InternalError: unexpected"),
    ("never_started", "run it again", "Timeout waiting for EphemeralStorage provisioning to complete."),
    ("never_started", "execution role", INIT + "failed to do something new"),
    # The end of what ran
    ("spot", "FARGATE", "Your Spot Task was interrupted."),
    ("health", "healthCheck", "Task failed container health checks"),
    ("health", "healthCheck", "Task failed ELB health checks in (target-group arn:x)"),
    ("retired", "run it again", "ECS is performing maintenance on the underlying infrastructure hosting the task"),
    ("retired", "run it again", "Host EC2 (instance i-1) terminated."),
    ("retired", "run it again", "Container instance deregistration forced by user"),
    ("stopped", "service", "Scaling activity initiated by (deployment ecs-svc/1)"),
    ("stopped", "", "Task stopped by user"),
    ("unknown", "load of the instance", "CannotInspectContainerError: Could not transition to inspecting"),
    ("unknown", "load of the instance", "CannotStopContainerError: failed sending SIGTERM to container: x"),
    ("unknown", "look at its log", "ECS does not know the task any more"),
]


@pytest.mark.parametrize(("kind", "remedy", "reason"), WORDINGS, ids=[reason[-48:] for *others, reason in WORDINGS])
def test_a_wording_has_its_kind_and_remedy(kind: str, remedy: str, reason: str) -> None:
    rule = rule_for([reason])
    assert rule is not None and (rule.kind, remedy in rule.remedy) == (kind, True), rule


def test_every_rule_is_the_one_for_some_wording() -> None:
    used = {rule_for([reason]) for *others, reason in WORDINGS}
    assert [rule for rule in (*ROOM_RULES, *CONTAINER_RULES, *END_RULES) if rule not in used] == []


@pytest.mark.parametrize("reasons", [[], [""], ["Essential container in task exited"], ["something new"]])
def test_what_nobody_knows_has_no_rule(reasons: list[str]) -> None:
    assert rule_for(reasons) is None
