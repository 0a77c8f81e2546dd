# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of setup jobs, and what is kept of their runs."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.filter.setup_marks import setup_marks
from ansible_collections.gantry.ecs.plugins.filter.system_plan import system_plan
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.setup import (
    SetupCircleError,
    setup_mark,
    setup_order,
    setup_waves,
)
from hypothesis import given
from hypothesis import strategies as st
from system_strategies import filled, small

ARN = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-dev-realm:3"


def job(*after: str) -> Any:
    """Return a setup job after others."""
    return {"setup": {"after": list(after), "waits_for": [], "restarts": []}, "parameters": {}}


@st.composite
def ordered_jobs(draw: st.DrawFn) -> dict[str, Any]:
    """Draw setup jobs without a circle, in any order, and jobs beside them."""
    names = draw(st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1))
    jobs = {
        name: job(*draw(st.lists(st.sampled_from(names[:number]), unique=True))) if number else job()
        for number, name in enumerate(names)
    }
    return {name: jobs[name] for name in draw(st.permutations(names))} | {"other": {"parameters": {}}}


@given(ordered_jobs())
def test_each_setup_job_comes_after_those_that_it_names(jobs: dict[str, Any]) -> None:
    """Each job is in one wave, after the waves of the jobs in its ``after``, and as early as these permit."""
    waves = setup_waves(jobs)
    number = {name: index for index, wave in enumerate(waves) for name in wave}
    assert sorted(setup_order(jobs)) == sorted(jobs.keys() - {"other"})
    for name, index in number.items():
        before = [number[each] for each in jobs[name]["setup"]["after"]]
        assert index == max(before, default=-1) + 1


def test_setup_jobs_of_a_wave_have_the_descriptions_order() -> None:
    assert setup_waves({"b": job(), "a": job(), "c": job("a")}) == [["b", "a"], ["c"]]


def test_setup_jobs_in_a_circle_are_named() -> None:
    with pytest.raises(SetupCircleError) as caught:
        setup_waves({"a": job("b"), "b": job("a")})
    assert caught.value.circle in (["a", "b", "a"], ["b", "a", "b"])


def test_a_mark_changes_with_revision_and_defaults() -> None:
    """It is the task definition, and differs with a default, not with what a run must name."""
    plain, drawn = job(), {**job(), "parameters": {"mode": {"required": False, "default": "a"}}}
    assert setup_mark(plain, ARN) == ARN
    other = {**job(), "parameters": {"mode": {"required": False, "default": "b"}}}
    assert len({setup_mark(each, ARN) for each in (plain, drawn, other)}) == 3
    assert setup_mark({**job(), "parameters": {"to": {"required": False}}}, ARN) == ARN


def test_plan_and_marks_name_the_setup_jobs_in_order() -> None:
    setup = {"realm": {"setup": {"after": ["scopes"]}}, "scopes": {"setup": {}}}
    document = filled(small(jobs=setup))
    assert system_plan(document)["setup"] == [["scopes"], ["realm"]]
    marks = setup_marks(document, {"job-realm": {"TaskDefinitionArn": ARN}})
    assert marks == [
        {"name": "scopes", "type": "String", "value": "known-after-the-deploy"},
        {"name": "realm", "type": "String", "value": ARN},
    ]
