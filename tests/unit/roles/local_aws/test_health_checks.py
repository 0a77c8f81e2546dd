# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's health check: what the engine makes of its results, and what ECS does with its health."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from embedded_aws.engine.health_check import Health, HealthCheck
from embedded_aws.extension.tasks.container_order import is_met
from embedded_aws.extension.tasks.health_checks import engine_check, task_health
from emulators import IMAGE, Emulator
from services import Service, running_service
from waiting import waited

SECOND = 10**9
CHECK = HealthCheck(("true",), interval=10, timeout=2, retries=3, start_period=20)


@pytest.mark.parametrize("given", [None, {}, {"Test": []}, {"Test": ["NONE"]}, {"Test": ["CMD"]}])
def test_no_health_check(given: dict[str, Any] | None) -> None:
    assert HealthCheck.parse(given, "127.77.0.1") is None


@pytest.mark.parametrize(
    ("test", "command"),
    [
        (["CMD", "nc", "-z", "localhost", "8000"], ("nc", "-z", "127.77.0.1", "8000")),
        (
            ["CMD-SHELL", "curl -f http://localhost:80/ || exit 1"],
            ("/bin/sh", "-c", "curl -f http://127.77.0.1:80/ || exit 1"),
        ),
        (["CMD", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9"], ("bash", "-c", "exec 3<>/dev/tcp/127.77.0.1/9")),
        (["CMD", "x", "my-localhost.example"], ("x", "my-localhost.example")),
    ],
)
def test_localhost_is_the_address_of_the_task(test: list[str], command: tuple[str, ...]) -> None:
    """A task listens on its address, and the command of its health check names localhost."""
    given = {"Test": test, "Interval": 5 * SECOND, "Timeout": 2 * SECOND, "Retries": 1, "StartPeriod": 9 * SECOND}
    assert HealthCheck.parse(given, "127.77.0.1") == HealthCheck(command, 5, 2, 1, 9)


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (("no-such-tool", "-z"), "no-such-tool"),
        (("sh", "-c", "no-such-tool"), ""),
        (("/bin/sh", "-c", "no-such-tool -f x || exit 1"), "no-such-tool"),
        (("/bin/sh", "-c", "ls / | grep -q x"), ""),
        (("/bin/sh", "-c", "[ -e x ]"), ""),
        (("/bin/sh", "-c", "$TOOL"), ""),
        (("/bin/sh", "-c", "unclosed '"), ""),
    ],
)
def test_a_program_that_this_machine_lacks(command: tuple[str, ...], missing: str) -> None:
    assert HealthCheck(command, 5, 2, 1, 0).missing(os.environ["PATH"]) == missing


def test_health_from_the_results_of_checks() -> None:
    """Before the first pass, failures count only once retries and start period are over; later, in a row."""
    health = Health(CHECK, 100.0)
    for now in (101.0, 102.0, 149.9):
        health.note(False, now)
    assert (health.status, health.pause) == ("starting", 1.0)
    health.note(True, 149.95)
    assert (health.status, health.pause) == ("healthy", 10)
    for passed in (False, False, True, False, False):
        health.note(passed, 200.0)
    assert health.status == "healthy"
    health.note(False, 201.0)
    assert health.status == "unhealthy"
    health.note(True, 202.0)
    assert health.status == "healthy"


def test_a_container_that_never_passes_is_unhealthy() -> None:
    health = Health(CHECK, 100.0)
    health.note(False, 150.0)
    assert health.status == "unhealthy"


def test_defaults_of_a_health_check() -> None:
    found = engine_check({"command": ["CMD", "true"], "timeout": 7})
    assert found == {
        "test": ["CMD", "true"],
        "interval": 30 * SECOND,
        "timeout": 7 * SECOND,
        "retries": 3,
        "start_period": 0,
    }


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({}, "UNKNOWN"),
        ({"a": "starting"}, "UNKNOWN"),
        ({"a": "healthy"}, "HEALTHY"),
        ({"a": "healthy", "b": "starting"}, "UNKNOWN"),
        ({"a": "starting", "b": "unhealthy"}, "UNHEALTHY"),
        ({"a": "healthy", "extra": "unhealthy"}, "HEALTHY"),
    ],
)
def test_essential_containers_are_the_tasks_health(states: dict[str, str], expected: str) -> None:
    assert task_health(states, ["a", "b"]) == expected


@pytest.mark.parametrize(
    ("exit_code", "health", "met"),
    [
        (None, "", True),
        (None, "starting", False),
        (None, "healthy", True),
        (None, "unhealthy", None),
        (0, "healthy", None),
    ],
)
def test_a_dependency_on_health(exit_code: int | None, health: str, met: bool | None) -> None:
    assert is_met("HEALTHY", exit_code, health) is met


def checked(service: Service, command: list[str]) -> str:
    """Register a task definition whose container has a fast health check; returns its ARN."""
    check = {"command": command, "interval": 5, "timeout": 2, "retries": 1}
    container = {"name": "main", "image": IMAGE, "command": ["sleep", "600"], "healthCheck": check}
    made = service.ecs.register_task_definition(family=service.name, containerDefinitions=[container])
    return str(made["taskDefinition"]["taskDefinitionArn"])


def health_of(service: Service) -> set[tuple[str, str]]:
    return {
        (task["healthStatus"], task["containers"][0]["healthStatus"])
        for task in service.tasks()
        if task["lastStatus"] == "RUNNING"
    }


def test_a_deployment_waits_for_health_and_a_sick_task_is_replaced(extended: Emulator, tmp_path: Path) -> None:
    mark, tries = tmp_path / uuid4().hex, tmp_path / "tries"
    with running_service(extended, ["sleep", "600"]) as service:
        service.steady()
        first = service.running()
        service.update(taskDefinition=checked(service, ["CMD-SHELL", f"echo >> {tries}; test -e {mark}"]))
        # By then, the deployment of a task without a health check is complete.
        waited(lambda: tries.exists() and len(tries.read_text()) >= 4)
        assert first <= service.running()
        assert service.deployments()[0]["status"] == "IN_PROGRESS"
        mark.touch()
        assert service.steady()[0]["status"] == "SUCCESSFUL"
        waited(lambda: health_of(service) == {("HEALTHY", "HEALTHY")})
        [healthy] = service.running()
        mark.unlink()
        waited(lambda: any(task["stoppedReason"].endswith("health checks") for task in service.tasks("STOPPED")))
        mark.touch()
        waited(lambda: service.running() - {healthy} and health_of(service) == {("HEALTHY", "HEALTHY")})


def test_a_check_without_its_program_leaves_the_health_unknown(extended: Emulator) -> None:
    with running_service(extended, ["sleep", "600"]) as service:
        service.update(taskDefinition=checked(service, ["CMD", "no-such-tool", "localhost"]))
        assert service.steady()[0]["status"] == "SUCCESSFUL"
        assert health_of(service) == {("UNKNOWN", "UNKNOWN")}
