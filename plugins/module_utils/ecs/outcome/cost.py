# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks cost on Fargate, by their size and the time that is billed: https://aws.amazon.com/fargate/pricing/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import ceil
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.fargate import (
    BILLED_LEAST,
    FREE_STORAGE,
    HOUR,
    PRICE_DATE,
    PRICE_REGION,
    PRICES,
    Prices,
    hourly_cost,
)

PROVIDERS = ("FARGATE", "FARGATE_SPOT")


def fargate_cost(
    task: Mapping[str, Any], architecture: str, prices: Mapping[str, float | None] | None, now: datetime
) -> dict[str, Any] | None:
    """Reckon what a task costs on Fargate, without public addresses, traffic and logs.

    Billed is from the pull of the image to the end of the task, by the second and for a minute at least. Where the
    pull's begin is not known, the task's creation stands in; a task that ended without pull and start cost nothing.

    Args:
        task: the task as the module returns it (see ``tasks.task_of``).
        architecture: X86_64 or ARM64; another one has no price here.
        prices: they replace the module's, in USD: ``vcpu_hour``, ``gb_hour``, ``storage_gb_hour``; None for those.
        now: the end for a task that has not ended.

    Returns:
        None where it does not run on Fargate, or where size, begin or price is not known. Else ``usd``, ``billed_s``,
        ``vcpu``, ``memory_gb``; ``price_region`` and ``price_date`` of the prices, None where they are the user's;
        ``is_estimate``, always; ``is_upper_bound``, whether it is Spot, which is cheaper by a rate of the day.
    """
    if not is_on_fargate(task) or task["cpu"] is None or task["memory"] is None:
        return None
    found = _prices(architecture, prices)
    billed = _billed_seconds(task, now)
    if found is None or billed is None:
        return None
    hourly = hourly_cost(found, task["cpu"], task["memory"], task["ephemeral_storage"] or FREE_STORAGE)
    is_ours = not has_own_prices(prices)
    return {
        "usd": round(hourly * billed / HOUR, 6),
        "billed_s": billed,
        "vcpu": task["cpu"] / 1024,
        "memory_gb": task["memory"] / 1024,
        "price_region": PRICE_REGION if is_ours else None,
        "price_date": PRICE_DATE if is_ours else None,
        "is_estimate": True,
        "is_upper_bound": task["capacity_provider"] == "FARGATE_SPOT",
    }


def total_cost(costs: Iterable[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Add up what tasks cost.

    Args:
        costs: what ``fargate_cost`` returned for each.

    Returns:
        None where there is none. Else the same, with the sums; ``is_upper_bound`` where it holds for one of them.
    """
    known = [one for one in costs if one is not None]
    if not known:
        return None
    sums = {name: sum(one[name] for one in known) for name in ("usd", "billed_s", "vcpu", "memory_gb")}
    return {
        **known[0],
        **sums,
        "usd": round(sums["usd"], 6),
        "is_upper_bound": any(one["is_upper_bound"] for one in known),
    }


def architecture_of(definition: Mapping[str, Any]) -> str:
    """Return a task definition's CPU architecture, as far as it is Linux; WINDOWS where it is not.

    Args:
        definition: the task definition, as DescribeTaskDefinition returns it. What it does not say is X86_64 and Linux:
            https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
    """
    platform = definition.get("runtimePlatform") or {}
    if str(platform.get("operatingSystemFamily", "")).startswith("WINDOWS"):
        return "WINDOWS"
    return str(platform.get("cpuArchitecture") or "X86_64")


def is_on_fargate(task: Mapping[str, Any]) -> bool:
    """Return whether a task as the module returns it runs on Fargate."""
    return task["capacity_provider"] in PROVIDERS or task["launch_type"] == "FARGATE"


def region_of(task: Mapping[str, Any]) -> str:
    """Return the region that a task's ARN names."""
    return str(task["task_arn"]).split(":")[3] if str(task["task_arn"]).count(":") > 3 else ""


def has_own_prices(prices: Mapping[str, float | None] | None) -> bool:
    """Return whether the user gave the prices that make up nearly all of the cost."""
    return prices is not None and prices.get("vcpu_hour") is not None and prices.get("gb_hour") is not None


def _prices(architecture: str, prices: Mapping[str, float | None] | None) -> Prices | None:
    known = PRICES.get(architecture)
    given = {name: value for name, value in (prices or {}).items() if value is not None}
    return known._replace(**given) if known else None


def _billed_seconds(task: Mapping[str, Any], now: datetime) -> int | None:
    has_ended = task["last_status"] == "STOPPED"
    if has_ended and task["pull_started_at"] is None and task["started_at"] is None:
        return 0
    begin = task["pull_started_at"] or task["created_at"]
    end = task["stopped_at"] or (None if has_ended else now.isoformat())
    if begin is None or end is None:
        return None
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
    return max(BILLED_LEAST, ceil(seconds))
