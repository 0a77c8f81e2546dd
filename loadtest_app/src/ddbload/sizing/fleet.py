# SPDX-License-Identifier: Apache-2.0
"""How many tasks of which size a rate needs."""

from __future__ import annotations

import math
from typing import NamedTuple

# Reasoned, not measured on Fargate: docs/scale.md says how.
RATE_A_VCPU = 10_000.0
# The sizes of a task, and the least memory of each in GB for a vCPU:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
VCPUS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
MEMORY_GB_A_VCPU = 2.0


class Fleet(NamedTuple):
    """Tasks of one size: how many, with the vCPUs and the GB of memory of each."""

    tasks: int
    vcpu: float
    memory_gb: float

    def rate(self, rate_a_vcpu: float = RATE_A_VCPU) -> float:
        """Return the operations a second that the tasks send together."""
        return self.tasks * self.vcpu * rate_a_vcpu

    def words(self) -> str:
        """Return its size in words: ``4 tasks of 1 vCPU``."""
        return f"{self.tasks:,} task{'' if self.tasks == 1 else 's'} of {self.vcpu:g} vCPU"


def tasks_for(rate: float, vcpu: float, rate_a_vcpu: float = RATE_A_VCPU) -> int:
    """Return how many tasks of one size send a rate in operations a second; at least one."""
    return max(1, math.ceil(rate / (vcpu * rate_a_vcpu)))


def fewest(rate: float, rate_a_vcpu: float = RATE_A_VCPU) -> Fleet:
    """Return the fewest tasks that send a rate: one of the smallest size that does, else the largest size."""
    vcpu = next((vcpu for vcpu in VCPUS if vcpu * rate_a_vcpu >= rate), VCPUS[-1])
    return Fleet(tasks_for(rate, vcpu, rate_a_vcpu), vcpu, vcpu * MEMORY_GB_A_VCPU)


def choices(rate: float, launched: Fleet, rate_a_vcpu: float = RATE_A_VCPU) -> list[Fleet]:
    """Return what sends a rate: as many tasks of the launched size as it takes, and the fewest tasks."""
    same = launched._replace(tasks=tasks_for(rate, launched.vcpu, rate_a_vcpu))
    few = fewest(rate, rate_a_vcpu)
    return [same] if (same.tasks, same.vcpu) == (few.tasks, few.vcpu) else [same, few]
