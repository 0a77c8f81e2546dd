# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge of `make validate` that looks for secrets; checkov itself is in the environment of the judges."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).parents[2]
JUDGE = "tests/validate/judge_secrets.py"
FINDING = {"file_path": "/inventories/dev.yml", "file_line_range": [3, 4], "check_name": "AWS Access Key"}
ALLOWED = {"file_path": "/bench/processes.py", "file_line_range": [21, 22], "check_name": "AWS Access Key"}


@pytest.fixture(scope="module")
def judge() -> ModuleType:
    specification = importlib.util.spec_from_file_location("judge_secrets", ROOT / JUDGE)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_secret_is_a_line_with_its_place_and_remedy(judge: ModuleType) -> None:
    assert list(judge.problems([ALLOWED])) == []
    [line] = judge.problems([FINDING, ALLOWED])
    assert line == "inventories/dev.yml:3: AWS Access Key -> remove it, and replace it where it is in use"


def test_an_allowance_that_allows_nothing_is_a_problem(judge: ModuleType) -> None:
    [line] = judge.problems([])
    assert line.startswith("bench/processes.py has no secret any more -> ")


@pytest.mark.parametrize(("findings", "code"), [([FINDING], 1), ([ALLOWED], 0), ([], 1)])
def test_a_judge_that_misses_the_planted_key_fails(
    judge: ModuleType, monkeypatch: pytest.MonkeyPatch, findings: list[object], code: int
) -> None:
    """The first scan is of the planted key: no finding in it fails, whatever the checkout has."""
    monkeypatch.setattr(judge, "found", lambda directory: findings if directory == judge.ROOT else [FINDING])
    assert judge.main() == code
    monkeypatch.setattr(judge, "found", lambda directory: findings if directory == judge.ROOT else [])
    assert judge.main() == 1


def test_make_validate_looks_for_secrets() -> None:
    [play] = yaml.safe_load((ROOT / "playbooks" / "validate.yml").read_text())
    assert JUDGE in [word for check in play["vars"]["validate_checks"] for word in check["command"]]
