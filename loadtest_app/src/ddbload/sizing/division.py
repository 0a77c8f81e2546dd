# SPDX-License-Identifier: Apache-2.0
"""How a task's share of a plan is divided: its processes, and its connections."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from ddbload.scenario.plan import FindMaxPlan
from ddbload.scenario.scenario import Scenario
from ddbload.sizing.demand import EXPECTED_LATENCY_S, peak_rate

# A process sends 10,000 operations a second on a vCPU of Fargate (docs/scale.md); at half of that it is punctual.
PROCESS_RATE = 5_000.0
MOST_PROCESSES = 64
LEAST_CONNECTIONS, MOST_CONNECTIONS = 64, 10_000
# Connections for twice the expected latency: arrivals come in bursts, and a response may be slow.
HEADROOM = 2.0
# A connection that has to carry more is free only where the table responds within 5 ms.
MOST_RATE_A_CONNECTION = 200.0


def processes_for(rate: float, vcpu: float) -> int:
    """Return how many processes a task runs: one for each ``PROCESS_RATE``, at most one a vCPU, at least one.

    Args:
        rate: the task's highest rate, in operations a second.
        vcpu: of the task.
    """
    return max(1, min(math.ceil(rate / PROCESS_RATE), math.floor(vcpu), MOST_PROCESSES))


def connections_for(rate: float, processes: int, file_limit: float = math.inf) -> int:
    """Return how many connections a task opens, all its processes together.

    Args:
        rate: the task's highest rate, in operations a second.
        processes: of the task.
        file_limit: connections that one process may have open.
    """
    needed = math.ceil(rate * EXPECTED_LATENCY_S * HEADROOM)
    most = min(MOST_CONNECTIONS, file_limit * processes)
    return int(max(processes, min(max(LEAST_CONNECTIONS, needed), most)))


def rate_a_connection(rate: float, connections: int) -> float:
    """Return what one connection carries, in operations a second.

    Args:
        rate: the task's highest rate, in operations a second.
        connections: of the task.
    """
    return rate / connections


def divided(
    scenario: Scenario,
    tasks: int,
    vcpu: float,
    fits: Callable[[Scenario], bool] = lambda _scenario: True,
    file_limit: float = math.inf,
) -> Scenario:
    """Return the scenario with the processes and the connections of each task; what it names itself stays.

    Args:
        scenario: the run's.
        tasks: how many tasks share the plan.
        vcpu: of each task.
        fits: whether the tasks can share the scenario with its number of processes; one process is the least.
        file_limit: connections that one process may have open.
    """
    plan, rate = scenario.plan, peak_rate(scenario.plan) / tasks
    processes = scenario.processes
    if not processes:
        trials = (replace(scenario, processes=count) for count in range(processes_for(rate, vcpu), 1, -1))
        processes = next((trial.processes for trial in trials if fits(trial)), 1)
    if isinstance(plan, FindMaxPlan):
        # The ceiling of a search may be far above what its processes can send.
        rate = min(rate, 2 * PROCESS_RATE * processes)
    connections = scenario.connections or connections_for(rate, processes, file_limit)
    return replace(scenario, processes=processes, connections=connections)
