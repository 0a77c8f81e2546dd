# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.ddbload.aws.plugins.action import ecs_task_run
from ansible_collections.ddbload.aws.plugins.module_utils.ecs_task import task_of
from ansible_collections.ddbload.aws.plugins.module_utils.task_run import FollowedTask, RunState


def state(status: str, exit_code: int | None = None, count: int = 1) -> dict[str, Any]:
    containers = [{"name": "main", "exitCode": exit_code}]
    described = [{"taskArn": f"arn:task/c/{n}", "lastStatus": status, "containers": containers} for n in range(count)]
    tasks = [FollowedTask(task_of(one, ["main"]), log_complete=status == "STOPPED") for one in described]
    return RunState("c", "t", ["main"], None, 60, 5, 0.0, tasks).to_dict()


def step(status: str, exit_code: int | None = None, lines: tuple[str, ...] = (), count: int = 1) -> dict[str, Any]:
    events = {"0": [{"timestamp": 1, "message": line} for line in lines]}
    changes = [{"task_id": "0", "status": status, "elapsed": 1.0}]
    return {"step": {"state": state(status, exit_code, count), "events": events, "changes": changes}}


class Action(ecs_task_run.ActionModule):
    """The action plugin over answers of the module that were written down."""

    def __init__(self, answers: list[Any], **arguments: Any) -> None:
        self._task = SimpleNamespace(args=arguments, check_mode=False, async_val=0, no_log=False)
        self.answers, self.calls = answers, []

    def _execute_module(self, module_name: str = "", module_args: Any = None, **more: Any) -> dict[str, Any]:
        self.calls.append((module_args or {}).get("_step"))
        answer = self.answers.pop(0)
        return answer() if callable(answer) else answer


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(ecs_task_run.display, "display", lines.append)
    monkeypatch.setattr(ecs_task_run.display, "error", lines.append)
    monkeypatch.setattr(ecs_task_run.ActionBase, "run", lambda self, tmp=None, task_vars=None: {})
    return lines


def names(action: Action) -> list[str]:
    return [call["name"] for call in action.calls]


def test_follows_and_shows_in_the_order_of_what_happened(shown: list[str]) -> None:
    action = Action([step("PROVISIONING"), step("RUNNING", None, ("a",)), step("STOPPED", 0, ("b",))])
    result = action.run()
    assert names(action) == ["launch", "observe", "observe"]
    assert [line.strip() for line in shown] == [
        "task 0 PROVISIONING after 1.0 s",
        "task 0 RUNNING after 1.0 s",
        "a",
        "b",
        "task 0 STOPPED after 1.0 s",
    ]
    assert not result["failed"]
    assert [event["message"] for event in result["tasks"][0]["log_events"]] == ["a", "b"]


def test_several_tasks_are_told_apart(shown: list[str]) -> None:
    Action([step("RUNNING", None, ("a",), count=2), step("STOPPED", 0, count=2)]).run()
    assert "  [0] a" in shown


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_between_two_steps_stops_the_tasks(shown: list[str], signum: signal.Signals) -> None:
    def interrupted() -> dict[str, Any]:
        os.kill(os.getpid(), signum)
        return step("RUNNING", None, ("not shown any more",))

    action = Action([step("RUNNING"), interrupted, step("STOPPED", 6)])
    action.run()
    assert names(action) == ["launch", "observe", "stop"]
    assert action.calls[-1]["interrupted_by"] == signum.name
    assert not any("not shown" in line for line in shown)


def test_an_interrupt_during_the_launch_stops_what_was_launched(shown: list[str]) -> None:
    def interrupted() -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        return step("PROVISIONING")

    action = Action([interrupted, step("STOPPED", 143)])
    assert action.run()["failed"]
    assert names(action) == ["launch", "stop"]


def test_a_failed_launch_is_the_result(shown: list[str]) -> None:
    action = Action([{"failed": True, "msg": "no such cluster"}])
    assert action.run()["msg"] == "no such cluster"


@pytest.mark.parametrize(
    ("stopping", "is_said"), [(step("STOPPED", 143), False), ({"failed": True, "msg": "expired"}, True)]
)
def test_a_failed_observation_stops_the_tasks(shown: list[str], stopping: dict[str, Any], is_said: bool) -> None:
    action = Action([step("RUNNING"), {"failed": True, "msg": "expired"}, stopping])
    result = action.run()
    assert names(action) == ["launch", "observe", "stop"]
    assert result["failed"] and result["changed"] and result["msg"] == "expired" and result["tasks"]
    assert any("aws ecs stop-task" in line for line in shown) is is_said


def test_whatever_breaks_in_stops_the_tasks(shown: list[str]) -> None:
    class Timeout(BaseException):
        pass

    def breaks_in() -> dict[str, Any]:
        raise Timeout

    action = Action([step("RUNNING"), breaks_in, step("STOPPED", 143)])
    with pytest.raises(Timeout):
        action.run()
    assert names(action) == ["launch", "observe", "stop"]


def set_check_mode(action: Action) -> None:
    action._task.check_mode = True


def set_no_log(action: Action) -> None:
    action._task.no_log = True


@pytest.mark.parametrize(
    ("arguments", "change"),
    [
        ({"show_logs": "none"}, None),
        ({"wait": False}, None),
        ({"wait": "no"}, None),
        ({}, set_check_mode),
        ({}, set_no_log),
    ],
)
def test_where_nothing_is_to_be_shown_the_module_does_it_alone(
    shown: list[str], arguments: dict[str, Any], change: Callable[[Action], None] | None
) -> None:
    action = Action([{"msg": "done"}], **arguments)
    if change:
        change(action)
    assert action.run() == {"msg": "done"}
    assert action.calls == [None] and not shown
