# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys with slow stacks, and two deploys at the same time."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from emulator_env import EmulatorEnv, Play
from slow_stacks import SlowStacks, slow_stacks

STACKS = {"network", "registry", "table", "cluster", "task", "observability"}
SERVICE_ROLE = "/aws-service-role/ecs.amazonaws.com/"  # path of ECS's service-linked role
pytestmark = pytest.mark.timeout(600)  # three deploys that share the machine with others


@pytest.fixture
def slow(deployed: tuple[EmulatorEnv, Play]) -> Iterator[tuple[EmulatorEnv, SlowStacks]]:
    """An embedded AWS whose network is done only after the last of the stacks has started."""
    emulator = dataclasses.replace(deployed[0], timeout=600)

    def is_done(component: str, begun: Mapping[str, float]) -> bool:
        return component != "network" or set(begun) == STACKS

    with slow_stacks(emulator.port, is_done) as proxy:
        yield emulator, proxy


def arguments(project: str, **variables: object) -> list[str]:
    """Return the arguments by which a deploy creates stacks of its own."""
    return ["-e", json.dumps({"ddbload_project": project} | variables)]


def test_independent_stacks_are_created_concurrently(slow: tuple[EmulatorEnv, SlowStacks]) -> None:
    """Stacks without dependencies on each other are created at the same time."""
    emulator, proxy = slow
    # A deploy that waits for the network before the others gives up.
    play = emulator.play("deploy.yml", *arguments("slow", aws_endpoint_url=proxy.url, stack_wait_timeout=60))
    assert play.code == 0
    done = proxy.seen_done
    assert set(proxy.begun) == set(done) == STACKS
    assert max(proxy.begun.values()) < done["network"]
    assert max(done["registry"], done["table"]) < min(proxy.begun["task"], proxy.begun["observability"])


def test_two_deploys_at_once_do_not_collide(slow: tuple[EmulatorEnv, SlowStacks]) -> None:
    emulator, proxy = slow
    deploy = ["deploy.yml", *arguments("twice", aws_endpoint_url=proxy.url)]
    # As in a fresh account, both deploys find that ECS's role is missing.
    iam = emulator.client("iam")
    (role,) = iam.list_roles(PathPrefix=SERVICE_ROLE)["Roles"]
    iam.delete_role(RoleName=role["RoleName"])
    with ThreadPoolExecutor() as pool:
        plays = list(pool.map(lambda _number: emulator.play(*deploy), range(2)))
    assert [play.code for play in plays] == [0, 0]
    found = emulator.stacks("twice")
    assert set(found) == STACKS
    assert set(found.values()) <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    assert len(iam.list_roles(PathPrefix=SERVICE_ROLE)["Roles"]) == 1
    again = emulator.play("deploy.yml", *arguments("twice"))
    assert (again.code, again.changed) == (0, 0)
