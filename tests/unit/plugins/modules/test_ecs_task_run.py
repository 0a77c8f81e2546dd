# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that runs ECS tasks: its options and its documentation."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.parameters import check_params
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.cost import fargate_cost
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.result import run_result
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import FollowedTask, Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import task_of
from ansible_collections.gantry.ecs.plugins.modules import ecs_task_run

MODULE = "gantry.ecs.ecs_task_run"
MINIMAL = {"cluster": "c", "task_definition": "t"}
DESCRIBED = {
    "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/c/0cc175b9",
    "lastStatus": "RUNNING",
    "launchType": "FARGATE",
    "cpu": "1024",
    "memory": "2048",
    "createdAt": datetime(2026, 1, 31, tzinfo=UTC),
    "containers": [{"name": "main"}],
}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Modules that ran instead of a launch."""
    modules: list[Any] = []

    class Runner:
        def __init__(self, module: Any, interrupt: Interrupt) -> None:
            self.module = module

        def run(self) -> None:
            modules.append(self.module)
            self.module.exit_json(changed=True)

    monkeypatch.setattr(ecs_task_run, "Runner", Runner)
    return modules


def run(capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    with patch_module_args(options), pytest.raises(SystemExit):
        ecs_task_run.main()
    return dict(json.loads(capsys.readouterr().out))


def validated(options: dict[str, Any]) -> dict[str, Any]:
    result = ArgumentSpecValidator(ecs_task_run.ARGUMENT_SPEC, ecs_task_run.MUTUALLY_EXCLUSIVE).validate(options)
    assert result.error_messages == []
    return dict(result.validated_parameters)


def test_defaults_reach_the_runner(capsys: pytest.CaptureFixture[str], ran: list[Any]) -> None:
    assert run(capsys, **MINIMAL)["changed"]
    params = ran[0].params
    assert (params["state"], params["count"], params["wait"], params["wait_timeout"]) == ("run", 1, True, 3600)
    assert (params["launch_type"], params["capacity_provider_strategy"], params["overrides"]) == (None, None, None)
    assert (params["fail_on"], params["show"], params["on_interrupt"]) == (["nonzero"], "progress", "stop")


def test_numbers_of_yaml_become_exit_codes(capsys: pytest.CaptureFixture[str], ran: list[Any]) -> None:
    run(capsys, **MINIMAL, fail_on=[3, "5-7"])
    assert ran[0].params["fail_on"] == ["3", "5-7"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count is 0 -> give a number from 1 to 1,000"),
        ({"state": "watch"}, "state watch needs tasks, started_by or client_token -> say which tasks are meant"),
        (
            {"launch_type": "EC2", "capacity_provider_strategy": [{"capacity_provider": "FARGATE"}]},
            "parameters are mutually exclusive: launch_type|capacity_provider_strategy",
        ),
        ({"overrides": {"containers": [{"command": ["x"]}]}}, "missing required arguments: name found in overrides"),
    ],
)
def test_an_invalid_option_fails_before_the_run(
    capsys: pytest.CaptureFixture[str], ran: list[Any], options: dict[str, Any], message: str
) -> None:
    result = run(capsys, **{**MINIMAL, **options})
    assert result["failed"] and message in result["msg"]
    assert ran == []


def test_a_client_token_is_no_secret(capsys: pytest.CaptureFixture[str], ran: list[Any]) -> None:
    run(capsys, **MINIMAL, client_token="deploy-4711-migrate")
    assert "deploy-4711-migrate" not in ran[0].no_log_values


EXAMPLES = [one[MODULE] for one in yaml.safe_load(ecs_task_run.EXAMPLES) if MODULE in one]


@pytest.mark.parametrize("options", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_of_the_documentation_is_valid(options: dict[str, Any]) -> None:
    # Values that Jinja makes are text here.
    plain = {name: "x" if "{{" in str(value) else value for name, value in options.items()}
    check_params(validated(plain))


def test_documentation_lists_exactly_the_returned_values() -> None:
    """The documentation lists every returned value and no other."""
    documented = yaml.safe_load(ecs_task_run.RETURN)
    params = validated(MINIMAL)
    task = task_of(DESCRIBED, ["main"])
    run = Run("c", "arn:t:1", {"containerDefinitions": [{"name": "main"}]}, ["main"], 1)
    run.tasks.append(FollowedTask(task))
    result = run_result(run, params, datetime.now(UTC))
    assert set(documented) == set(result) - {"changed", "failed"} | {"checked"}
    assert set(documented["tasks"]["contains"]) == set(result["tasks"][0])
    assert set(documented["phases"]["contains"]) == set(result["phases"]) == set(result["tasks"][0]["phases"])
    cost = fargate_cost(task, "X86_64", None, datetime.now(UTC))
    assert cost and set(documented["cost"]["contains"]) == set(cost)
