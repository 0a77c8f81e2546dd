# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that are part of a deploy: their order, and what says that one was run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Job

# The path of what says so, below that of the environment's parameters.
SETUP = "setup"


class SetupCircleError(Exception):
    """Setup jobs come after each other in a circle.

    Attributes:
        circle: their names, each after the next one; the first one is also the last.
    """

    def __init__(self, circle: list[str]) -> None:
        self.circle = circle
        super().__init__(", ".join(circle))


def setup_jobs(jobs: Mapping[str, Job]) -> dict[str, Job]:
    """Return the setup jobs among jobs, in the order of the description."""
    return {name: job for name, job in jobs.items() if "setup" in job}


def setup_waves(jobs: Mapping[str, Job]) -> list[list[str]]:
    """Return the setup jobs in their order: each wave comes after all jobs of the waves before.

    Args:
        jobs: by name, of which those with ``setup`` count; each ``after`` names such a job.

    Raises:
        SetupCircleError: jobs come after each other in a circle.
    """
    found = setup_jobs(jobs)
    sorter = TopologicalSorter({name: job["setup"]["after"] for name, job in found.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        raise SetupCircleError(error.args[1]) from None
    waves = []
    while sorter.is_active():
        ready = set(sorter.get_ready())
        waves.append([name for name in found if name in ready])
        sorter.done(*ready)
    return waves


def setup_order(jobs: Mapping[str, Job]) -> list[str]:
    """Return the names of the setup jobs in the order in which a deploy runs them; see :func:`setup_waves`."""
    return [name for wave in setup_waves(jobs) for name in wave]


def setup_mark(job: Job, task_definition: str) -> str:
    """Return what is kept of a successful run: what another run would not differ in.

    Args:
        job: the job.
        task_definition: its ARN, with the revision.
    """
    defaults = {name: each["default"] for name, each in job["parameters"].items() if "default" in each}
    if not defaults:
        return task_definition
    digest = hashlib.sha256(json.dumps(defaults, sort_keys=True).encode()).hexdigest()[:16]
    return f"{task_definition} {digest}"
