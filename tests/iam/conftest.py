# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An embedded AWS that evaluates IAM, with the table under test and another table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from iam_simulator import IamSimulator


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IamSimulator]:
    """The embedded AWS, stopped at the end."""
    with IamSimulator.started(tmp_path_factory.mktemp("iam-simulator") / "log") as started:
        started.create_resources()
        yield started
