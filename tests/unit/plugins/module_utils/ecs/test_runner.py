# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key of the control table under which a call stops the tasks that it launched or found."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.runner import Runner

DEFINITION = {"taskDefinitionArn": "arn:t:1", "containerDefinitions": [{"name": "main"}]}
CONTROL = {"table_name": "control", "run_id": "r/of this call", "run_variable": "RUN"}
PARAMS = {
    "_live": None,
    "log_file": None,
    "cluster": "c",
    "exit_container": None,
    "log_container": None,
    "overrides": None,
    "log_lines": 0,
}


class DynamoDB:
    """Keeps the keys of the items that are written."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def update_item(self, **request: Any) -> None:
        self.written.append(request["Key"]["run"]["S"])


def stopped_key(monkeypatch: pytest.MonkeyPatch, control: dict[str, Any], task_environment: dict[str, str]) -> str:
    """Return the key under which a call writes the stop of one task that it follows."""
    runner = Runner(SimpleNamespace(params=PARAMS | {"control": control}, check_mode=False), Interrupt())
    dynamodb = DynamoDB()
    monkeypatch.setattr(runner._clients, "once", lambda _service: dynamodb)
    run = runner._new_run(DEFINITION, "me", "token", 1)
    environment = [{"name": name, "value": value} for name, value in task_environment.items()]
    overrides = {"containerOverrides": [{"name": "main", "environment": environment}]}
    described = {"taskArn": "arn:task/c/1", "taskDefinitionArn": "arn:t:1", "containers": [], "overrides": overrides}
    runner._adding_to(run)(described, None)
    table = runner._control(run)
    assert table
    table.stop("Ctrl-C")
    (key,) = dynamodb.written
    return key


def test_a_run_that_is_followed_again_stops_under_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks read the stop under the key of their own launch, not of the call that follows them."""
    assert stopped_key(monkeypatch, CONTROL, {"RUN": "r/of the launch"}) == "r/of the launch"


@pytest.mark.parametrize("control", [CONTROL, {"table_name": "control", "run_id": "r/of this call"}])
def test_tasks_without_a_key_stop_under_that_of_the_call(
    control: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stopped_key(monkeypatch, control, {"OTHER": "x"}) == "r/of this call"
