# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test files with integration tests, which `make test` runs and `make check` does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from suite import starts_a_process


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import subprocess\n", True),
        ("from http.server import ThreadingHTTPServer\n", True),
        ("from emulators import Emulator\n", True),
        ("from ports import free_port\n", True),
        ("def test() -> None:\n    import socket\n", True),
        ("from ansible_collections.gantry.ecs.tests.unit.server import Server\n", True),
        ("import json\nfrom http import HTTPStatus\n", False),
        ("# import subprocess\n", False),
    ],
)
def test_integration_tests_are_known_by_their_imports(tmp_path: Path, source: str, expected: bool) -> None:
    file = tmp_path / "test_example.py"
    file.write_text(source)
    assert starts_a_process(file) is expected


def test_runs_are_integration_tests_and_plans_are_not() -> None:
    root = Path(__file__).parents[2]
    assert starts_a_process(root / "loadtest_app" / "tests" / "run" / "test_run.py")
    assert not starts_a_process(root / "loadtest_app" / "tests" / "scenario" / "test_plan.py")
