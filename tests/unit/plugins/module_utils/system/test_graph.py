# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import System, parse
from ansible_collections.gantry.ecs.plugins.module_utils.system.graph import delete_waves, deploy_batches, minutes
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read
from hypothesis import given
from hypothesis import strategies as st
from system_strategies import filled, small

ROOT = Path(__file__).parents[5]


def described_system(name: str) -> System:
    """Return a system of this repository."""
    path = ROOT / "systems" / name / "system.yml"
    return parse(read(path.read_text(encoding="utf-8"), str(path)).description)


@st.composite
def systems(draw: st.DrawFn) -> System:
    """Draw a system in which a component takes from those before it; the description lists them in any order."""
    count = draw(st.integers(1, 8))
    components: dict[str, Any] = {}
    for number in range(count):
        needs = draw(st.sets(st.integers(0, number - 1))) if number else set()
        kind = draw(st.sampled_from(["stack", "stack", "role"]))
        component: dict[str, Any] = {"kind": kind, "takes": {f"take_{each}": f"c{each}.Output" for each in needs}}
        if kind == "role":
            component["gives"] = {"Output": "fact"}
        components[f"c{number}"] = component
    names = draw(st.permutations(list(components)))
    return parse(filled({"name": "any", "project": "any", "components": {name: components[name] for name in names}}))


@given(systems())
def test_a_batch_needs_only_batches_before_it(system: System) -> None:
    done: set[str] = set()
    for batch in deploy_batches(system):
        for name in batch:
            assert system.components[name].needs <= done
        done.update(batch)
    assert done == set(system.components)


@given(systems())
def test_a_batch_is_stacks_or_one_role(system: System) -> None:
    for batch in deploy_batches(system):
        assert all(system.components[name].is_stack for name in batch) or len(batch) == 1


@pytest.mark.parametrize("name", ["load_test", "mcp_gateway", "oneshot"])
def test_a_deploy_takes_its_longest_chain(name: str) -> None:
    """No stack waits for one that it does not need, such as a database, where stacks take the minutes of AWS."""
    system = described_system(name)
    chains: dict[str, int] = {}
    now = 0
    ends: dict[str, int] = {}
    for batch in deploy_batches(system):
        needed = {each for member in batch for each in system.components[member].needs}
        now = max([now, *(ends[each] for each in needed)])
        for member in batch:
            component = system.components[member]
            chains[member] = max((chains[each] for each in component.needs), default=0) + minutes(component)
            ends[member] = now + minutes(component)
    slow = [each for each, component in system.components.items() if minutes(component)]
    assert {each: ends[each] for each in slow} == {each: chains[each] for each in slow}
    assert max(ends.values()) >= minutes(system.components["network"])


@given(systems())
def test_a_wave_is_needed_by_no_later_one(system: System) -> None:
    waves = delete_waves(system)
    assert sorted(itertools.chain(*waves)) == sorted(name for name, each in system.components.items() if each.is_stack)
    for number, wave in enumerate(waves):
        later = {name for each in waves[number + 1 :] for name in each}
        for name in later:
            assert not _all_needs(system, name) & set(wave)


@given(systems())
def test_a_stack_is_deleted_as_early_as_possible(system: System) -> None:
    waves = delete_waves(system)
    for before, wave in itertools.pairwise(waves):
        for name in wave:
            assert any(name in _all_needs(system, other) for other in before)


def test_the_order_of_the_load_test() -> None:
    system = described_system("load_test")
    assert deploy_batches(system) == [
        ["cluster", "network", "registry", "table"],
        ["image"],
        ["task", "observability"],
    ]
    assert delete_waves(system) == [["network", "task", "observability"], ["cluster", "registry", "table"]]


def test_rendered_stacks_follow_what_they_take_from() -> None:
    batches = deploy_batches(parse(filled(small())))
    assert batches == [
        ["network", "cluster", "registry", "table", "keys", "queues"],
        ["image"],
        ["secrets", "job-sum", "job-failures"],
        ["security-groups"],
        ["file-systems", "database-main", "load-balancer-main", "service-worker", "service-mail-workers", "job-mail"],
        # The dashboard takes nothing from a service, so that a deploy can follow services that fail.
        ["service-web", "dashboard"],
    ]


def _all_needs(system: System, name: str) -> set[str]:
    needs = system.components[name].needs
    return needs.union(*(_all_needs(system, each) for each in needs))
