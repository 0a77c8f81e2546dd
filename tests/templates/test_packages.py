# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cfn-lint accepts the packages of the systems: their parents, and the children that differ from files/cfn."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read
from packages import package_of
from rendered import ROOT
from test_rendered import assert_linted

SYSTEMS = sorted(path.parent.name for path in ROOT.glob("systems/*/system.yml"))


@pytest.mark.parametrize("system", SYSTEMS)
def test_cfn_lint_accepts_the_package(system: str, tmp_path: Path) -> None:
    """cfn-lint also compares what the parent passes with the parameters of its children."""
    path = ROOT / "systems" / system / "system.yml"
    document = read(path.read_text(encoding="utf-8"), str(path))
    assert not document.problems, document.problems
    files = package_of(document.description)[1].files
    (tmp_path / "stacks").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    # Of the children, those of load_test are all that no rendering makes.
    linted = [tmp_path / name for name in files if name == "parent.yaml" or system == "load_test"]
    assert_linted([str(each) for each in linted])
