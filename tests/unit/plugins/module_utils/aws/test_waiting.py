# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import OutOfPatienceError, Patience
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.cfn.fake_cloudformation import Clock
from hypothesis import given
from hypothesis import strategies as st


@given(st.floats(1, 1e4), st.lists(st.floats(0.1, 100), min_size=1))
def test_it_never_waits_longer_than_it_was_told(seconds: float, pauses: list[float]) -> None:
    clock = Clock()
    patience = Patience(seconds, clock=clock, sleep=clock.sleep)
    try:
        for pause in pauses:
            patience.pause(pause)
    except OutOfPatienceError as error:
        assert "wait_timeout" in str(error)
        assert patience.elapsed == pytest.approx(seconds)
    assert patience.elapsed <= seconds + 1e-6


def test_an_interrupt_ends_it_by_name() -> None:
    clock = Clock()
    patience = Patience(10, lambda: "SIGINT", clock, clock.sleep)
    with pytest.raises(OutOfPatienceError, match="interrupted by SIGINT"):
        patience.pause(1)
