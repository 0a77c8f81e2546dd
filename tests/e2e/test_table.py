# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of another environment: deploys and runs use it only after a confirmation, on an embedded AWS."""

from __future__ import annotations

import json

import pytest
from emulator_env import EmulatorEnv, Play

SCENARIO = {"plan": {"type": "constant_rate", "rate": 20, "duration": 1}, "mix": {"put": 1}}
PROJECT = {"ddbload_project": "astray"}
DEPLOY = ["deploy.yml", "-e", json.dumps(PROJECT)]
RUN = ["run-test.yml", "-e", json.dumps(PROJECT | {"load_test_scenario": SCENARIO})]
EXISTING, CONFIRMED = ["-e", "table_existing_name=orders"], ["-e", "confirm_table=orders"]


@pytest.fixture
def with_table(deployed: tuple[EmulatorEnv, Play]) -> EmulatorEnv:
    """An embedded AWS that holds prod's table, and nothing of the project."""
    made, _first = deployed
    made.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
        Tags=[{"Key": "Environment", "Value": "prod"}],
    )
    return made


def items(emulator: EmulatorEnv) -> int:
    return int(emulator.client("dynamodb").scan(TableName="orders", Select="COUNT")["Count"])


# Five plays, and the deploy before them: on a busy machine each takes a minute.
@pytest.mark.timeout(600)
def test_table_of_another_environment_needs_confirmation(with_table: EmulatorEnv) -> None:
    emulator = with_table
    refused = emulator.play(*DEPLOY, *EXISTING)
    assert (refused.code, refused.changed) == (2, 0)
    assert (
        "seems to belong to others: its tag Environment is prod, deletion protection is on; it holds" in refused.words
    )
    assert emulator.stacks("astray") == {}
    assert emulator.play(*DEPLOY, *EXISTING, *CONFIRMED).code == 0

    unconfirmed = emulator.play(*RUN)
    assert (unconfirmed.code, items(emulator)) == (2, 0)
    assert "add -e confirm_table=orders" in unconfirmed.words

    # A table that the confirmation does not name.
    another = PROJECT | {"load_test_scenario": SCENARIO | {"table": "users"}}
    astray = emulator.play("run-test.yml", "-e", json.dumps(another), *CONFIRMED)
    assert astray.code == 2
    assert "load_test_scenario names table users, and the run is for orders -> take the table out" in astray.words

    run = emulator.play(*RUN, *CONFIRMED)
    assert run.code == 0
    assert "table orders, which no stack of this environment created: about 0 items, 0 bytes" in run.words
    assert items(emulator) == 20
