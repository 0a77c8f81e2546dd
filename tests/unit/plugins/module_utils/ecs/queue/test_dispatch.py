# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which messages are handled when, for any course of events."""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.queue.dispatch import (
    LONGEST_PAUSE,
    Dispatch,
    End,
    Message,
    earlier_task,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

VISIBILITY, TIMEOUT = 60.0, 40.0


class Course(RuleBasedStateMachine):
    """A queue, and the dispatch of a client that looks at least every quarter of the visibility timeout."""

    @initialize(messages=st.integers(0, 12), max_running=st.integers(1, 4), max_receives=st.integers(1, 3))
    def start(self, messages: int, max_running: int, max_receives: int) -> None:
        self.now = 0.0
        self.receives = {f"m{number}": 0 for number in range(messages)}
        self.visible, self.deleted, self.dead = set(self.receives), [], []
        self.hidden_until: dict[str, float] = {}
        self.dispatch = Dispatch(max_running, VISIBILITY, TIMEOUT, max_receives)

    @rule(seconds=st.floats(0, VISIBILITY / 4))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for work in self.dispatch.to_hide(self.now):
            self.dispatch.hides(work, self.now)
            self.hidden_until[work.message.message_id] = self.now + VISIBILITY

    @rule()
    def receive(self) -> None:
        names = sorted(self.visible)[: self.dispatch.room()]
        for name in names:
            self.receives[name] += 1
            self.hidden_until[name] = self.now + VISIBILITY
        self.visible -= set(names)
        messages = [Message(name, "", f"{name}-{self.receives[name]}", self.receives[name]) for name in names]
        assert len(self.dispatch.receive(messages, self.now)) == len(names)

    @precondition(lambda self: self.dispatch.waiting(self.now))
    @rule(has_capacity=st.booleans(), is_new=st.booleans())
    def launch(self, has_capacity: bool, is_new: bool) -> None:
        work = self.dispatch.waiting(self.now)[0]
        if has_capacity:
            self.dispatch.runs(work, f"task-{work.message.receipt}", self.now, is_new)
            return
        pause = self.dispatch.has_no_capacity(self.now)
        assert 0 < pause <= LONGEST_PAUSE
        assert not self.dispatch.waiting(self.now)
        assert self.dispatch.waiting(self.now + pause)

    @precondition(lambda self: self.dispatch.works)
    @rule(end=st.sampled_from(End), choice=st.integers(0))
    def end(self, end: End, choice: int) -> None:
        works = list(self.dispatch.works.values())
        work = works[choice % len(works)]
        name = work.message.message_id
        outcome = self.dispatch.end(work, end)
        if end is End.DONE:
            self.deleted.append(name)
        elif outcome.is_dead:
            self.dead.append(name)
        else:
            self.visible.add(name)

    @rule()
    def stop_the_overdue(self) -> None:
        late = self.dispatch.overdue(self.now)
        assert all(work.ends_at <= self.now for work in late)
        assert not self.dispatch.overdue(self.now)

    @invariant()
    def at_most_max_running(self) -> None:
        assert len(self.dispatch.works) <= self.dispatch.max_running
        assert self.dispatch.room() <= self.dispatch.max_running - len(self.dispatch.works)

    @invariant()
    def none_is_received_while_one_waits(self) -> None:
        if any(not work.task_arn for work in self.dispatch.works.values()):
            assert self.dispatch.room() == 0

    @invariant()
    def each_message_is_in_one_state(self) -> None:
        assert sorted([*self.visible, *self.deleted, *self.dead, *self.dispatch.works]) == sorted(self.receives)

    @invariant()
    def what_is_handled_stays_hidden(self) -> None:
        for name in self.dispatch.works:
            assert self.hidden_until[name] - self.now >= VISIBILITY / 4

    @invariant()
    def each_handling_ends_once(self) -> None:
        ends = [(outcome.message.message_id, outcome.message.receives) for outcome in self.dispatch.outcomes]
        assert len(set(ends)) == len(ends)
        assert self.dispatch.count(End.DONE) == len(self.deleted)
        assert [outcome.message.message_id for outcome in self.dispatch.dead()] == self.dead


TestCourse = Course.TestCase


def test_a_repeated_receive_brings_the_newer_receipt() -> None:
    dispatch = Dispatch(2, VISIBILITY, TIMEOUT, 3)
    [work] = dispatch.receive([Message("a", "", "old", 1)], 0.0)
    assert dispatch.receive([Message("a", "", "new", 2)], 50.0) == []
    assert (work.message.receipt, work.hidden_until) == ("new", 110.0)


def test_without_capacity_the_pauses_grow_until_a_launch() -> None:
    dispatch = Dispatch(2, VISIBILITY, TIMEOUT, 3)
    [work] = dispatch.receive([Message("a", "", "r", 1)], 0.0)
    assert [dispatch.has_no_capacity(0.0) for _each in range(6)] == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    dispatch.runs(work, "task", 1.0)
    assert dispatch.has_no_capacity(1.0) == 2.0


@given(st.lists(st.sampled_from(["running", "succeeded", "failed"])))
def test_a_task_that_succeeded_settles_its_message_first(states: list[str]) -> None:
    tasks = [{"lastStatus": "RUNNING" if one == "running" else "STOPPED", "state": one} for one in states]
    found = earlier_task(tasks, [one == "succeeded" for one in states])
    wanted = next((one for one in ("succeeded", "running") if one in states), None)
    assert (found["state"] if found else None) == wanted
