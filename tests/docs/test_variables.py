# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of variables, and the variables on other pages."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from fences import DESCRIPTION_START, DOCUMENTS, ROOT, SCENARIO_START, Fence, fences
from known_variables import problems
from variables import PAGE, specifications, with_sections

SETTINGS = [
    fence
    for path in DOCUMENTS
    for fence in fences(path, "yaml")
    if isinstance(yaml.safe_load(fence.text), dict) and not fence.text.startswith((SCENARIO_START, DESCRIPTION_START))
]


def test_page_agrees_with_the_argument_specifications() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_sections(page), "run python tests/docs/variables.py"


def test_every_default_of_a_role_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    roles = specifications()
    assert roles.keys() == {path.name for path in (ROOT / "roles").iterdir() if path.is_dir()}
    for role in roles:
        defaults = yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text(encoding="utf-8"))
        for name in defaults or {}:
            assert f"- `{name}` (" in page


@pytest.mark.parametrize("fence", SETTINGS, ids=lambda fence: fence.location)
def test_settings_on_a_page_are_valid(fence: Fence) -> None:
    assert problems(yaml.safe_load(fence.text)) == []


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"network_egres": "nat"}, "network_egres"),
        ({"network_egress": "natt"}, "natt"),
        ({"load_test_task_count": "many"}, "load_test_task_count"),
        ({"load_test_scenario": {"plan": {"rate": "fast"}}}, "plan.rate"),
    ],
)
def test_invalid_setting_is_found(given: dict[str, Any], word: str) -> None:
    assert word in " ".join(problems(given))
