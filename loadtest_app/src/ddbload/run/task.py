# SPDX-License-Identifier: Apache-2.0
"""The ECS task of this process, and its size, which determines its cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ddbload.sizing.machine import vcpus

METADATA_TIMEOUT_S = 1.0
MB_IN_GB = 1024
# As the platform module and as ECS spell them.
ARCHITECTURES = {"x86_64": "X86_64", "aarch64": "ARM64", "arm64": "ARM64"}


class Task(NamedTuple):
    """A task; without an id, CPU and memory where no ECS is."""

    id: str | None = None
    vcpu: float = 0.0
    memory_gb: float = 0.0
    architecture: str = "X86_64"

    def shared(self, processes: int) -> Task:
        """Return each process's share of the task's virtual CPUs and memory."""
        return self._replace(vcpu=self.vcpu / processes, memory_gb=self.memory_gb / processes)

    def cpus(self, processes: int) -> float:
        """Return how many CPUs each of a machine's processes may use at a time, at most one; this is its share."""
        return min(1.0, self.vcpu or vcpus() / processes)

    def hardware(self) -> dict[str, Any] | None:
        """Return the task's size; None outside ECS."""
        if not self.id:
            return None
        return {"vcpu": self.vcpu, "memory_gb": self.memory_gb, "architecture": self.architecture}


NO_TASK = Task()


def read_task(environment: Mapping[str, str]) -> Task:
    """Return the task of this process, as ECS reports it.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
    """
    uri = environment.get("ECS_CONTAINER_METADATA_URI_V4")
    if not uri:
        return NO_TASK
    import http.client
    import platform
    import urllib.request

    try:
        with urllib.request.urlopen(f"{uri}/task", timeout=METADATA_TIMEOUT_S) as answer:
            document: Any = json.load(answer)
        limits = document.get("Limits") or {}
        return Task(
            id=str(document["TaskARN"]).rpartition("/")[2],
            vcpu=float(limits.get("CPU", 0.0)),
            memory_gb=float(limits.get("Memory", 0.0)) / MB_IN_GB,
            architecture=ARCHITECTURES.get(platform.machine(), "X86_64"),
        )
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return NO_TASK
