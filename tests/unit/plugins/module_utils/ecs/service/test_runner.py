# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the module ``ecs_service`` against an account with one service."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline, Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service import runner
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import StackSeen
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.outcome import service_result
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.plan import COUNT_TAG
from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveReader
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.ecs.service.fake_service import (
    FakeAws,
    definition_arn,
)

DEFAULTS: dict[str, Any] = {
    "cluster": "shop",
    "service": "web",
    "state": "deployed",
    "task_definition": None,
    "desired_count": None,
    "force_new_deployment": False,
    "stack_name": None,
    "deployment": None,
    "pause_action": None,
    "fail_early": 3,
    "on_early_failure": "continue",
    "wait": True,
    "wait_timeout": 600,
    "endpoint_url": None,
    "_live": None,
}
Call = Callable[..., dict[str, Any]]


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def call(aws: FakeAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Runs the module once; the records of the live view are in ``shown``."""
    clients = SimpleNamespace(once=aws.client, patient=aws.client, renew=lambda: None)
    monkeypatch.setattr(runner, "AwsClients", lambda module, interrupted: clients)
    live = tmp_path / "live"

    def run(
        check_mode: bool = False,
        stack: Callable[[], StackSeen] | None = None,
        interrupt_at: float | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        params = {**DEFAULTS, **options, "_live": str(live)}
        module = SimpleNamespace(params=params, check_mode=check_mode, _diff=True, region="eu-west-1")
        interrupt = Interrupt()

        def interrupted() -> str:
            if interrupt_at is not None and aws.elapsed >= interrupt_at:
                interrupt.name = "SIGINT"
            return interrupt.name

        patience = Deadline(params["wait_timeout"], interrupted, aws.clock, aws.clock.sleep)
        sight = (lambda client, name: stack) if stack else (lambda client, name: lambda: StackSeen(name, "", False))
        aws.calls.clear()
        outcome = runner.ServiceRunner(module, interrupt, sight, patience).run()
        return {**service_result(outcome), "shown": LiveReader(str(live)).read()}

    return run


def lines(result: dict[str, Any]) -> list[str]:
    return [record["text"] for record in result["shown"] if record["kind"] in ("line", "note")]


def test_task_definition_is_deployed_and_followed(aws: FakeAws, call: Call) -> None:
    result = call(task_definition="web:8")
    assert not result["failed"] and result["changed"], result["msg"]
    assert result["msg"] == "service web runs 2 of web:8"
    assert aws.requests("update_service") == [
        {"cluster": "shop", "service": "web", "taskDefinition": definition_arn(8)}
    ]
    assert (result["task_definition"], result["previous_task_definition"]) == (definition_arn(8), definition_arn(7))
    assert result["deployment_status"] == "SUCCESSFUL"
    assert "(service web) has reached a steady state." in lines(result)


def test_second_call_changes_nothing_and_waits_for_nothing(aws: FakeAws, call: Call) -> None:
    call(task_definition="web:8")
    before = aws.elapsed
    result = call(task_definition="web:8")
    assert not result["failed"] and not result["changed"]
    assert aws.elapsed == before and aws.requests("update_service") == []
    assert not call()["changed"]


def test_a_rollback_before_the_call_is_not_reported_again(aws: FakeAws, call: Call) -> None:
    """The task definition that the rollback brought back is what is requested: nothing happens in this call."""
    aws.is_good, aws.logs = False, {"web/web/dead0": ["cannot open the database"]}
    rolled_back = call(task_definition="web:8", fail_early=0)
    result = call(task_definition="web:7")
    assert (result["failed"], result["changed"], result["failed_tasks"]) == (False, False, [])
    # The records of both calls are in one file.
    assert rolled_back["failed"] and lines(result) == lines(rolled_back)


def test_the_last_log_lines_of_a_cause_are_shown_once(aws: FakeAws, call: Call) -> None:
    """They come as soon as the log has them, of the first task of the cause alone."""
    aws.is_good = False
    aws.after(8, lambda: aws.logs.update({"web/web/dead0": [f"line {number}" for number in range(9)]}))
    result = call(task_definition="web:8", fail_early=0)
    shown = [text for text in lines(result) if " log: " in text]
    assert shown == [f"task dead0 log: line {number}" for number in range(4, 9)]
    assert [one["log_lines"] for one in result["failed_tasks"]] == [
        [f"line {number}" for number in range(4, 9)],
        [],
        [],
    ]
    assert not result["warnings"]


def test_a_log_that_may_not_be_read_is_one_warning(aws: FakeAws, call: Call) -> None:
    aws.is_good = False
    aws.errors["get_log_events"] = ("AccessDeniedException", "User: me is not authorized to perform: logs:GetLogEvents")
    result = call(task_definition="web:8", fail_early=0)
    [warning] = result["warnings"]
    assert warning.startswith(
        "cannot read log stream web/web/dead0 of log group /shop/web (region eu-west-1): AccessDenied"
    )
    assert result["problem"]["kind"] == "rolled_back" and len(result["failed_tasks"]) == 3


def test_a_service_that_is_gone_still_has_its_cause(aws: FakeAws, call: Call) -> None:
    """A stack whose first deployment fails deletes the service; ECS remembers the tasks of its task definition."""
    aws.fail_task()
    aws.tasks[next(iter(aws.tasks))]["taskDefinitionArn"] = definition_arn(8)
    aws.has_service, aws.logs = False, {"web/web/dead0": ["cannot open the database"]}
    problem = Problem(
        "stack", "stack shop-web is ROLLBACK_COMPLETE: Service CREATE_FAILED: not stable", "see the tasks"
    )
    rolled_back = StackSeen("shop-web", "ROLLBACK_COMPLETE", False, aws.now, problem, (definition_arn(8),))
    result = call(stack=lambda: rolled_back, stack_name="shop-web")
    assert result["problem"]["what"].startswith(
        "service web: stack shop-web is ROLLBACK_COMPLETE: task dead0: a container ran out of memory (exit code 137)"
    )
    assert "task dead0 log: cannot open the database" in lines(result)


@pytest.mark.parametrize("has_deployments", [True, False])
def test_broken_version_fails_with_its_first_cause(aws: FakeAws, call: Call, has_deployments: bool) -> None:
    """The circuit breaker's rollback is a failure; the first dead task and its log are named."""
    aws.is_good, aws.has_deployments = False, has_deployments
    result = call(task_definition="web:8", fail_early=0)
    assert result["failed"] and result["problem"]["kind"] == "rolled_back"
    assert result["problem"]["what"].startswith(
        "service web: the deployment of web:8 was rolled back to web:7: task dead0: a container ran out of memory "
        "(exit code 137): OutOfMemoryError"
    )
    assert "log /shop/web web/web/dead0" in result["problem"]["what"]
    assert "raise the memory" in result["problem"]["remedy"]
    assert [one["cause_kind"] for one in result["failed_tasks"]] == ["memory"] * 3
    assert result["cause"]["kind"] == "memory" and result["task_definition"] == definition_arn(7)


def test_cause_is_shown_as_soon_as_a_task_has_died(aws: FakeAws, call: Call) -> None:
    aws.is_good = False
    result = call(task_definition="web:8", fail_early=0)
    first = next(one for one in result["shown"] if one["kind"] == "line" and "task dead0" in one["text"])
    assert first["elapsed_s"] - 5 < 5  # the task dies 5 s after the request


def test_deployment_after_a_rollback_starts_anew(aws: FakeAws, call: Call) -> None:
    """After a circuit breaker's rollback the same task definition can be deployed again."""
    aws.is_good = False
    assert call(task_definition="web:8", fail_early=0)["failed"]
    aws.is_good = True
    aws.tasks.clear()
    assert call(task_definition="web:8")["msg"] == "service web runs 2 of web:8"


def test_check_after_a_rollback_fails(aws: FakeAws, call: Call) -> None:
    """Without a task definition the newest deployment counts, so its rollback is seen by a later call."""
    aws.is_good = False
    call(task_definition="web:8", fail_early=0)
    assert call()["problem"]["kind"] == "rolled_back"
    assert not call(task_definition="web:7")["failed"]


def test_early_failure_leaves_the_deployment_to_ecs(aws: FakeAws, call: Call) -> None:
    aws.is_good, aws.breaker = False, 100
    result = call(task_definition="web:8", fail_early=2)
    assert result["problem"]["kind"] == "early_failure" and aws.elapsed < 15
    assert "2 tasks of web:8 failed for the same cause" in result["msg"]
    assert aws.requests("stop_service_deployment") == []


def test_early_failure_rolls_back_by_option(aws: FakeAws, call: Call) -> None:
    aws.is_good, aws.breaker = False, 100
    result = call(task_definition="web:8", fail_early=2, on_early_failure="rollback")
    (request,) = aws.requests("stop_service_deployment")
    assert request["stopType"] == "ROLLBACK" and request["serviceDeploymentArn"] == result["deployment"]
    assert result["problem"]["kind"] == "early_failure" and "; web:7 is deployed again" in result["problem"]["what"]
    assert result["deployment_status"] == "ROLLBACK_SUCCESSFUL"


def test_refused_stop_is_a_warning(aws: FakeAws, call: Call) -> None:
    aws.is_good, aws.breaker = False, 100
    aws.errors["stop_service_deployment"] = (
        "AccessDeniedException",
        "not authorized to perform: ecs:StopServiceDeployment",
    )
    result = call(task_definition="web:8", fail_early=2, on_early_failure="rollback")
    assert result["problem"]["kind"] == "early_failure"
    assert "allow ecs:StopServiceDeployment" in result["warnings"][0]


def test_timeout_names_what_is_missing_and_how_to_go_on(aws: FakeAws, call: Call) -> None:
    aws.is_good, aws.breaker = False, 100
    result = call(task_definition="web:8", fail_early=0, wait_timeout=12)
    assert result["problem"]["kind"] == "timeout"
    assert "wait_timeout of 12 s is over: the deployment of web:8 is IN_PROGRESS" in result["msg"]
    assert "a container ran out of memory" in result["msg"] and "call again with the same options" in result["msg"]
    assert result["unmet"]


def test_interrupt_leaves_the_deployment_and_the_next_call_resumes(aws: FakeAws, call: Call) -> None:
    result = call(task_definition="web:8", interrupt_at=2.0)
    assert result["problem"]["kind"] == "interrupted" and aws.elapsed < 3
    assert f"or with deployment: {result['deployment']}" in result["msg"]
    assert result["msg"] in lines(result) and result["shown"][-1]["kind"] == "stop"
    assert aws.service_deployments[-1]["status"] == "IN_PROGRESS"
    again = call(deployment=result["deployment"])
    assert again["msg"] == "service web runs 2 of web:8" and aws.requests("update_service") == []
    assert again["changed"]


def test_calls_stay_below_two_a_second(aws: FakeAws, call: Call) -> None:
    aws.is_good, aws.breaker = False, 1000
    call(task_definition="web:8", fail_early=0, wait_timeout=300)
    assert 100 < len(aws.calls) < runner.CALLS_A_SECOND * 300 + 15


def test_stop_and_start_give_the_count_back(aws: FakeAws, call: Call) -> None:
    stopped = call(state="stopped")
    assert stopped["msg"] == "service web has no tasks" and stopped["desired_count"] == 0 and stopped["changed"]
    assert aws.tags == [{"key": COUNT_TAG, "value": "2"}]
    assert not call(state="stopped")["changed"]
    started = call()
    assert started["msg"] == "service web runs 2 of web:7" and aws.tags == []
    assert aws.requests("update_service")[0]["desiredCount"] == 2


def test_count_of_zero_without_a_count_to_give_back_is_a_warning(aws: FakeAws, call: Call) -> None:
    assert call(desired_count=0)["msg"] == "service web runs 0 of web:7"
    result = call()
    assert not result["failed"] and "give desired_count" in result["warnings"][0]


def test_rollback_deploys_the_revision_before_once(aws: FakeAws, call: Call) -> None:
    """The second rollback finds that the last deployment was one, and changes nothing."""
    call(task_definition="web:8")
    result = call(state="rolled_back")
    assert result["msg"] == "service web runs 2 of web:7" and result["changed"]
    assert aws.requests("update_service")[0]["taskDefinition"] == definition_arn(7)
    again = call(state="rolled_back")
    assert not again["changed"] and again["msg"] == "service web runs 2 of web:7"


def test_rollback_stops_a_deployment_in_progress(aws: FakeAws, call: Call) -> None:
    aws.is_good, aws.breaker = False, 100
    running = call(task_definition="web:8", wait=False)
    result = call(state="rolled_back")
    assert aws.requests("stop_service_deployment")[0]["serviceDeploymentArn"] == running["deployment"]
    assert not result["failed"] and result["deployment_status"] == "ROLLBACK_SUCCESSFUL" and result["changed"]
    assert aws.requests("update_service") == []


def test_rollback_without_service_deployments_takes_the_family(aws: FakeAws, call: Call) -> None:
    aws.has_deployments = False
    assert call(state="rolled_back")["task_definition"] == definition_arn(6)


def test_rollback_without_a_revision_before_says_so(aws: FakeAws, call: Call) -> None:
    result = call(state="rolled_back")
    assert result["msg"] == (
        "service web has no revision before web:7 -> name the task definition to deploy: task_definition"
    )


def test_rollback_to_an_inactive_revision_says_how_to_keep_it(aws: FakeAws, call: Call) -> None:
    call(task_definition="web:8")
    aws.definitions[definition_arn(7)]["status"] = "INACTIVE"
    result = call(state="rolled_back")
    assert "task definition web:7 is INACTIVE -> register it again" in result["msg"]
    assert aws.requests("update_service") == []


def test_pause_is_answered_once(aws: FakeAws, call: Call) -> None:
    def pause() -> None:
        hook = {"hookId": "hook1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "timeoutAction": "ROLLBACK"}
        aws.service_deployments[-1].update(lifecycleHookDetails=[hook], lifecycleStage="POST_SCALE_UP")

    aws.update_service(taskDefinition=definition_arn(8))
    aws._later.clear()
    aws.after(1, pause)
    result = call(pause_action="continue")
    assert aws.requests("continue_service_deployment") == [
        {"serviceDeploymentArn": result["deployment"], "hookId": "hook1", "action": "CONTINUE"}
    ]
    assert result["msg"] == "service web runs 2 of web:8"


def test_forced_deployment_of_the_same_definition_is_followed(aws: FakeAws, call: Call) -> None:
    result = call(force_new_deployment=True)
    assert result["changed"] and result["msg"] == "service web runs 2 of web:7"
    assert result["deployment"].endswith("/2") and aws.elapsed >= 5


def test_check_mode_requests_nothing_and_shows_no_values(aws: FakeAws, call: Call) -> None:
    result = call(check_mode=True, task_definition="web:8", desired_count=3)
    assert result["changed"] and result["msg"] == (
        "service web: would deploy web:8 instead of web:7; 3 task(s) instead of 2"
    )
    assert {name.partition("_")[0] for name, _request in aws.calls} <= {"describe", "list"}
    assert "container web image shop/web:7\n" in result["diff"]["before"]
    assert "container web image shop/web:8\n" in result["diff"]["after"]
    assert "container web environment LEVEL (another value)\n" in result["diff"]["after"]
    assert result["diff"]["after"].endswith("desired count 3\n")
    assert "secret-value" not in json.dumps(result) and "arn:key" not in json.dumps(result)


def test_check_mode_of_an_equal_service_is_unchanged(call: Call) -> None:
    result = call(check_mode=True, task_definition="web:7")
    assert not result["changed"] and "diff" not in result and result["msg"] == "service web: nothing to change"


def test_deployment_of_a_stack_is_followed_without_a_request(aws: FakeAws, call: Call) -> None:
    """The stack's operation reaches the service while the module waits; the module requests nothing itself."""
    started_at = aws.now
    aws.after(8, lambda: aws.update_service(taskDefinition=definition_arn(8)) and None)

    def stack() -> StackSeen:
        return StackSeen("shop-web", "UPDATE_IN_PROGRESS", aws.elapsed < 100, started_at)

    aws.clock.sleep(1)
    aws.service_deployments[0]["createdAt"] = started_at.replace(year=2025)
    result = call(stack=stack, stack_name="shop-web")
    assert result["msg"] == "service web runs 2 of web:8" and result["changed"]
    assert 13 <= aws.elapsed < 20 and aws.requests("update_service") == []


def test_rolled_back_deployment_of_a_complete_stack_fails(aws: FakeAws, call: Call) -> None:
    aws.is_good = False
    aws.update_service(taskDefinition=definition_arn(8))
    done = StackSeen("shop-web", "UPDATE_COMPLETE", False, aws.now)
    result = call(stack=lambda: done, stack_name="shop-web")
    assert result["failed"] and result["cause"]["kind"] == "memory"


def test_failed_stack_ends_the_call(call: Call) -> None:
    problem = Problem(
        "failed", "stack shop-web is UPDATE_ROLLBACK_IN_PROGRESS: Queue UPDATE_FAILED: taken", "rename it"
    )
    result = call(stack=lambda: StackSeen("shop-web", "", True, None, problem), stack_name="shop-web")
    assert result["msg"] == f"service web: {problem.what} -> rename it"


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        ({"service": "x"}, {}, "service x of cluster shop does not exist -> deploy it first"),
        ({}, {"status": "INACTIVE"}, "service web of cluster shop is INACTIVE -> deploy it again"),
        (
            {},
            {"deploymentController": {"type": "CODE_DEPLOY"}},
            "service web of cluster shop has deployment controller CODE_DEPLOY -> deploy it with CodeDeploy",
        ),
        (
            {},
            {"deploymentController": {"type": "EXTERNAL"}},
            "has deployment controller EXTERNAL -> deploy it with the controller that owns its task sets",
        ),
        (
            {"task_definition": "web:8"},
            {"taskDefinition": definition_arn(3, "api")},
            "task definition web:8 is of another family than api:3, which service web has -> name a revision of family",
        ),
        ({"task_definition": "web:99"}, {}, "Unable to describe task definition. -> deploy the task definition first"),
        ({"fail_early": -1}, {}, "fail_early is -1 -> give a number from 0"),
        ({"state": "stopped", "desired_count": 1}, {}, "desired_count is given with state stopped -> leave"),
        ({"stack_name": "s", "desired_count": 1}, {}, "desired_count is given with stack_name, with which this call"),
    ],
)
def test_what_cannot_be_deployed_is_one_clear_line(
    aws: FakeAws, call: Call, options: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    aws.service.update(change)
    result = call(**options)
    assert result["failed"] and not result["changed"] and "\n" not in result["msg"]
    assert message.replace(". ->", " ->") in result["msg"]
    assert aws.requests("update_service") == []


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("describe_services", "ecs:DescribeServices"),
        ("list_service_deployments", "ecs:ListServiceDeployments"),
        ("update_service", "ecs:UpdateService"),
        ("describe_target_health", "elasticloadbalancing:DescribeTargetHealth"),
        ("list_tasks", "ecs:ListTasks"),
    ],
)
def test_missing_permission_names_its_action(aws: FakeAws, call: Call, operation: str, action: str) -> None:
    message = f"User: x is not authorized to perform: {action} on resource: *"
    aws.errors[operation] = ("AccessDeniedException", message)
    result = call(task_definition="web:8")
    assert result["failed"] and f"allow {action}" in result["msg"] and "service web of cluster shop" in result["msg"]


def test_endpoint_without_service_deployments_is_followed_by_describe_services(aws: FakeAws, call: Call) -> None:
    aws.errors["list_service_deployments"] = ("InvalidAction", "Unknown ECS action: ListServiceDeployments")
    assert call(task_definition="web:8")["msg"] == "service web runs 2 of web:8"
    assert len(aws.requests("list_service_deployments")) == 1


def test_trouble_with_aws_is_waited_for(aws: FakeAws, call: Call) -> None:
    """While AWS fails the deployment goes on, and the module finds its end."""
    aws.errors["describe_target_health"] = ("ServiceUnavailable", "try later")
    aws.after(20, aws.errors.clear)
    result = call(task_definition="web:8")
    assert result["msg"] == "service web runs 2 of web:8" and 20 <= aws.elapsed < 40
    assert sum("trying again" in line for line in lines(result)) == 1
