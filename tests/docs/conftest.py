# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded AWS on which the documentation's commands are run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from emulator_env import EmulatorEnv
from fences import files
from ports import free_port


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorEnv]:
    """An embedded AWS, and a directory with every file that the documentation shows."""
    emulator = EmulatorEnv(free_port(), tmp_path_factory.mktemp("reader"))
    for name, text in files().items():
        (emulator.directory / name).write_text(text, encoding="utf-8")
    yield emulator
    emulator.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")
