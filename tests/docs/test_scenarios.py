# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every scenario on a page is valid; test_variables checks those in settings."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from fences import DOCUMENTS, ROOT, SCENARIO_START, Fence, fences, files
from known_variables import scenario_problems

SHOWN = [
    fence
    for path in DOCUMENTS
    for fence in fences(path, "json", "yaml")
    if fence.language == "json" or fence.text.startswith(SCENARIO_START)
]
QUESTIONS = ("spike", "soak", "find-max", "duplicates", "hot-key", "read-mostly", "classic")


@pytest.mark.parametrize("fence", SHOWN, ids=lambda fence: fence.location)
def test_a_block_of_a_scenario_is_valid(fence: Fence, tmp_path: Path) -> None:
    for name, text in files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert scenario_problems(yaml.safe_load(fence.text), tmp_path) == []


def test_usual_questions_have_examples_with_thresholds() -> None:
    """Each usual question has an example with thresholds."""
    shown = files([ROOT / "docs" / "examples.md"])
    for question in QUESTIONS:
        assert yaml.safe_load(shown[f"{question}.yml"])["load_test_scenario"]["thresholds"]
