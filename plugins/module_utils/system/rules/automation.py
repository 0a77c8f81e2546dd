# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with how jobs run by themselves: workers of a queue, schedules, and names that these take."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.workers import (
    WORKERS,
    worker_jobs,
    workers_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.finding import Finding, Path
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Job, JobQueue, Schedule, Sections

# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
CRON_FIELDS = 6
# Keys of a job's queue that only its workers have; an environment may name the worker_command of its machine always.
OF_WORKERS = ("per_task", "scale_in_cooldown", "scale_out_cooldown")
# The end of a dead-letter queue's name.
DEAD_LETTERS = "-dead-letters"


def job_queue(at: Path, queue: JobQueue, job: Job) -> Iterator[Finding]:
    """Yield what is wrong with the words of a job's queue."""
    if queue["mode"] == WORKERS:
        if not (job["entry_point"] or job["command"]):
            yield Finding((*at, "mode"), "is workers, and the job has no command", "add command to the job")
        return
    for key in OF_WORKERS:
        if key in queue:
            remedy = "remove it, or take mode: workers"
            yield Finding((*at, key), f"has no effect with mode {queue['mode']}", remedy)


def schedule(at: Path, section: Schedule, job: Job, queues: Collection[str]) -> Iterator[Finding]:
    """Yield what keeps a job from its schedule; ``at`` is the job."""
    for name, parameter in job["parameters"].items():
        if parameter["required"]:
            what = "is required, and no schedule gives it"
            yield Finding((*at, "parameters", name), what, "give it a default, or remove schedule from the job")
    kind, _parenthesis, fields = section["expression"].removesuffix(")").partition("(")
    days = fields.split()[2:5:2] if kind == "cron" else []
    if kind == "cron" and len(fields.split()) != CRON_FIELDS:
        what = f"has {len(fields.split())} fields, and cron has {CRON_FIELDS}"
        remedy = "write minutes, hours, day of month, month, day of week, year: cron(0 6 * * ? *)"
        yield Finding((*at, "schedule", "expression"), what, remedy)
    elif kind == "cron" and days.count("?") != 1:
        what = "has not one ? in day of month and day of week"
        yield Finding((*at, "schedule", "expression"), what, "write ? in that of both which does not matter")
    if f"{at[-1]}-missed" in queues:
        what = f"has the name of the queue with the missed runs of job {at[-1]}"
        yield Finding(("queues", f"{at[-1]}-missed"), what, "give it another name")


def queue_names(sections: Sections) -> Iterator[Finding]:
    """Yield each queue with the name of another one's dead-letter queue."""
    for name in sections["queues"]:
        other = name.removesuffix(DEAD_LETTERS)
        if other != name and other in sections["queues"]:
            yield Finding(("queues", name), f"has the name of the dead-letter queue of {other}", "give it another name")


def workers(sections: Sections) -> Iterator[Finding]:
    """Yield each job whose workers clash with a service, another job, or the workers of another job."""
    handled: dict[str, str] = {}
    for name, job in worker_jobs(sections).items():
        for section in ("services", "jobs"):
            if workers_of(name) in sections[section]:
                what = f"has the name of the workers of job {name}"
                yield Finding((section, workers_of(name)), what, "give it a name of its own")
        queue = job["queue"]["name"]
        other = handled.setdefault(queue, name)
        if other != name:
            what = f"is {queue}, whose messages the workers of {other} take, too"
            yield Finding(("jobs", name, "queue", "name"), what, "give each job a queue of its own")
