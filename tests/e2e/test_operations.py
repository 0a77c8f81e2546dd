# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that asks for more than the task's role was deployed for: it is refused before anything is launched."""

from __future__ import annotations

import json

from playground import Place, Play

GRANTED = {"cluster_operations": ["put", "get"]}
SCENARIO = {"plan": {"type": "constant_rate", "rate": 20, "duration": 1}, "mix": {"put": 1}, "cleanup": True}


def test_what_the_role_lacks_is_said_before_the_launch(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    try:
        assert place.play("deploy.yml", "-e", json.dumps(GRANTED)).code == 0
        refused = place.play("run-test.yml", "-e", json.dumps({"load_test_scenario": SCENARIO}))
    finally:
        assert place.play("deploy.yml").code == 0
    said = " ".join(refused.output.split())
    assert refused.code != 0
    assert "the task's role does not allow verify (dynamodb:BatchGetItem), cleanup (dynamodb:BatchWriteItem" in said
    assert "add verify, cleanup to cluster_operations and deploy again" in said
    assert "launching" not in said
