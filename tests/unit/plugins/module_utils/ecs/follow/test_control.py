# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stop by the control table, over an emulated DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.control import KEPT_S, Control
from botocore.exceptions import ClientError

KEY = {"run": {"S": "r-1"}, "part": {"S": "run"}}


@pytest.fixture
def dynamodb(clients: Callable[[str], Any]) -> Any:
    client = clients("dynamodb")
    client.create_table(
        TableName="control",
        KeySchema=[{"AttributeName": "run", "KeyType": "HASH"}, {"AttributeName": "part", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("run", "part")],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def stop(client: Any, reason: str, table_name: str = "control") -> None:
    Control(lambda: client, table_name, "r-1", clock=lambda: 1000.5).stop(reason)


def item(client: Any) -> dict[str, Any]:
    return dict(client.get_item(TableName="control", Key=KEY)["Item"])


def test_a_stop_before_any_task_makes_the_item(dynamodb: Any) -> None:
    stop(dynamodb, "interrupted")
    assert item(dynamodb) == {
        **KEY,
        "state": {"S": "stop"},
        "reason": {"S": "interrupted"},
        "stopped_by": {"S": "ecs_task_run"},
        "expires_at": {"N": str(1000 + KEPT_S)},
    }


def test_a_stop_keeps_what_the_tasks_wrote(dynamodb: Any) -> None:
    dynamodb.put_item(
        TableName="control", Item={**KEY, "state": {"S": "go"}, "ready": {"N": "8"}, "expires_at": {"N": "7"}}
    )
    stop(dynamodb, "interrupted")
    found = item(dynamodb)
    assert (found["state"], found["ready"], found["expires_at"]) == ({"S": "stop"}, {"N": "8"}, {"N": "7"})


def test_the_first_reason_stays(dynamodb: Any) -> None:
    stop(dynamodb, "the first")
    stop(dynamodb, "the second")
    assert item(dynamodb)["reason"] == {"S": "the first"}


def test_a_missing_table_is_an_error(dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        stop(dynamodb, "interrupted", "another")
