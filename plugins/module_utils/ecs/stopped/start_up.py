# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that others wait for at the start of a task, and whether one of them has failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class StartUpFailure(NamedTuple):
    """A container that has ended in a way that another one cannot start after.

    Attributes:
        container: its name.
        exit_code: its exit code.
        waiting: name of the container that cannot start.
        condition: what that one waits for, SUCCESS or HEALTHY.
    """

    container: str
    exit_code: int
    waiting: str
    condition: str

    @property
    def text(self) -> str:
        """What happened, in a few words."""
        awaited = "its success" if self.condition == "SUCCESS" else "its health"
        return (
            f"start-up container {self.container} ended with exit code {self.exit_code}, "
            f"and {self.waiting} waits for {awaited}"
        )


def failed_start_up(definition: Mapping[str, Any], containers: Iterable[Mapping[str, Any]]) -> StartUpFailure | None:
    """Find a container whose end keeps another one from starting; None where there is none.

    The ECS agent may leave this task in PENDING for ever: https://github.com/aws/amazon-ecs-agent/issues/2579

    Args:
        definition: the task definition, as DescribeTaskDefinition returns it.
        containers: the task's containers as the module returns it (see ``tasks.task_of``).
        See https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
    """
    codes = {one["name"]: one["exit_code"] for one in containers}
    for waiting in definition.get("containerDefinitions", []):
        for dependency in waiting.get("dependsOn") or []:
            name, condition = dependency["containerName"], dependency["condition"]
            code = codes.get(name)
            # Who waits for health does so in vain once the container has ended, whatever its exit code.
            if code is not None and (condition == "HEALTHY" or (condition == "SUCCESS" and code != 0)):
                return StartUpFailure(name, code, waiting["name"], condition)
    return None
