# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway costs a month, as docs/costs.md has it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.filter.system_costs import system_costs
from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.month import estimate
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import merged
from baseline import ROOT
from rendered_gateway import gateway, read_description

PAGE = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
SCALED_DOWN = {name: {"scaling": {"min": 1}} for name in read_description()["services"]}


def least(changes: Mapping[str, Any]) -> float:
    """Return what the gateway costs at least with other values, USD a month."""
    return sum(each.least for each in estimate(merged(read_description(), changes), {}).charges)


def test_the_page_about_costs_shows_the_estimate() -> None:
    costs = system_costs(read_description(), {})
    lines = [costs[part].values() for part in ("services", "components")]
    for line in [*chain(*lines), costs["total"]]:
        assert f"\n{line}\n" in PAGE


@pytest.mark.parametrize(
    ("changes", "usd"),
    [
        ({"components": {"network": {"arguments": {"network_nat_mode": "single"}}}}, "73.00"),
        ({"services": SCALED_DOWN}, "162.18"),
        ({"databases": {"keycloak": {"proxy": False}}}, "87.60"),
    ],
    ids=["one NAT gateway", "one task each", "no proxy"],
)
def test_the_page_names_what_a_cheaper_gateway_saves(changes: dict[str, Any], usd: str) -> None:
    assert f"{least({}) - least(changes):.2f}" == usd
    assert f"${usd} less" in PAGE


def test_the_terraform_starts_fifteen_tasks_at_least() -> None:
    assert sum(each["scaling"]["min"] for each in gateway().description["services"].values()) == 15
