# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the setup jobs of a description."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.setup import (
    SetupCircleError,
    setup_jobs,
    setup_waves,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.finding import Finding, Path, unknown
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Job, Sections


def setup(sections: Sections) -> Iterator[Finding]:
    """Yield what keeps a deploy from running the setup jobs."""
    jobs = setup_jobs(sections["jobs"])
    found = [finding for name, job in jobs.items() for finding in _setup(name, job, jobs, sections)]
    yield from found
    if found:
        return
    try:
        setup_waves(jobs)
    except SetupCircleError as error:
        # graphlib names each job before the one that comes after it.
        circle = list(reversed(error.circle))
        what = f"lets setup jobs come after each other in a circle: {' after '.join(circle)}"
        yield Finding(("jobs", circle[0], "setup", "after"), what, f"remove {circle[1]}, or another one of these")


def _setup(name: str, job: Job, jobs: Collection[str], sections: Sections) -> Iterator[Finding]:
    at: Path = ("jobs", name, "setup")
    if "role" in job:
        yield Finding(at, "is that of a role, which has no task definition to run once", "remove it")
        return
    if "queue" in job:
        yield Finding(at, "is that of a job whose runs its queue starts", "remove it, or queue of the job")
    for each, parameter in job["parameters"].items():
        if parameter["required"]:
            what = "is required, and no deploy gives it"
            yield Finding(("jobs", name, "parameters", each), what, "give it a default, or remove setup from the job")
    for number, other in enumerate(job["setup"]["after"]):
        yield from unknown((*at, "after", number), other, jobs, "setup job", "jobs, with setup")
    for number, service in enumerate(job["setup"]["waits_for"]):
        yield from unknown((*at, "waits_for", number), service, sections["services"], "service", "services")
    for number, service in enumerate(job["setup"]["restarts"]):
        yield from unknown((*at, "restarts", number), service, sections["services"], "service", "services")
