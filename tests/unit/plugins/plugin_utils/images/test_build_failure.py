# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.gantry.ecs.plugins.filter.build_failure import build_failure
from ansible_collections.gantry.ecs.plugins.plugin_utils.images.build_failure import RULES
from hypothesis import given
from hypothesis import strategies as st

# Messages of engines, builders and registries, as observed or documented.
SAID = [
    (said["kind"], said["message"], said["output"])
    for said in json.loads(Path(__file__).with_name("image_build_said.json").read_text())
]
BUILD = "Error building registry/ddbload-dev - code: 1, message: The command returned a non-zero code: 1, logs: "


@pytest.mark.parametrize(("kind", "message", "output"), SAID, ids=lambda value: str(value)[-40:])
def test_a_message_has_a_kind_and_one_line_with_a_remedy(kind: str, message: str, output: str) -> None:
    failure = build_failure({"msg": message, "stderr": output}, "Cannot push it")
    assert failure["kind"] == kind
    assert failure["line"].startswith("Cannot push it: ")
    assert " -> " in failure["line"]
    assert "\n" not in failure["line"]
    assert "\x1b" not in failure["line"]
    assert failure["is_passing"] == (kind in {"network", "busy"})


def test_every_kind_has_a_message() -> None:
    assert {rule.problem.kind for rule in RULES} == {kind for kind, _message, _output in SAID} - {"unknown"}


def test_builders_error_line_is_shown_without_the_steps() -> None:
    """The builder's error line is shown, and not the steps before it."""
    line = build_failure({"msg": f"{BUILD}['Step 1/19 : ARG', 'ERROR: No space left on device', 'Removing']"}, "x")[
        "line"
    ]
    assert "ERROR: No space left on device" in line
    assert "Step 1" not in line


@given(st.text(), st.text())
def test_any_message_is_one_printable_line(message: str, output: str) -> None:
    line = build_failure({"msg": message, "stderr": output}, "x")["line"]
    assert line.startswith("x: ")
    assert line.isprintable()


def test_a_step_without_output_is_reported() -> None:
    assert build_failure({}, "x")["line"].startswith("x: nothing was said")
