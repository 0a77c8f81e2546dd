# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded AWS that the tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from emulator_env import EmulatorEnv, Play
from ports import free_port


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorEnv]:
    """An embedded AWS that is stopped at the end."""
    made = EmulatorEnv(free_port(), tmp_path_factory.mktemp("environment"))
    yield made
    made.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


@pytest.fixture(scope="session")
def deployed(emulator: EmulatorEnv) -> tuple[EmulatorEnv, Play]:
    """The embedded AWS after a first deploy, and the deploy's result."""
    first = emulator.play("deploy.yml")
    assert first.code == 0, first.output
    return emulator, first
