# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prices of Fargate, and what the tasks of a system cost by them before any task runs."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Job, Service, Workload


class Prices(NamedTuple):
    """Prices in USD: of a vCPU, a GB of memory, and a GB of ephemeral storage beyond what is free, each an hour."""

    vcpu_hour: float
    gb_hour: float
    storage_gb_hour: float


PRICE_REGION, PRICE_DATE = "us-east-1", "2026-11-21"
# Linux, on demand, from https://aws.amazon.com/fargate/pricing/. Windows has prices and a least time of its own.
PRICES = {
    "X86_64": Prices(0.04048, 0.004445, 0.000111),
    "ARM64": Prices(0.03238, 0.00356, 0.000111),
}
BILLED_LEAST = 60  # seconds
FREE_STORAGE = 20  # GB
HOUR = 3600.0  # seconds
MONTH = 730  # hours, as AWS Pricing Calculator reckons: https://calculator.aws


def hourly_cost(prices: Prices, cpu: int, memory: int, storage: int) -> float:
    """Return what an hour of a task costs, in USD.

    Args:
        prices: of the task's architecture.
        cpu: CPU units.
        memory: MiB.
        storage: GB of ephemeral storage, with those that are free.
    """
    paid = max(0, storage - FREE_STORAGE)
    return cpu / 1024 * prices.vcpu_hour + memory / 1024 * prices.gb_hour + paid * prices.storage_gb_hour


def task_hour(workload: Workload) -> float:
    """Return what an hour of one task costs, in USD."""
    storage = workload.get("ephemeral_storage", FREE_STORAGE)
    return hourly_cost(PRICES[workload["architecture"]], workload["cpu"], workload["memory"], storage)


def run_cost(job: Job) -> float:
    """Return what a run of a job costs at most, in USD: a task for the job's timeout."""
    return task_hour(job) * max(job["timeout"], BILLED_LEAST) / HOUR


def task_counts(service: Service) -> tuple[int, int]:
    """Return the least and the most tasks of a service; a count of 0 switches it off, scaled or not."""
    count = service["desired_count"]
    scaling = service.get("scaling")
    return (scaling["min"], scaling["max"]) if scaling and count else (count, count)


def service_line(name: str, service: Service) -> str:
    """Return in one line what the tasks of a service cost."""
    smallest, largest = task_counts(service)
    tasks = counted(largest, "task") if smallest == largest else f"{smallest} to {largest} tasks"
    months = [f"${task_hour(service) * each * MONTH:.2f}" for each in sorted({smallest, largest})]
    return f"service {name}: {tasks} of {_size(service)}, {' to '.join(months)} a month"


def job_line(name: str, job: Job) -> str:
    """Return in one line what a run of a job costs, and what all of its tasks do."""
    most = job["queue"]["max_running"] if "queue" in job else 1
    together = f", ${task_hour(job) * most:.2f} an hour for {most} tasks" if most > 1 else ""
    run = f"at most ${run_cost(job):.4f} a run of {job['timeout']} s"
    return f"job {name}: {_size(job)}, {run}{together}; nothing when idle"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as 2 tasks."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def _size(workload: Workload) -> str:
    return f"{workload['cpu'] / 1024:g} vCPU and {workload['memory'] / 1024:g} GB"
