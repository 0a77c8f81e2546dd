# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The place that the tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playground import Place, Play, free_port


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An embedded AWS that is stopped at the end."""
    made = Place(free_port(), tmp_path_factory.mktemp("place"))
    yield made
    made.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


@pytest.fixture(scope="session")
def deployed(place: Place) -> tuple[Place, Play]:
    """The place after a first deploy, and that deploy."""
    first = place.play("deploy.yml")
    assert first.code == 0, first.output
    return place, first
