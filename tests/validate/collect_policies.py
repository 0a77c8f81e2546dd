#!/usr/bin/env python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes every policy that the templates can produce, and those of files/iam, as JSON on stdout, for other linters.

Among them are those of described systems: oneshot, and one with every section.

Parameters are drawn until every statement of every template has appeared; a statement that never appears is an error
in the template or in this program, which then exits with 1.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

# The policies of files/iam are filled in by the collection itself.
ROOT = Path(__file__).parents[2]
# Where pytest finds the modules of tests, they are found here.
FOLDERS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["pythonpath"]
sys.path[:0] = [str(ROOT / folder) for folder in (*FOLDERS, ".collections")]

from policy_files import EVERYTHING, NAMES, OF_SYSTEMS, policies_of  # noqa: E402
from system_policies import EVERYTHING as ALL_SECTIONS  # noqa: E402
from system_policies import Document, of, oneshot, stacks_of  # noqa: E402
from template_parser import COMPONENTS, load, policies, walk  # noqa: E402
from template_strategies import renderings  # noqa: E402, found by the path above

EXAMPLES = 150  # of parameters, a template
# Parameters that no policy depends on.
FIXED = {"Project": "ddbload", "Environment": "dev", "VpcCidr": "10.64.0.0/20"}


def written_statements(component: str) -> set[str]:
    """Return the Sids of all statements in a template."""
    return {node["Sid"] for node in walk(load(component)) if isinstance(node, dict) and "Sid" in node}


def collect(component: str) -> Iterator[dict[str, Any]]:
    """Yield the distinct policies of a template, each with its location."""
    found: dict[str, dict[str, Any]] = {}
    fixed = {name: value for name, value in FIXED.items() if name in load(component)["Parameters"]}

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(renderings(component, **fixed))
    def draw(rendered: Any) -> None:
        for policy in policies(rendered):
            location = {
                "file": f"files/cfn/{component}.yaml",
                "resource": policy.resource,
                "name": policy.name,
                "kind": policy.kind,
            }
            one = location | {"document": policy.document}
            # A linter treats policies that differ only in their resources alike.
            actions = [[each.get("Sid"), each.get("Action")] for each in policy.statements]
            found.setdefault(json.dumps([location, actions]), one)

    draw()
    seen = {each.get("Sid") for policy in found.values() for each in policy["document"]["Statement"]}
    if missing := written_statements(component) - seen:
        sys.exit(f"files/cfn/{component}.yaml: no parameters produce {', '.join(sorted(missing))} -> fix conditions")
    yield from found.values()


def collect_own(name: str) -> Iterator[dict[str, Any]]:
    """Yield the policies of a file of files/iam, with and without the variables that statements depend on."""
    location = {"file": f"files/iam/{name}.yaml", "resource": "policy", "name": name}
    kind = "trust" if name.endswith("-trust") else "identity"
    for values in ({}, EVERYTHING):
        yield from ({**location, "kind": kind, "document": document} for document in policies_of(name, **values))


def collect_system(document: Document) -> Iterator[dict[str, Any]]:
    """Yield the policies of a described system: those of its rendered stacks, and those of files/iam for it."""
    system = document["name"]
    for stack in stacks_of(document):
        for policy in policies(stack):
            location = {
                "file": f"system {system}",
                "resource": policy.resource,
                "name": policy.name,
                "kind": policy.kind,
            }
            yield {**location, "document": policy.document}
    for name in OF_SYSTEMS:
        location = {"file": f"files/iam/{name}.yaml", "resource": f"system {system}", "name": name}
        kind = "trust" if name.endswith("-trust") else "identity"
        yield from ({**location, "kind": kind, "document": policy} for policy in of(name, document))


if __name__ == "__main__":
    found = [policy for component in COMPONENTS for policy in collect(component)]
    found += [policy for name in NAMES for policy in collect_own(name)]
    found += [policy for document in (oneshot(), ALL_SECTIONS) for policy in collect_system(document)]
    json.dump(found, sys.stdout, indent=1)
