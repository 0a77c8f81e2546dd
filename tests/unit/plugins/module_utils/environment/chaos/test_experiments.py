# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each experiment on an account that recovers, and on one that does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos import paused_aws
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.choice import (
    EXPERIMENTS,
    LOCAL_ALONE,
    Setting,
    chosen,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.experiment import Experiment
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.paused_aws import PausedAws
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.service_under_test import ServiceUnderTest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.task_end import KILLED, TaskEnd
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import Settings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import ProblemError
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.environment.chaos.fake_account import (
    BASE,
    SECRET,
    FakeAccount,
    deployment,
)
from botocore.exceptions import ClientError
from system_strategies import filled, small

SECTIONS = filled(small(jobs={"sum": {"secrets": {"KEY": "key"}}}))


def experiment(
    name: str, account: FakeAccount, directory: str = "", sections: Any = None, service: str = ""
) -> Experiment:
    setting = Setting("shop", "dev", sections or SECTIONS, service, directory, 1.0, {})
    return chosen(name, setting, account.client)


# ---- The choice


@pytest.mark.parametrize("name", sorted(LOCAL_ALONE))
def test_an_account_refuses_what_works_on_processes(name: str) -> None:
    with pytest.raises(
        ProblemError, match=f"experiment {name} works on processes of this machine, and dev is an account"
    ):
        experiment(name, FakeAccount())


def test_every_name_is_an_experiment() -> None:
    for name in EXPERIMENTS:
        assert experiment(name, FakeAccount(), directory="/tmp/none").promise


@pytest.mark.parametrize(
    ("name", "changes", "service", "message"),
    [
        ("stop_task", {}, "wep", "there is no service wep -> take one of web, worker"),
        (
            "missing_secret",
            {"services": {}, "jobs": {}},
            "",
            "no service or job needs a secret that the deploy creates",
        ),
        ("stop_task", {"services": {}, "jobs": {}}, "", "the system has no service with tasks"),
    ],
)
def test_an_experiment_without_its_part_is_refused(name: str, changes: Any, service: str, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        experiment(name, FakeAccount(), sections={**SECTIONS, **changes}, service=service)


def test_an_unsteady_service_is_an_obstacle() -> None:
    account = FakeAccount(desired=2)
    account.end(min(account.tasks))
    obstacle = experiment("stop_task", account).obstacle()
    assert obstacle is not None
    assert obstacle.what == (
        "service shop-dev-web is not steady before the experiment: 1 of 2 tasks run, 2 healthy, 1 deployment(s)"
    )


def test_a_service_without_tasks_is_an_obstacle() -> None:
    obstacle = experiment("two_deploys", FakeAccount(desired=0)).obstacle()
    assert obstacle is not None
    assert "has no task" in obstacle.what


# ---- One task ends


def test_a_stopped_task_is_replaced() -> None:
    account = FakeAccount()
    stopping = experiment("stop_task", account)
    assert stopping.obstacle() is None
    assert stopping.inject() == f"StopTask for task {min(account.tasks)}"
    assert not stopping.look().has_recovered
    account.start()
    seen = stopping.look()
    assert seen.has_recovered
    assert "another task runs; the ended one: stopped on request" in seen.line
    assert stopping.restore() == ""


@pytest.mark.parametrize(("code", "broken"), [(KILLED, ""), (0, f"its exit code is 0, not {KILLED}")])
def test_a_killed_task_has_its_exit_code(code: int, broken: str) -> None:
    account = FakeAccount()
    service = ServiceUnderTest(account.client, BASE, f"{BASE}-web")

    def kill(task_id: str) -> str:
        account.end(task_id, code)
        return "killed"

    killing = TaskEnd(service, kill, KILLED)
    assert "names exit code 137" in killing.promise
    killing.inject()
    account.start()
    assert (killing.look().has_recovered, killing.look().broken) == (not broken, broken)


# ---- A secret is missing


def test_a_missing_secret_is_named_and_restored() -> None:
    account = FakeAccount()
    missing = experiment("missing_secret", account)
    assert missing.obstacle() is None
    assert SECRET in missing.inject()
    assert account.deleted
    assert missing.look() == ("the task is PENDING", False, "")
    reason = f"ResourceInitializationError: unable to pull secrets or registry auth: failed to fetch secret {SECRET}"
    account.end(max(account.tasks), None, stopCode="TaskFailedToStart", stoppedReason=reason)
    assert missing.look().has_recovered
    assert missing.restore() == f"secret {SECRET} is restored"
    assert not account.deleted


@pytest.mark.parametrize(
    ("reason", "status", "broken"),
    [
        ("CannotPullContainerError: no such image", "STOPPED", "the cause does not name the secret"),
        ("", "RUNNING", "the task started without its secret"),
    ],
)
def test_another_end_breaks_the_promise(reason: str, status: str, broken: str) -> None:
    account = FakeAccount()
    missing = experiment("missing_secret", account)
    missing.inject()
    more = {"stopCode": "TaskFailedToStart", "stoppedReason": reason} if reason else {}
    account.end(max(account.tasks), None, **more)
    account.tasks[max(account.tasks)]["lastStatus"] = status
    assert missing.look().broken == broken
    missing.restore()
    assert not account.deleted


def test_a_task_that_ends_meanwhile_breaks_the_promise() -> None:
    account = FakeAccount()
    missing = experiment("missing_secret", account)
    missing.inject()
    account.end(min(account.tasks))
    assert missing.look().broken == f"task {min(account.tasks)} ended"


@pytest.mark.parametrize("refused", ["delete_secret", "run_task"])
def test_a_secret_is_restored_after_a_refused_call(refused: str) -> None:
    """Also where the response to DeleteSecret was lost, so that nobody knows whether it is deleted."""
    account = FakeAccount()
    account.refused = {refused}
    missing = experiment("missing_secret", account)
    with pytest.raises(ClientError):
        missing.inject()
    missing.restore()
    assert not account.deleted
    assert account.calls[-1] == "restore_secret"


def test_a_secret_that_stays_deleted_has_its_command() -> None:
    account = FakeAccount()
    account.refused = {"restore_secret"}
    missing = experiment("missing_secret", account)
    missing.inject()
    command = f"aws secretsmanager restore-secret --secret-id {SECRET}"
    with pytest.raises(ProblemError, match=f"secret {SECRET} is still deleted: AccessDeniedException -> {command}"):
        missing.restore()


def test_a_secret_without_a_value_is_an_obstacle() -> None:
    account = FakeAccount()
    account.has_value = False
    obstacle = experiment("missing_secret", account).obstacle()
    assert obstacle is not None
    assert "has no value" in obstacle.what


# ---- Two deploys


def test_one_of_two_deployments_remains() -> None:
    account = FakeAccount()
    both = experiment("two_deploys", account)
    assert both.inject() == "2 of 2 deployments accepted"
    assert not both.look().has_recovered
    account.deployments = [deployment(3)]
    assert both.look().has_recovered


def test_the_old_deployment_alone_is_no_recovery() -> None:
    account = FakeAccount()
    both = experiment("two_deploys", account)
    both.inject()
    account.deployments = [deployment(1)]
    assert not both.look().has_recovered


def test_two_refused_deployments_are_a_problem() -> None:
    account = FakeAccount()
    account.refused = {"update_service"}
    with pytest.raises(ProblemError):
        experiment("two_deploys", account).inject()


# ---- A paused AWS


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Settings]:
    """A process that stands in for the embedded AWS, known by its pid file."""
    settings = Settings(port=0, directory=tmp_path / "aws", python="", process_engine=Path(), log_level="warning")
    command = [sys.executable, "-c", "import time; time.sleep(60)", settings.emulator.marks[0]]
    settings.emulator.start(command, {}, {})
    yield settings
    settings.emulator.stop(1.0)


def state_of(pid: int) -> str:
    """Return the state of a process as ps shows it, such as T for a stopped one."""
    command = ["ps", "-o", "state=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_pause_ends_and_the_same_tasks_run(emulator: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = cast(int, emulator.emulator.running_pid())
    account, now = FakeAccount(), [0.0]
    service = ServiceUnderTest(account.client, BASE, f"{BASE}-web")
    monkeypatch.setattr(paused_aws, "responds", lambda url: True)
    pause = PausedAws(service, emulator, "http://127.0.0.1:1/", 20.0, clock=lambda: now[0])
    pause.inject()
    assert state_of(pid) == "T"
    assert pause.look() == ("AWS stands still", False, "")
    now[0] = 20.0
    seen = pause.look()
    assert seen.has_recovered
    assert "1 responses of the load balancer meanwhile" in seen.line
    assert state_of(pid) != "T"


def test_a_silent_load_balancer_breaks_the_promise(emulator: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process goes on all the same."""
    pid = cast(int, emulator.emulator.running_pid())
    monkeypatch.setattr(paused_aws, "responds", lambda url: False)
    service = ServiceUnderTest(FakeAccount().client, BASE, f"{BASE}-web")
    pause = PausedAws(service, emulator, "http://127.0.0.1:1/", 20.0, clock=lambda: 0.0)
    pause.inject()
    assert pause.look().broken == "http://127.0.0.1:1/ did not respond"
    assert pause.restore() == f"SIGCONT to process {pid}"
    assert state_of(pid) != "T"
    assert pause.restore() == ""


def test_other_tasks_after_a_pause_break_the_promise(emulator: Settings) -> None:
    account, now = FakeAccount(), [0.0]
    service = ServiceUnderTest(account.client, BASE, f"{BASE}-web")
    pause = PausedAws(service, emulator, "", 20.0, clock=lambda: now[0])
    pause.inject()
    account.end(min(account.tasks))
    account.start()
    now[0] = 20.0
    assert pause.look().broken == "other tasks run than before"


def test_a_guard_ends_the_pause_of_a_killed_program(emulator: Settings) -> None:
    pid = cast(int, emulator.emulator.running_pid())
    service = ServiceUnderTest(FakeAccount().client, BASE, f"{BASE}-web")
    pause = PausedAws(service, emulator, "", 0.0)
    pause.inject()
    assert pause._guard is not None
    pause._guard.wait(timeout=30)
    assert state_of(pid) != "T"
