# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One MiniStack with the extension, and one without it, for all tests of a worker."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from emulators import Emulator, emulator


@pytest.fixture(scope="session")
def extended() -> Iterator[Emulator]:
    with (
        tempfile.TemporaryDirectory(prefix="ddbload-test-") as folder,
        emulator("extended_application:app", Path(folder)) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def plain() -> Iterator[Emulator]:
    with (
        tempfile.TemporaryDirectory(prefix="ddbload-test-") as folder,
        emulator("ministack.app:app", Path(folder)) as running,
    ):
        yield running
