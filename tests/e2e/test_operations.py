# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that needs more permissions than the deployed task role has: it is refused before anything is launched."""

from __future__ import annotations

import json

from emulator_env import EmulatorEnv, Play

GRANTED = {"task_operations": ["put", "get"]}
SCENARIO = {"plan": {"type": "constant_rate", "rate": 20, "duration": 1}, "mix": {"put": 1}, "cleanup": True}


def test_missing_permission_is_reported_before_the_launch(deployed: tuple[EmulatorEnv, Play]) -> None:
    emulator, _first = deployed
    try:
        assert emulator.play("deploy.yml", "-e", json.dumps(GRANTED)).code == 0
        refused = emulator.play("run-test.yml", "-e", json.dumps({"load_test_scenario": SCENARIO}))
    finally:
        assert emulator.play("deploy.yml").code == 0
    said = " ".join(refused.output.split())
    assert refused.code != 0
    assert "the task's role does not allow verify (dynamodb:BatchGetItem), cleanup (dynamodb:BatchWriteItem" in said
    assert "add verify, cleanup to task_operations and deploy again" in said
    assert "launching" not in said
