# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks cost, against figures computed by hand and the load tester's price list."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.cost import (
    PRICE_DATE,
    PRICE_REGION,
    PRICES,
    architecture_of,
    fargate_cost,
    total_cost,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import task_of
from hypothesis import given
from hypothesis import strategies as st

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=1)
PRICE_LIST = Path(__file__).parents[6] / "loadtest_app" / "src" / "ddbload" / "run" / "costs" / "prices.json"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def task(**more: Any) -> dict[str, Any]:
    described = {
        "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/c/id",
        "lastStatus": "STOPPED",
        "launchType": "FARGATE",
        "cpu": "2048",
        "memory": "4096",
        "createdAt": at(-20),
        "pullStartedAt": at(0),
        "startedAt": at(10),
        "stoppedAt": at(3600),
    }
    return task_of({**described, **more}, [])


def cost(prices: dict[str, float | None] | None = None, architecture: str = "X86_64", **more: Any) -> dict[str, Any]:
    found = fargate_cost(task(**more), architecture, prices, LATER)
    assert found is not None
    return found


def test_the_cost_of_two_vcpus_and_four_gigabytes() -> None:
    assert cost() == {
        "usd": round(2 * 0.04048 + 4 * 0.004445, 6),
        "billed_s": 3600,
        "vcpu": 2.0,
        "memory_gb": 4.0,
        "price_region": "us-east-1",
        "price_date": PRICE_DATE,
        "is_estimate": True,
        "is_upper_bound": False,
    }


def test_arm_is_cheaper() -> None:
    assert cost(architecture="ARM64")["usd"] == round(2 * 0.03238 + 4 * 0.00356, 6)


def test_only_storage_beyond_20_gigabytes_costs() -> None:
    assert cost(ephemeralStorage={"sizeInGiB": 20})["usd"] == cost()["usd"]
    assert cost(ephemeralStorage={"sizeInGiB": 120})["usd"] == pytest.approx(cost()["usd"] + 100 * 0.000111)


def test_the_users_prices_take_precedence() -> None:
    found = cost({"vcpu_hour": 1.0, "gb_hour": 0.1, "storage_gb_hour": None}, ephemeralStorage={"sizeInGiB": 120})
    assert found["usd"] == pytest.approx(2.0 + 0.4 + 0.0111)
    assert (found["price_region"], found["price_date"]) == (None, None)
    assert cost({"gb_hour": 0.0})["usd"] == round(2 * 0.04048, 6)


@pytest.mark.parametrize(
    ("more", "billed"),
    [
        ({"stoppedAt": at(5)}, 60),
        ({"stoppedAt": at(60)}, 60),
        ({"stoppedAt": at(60.001)}, 61),
        ({"pullStartedAt": None}, 3620),
        ({"pullStartedAt": None, "startedAt": None, "stoppedAt": at(100)}, 0),
        ({"lastStatus": "RUNNING", "stoppedAt": None}, 86_400),
        ({"lastStatus": "PROVISIONING", "pullStartedAt": None, "startedAt": None, "stoppedAt": None}, 86_420),
    ],
)
def test_billed_time_is_from_the_pull_to_the_end(more: dict[str, Any], billed: int) -> None:
    """AWS bills the time from the pull to the end, by the second, one minute at least."""
    assert cost(**more)["billed_s"] == billed


def test_the_cost_on_spot_is_an_upper_bound() -> None:
    assert cost(capacityProviderName="FARGATE_SPOT", launchType=None) == {**cost(), "is_upper_bound": True}


@pytest.mark.parametrize(
    "more",
    [
        {"launchType": "EC2"},
        {"launchType": None, "capacityProviderName": "mine"},
        {"cpu": None},
        {"memory": None},
        {"pullStartedAt": None, "createdAt": None},
        {"stoppedAt": None},
    ],
)
def test_other_and_unknown_launch_types_have_no_cost(more: dict[str, Any]) -> None:
    assert fargate_cost(task(**more), "X86_64", None, LATER) is None


@pytest.mark.parametrize(
    ("platform", "architecture", "has_cost"),
    [
        (None, "X86_64", True),
        ({"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}, "ARM64", True),
        ({"cpuArchitecture": "X86_64", "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}, "WINDOWS", False),
    ],
)
def test_every_platform_but_windows_has_a_price(
    platform: dict[str, str] | None, architecture: str, has_cost: bool
) -> None:
    """Every platform of a definition has a price, except Windows."""
    definition = {"runtimePlatform": platform} if platform else {}
    assert architecture_of(definition) == architecture
    assert (fargate_cost(task(), architecture, None, LATER) is not None) == has_cost


def test_prices_are_those_of_the_load_tester() -> None:
    document = json.loads(PRICE_LIST.read_text(encoding="utf-8"))
    listed = document["regions"][PRICE_REGION]["fargate"]
    assert document["date"] == PRICE_DATE
    assert {name: {"vcpu_hour": one.vcpu_hour, "gb_hour": one.gb_hour} for name, one in PRICES.items()} == listed


@given(st.lists(st.none() | st.builds(cost, stoppedAt=st.floats(0, 1e6).map(at)), max_size=5))
def test_the_whole_costs_what_its_parts_cost(costs: list[dict[str, Any] | None]) -> None:
    known = [one for one in costs if one]
    total = total_cost(costs)
    assert (total is None) == (not known)
    if total:
        assert set(total) == set(cost())
        for name in ("usd", "billed_s", "vcpu", "memory_gb"):
            assert total[name] == pytest.approx(sum(one[name] for one in known))


def test_the_whole_is_an_upper_bound_where_a_part_is() -> None:
    total = total_cost([cost(), cost(capacityProviderName="FARGATE_SPOT"), None])
    assert total is not None
    assert (total["is_upper_bound"], total["is_estimate"]) == (True, True)
