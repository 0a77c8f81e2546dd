# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline, Interrupt, WaitTimeoutError
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.aws.clock import Clock
from hypothesis import given
from hypothesis import strategies as st


@given(st.floats(1, 1e4), st.lists(st.floats(0.1, 100), min_size=1))
def test_it_never_waits_longer_than_requested(seconds: float, pauses: list[float]) -> None:
    clock = Clock()
    deadline = Deadline(seconds, clock=clock, sleep=clock.sleep)
    try:
        for pause in pauses:
            deadline.pause(pause)
    except WaitTimeoutError as error:
        assert "wait_timeout" in str(error)
        assert deadline.elapsed == pytest.approx(seconds)
    assert deadline.elapsed <= seconds + 1e-6


def test_an_interrupt_ends_it_by_name() -> None:
    clock = Clock()
    deadline = Deadline(10, lambda: "SIGINT", clock, clock.sleep)
    with pytest.raises(WaitTimeoutError, match="interrupted by SIGINT"):
        deadline.pause(1)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_noted_and_handlers_come_back(signum: signal.Signals) -> None:
    before = signal.getsignal(signum)
    with Interrupt() as interrupt:
        assert not interrupt
        os.kill(os.getpid(), signum)
        assert interrupt and interrupt.name == signum.name
    assert signal.getsignal(signum) is before
