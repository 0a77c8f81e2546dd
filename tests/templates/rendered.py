# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the rendered templates of the collection's systems to files/cfn/<system>/; `make render` calls it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gantry.ecs.plugins.filter.system_template import system_template
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read

ROOT = Path(__file__).parents[2]
SYSTEMS = ("oneshot", "mcp_gateway")
HEADER = """\
# Rendered from systems/{system}/system.yml, without the values of an environment: make render
# yamllint disable rule:line-length
"""


def rendered(system: str, values: Mapping[str, Any] | None = None) -> Mapping[Path, str]:
    """Return the templates of a system by their files; the values replace those of its description."""
    path = ROOT / "systems" / system / "system.yml"
    document = read(path.read_text(encoding="utf-8"), str(path), values)
    assert not document.problems, document.problems
    # The directory of a checkout is in arguments of roles, never in a template.
    components = parse(document.description).components.values()
    return {
        ROOT / "files" / "cfn" / system / f"{each.name}.yaml": HEADER.format(system=system)
        + system_template(document.description, each.name)
        for each in components
        if each.rendered
    }


def main() -> int:
    """Write all files, and remove those of components that are gone."""
    for system in SYSTEMS:
        files = rendered(system)
        folder = ROOT / "files" / "cfn" / system
        folder.mkdir(exist_ok=True)
        for path in set(folder.glob("*.yaml")) - files.keys():
            path.unlink()
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
