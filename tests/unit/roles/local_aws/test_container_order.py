# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order a task's containers start, and which never do."""

from __future__ import annotations

from typing import Any

import pytest
from embedded_aws.extension.tasks.container_order import DependencyError, is_met, start_order
from hypothesis import given
from hypothesis import strategies as st


def definition(name: str, *waits_for: str) -> dict[str, Any]:
    return {"name": name, "dependsOn": [{"containerName": other, "condition": "START"} for other in waits_for]}


def test_without_dependencies_the_definitions_order_is_kept() -> None:
    assert start_order([{"name": name} for name in "cab"]) == [0, 1, 2]


@given(st.permutations(range(6)), st.data())
def test_each_container_comes_after_those_it_waits_for(places: list[int], data: st.DataObject) -> None:
    waits = {
        place: data.draw(st.lists(st.sampled_from(places[:rank]), unique=True)) if rank else []
        for rank, place in enumerate(places)
    }
    order = start_order([definition(str(place), *map(str, waits[place])) for place in range(6)])
    assert sorted(order) == list(range(6))
    assert all(order.index(other) < order.index(place) for place in range(6) for other in waits[place])


@pytest.mark.parametrize(
    "definitions",
    [
        [definition("a", "b"), definition("b", "a")],
        [definition("a", "a")],
        [definition("a", "gone"), definition("b", "a")],
    ],
)
def test_containers_that_can_never_start_are_named(definitions: list[dict[str, Any]]) -> None:
    names = ", ".join(each["name"] for each in definitions)
    with pytest.raises(DependencyError, match=f"Task failed to start: the containers {names} wait for each other"):
        start_order(definitions)


@pytest.mark.parametrize(
    ("condition", "runs", "succeeded", "failed"),
    [
        ("START", True, True, True),
        ("COMPLETE", False, True, True),
        ("SUCCESS", False, True, None),
        ("HEALTHY", True, None, None),
    ],
)
def test_what_meets_a_condition(condition: str, runs: bool, succeeded: bool | None, failed: bool | None) -> None:
    assert (is_met(condition, None), is_met(condition, 0), is_met(condition, 3)) == (runs, succeeded, failed)
