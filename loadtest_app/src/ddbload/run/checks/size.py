# SPDX-License-Identifier: Apache-2.0
"""Whether the tasks that a launch has are large enough for the plan, what others would cost, in one line."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from typing import Any

from ddbload.run.costs import budget, cost
from ddbload.run.task import ARCHITECTURES
from ddbload.scenario.plan import ClosedPlan, FindMaxPlan, Plan
from ddbload.scenario.scenario import Scenario
from ddbload.sizing import division, fleet, machine
from ddbload.sizing.demand import is_set_by_plan, peak_rate
from ddbload.sizing.fleet import Fleet

SHOWN_DOLLARS = 0.01


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe the tasks of a launch."""
    parser.add_argument("--vcpu", type=_positive, help="vCPUs of each machine (else this machine's)")
    parser.add_argument("--memory", metavar="GB", type=_positive, help="memory of each (2 GB a vCPU)")
    parser.add_argument("--architecture", choices=sorted(set(ARCHITECTURES.values())), default="X86_64")
    parser.add_argument("--region", default=cost.HOME_REGION, help=f"whose prices count ({cost.HOME_REGION})")
    parser.add_argument(
        "--rate-per-vcpu",
        metavar="RATE",
        type=_positive,
        default=fleet.RATE_A_VCPU,
        help=f"operations a second that one vCPU sends ({fleet.RATE_A_VCPU:g})",
    )
    parser.add_argument("--json", action="store_true", help="print the size as a JSON object")


def size_of(options: argparse.Namespace) -> machine.Size:
    """Return the size of each machine by the options; the open files of another machine are unknown."""
    return machine.Size(options.vcpu or machine.vcpus(), math.inf)


def report(scenario: Scenario, options: argparse.Namespace) -> str:
    """Return what ``validate`` prints: the line and the warnings, or all of it as JSON.

    Args:
        scenario: the run's, divided.
        options: of the command; ``segments`` is the number of tasks.
    """
    vcpu = options.vcpu or machine.vcpus()
    launched = Fleet(options.segments, vcpu, options.memory or vcpu * fleet.MEMORY_GB_A_VCPU)
    found = document(scenario, launched, options.architecture, options.region, options.rate_per_vcpu)
    return json.dumps(found) if options.json else "\n".join([found["line"], *found["warnings"]])


def document(
    scenario: Scenario,
    launched: Fleet,
    architecture: str = "X86_64",
    region: str = cost.HOME_REGION,
    rate_a_vcpu: float = fleet.RATE_A_VCPU,
) -> dict[str, Any]:
    """Return the size that a plan wants beside the size that is launched.

    Args:
        scenario: the run's, divided.
        launched: the tasks of the launch.
        architecture: of the tasks, X86_64 or ARM64.
        region: whose prices count.
        rate_a_vcpu: operations a second that one vCPU sends.

    Returns:
        ``peak_rate`` in operations a second, ``read_units`` and ``write_units`` a second at the peak, ``launched`` and
        ``choices`` with tasks, vCPUs, memory and dollars, ``is_enough`` (None where the plan does not set its rate),
        ``processes`` and ``connections`` of each task, ``requests_usd`` on demand (None where the plan has no number
        of operations), ``line`` and ``warnings`` for a person.
    """
    prices, seconds = cost.load_prices(region), _least_s(scenario)

    def priced(tasks: Fleet) -> dict[str, Any]:
        each = None if seconds is None else cost.fargate_cost(*tasks[1:], seconds, architecture, prices)
        return tasks._asdict() | {"usd": None if each is None else round(tasks.tasks * each, 4)}

    peak = peak_rate(scenario.plan)
    found = fleet.choices(peak, launched, rate_a_vcpu)
    is_enough = launched.rate(rate_a_vcpu) >= peak if is_set_by_plan(scenario.plan) else None
    read, write = budget.peak_units(scenario)
    requests = _requests_usd(scenario, prices)
    wanted = " or ".join(_words(tasks, priced(tasks)["usd"]) for tasks in found)
    verdict = {True: ": enough", False: ": too few", None: ""}[is_enough]
    line = (
        f"{_peak_words(scenario.plan, peak)}: {wanted}; you launch {_words(launched, priced(launched)['usd'])}{verdict}"
    )
    if requests:
        line += f"; the requests cost {_dollars(requests)} on demand"
    return {
        "peak_rate": peak,
        "read_units": round(read, 3),
        "write_units": round(write, 3),
        "launched": priced(launched),
        "choices": [priced(tasks) for tasks in found],
        "is_enough": is_enough,
        "processes": scenario.processes,
        "connections": scenario.connections,
        "requests_usd": None if requests is None else round(requests, 4),
        "line": line,
        "warnings": list(_warnings(scenario, launched, rate_a_vcpu, requests or 0.0)),
    }


def _warnings(scenario: Scenario, launched: Fleet, rate_a_vcpu: float, requests: float) -> Iterator[str]:
    peak = peak_rate(scenario.plan)
    if requests > scenario.max_cost:
        yield (
            f"the requests cost about ${requests:,.2f} on demand, max_cost is ${scenario.max_cost:,.2f}: the tasks "
            "refuse the run on an on-demand table -> lower the plan's rate, or raise max_cost"
        )
    if 0 < scenario.deadline <= (seconds := budget.least_s(scenario)):
        yield (
            f"the run takes {seconds:,.0f} s with its check and its cleanup at their rates, and ends itself after "
            f"{scenario.deadline:,.0f} s -> raise load_test_timeout, which is the deadline, or shorten the plan"
        )
    if not is_set_by_plan(scenario.plan):
        return
    if (sent := launched.rate(rate_a_vcpu)) < peak:
        yield (
            f"{launched.words()} send about {sent:,.0f} operations a second, the plan peaks at {peak:,.0f} -> raise "
            "task_cpu and task_memory first, then load_test_task_count"
        )
    each = division.rate_a_connection(peak / launched.tasks, scenario.connections)
    if each > division.MOST_RATE_A_CONNECTION:
        needed = division.connections_for(peak / launched.tasks, scenario.processes)
        yield (
            f"each of {scenario.connections:,} connections a task has to carry {each:,.0f} operations a second, which "
            f"takes responses within {1000 / each:.3g} ms -> raise connections to {needed:,}, or leave it out"
        )


def _peak_words(plan: Plan, peak: float) -> str:
    match plan:
        case FindMaxPlan():
            return f"the search goes up to {peak:,.0f} operations a second"
        case ClosedPlan():
            return f"{plan.concurrency:,} callers send about {peak:,.0f} operations a second at 20 ms each"
        case _:
            return f"the plan peaks at {peak:,.0f} operations a second"


def _words(tasks: Fleet, usd: float | None) -> str:
    if usd is None:
        return tasks.words()
    return f"{tasks.words()} ({_dollars(usd)})"


def _dollars(usd: float) -> str:
    return f"${usd:,.2f}" if usd >= SHOWN_DOLLARS else f"under ${SHOWN_DOLLARS}"


def _requests_usd(scenario: Scenario, prices: cost.Prices) -> float | None:
    """Return the dollars for the requests on an on-demand table; None where their number is unknown."""
    requests = budget.expected(scenario)
    return None if requests is None else cost.request_cost(*budget.units_of(requests.whole, 0), prices)


def _least_s(scenario: Scenario) -> float | None:
    """Return the seconds that a run takes at least; None where its plan sets no time."""
    plan = scenario.plan
    return None if isinstance(plan, FindMaxPlan) or plan.duration_s is None else budget.least_s(scenario)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {json.dumps(text[:60])}")
    return value
