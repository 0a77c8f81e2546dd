# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An experiment from its promise to its verdict; everything is put back whatever happens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.experiment import Look, Outcome, carry_out
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

SICK, WELL = Look("0 of 1 tasks run", False), Look("1 of 1 tasks run", True)


class FakeExperiment:
    """An experiment that sees what the test gives it, and fails where the test says."""

    promise = "the service runs again"

    def __init__(self, *looks: Look, obstacle: Problem | None = None, fails_at: str = "") -> None:
        self._looks: Iterator[Look] = iter(looks)
        self._obstacle, self._fails_at = obstacle, fails_at
        self.done: list[str] = []

    def obstacle(self) -> Problem | None:
        return self._obstacle

    def inject(self) -> str:
        self._do("inject")
        return "a task is stopped"

    def look(self) -> Look:
        self._do("look")
        return next(self._looks, SICK)

    def restore(self) -> str:
        self.done.append("restore")
        return "the secret is restored"

    def _do(self, name: str) -> None:
        self.done.append(name)
        if name == self._fails_at:
            raise OSError(name)


def outcome(experiment: FakeExperiment, interrupted: str = "", within_s: float = 60) -> tuple[Outcome, list[str]]:
    """Carry out an experiment on a clock of its own; returns the outcome and what was shown at once."""
    now = [100.0]
    shown: list[str] = []
    found = carry_out(
        experiment,
        within_s,
        lambda: interrupted,
        shown.append,
        clock=lambda: now[0],
        sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
    )
    return found, shown


def test_a_promise_that_holds_has_its_seconds() -> None:
    experiment = FakeExperiment(SICK, SICK, WELL)
    found, shown = outcome(experiment)
    assert found == Outcome(True, 1.0, "", shown)
    assert shown == [
        "0.0 s: promise: the service runs again, within 60 s",
        "0.0 s: a task is stopped",
        "0.0 s: 0 of 1 tasks run",
        "1.0 s: 1 of 1 tasks run",
        "1.0 s: the secret is restored",
        "1.0 s: the promise held after 1.0 s",
    ]
    assert experiment.done[-1] == "restore"


def test_a_promise_does_not_hold_when_its_time_is_over() -> None:
    experiment = FakeExperiment()
    found, _shown = outcome(experiment, within_s=3)
    assert (found.has_held, found.seconds) == (False, 3.0)
    assert found.reason == "wait_timeout (3 s) is over, and 0 of 1 tasks run"
    assert experiment.done[-1] == "restore"


def test_a_broken_promise_ends_the_watch() -> None:
    found, _shown = outcome(
        FakeExperiment(SICK, Look("it started", False, "the task started without its secret"), WELL)
    )
    assert (found.has_held, found.reason) == (False, "the task started without its secret")


def test_an_interrupt_puts_everything_back() -> None:
    experiment = FakeExperiment(SICK, SICK)
    found, _shown = outcome(experiment, interrupted="SIGINT")
    assert found.reason == "interrupted by SIGINT, and 0 of 1 tasks run"
    assert experiment.done == ["inject", "look", "restore"]


@pytest.mark.parametrize("fails_at", ["inject", "look"])
def test_an_error_puts_everything_back(fails_at: str) -> None:
    experiment = FakeExperiment(SICK, fails_at=fails_at)
    with pytest.raises(OSError, match=fails_at):
        outcome(experiment)
    assert experiment.done[-1] == "restore"


def test_an_obstacle_keeps_the_fault_away() -> None:
    experiment = FakeExperiment(obstacle=Problem("unsteady", "service web is not steady", "wait"))
    with pytest.raises(ProblemError, match="service web is not steady -> wait"):
        outcome(experiment)
    assert experiment.done == []
