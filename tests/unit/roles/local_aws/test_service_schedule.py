# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks a service starts and stops: laws over all that it may want and have."""

from __future__ import annotations

from dataclasses import replace

from embedded_aws.extension.services.schedule import (
    MOST_PAUSE_S,
    Plan,
    Step,
    Task,
    is_rolled_out,
    next_pause,
    next_step,
)
from hypothesis import given
from hypothesis import strategies as st

PRIMARY, OTHER = "ecs-svc/new", "ecs-svc/old"
PLANS = st.builds(
    Plan,
    desired=st.integers(0, 8),
    primary=st.just(PRIMARY),
    state=st.sampled_from(["IN_PROGRESS", "COMPLETED", "FAILED"]),
    minimum_percent=st.integers(0, 100),
    maximum_percent=st.integers(100, 200),
    one_first=st.booleans(),
    may_start=st.booleans(),
    keeps_others=st.booleans(),
)
TASKS = st.lists(
    st.builds(
        Task,
        arn=st.integers(0, 99).map(str),
        deployment=st.sampled_from([PRIMARY, OTHER]),
        created_at=st.integers(0, 9).map(str),
        running=st.booleans(),
        stable=st.booleans(),
        protected=st.booleans(),
    ),
    max_size=14,
    unique_by=lambda task: task.arn,
)


@given(plan=PLANS, tasks=TASKS)
def test_no_protected_task_is_stopped(plan: Plan, tasks: list[Task]) -> None:
    protected = {task.arn for task in tasks if task.protected}
    step = next_step(plan, tasks)
    assert not protected & set(step.stop)
    assert len(set(step.stop)) == len(step.stop)


@given(plan=PLANS, tasks=TASKS)
def test_no_more_tasks_start_than_are_missing(plan: Plan, tasks: list[Task]) -> None:
    current = sum(task.deployment == PRIMARY for task in tasks)
    step = next_step(plan, tasks)
    assert 0 <= step.start <= max(0, plan.desired - current)
    if plan.state == "FAILED" or not plan.may_start:
        assert step.start == 0


@given(plan=PLANS, tasks=TASKS)
def test_a_deployment_keeps_its_least_share_running(plan: Plan, tasks: list[Task]) -> None:
    """No old task is stopped to make room where too few tasks would keep running."""
    plan = replace(plan, state="IN_PROGRESS", desired=max(1, plan.desired))
    others = {task.arn for task in tasks if task.deployment == OTHER}
    made_room = others & set(next_step(plan, tasks).stop)
    if made_room:
        left = sum(task.running and task.arn not in made_room for task in tasks)
        assert left * 100 >= plan.desired * plan.minimum_percent
        assert not plan.keeps_others


@given(plan=PLANS, tasks=TASKS)
def test_a_deployment_keeps_below_its_greatest_share(plan: Plan, tasks: list[Task]) -> None:
    plan = replace(plan, state="IN_PROGRESS", keeps_others=False)
    step = next_step(plan, tasks)
    if step.start:
        most = max(1, plan.desired * plan.maximum_percent // 100)
        surplus = {task.arn for task in tasks if task.deployment == PRIMARY} & set(step.stop)
        assert len(tasks) - (len(step.stop) - len(surplus)) + step.start <= most


@given(plan=PLANS, tasks=TASKS)
def test_the_schedule_comes_to_rest(plan: Plan, tasks: list[Task]) -> None:
    """Each step is carried out and each task starts well: after enough steps nothing is left to do."""
    plan, protected = replace(plan, may_start=True, one_first=False), [task for task in tasks if task.protected]
    for number in range(100):
        step = next_step(plan, tasks)
        if step == Step():
            break
        tasks = [replace(task, running=True) for task in tasks if task.arn not in step.stop]
        tasks += [Task(f"new-{number}-{index}", PRIMARY, str(number)) for index in range(step.start)]
        if is_rolled_out(plan, tasks):
            plan = replace(plan, state="COMPLETED")
    assert next_step(plan, tasks) == Step()
    current = [task for task in tasks if task.deployment == PRIMARY]
    if plan.state == "COMPLETED":
        assert len(current) == max(plan.desired, sum(task.deployment == PRIMARY for task in protected))


def test_the_newest_surplus_task_is_stopped_first() -> None:
    tasks = [Task(arn, PRIMARY, created_at) for arn, created_at in (("a", "1"), ("b", "3"), ("c", "2"))]
    assert next_step(Plan(1, PRIMARY, "COMPLETED"), tasks).stop == ("b", "c")


def test_a_failed_deployment_keeps_the_old_tasks() -> None:
    """Without a rollback, what ran before goes on."""
    tasks = [Task("old", OTHER)]
    assert next_step(Plan(1, PRIMARY, "FAILED"), tasks) == Step()


def test_a_single_task_starts_first() -> None:
    plan = Plan(3, PRIMARY, "IN_PROGRESS", one_first=True)
    assert next_step(plan, []).start == 1
    assert next_step(plan, [Task("a", PRIMARY)]).start == 0


def test_pauses_grow_up_to_a_limit() -> None:
    pauses = [0.0]
    for _failure in range(12):
        pauses.append(next_pause(pauses[-1]))
    assert pauses == sorted(pauses)
    assert pauses[-1] == MOST_PAUSE_S
