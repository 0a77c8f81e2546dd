# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of several containers: whose exit code decides, and which one kept another from starting."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.result import has_task_failed
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.cause import stop_cause
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.start_up import failed_start_up
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import deciding_containers, task_of

DEFINITION: dict[str, Any] = {"containerDefinitions": [{"name": "app"}, {"name": "proxy"}]}
WAITING: dict[str, Any] = {
    "containerDefinitions": [
        {"name": "init", "essential": False},
        {"name": "app", "dependsOn": [{"containerName": "init", "condition": "SUCCESS"}]},
    ]
}


def ended(app: int, proxy: int, exit_container: str | None = None) -> dict[str, Any]:
    described = {
        "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/c/id",
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "startedAt": "2026-01-01T00:00:00+00:00",
        "containers": [{"name": "app", "exitCode": app}, {"name": "proxy", "exitCode": proxy}],
    }
    return task_of(described, deciding_containers(DEFINITION, exit_container))


@pytest.mark.parametrize("proxy", [143, 137])
def test_the_exit_container_passes_without_its_proxy(proxy: int) -> None:
    task = ended(0, proxy, "app")
    assert (task["exit_code"], task["exit_container"]) == (0, "app")
    assert not has_task_failed(task, ["nonzero"])


@pytest.mark.parametrize("proxy", [143, 137])
def test_a_stopped_proxy_fails_and_the_option_is_named(proxy: int) -> None:
    task = ended(0, proxy)
    cause = stop_cause(task)
    assert has_task_failed(task, ["nonzero"])
    assert cause and f"(exit code {proxy} of proxy)" in cause.line()
    assert "app with 0" in cause.line()
    assert "exit_container" in cause.line()


@pytest.mark.parametrize("codes", [(1, 3), (3, 1), (0, 3), (3, 0)])
def test_the_code_of_every_essential_container_counts(codes: tuple[int, int]) -> None:
    assert has_task_failed(ended(*codes), ["3"])
    assert not has_task_failed(ended(*codes), ["7"])


@pytest.mark.parametrize("status", ["PENDING", "STOPPED"])
def test_a_failed_start_up_container_is_found(status: str) -> None:
    app = {"name": "app"} | ({"exitCode": 143} if status == "STOPPED" else {})
    described = {"taskArn": "a/b", "lastStatus": status, "containers": [{"name": "init", "exitCode": 4}, app]}
    failure = failed_start_up(WAITING, task_of(described, ["app"])["containers"])
    assert failure and failure.container == "init"
    assert failure.text == "start-up container init ended with exit code 4, and app waits for its success"


def test_a_successful_start_up_container_is_no_failure() -> None:
    assert failed_start_up(WAITING, [{"name": "init", "exit_code": 0}, {"name": "app", "exit_code": None}]) is None


def test_a_task_that_never_started_names_its_start_up_container() -> None:
    described = {
        "taskArn": "a/b",
        "lastStatus": "STOPPED",
        "stopCode": "TaskFailedToStart",
        "containers": [{"name": "init", "exitCode": 4}, {"name": "app", "exitCode": 143, "reason": "dependency graph"}],
    }
    text = "start-up container init ended with exit code 4, and app waits for its success"
    cause = stop_cause(task_of(described, ["app"]) | {"start_up": text})
    assert cause and cause.kind == "never_started"
    assert text in cause.line()
