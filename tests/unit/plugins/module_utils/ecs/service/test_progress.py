# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state machine that follows a deployment: what it reports, and when it says that the deployment is done."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.line import progress_text
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import (
    ROLLED_BACK,
    ROLLING_BACK,
    SUCCESSFUL,
    UNDER_WAY,
    Deployment,
    Event,
    Observation,
    Pause,
    RevisionTasks,
    StackSeen,
    StoppedTask,
    Target,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.progress import (
    Goal,
    ServiceProgress,
    State,
    Verdict,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from hypothesis import given
from hypothesis import strategies as st

PREFIX = "arn:aws:ecs:eu-west-1:123456789012:task-definition/"
OLD, NEW = f"{PREFIX}web:7", f"{PREFIX}web:8"
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web-green/6d0ecf831eec9f09"
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
MEMORY = Problem("memory", "killed for want of memory (exit code 137)", "raise the memory")
GOING = Deployment("arn:d", "IN_PROGRESS", NEW, START, OLD)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stopped(number: int, definition: str = NEW, cause: Problem = MEMORY, is_failure: bool = True) -> StoppedTask:
    return StoppedTask(f"task{number}", definition, at(number), at(number + 1), cause, is_failure, 137)


def target(state: str = "healthy", number: int = 0) -> Target:
    return Target(GROUP, f"10.0.0.{number}:80", state)


def revisions(running: int = 2, desired: int = 2, primary: str = NEW) -> tuple[RevisionTasks, ...]:
    other = OLD if primary == NEW else NEW
    return RevisionTasks(other, 0, 0, 0, False), RevisionTasks(primary, desired, running, 0, True)


DONE = Observation(
    at=at(60),
    status="ACTIVE",
    desired=2,
    running=2,
    revisions=revisions(),
    deployment=replace(GOING, status=SUCCESSFUL),
    targets=(target(number=1), target(number=2)),
    target_groups=(GROUP,),
)


def verdict(seen: Observation, **goal: object) -> Verdict:
    return ServiceProgress(Goal("web", **{"task_definition": NEW, **goal})).advance(seen).verdict  # type: ignore[arg-type]


def texts(progress: ServiceProgress, *seen: Observation) -> list[str]:
    return [line.text for one in seen for line in progress.advance(one).lines]


def test_all_conditions_make_a_deployment_done() -> None:
    assert verdict(DONE) == Verdict(State.DONE)
    assert verdict(DONE, task_definition="") == Verdict(State.DONE)
    assert verdict(DONE, desired_count=2) == Verdict(State.DONE)


@pytest.mark.parametrize(
    ("change", "unmet"),
    [
        ({"deployment": GOING}, "the deployment of web:8 is IN_PROGRESS"),
        ({"revisions": revisions(running=1)}, "1 of 2 task(s) of web:8 run"),
        ({"revisions": revisions(primary=OLD)}, "web:7 is deployed, not web:8"),
        ({"targets": (target(),)}, "1 of 2 target(s) of web-green are healthy (1 healthy)"),
        ({"targets": ()}, "0 of 2 target(s) of web-green are healthy (none is registered)"),
        ({"desired": 3}, "2 of 3 task(s) of web:8 run"),
        ({"deployment": None}, "the deployment has not started yet"),
    ],
)
def test_missing_condition_is_named(change: dict[str, object], unmet: str) -> None:
    found = verdict(replace(DONE, **change))  # type: ignore[arg-type]
    assert found.state is State.GOING and unmet in found.unmet


def test_other_count_than_the_requested_one_is_not_done() -> None:
    assert verdict(DONE, desired_count=3).unmet == ("the service wants 2 task(s), not 3",)


def test_rolled_back_deployment_fails_with_first_cause() -> None:
    """A rollback that succeeded is a failure, although the service is stable; the first dead task is the cause."""
    back = replace(DONE, deployment=replace(GOING, status="ROLLBACK_SUCCESSFUL"), revisions=revisions(primary=OLD))
    progress = ServiceProgress(Goal("web", NEW))
    progress.advance(
        replace(DONE, deployment=GOING, stopped=(stopped(2), stopped(1, cause=Problem("image", "gone", "push it"))))
    )
    found = progress.advance(back).verdict
    assert found.problem == Problem(
        "rolled_back", "service web: the deployment of web:8 was rolled back to web:7: task task1: gone", "push it"
    )


def test_followed_rollback_is_a_success_only_where_requested() -> None:
    back = replace(DONE, deployment=replace(GOING, status="ROLLBACK_SUCCESSFUL"), revisions=revisions(primary=OLD))
    assert verdict(back, task_definition=OLD, is_rollback=True) == Verdict(State.DONE)
    assert verdict(back, task_definition=OLD).state is State.FAILED


def test_old_task_definition_may_be_what_was_requested() -> None:
    """Where the old task definition is requested, and a new deployment of it has succeeded, that is no rollback."""
    again = Deployment("arn:e", SUCCESSFUL, OLD, at(5))
    assert (
        verdict(replace(DONE, deployment=again, revisions=revisions(primary=OLD)), task_definition=OLD).problem is None
    )


@pytest.mark.parametrize("status", ["STOPPED", "FAILED"])
def test_stopped_deployment_names_what_is_deployed_instead(status: str) -> None:
    seen = replace(
        DONE, deployment=replace(GOING, status=status, reason="stopped by a user."), revisions=revisions(primary=OLD)
    )
    found = verdict(seen)
    assert found.problem and found.problem.what == (
        f"service web: the deployment of web:8 is {status}, and web:7 is deployed instead: stopped by a user"
    )


def test_deployment_of_another_client_is_reported() -> None:
    other = replace(DONE, deployment=replace(GOING, task_definition=f"{PREFIX}web:9"))
    found = verdict(other)
    assert found.problem and found.problem.what == "service web: web:9 is deployed instead of web:8"


def test_tasks_with_the_same_cause_fail_early_once() -> None:
    """The limit counts tasks with the same cause; afterwards the deployment is followed on."""
    progress = ServiceProgress(Goal("web", NEW, fail_early=2))
    other = stopped(1, cause=Problem("image", "gone", "push it"))
    assert progress.advance(replace(DONE, deployment=GOING, stopped=(other, stopped(2)))).verdict.state is State.GOING
    third = replace(DONE, deployment=GOING, stopped=(other, stopped(2), stopped(3)))
    found = progress.advance(third).verdict
    assert found.problem == Problem(
        "early_failure",
        "service web: 2 tasks of web:8 failed for the same cause: task task1: gone",
        "push it",
    )
    assert progress.advance(third).verdict.state is State.GOING


def test_task_stopped_from_outside_or_of_the_old_revision_does_not_count() -> None:
    scaled = Problem("stopped", "stopped by a service's scheduler", "")
    seen = replace(
        DONE, deployment=GOING, stopped=(stopped(1, cause=scaled, is_failure=False), stopped(2, definition=OLD))
    )
    progress = ServiceProgress(Goal("web", NEW, fail_early=1))
    assert progress.advance(seen).verdict.state is State.GOING and progress.failures == []


def test_task_of_an_earlier_deployment_of_the_same_definition_is_no_cause() -> None:
    early = replace(stopped(1), created_at=at(-3600), stopped_at=at(-3000))
    progress = ServiceProgress(Goal("web", NEW, fail_early=1))
    assert progress.advance(replace(DONE, deployment=GOING, stopped=(early,))).verdict.state is State.GOING


def test_earlier_deployment_says_nothing() -> None:
    """Until the requested deployment is visible, the end of the one before does not count."""
    before = replace(DONE, deployment=replace(GOING, status="ROLLBACK_SUCCESSFUL"))
    assert verdict(before, earlier="arn:d").unmet == ("the deployment has not started yet",)


def test_operation_of_a_stack_is_awaited() -> None:
    """While the stack's operation is in progress, only a deployment that started after it counts."""
    stack = StackSeen("shop", "UPDATE_IN_PROGRESS", True, at(30))
    old = replace(DONE, deployment=replace(GOING, status=SUCCESSFUL, task_definition=NEW), stack=stack)
    assert verdict(old, task_definition="").unmet == ("the deployment has not started yet",)
    new = replace(old, deployment=replace(GOING, status=SUCCESSFUL, created_at=at(31)))
    assert verdict(new, task_definition="").state is State.DONE
    assert verdict(replace(old, stack=replace(stack, is_going=False)), task_definition="").state is State.DONE
    missing = Observation(at(40), stack=stack)
    assert verdict(missing, task_definition="").unmet == ("stack shop has not created the service yet",)


def test_failed_stack_ends_the_call_with_its_cause() -> None:
    problem = Problem("failed", "stack shop is UPDATE_ROLLBACK_IN_PROGRESS: Queue UPDATE_FAILED: taken", "rename it")
    seen = Observation(at(40), stack=StackSeen("shop", "UPDATE_ROLLBACK_IN_PROGRESS", True, at(30), problem))
    found = verdict(seen)
    assert found.problem == Problem("stack", f"service web: {problem.what}", "rename it")


def test_a_stack_that_has_rolled_back_already_still_has_its_cause() -> None:
    """A call that comes late finds only the deployment that went back; the failed one's tasks and events say why."""
    failed = f"{PREFIX}web:9"
    problem = Problem("failed", "stack shop is UPDATE_ROLLBACK_COMPLETE: Service UPDATE_FAILED: breaker", "look there")
    stack = StackSeen("shop", "UPDATE_ROLLBACK_COMPLETE", False, at(1), problem, (failed,))
    back = replace(
        GOING, status=SUCCESSFUL, task_definition=OLD, created_at=at(40), reason="ECS deployment d completed."
    )
    events = (Event("a", at(-9), "old"), Event("b", at(9), "deployment failed: tasks failed to start."))
    seen = replace(
        DONE,
        deployment=back,
        revisions=revisions(primary=OLD),
        stack=stack,
        stopped=(stopped(5, failed),),
        events=events,
    )
    progress = ServiceProgress(Goal("web"))
    step = progress.advance(seen)
    assert [line.text for line in step.lines[:2]] == [
        "deployment failed: tasks failed to start.",
        f"task task5 of web:9 stopped: {MEMORY.line()}",
    ]
    what = f"service web: stack shop is UPDATE_ROLLBACK_COMPLETE: task task5: {MEMORY.what}"
    assert step.verdict.problem == Problem("stack", what, MEMORY.remedy)


def test_a_deployment_that_succeeded_is_no_cause() -> None:
    problem = Problem("failed", "stack shop is UPDATE_ROLLBACK_COMPLETE: Queue UPDATE_FAILED: taken", "rename it")
    stack = StackSeen("shop", "UPDATE_ROLLBACK_COMPLETE", False, at(1), problem)
    back = replace(GOING, status=SUCCESSFUL, reason="ECS deployment d completed.")
    found = verdict(replace(DONE, deployment=back, stack=stack)).problem
    assert found == Problem("stack", f"service web: {problem.what}", "rename it")


def test_missing_service_is_a_failure() -> None:
    found = verdict(Observation(at(1)))
    assert found.problem and found.problem.what == "service web does not exist"
    assert (gone := verdict(Observation(at(1), status="INACTIVE")).problem) and gone.what == "service web is INACTIVE"


def test_stop_is_done_when_no_task_is_left() -> None:
    assert verdict(replace(DONE, desired=0), is_stop=True).unmet == ("2 task(s) have not stopped",)
    assert verdict(replace(DONE, desired=0, running=0), is_stop=True).state is State.DONE


def test_events_of_before_are_not_shown() -> None:
    """Events from before the deployment are left out, later ones come in order."""
    events = (
        Event("c", at(9), "(service web) has reached a steady state."),
        Event("a", at(-9), "old"),
        Event("b", at(2), "new"),
    )
    progress = ServiceProgress(Goal("web", NEW))
    shown = texts(progress, replace(DONE, deployment=GOING, events=events))
    assert shown[:2] == ["new", "(service web) has reached a steady state."] and "old" not in shown


def test_event_is_a_cause_where_no_task_has_one() -> None:
    event = Event(
        "e",
        at(3),
        "(service web) was unable to place a task because no container instance met all of its requirements.",
    )
    seen = replace(DONE, deployment=replace(GOING, status="ROLLBACK_FAILED"), events=(event,))
    found = verdict(seen)
    assert found.problem and "was unable to place a task" in found.problem.what and found.problem.remedy


def test_unhealthy_target_is_a_cause() -> None:
    bad = Target(
        GROUP, "10.0.0.1:80", "unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]"
    )
    seen = replace(DONE, deployment=GOING, targets=(bad, bad))
    progress = ServiceProgress(Goal("web", NEW))
    line = "target 10.0.0.1:80 is unhealthy: Health checks failed with these codes: [404] -> fix the path and port"
    assert [text.startswith(line) for text in texts(progress, seen, seen)].count(True) == 1
    cause = progress.first_cause(GOING)
    assert cause and cause.kind == "health"


def test_alarm_is_a_cause() -> None:
    cause = ServiceProgress(Goal("web", NEW)).first_cause(replace(GOING, alarms=("web-5xx",)))
    assert cause and cause.what == "alarm web-5xx went off"


def test_pause_says_how_to_go_on() -> None:
    pause = Pause("hook1", at(600), "ROLLBACK")
    seen = replace(DONE, deployment=replace(GOING, stage="POST_TEST_TRAFFIC_SHIFT", pauses=(pause,)))
    shown = texts(ServiceProgress(Goal("web", NEW)), seen, seen)
    assert shown[-1] == (
        "deployment waits at POST_TEST_TRAFFIC_SHIFT for a decision until 2026-01-31 12:10 UTC, then ROLLBACK -> "
        "call with deployment: arn:d and pause_action: continue or rollback"
    )
    assert sum("waits at" in text for text in shown) == 1


def test_line_shows_revisions_health_traffic_and_bake_time() -> None:
    baking = replace(GOING, stage="BAKE_TIME", bake_minutes=5, updated_at=at(30), traffic=100.0)
    both = (RevisionTasks(OLD, 2, 2, 0, False), RevisionTasks(NEW, 2, 2, 0, True))
    seen = replace(DONE, deployment=baking, revisions=both)
    progress = ServiceProgress(Goal("web", NEW))
    progress.advance(seen)
    later = replace(seen, at=at(90))
    progress.advance(later)
    assert progress_text(later, progress.bake_left_s(later)) == (
        "web:7 2/2 -> web:8 2/2 running, 2/2 healthy, traffic 100 %, BAKE_TIME, bake time 4:00 left"
    )


def test_line_of_a_rolling_deployment_counts_failures() -> None:
    failing = replace(GOING, failures=2, threshold=3)
    seen = replace(DONE, deployment=failing, revisions=revisions(running=0), target_groups=(), targets=())
    assert progress_text(seen) == "web:8 0/2 running, circuit breaker 2/3, IN_PROGRESS"
    assert progress_text(Observation(at(0))) == "no service yet, it does not exist"


# ---- Laws

DEFINITIONS = st.sampled_from([OLD, NEW])
DEPLOYMENTS = st.none() | st.builds(
    Deployment,
    arn=st.sampled_from(["arn:d", "arn:e"]),
    status=st.sampled_from(sorted(UNDER_WAY | ROLLED_BACK | {SUCCESSFUL, "STOPPED", "FAILED"})),
    task_definition=DEFINITIONS,
    created_at=st.none() | st.integers(-20, 20).map(at),
    source=DEFINITIONS,
    stage=st.sampled_from(["", "BAKE_TIME", "SCALE_UP"]),
    bake_minutes=st.sampled_from([0.0, 5.0]),
    pauses=st.lists(st.builds(Pause, st.sampled_from("xy")), max_size=2).map(tuple),
)
EVENTS = [Event(f"event{number}", at(number), f"event number {number}") for number in range(-5, 15)]
TASKS = [stopped(number, definition=(OLD, NEW)[number % 2], is_failure=number % 3 > 0) for number in range(12)]
STACKS = st.none() | st.builds(
    StackSeen, st.just("shop"), st.just("X"), st.booleans(), st.none() | st.integers(-20, 20).map(at)
)


@st.composite
def observations(draw: st.DrawFn) -> list[Observation]:
    """Draw observations in the order of time; events and stopped tasks grow, and come in any order."""
    drawn = []
    seconds = 0
    for _each in range(draw(st.integers(1, 6))):
        seconds += draw(st.integers(1, 4))
        happened = [event for event in EVENTS if event.created_at <= at(seconds)]
        ended = [task for task in TASKS if task.stopped_at and task.stopped_at <= at(seconds)]
        desired, running = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        drawn.append(
            Observation(
                at=at(seconds),
                status=draw(st.sampled_from(["ACTIVE", "ACTIVE", "ACTIVE", "DRAINING", ""])),
                desired=desired,
                running=running,
                revisions=revisions(running, desired, draw(DEFINITIONS)),
                deployment=draw(DEPLOYMENTS),
                events=tuple(draw(st.permutations(happened))),
                stopped=tuple(draw(st.permutations(ended))),
                targets=tuple(target(draw(st.sampled_from(["healthy", "initial", "unhealthy"])), n) for n in range(3)),
                target_groups=draw(st.sampled_from([(), (GROUP,)])),
                stack=draw(STACKS),
            )
        )
    return drawn


GOALS = st.builds(
    Goal,
    service=st.just("web"),
    task_definition=st.sampled_from(["", OLD, NEW]),
    desired_count=st.none() | st.integers(0, 3),
    fail_early=st.integers(0, 3),
    earlier=st.sampled_from(["", "arn:d"]),
)


@given(observations(), GOALS)
def test_each_event_and_task_is_shown_once_and_in_order(seen: list[Observation], goal: Goal) -> None:
    shown = texts(ServiceProgress(goal), *seen)
    messages = [event.message for event in EVENTS]
    events = [messages.index(text) for text in shown if text in messages]
    assert max(Counter(events).values(), default=0) <= 1
    # Within an observation in order; across observations too, since later events come later.
    assert events == sorted(events)
    tasks = [text.split()[1] for text in shown if text.startswith("task ")]
    assert max(Counter(tasks).values(), default=0) <= 1


@given(observations(), GOALS)
def test_event_that_comes_after_the_first_look_is_shown(seen: list[Observation], goal: Goal) -> None:
    shown = texts(ServiceProgress(goal), *seen)
    first, last = ({event.message for event in one.events} for one in (seen[0], seen[-1]))
    assert last - first <= set(shown)


@given(observations(), GOALS)
def test_done_means_that_every_condition_holds(seen: list[Observation], goal: Goal) -> None:
    """Only a successful deployment of the requested task definition, with all its tasks and targets, is done."""
    progress = ServiceProgress(goal)
    for one in seen:
        if progress.advance(one).verdict.state is not State.DONE:
            continue
        assert one.status == "ACTIVE" and one.deployment and one.deployment.status == SUCCESSFUL
        assert one.deployment.arn != goal.earlier
        assert one.primary and one.primary.task_definition == one.deployment.task_definition == progress.task_definition
        assert goal.task_definition in ("", progress.task_definition)
        assert one.primary.running == one.primary.desired == one.desired
        assert goal.desired_count in (None, one.desired)
        assert all(one.healthy(group) >= one.desired for group in one.target_groups)


@given(observations(), GOALS)
def test_rollback_never_passes(seen: list[Observation], goal: Goal) -> None:
    progress = ServiceProgress(goal)
    for one in seen:
        found = progress.advance(one).verdict
        if one.deployment and one.deployment.status in ROLLED_BACK | ROLLING_BACK | {"STOPPED", "FAILED"}:
            assert found.state is not State.DONE
        is_followed = one.deployment and one.deployment.arn != goal.earlier and one.status == "ACTIVE" and not one.stack
        if is_followed and one.deployment and one.deployment.status in ROLLED_BACK:
            assert found.state is State.FAILED


@given(observations(), GOALS)
def test_verdict_always_says_why(seen: list[Observation], goal: Goal) -> None:
    progress = ServiceProgress(goal)
    for one in seen:
        found = progress.advance(one).verdict
        assert bool(found.problem) == (found.state is State.FAILED)
        assert bool(found.unmet) == (found.state is State.GOING)
        if found.problem:
            assert (
                found.problem.what.startswith("service web")
                and found.problem.remedy
                and "\n" not in found.problem.line()
            )
