# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table that is another environment's: deployed and written to after a second word only, on an embedded AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playground import Place, free_port

SCENARIO = {"plan": {"type": "constant_rate", "rate": 20, "duration": 1}, "mix": {"put": 1}}
RUN = ["run-test.yml", "-e", json.dumps({"load_test_scenario": SCENARIO})]
EXISTING, CONFIRMED = ["-e", "table_existing_name=orders"], ["-e", "confirm_table=orders"]


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An embedded AWS that holds nothing but prod's table."""
    made = Place(free_port(), tmp_path_factory.mktemp("table"))
    assert made.play("playbooks/local-aws.yml").code == 0
    made.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
        Tags=[{"Key": "Environment", "Value": "prod"}],
    )
    yield made
    made.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


def items(place: Place) -> int:
    return int(place.client("dynamodb").scan(TableName="orders", Select="COUNT")["Count"])


def test_another_environment_s_table_wants_a_second_word(place: Place) -> None:
    refused = place.play("deploy.yml", *EXISTING)
    assert (refused.code, refused.changed) == (2, 0)
    assert "looks like somebody's: its tag Environment is prod, deletion protection is on; it holds" in refused.words
    assert place.client("cloudformation").describe_stacks()["Stacks"] == []
    assert place.play("deploy.yml", *EXISTING, *CONFIRMED).code == 0

    unconfirmed = place.play(*RUN)
    assert (unconfirmed.code, items(place)) == (2, 0)
    assert "add -e confirm_table=orders" in unconfirmed.words

    # A table that nobody was asked about.
    another = {"load_test_scenario": SCENARIO | {"table": "users"}}
    astray = place.play("run-test.yml", "-e", json.dumps(another), *CONFIRMED)
    assert astray.code == 2
    assert "load_test_scenario names table users, and the run is for orders -> take the table out" in astray.words

    run = place.play(*RUN, *CONFIRMED)
    assert run.code == 0
    assert "table orders, which no stack of this environment made: about 0 items, 0 bytes" in run.words
    assert items(place) == 20
