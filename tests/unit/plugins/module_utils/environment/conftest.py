# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builders of two environments with the same names."""

from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.environment.builder import Builder, Clients


@pytest.fixture
def shop(clients: Clients) -> Builder:
    """Project shop, environment dev."""
    return Builder(clients, Names("shop", "dev", ["network", "registry", "table", "cluster", "observability"]))


@pytest.fixture
def own(clients: Clients) -> Builder:
    """Project a, environment b-c: its stacks have the same names as those of `neighbour`."""
    return Builder(clients, Names("a", "b-c", ["table", "cluster"]))


@pytest.fixture
def neighbour(clients: Clients) -> Builder:
    """Project a-b, environment c."""
    return Builder(clients, Names("a-b", "c", ["table", "cluster"]))
