#!/usr/bin/env python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes every policy that the templates can come to, and those of files/iam, as JSON on stdout, for judges elsewhere.

Parameters are drawn until every statement of every template has come out; one that never does is a mistake of ours,
in the template or here, and ends this with 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

# The policies of files/iam are filled in by the collection itself.
ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("tests/templates", "tests/e2e", "tests/iam", ".collections")]

from drawing import renderings  # noqa: E402, found by the path above
from reading import COMPONENTS, load, policies, walk  # noqa: E402
from rendering import EVERYTHING, NAMES, policies_of  # noqa: E402

EXAMPLES = 150  # of parameters, a template
# What no policy depends on.
FIXED = {"Project": "ddbload", "Environment": "dev", "VpcCidr": "10.64.0.0/20"}


def written_statements(component: str) -> set[str]:
    """Return the Sids of all statements that are written in a template."""
    return {node["Sid"] for node in walk(load(component)) if isinstance(node, dict) and "Sid" in node}


def collect(component: str) -> Iterator[dict[str, Any]]:
    """Yield the different policies that come out of a template, with where they are."""
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
            place = {
                "file": f"files/cfn/{component}.yaml",
                "resource": policy.resource,
                "name": policy.name,
                "kind": policy.kind,
            }
            one = place | {"document": policy.document}
            # What differs in its resources alone is the same to a judge.
            actions = [[each.get("Sid"), each.get("Action")] for each in policy.statements]
            found.setdefault(json.dumps([place, actions]), one)

    draw()
    seen = {each.get("Sid") for policy in found.values() for each in policy["document"]["Statement"]}
    if missing := written_statements(component) - seen:
        sys.exit(f"files/cfn/{component}.yaml: no parameters bring out {', '.join(sorted(missing))} -> mend conditions")
    yield from found.values()


def collect_own(name: str) -> Iterator[dict[str, Any]]:
    """Yield the policies of a file of files/iam, with and without what statements depend on."""
    place = {"file": f"files/iam/{name}.yaml", "resource": "policy", "name": name}
    kind = "trust" if name.endswith("-trust") else "identity"
    for values in ({}, EVERYTHING):
        yield from ({**place, "kind": kind, "document": document} for document in policies_of(name, **values))


if __name__ == "__main__":
    found = [policy for component in COMPONENTS for policy in collect(component)]
    found += [policy for name in NAMES for policy in collect_own(name)]
    json.dump(found, sys.stdout, indent=1)
