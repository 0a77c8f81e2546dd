# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.interrupt import Interrupt


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_noted_and_handlers_come_back(signum: signal.Signals) -> None:
    before = signal.getsignal(signum)
    with Interrupt() as interrupt:
        assert not interrupt
        os.kill(os.getpid(), signum)
        assert interrupt and interrupt.name == signum.name
    assert signal.getsignal(signum) is before
