# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check after a deployment: a rollback is a failure, although the stack is complete."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

PROGRAM = Path(__file__).parents[3] / "systems" / "oneshot" / "ci" / "verify_rollout.py"
DEPLOYED = "210987654321.dkr.ecr.eu-west-1.amazonaws.com/oneshot@sha256:" + "a" * 64
BEFORE = DEPLOYED.replace("a" * 64, "b" * 64)
ARN = "arn:aws:ecs:eu-west-1:210987654321:service/c/ui"
GROUPS = [f"arn:aws:elasticloadbalancing:eu-west-1:210987654321:targetgroup/{name}/0a" for name in ("blue", "green")]


def loaded() -> ModuleType:
    specification = importlib.util.spec_from_file_location("verify_rollout", PROGRAM)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules["verify_rollout"] = module
    specification.loader.exec_module(module)
    return module


verify = loaded()


def rollout(**changes: Any) -> Any:
    given = {"status": "SUCCESSFUL", "reason": "", "images": [DEPLOYED], "desired": 2, "running": 2, "healthy": 2}
    return verify.Rollout(**(given | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"status": "ROLLBACK_SUCCESSFUL", "reason": "circuit breaker"},
            "is ROLLBACK_SUCCESSFUL: circuit breaker",
        ),
        ({"status": "ROLLBACK_FAILED"}, "is ROLLBACK_FAILED ->"),
        ({"status": "STOPPED"}, "is STOPPED"),
        ({"status": "IN_PROGRESS"}, "is IN_PROGRESS"),
        ({"images": [BEFORE]}, f"runs {BEFORE}, not {DEPLOYED}"),
        ({"running": 1}, "1 of 2 tasks run"),
        ({"healthy": 0}, "0 of 2 targets are healthy"),
    ],
)
def test_what_does_not_run_is_a_problem(changes: dict[str, Any], words: str) -> None:
    problem = verify.problem_of(rollout(**changes), DEPLOYED)
    assert problem
    assert words in problem
    assert " -> " in problem


@pytest.mark.parametrize("changes", [{}, {"healthy": None}, {"desired": 0, "running": 0, "healthy": 0}])
def test_the_image_that_runs_is_no_problem(changes: dict[str, Any]) -> None:
    assert verify.problem_of(rollout(**changes), DEPLOYED) is None


def looked(service: dict[str, Any], deployments: list[dict[str, Any]], healths: dict[str, list[str]]) -> Any:
    """Return the rollout that stubbed clients lead to; botocore checks the form of their responses."""
    clients = [
        boto3.client(name, "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x") for name in ("ecs", "elbv2")
    ]
    ecs, elb = (Stubber(client) for client in clients)
    ecs.add_response("describe_services", {"services": [service]}, {"cluster": "c", "services": ["ui"]})
    definition = {"containerDefinitions": [{"name": "ui", "image": DEPLOYED}]}
    ecs.add_response("describe_task_definition", {"taskDefinition": definition}, {"taskDefinition": "ui:7"})
    ecs.add_response("list_service_deployments", {"serviceDeployments": deployments}, {"cluster": "c", "service": ARN})
    for arn in {group for group in GROUPS if group in healths}:
        states = [{"TargetHealth": {"State": state}} for state in healths[arn]]
        elb.add_response("describe_target_health", {"TargetHealthDescriptions": states})
    with ecs, elb:
        return verify.rollout_of(*clients, "c", "ui")


def service(**changes: Any) -> dict[str, Any]:
    given = {"serviceArn": ARN, "status": "ACTIVE", "taskDefinition": "ui:7", "desiredCount": 2, "runningCount": 2}
    return given | changes


def test_newest_deployment_and_the_fuller_group_count() -> None:
    balancer = {"targetGroupArn": GROUPS[0], "advancedConfiguration": {"alternateTargetGroupArn": GROUPS[1]}}
    deployments = [
        {"status": "SUCCESSFUL", "createdAt": datetime(2026, 1, 1, tzinfo=UTC)},
        {
            "status": "ROLLBACK_SUCCESSFUL",
            "createdAt": datetime(2026, 1, 2, tzinfo=UTC),
            "statusReason": "alarm ui-5xx",
        },
    ]
    found = looked(
        service(loadBalancers=[balancer]), deployments, {GROUPS[0]: ["draining"], GROUPS[1]: ["healthy"] * 2}
    )
    assert (found.status, found.reason) == ("ROLLBACK_SUCCESSFUL", "alarm ui-5xx")
    assert (found.images, found.healthy) == ([DEPLOYED], 2)


@pytest.mark.parametrize(
    ("state", "status"),
    [("COMPLETED", "SUCCESSFUL"), ("FAILED", "ROLLBACK_FAILED"), ("IN_PROGRESS", "IN_PROGRESS")],
)
def test_service_without_service_deployments_has_a_rollout_state(state: str, status: str) -> None:
    """An emulator, and a service that was never deployed since, lists no service deployment."""
    primary = {"status": "PRIMARY", "rolloutState": state, "rolloutStateReason": "tasks failed"}
    found = looked(service(deployments=[primary]), [], {})
    assert (found.status, found.reason, found.healthy) == (status, "tasks failed", None)


def test_a_deployment_under_way_is_awaited() -> None:
    states = iter(["PENDING", "IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL"])
    found = verify.finished(lambda: rollout(status=next(states)), time.monotonic() + 20, 0.01)
    assert found.status == "ROLLBACK_SUCCESSFUL"
    stuck = verify.finished(lambda: rollout(status="IN_PROGRESS"), time.monotonic(), 0.01)
    assert verify.problem_of(stuck, DEPLOYED)


def test_a_tag_or_no_connection_ends_with_one_line() -> None:
    def run(image: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, PROGRAM, "--cluster", "c", "--service", "ui", "--image", image],
            env={
                "AWS_ACCESS_KEY_ID": "x",
                "AWS_SECRET_ACCESS_KEY": "x",
                "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_MAX_ATTEMPTS": "1",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    tagged = run("oneshot:latest")
    assert tagged.returncode == 2
    assert "--image needs a digest" in tagged.stderr
    unreached = run(DEPLOYED)
    assert unreached.returncode == 1
    assert unreached.stderr.startswith("verify_rollout: Could not connect")
    assert unreached.stderr.count("\n") == 1
