# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys where stacks take their time, and several at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from playground import Place
from slow_stacks import SlowStacks, slow_place

STACKS = {"network", "registry", "table", "cluster", "observability"}


@pytest.fixture
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, SlowStacks]]:
    """An embedded AWS whose network is done only after the last of the stacks was begun."""

    def is_done(component: str, begun: Mapping[str, float]) -> bool:
        return component != "network" or set(begun) == STACKS

    with slow_place(tmp_path_factory.mktemp("slow"), is_done) as found:
        yield found


def test_stacks_that_need_nothing_of_each_other_are_made_at_the_same_time(slow: tuple[Place, SlowStacks]) -> None:
    place, proxy = slow
    # Were the network waited for before the others, the deploy would give up.
    play = place.play("deploy.yml", "-e", json.dumps({"aws_endpoint_url": proxy.url, "stack_wait_timeout": 60}))
    assert play.code == 0
    done = proxy.seen_done
    assert set(proxy.begun) == set(done) == STACKS
    assert max(proxy.begun.values()) < done["network"]
    assert max(done["registry"], done["table"]) < min(proxy.begun["cluster"], proxy.begun["observability"])


def test_two_deploys_at_once_do_not_collide(slow: tuple[Place, SlowStacks]) -> None:
    place, proxy = slow
    variables = json.dumps({"aws_endpoint_url": proxy.url})
    with ThreadPoolExecutor() as pool:
        plays = list(pool.map(lambda _number: place.play("deploy.yml", "-e", variables), range(2)))
    assert [play.code for play in plays] == [0, 0]
    found = place.client("cloudformation").describe_stacks()["Stacks"]
    assert {stack["StackStatus"] for stack in found} <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    assert len(found) == len(STACKS)
    again = place.play("deploy.yml")
    assert (again.code, again.changed) == (0, 0)
