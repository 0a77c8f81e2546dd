# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's result for a run: its values, failed and changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogReader
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.result import run_result, slowest_phases
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import FollowedTask, Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import task_of
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.modules.ecs_task_run import RETURN
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
WHY = Problem("why", "why")
PARAMS: dict[str, Any] = {
    "state": "run",
    "wait": True,
    "wait_timeout": 60,
    "fail_on": ["nonzero"],
    "log_lines": 1000,
    "fargate_prices": None,
}
OWN_END = "EssentialContainerExited"
FOREIGN_ENDS = ["TaskFailedToStart", "UserInitiated", "SpotInterruption", "TerminationNotice"]


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def followed(exit_code: int | None = 0, status: str = "STOPPED", name: str = "a", **more: Any) -> FollowedTask:
    described = {
        "taskArn": f"arn:aws:ecs:us-east-1:123456789012:task/c/{name}",
        "lastStatus": status,
        "launchType": "FARGATE",
        "cpu": "1024",
        "memory": "2048",
        "createdAt": at(0),
        "containers": [{"name": "main"} | ({} if exit_code is None else {"exitCode": exit_code})],
        **({"stopCode": OWN_END, "startedAt": at(10), "stoppedAt": at(70)} if status == "STOPPED" else {}),
        **more,
    }
    return FollowedTask(task_of(described, ["main"]))


def run_of(*tasks: FollowedTask, **known: Any) -> Run:
    asked = {"wanted": len(tasks), "launched": len(tasks), "client_token": "tok", **known}
    return Run("c", "arn:t", {}, ["main"], tasks=list(tasks), **asked)


def result_of(run: Run, check_mode: bool = False, **params: Any) -> dict[str, Any]:
    return run_result(run, {**PARAMS, **params}, NOW, check_mode)


def failed(run: Run, **params: Any) -> bool:
    return bool(result_of(run, **params)["failed"])


def test_returned_and_documented_values_are_the_same() -> None:
    """Every returned value is documented, and every documented value is returned."""
    result = result_of(run_of(followed(pullStartedAt=at(5)), checked=["subnet s"]))
    documented = yaml.safe_load(RETURN)
    assert set(result) - {"changed", "failed"} == set(documented)
    assert set(result["tasks"][0]) == set(documented["tasks"]["contains"])
    for name in ("phases", "cost"):
        assert set(result[name]) == set(documented[name]["contains"])
        assert set(result["tasks"][0][name]) == set(documented["tasks"]["contains"][name]["contains"])


@pytest.mark.parametrize("name", ["warnings", "checked"])
def test_other_findings_are_returned_where_there_are_some(name: str) -> None:
    """Findings other than the outcome are returned where there are some."""
    assert name not in result_of(run_of(followed()))
    found: list[Any] = [Problem("log", "found")] if name == "warnings" else ["found"]
    assert result_of(run_of(followed(), **{name: found}))[name] == ["found"]


def test_a_task_that_exits_with_a_code_of_fail_on_fails() -> None:
    assert not failed(run_of(followed(0)))
    assert failed(run_of(followed(0), followed(3)))
    assert not failed(run_of(followed(3)), fail_on=[])
    assert failed(run_of(followed(3)), fail_on=["1-5"])
    assert failed(run_of(followed(0)), fail_on=["0"])


def test_a_task_without_an_exit_code_always_fails() -> None:
    assert failed(run_of(followed(None)), fail_on=[])


@pytest.mark.parametrize("stop_code", FOREIGN_ENDS)
def test_a_stopped_task_fails_with_any_exit_code(stop_code: str) -> None:
    """A task that did not end by itself fails, also with the exit code 0."""
    assert failed(run_of(followed(0, stopCode=stop_code)), fail_on=[])


def test_a_task_without_a_stop_code_may_pass() -> None:
    assert not failed(run_of(followed(0, stopCode="")))


@pytest.mark.parametrize(
    "known",
    [
        {"timed_out": True},
        {"interrupted_by": "SIGINT"},
        {"gave_up": WHY},
        {"launch_problem": WHY},
        {"interrupted_by": "SIGINT", "detached": True, "wanted": 2},
    ],
)
def test_an_interrupted_run_fails_without_a_failed_task(known: dict[str, Any]) -> None:
    assert failed(run_of(followed(0), **known))


def test_detached_tasks_fail_only_where_they_failed() -> None:
    """Detached tasks that run have not failed, and those that ended with an error have."""
    assert not failed(run_of(followed(None, "RUNNING"), followed(0), detached=True, interrupted_by="SIGINT"))
    assert failed(run_of(followed(None, "RUNNING"), followed(3), detached=True))
    assert failed(run_of(followed(None, "RUNNING")))


@pytest.mark.parametrize(
    ("task", "known", "wait", "fails"),
    [
        (followed(3), {}, True, False),
        (followed(143, stopCode="UserInitiated"), {"stops_requested": 1}, True, False),
        (followed(None, "RUNNING"), {"stops_requested": 1}, True, True),
        (followed(None, "RUNNING"), {"stops_requested": 1}, False, False),
        (followed(None, "RUNNING"), {"stops_requested": 0}, False, True),
        (followed(None, "RUNNING"), {"stops_requested": 1, "gave_up": WHY}, False, True),
    ],
)
def test_stopping_fails_only_where_a_task_was_not_stopped(
    task: FollowedTask, known: dict[str, Any], wait: bool, fails: bool
) -> None:
    assert failed(run_of(task, **known), state="absent", wait=wait) == fails


@pytest.mark.parametrize(
    ("state", "known", "changed"),
    [
        ("run", {"launched": 1}, True),
        ("run", {"launched": 0}, False),
        ("run", {"launched": 0, "stops_requested": 1}, True),
        ("watch", {"launched": 0}, False),
        ("watch", {"launched": 0, "stops_requested": 1}, True),
        ("absent", {"launched": 0}, False),
        ("absent", {"launched": 0, "stops_requested": 1}, True),
    ],
)
def test_changed_is_what_launched_or_stopped_a_task(state: str, known: dict[str, Any], changed: bool) -> None:
    assert result_of(run_of(followed(0), **known), state=state)["changed"] == changed


@pytest.mark.parametrize(("wanted", "changed"), [(1, False), (3, True)])
def test_check_mode_reports_what_would_be_launched(wanted: int, changed: bool) -> None:
    """In check mode changed says whether tasks would be launched, and nothing fails."""
    result = result_of(run_of(followed(3), wanted=wanted, launched=0), check_mode=True)
    assert (result["changed"], result["failed"], result["exit_code"]) == (changed, False, 3)


def test_load_testers_exit_code_counts_over_an_emulators_0() -> None:
    """The load tester's exit code counts where an emulator reports 0."""
    one = followed(0)
    one.failure, one.is_load_tester = {"event": "run.failed", "exit_code": 3, "message": "p99 was 9 ms"}, True
    result = result_of(run_of(one))
    assert (result["failed"], result["exit_code"], result["tasks"][0]["exit_code"]) == (True, 3, 3)
    assert result["tasks"][0]["containers"][0]["exit_code"] == 0
    assert "p99 was 9 ms" in result["msg"]
    one.task["exit_code"] = 137
    assert result_of(run_of(one))["exit_code"] == 137


@pytest.mark.parametrize(("keep", "kept"), [(-1, [1, 2, 3]), (0, []), (1, [3]), (2, [2, 3]), (9, [1, 2, 3])])
def test_the_newest_lines_of_the_log_are_returned(keep: int, kept: list[int]) -> None:
    one = followed(0)
    one.log = LogReader("/g", "p/main/a")
    one.log.events, one.log.lines = [{"timestamp": n, "message": "line"} for n in (1, 2, 3)], 7
    (task,) = result_of(run_of(one), log_lines=keep)["tasks"]
    assert [event["timestamp"] for event in task["log_events"]] == kept
    assert (task["log_group"], task["log_stream"], task["log_lines"]) == ("/g", "p/main/a", 7)


def test_the_load_testers_summary_is_returned() -> None:
    summary = {"event": "run.summary", "verdict": "passed"}
    one, other = followed(0), followed(0)
    one.summary = summary
    assert [task["results"] for task in result_of(run_of(one))["tasks"]] == [summary]
    assert [task["results"] for task in result_of(run_of(other))["tasks"]] == [None]


def test_the_result_of_many_tasks_is_small() -> None:
    """A result of 500 tasks stays within 2.5 kB a task; the log's follower keeps no summary of several tasks."""
    result = result_of(run_of(*(followed(0) for _task in range(500))))
    assert len(json.dumps(result)) < 500 * 2500


def test_cost_sums_all_tasks_by_architecture_and_prices() -> None:
    """The cost is that of all tasks, by architecture and by the user's prices."""
    run = run_of(followed(0), followed(0), followed(0, launchType="EC2"))
    costs = [task["cost"] for task in result_of(run)["tasks"]]
    assert (costs[0]["billed_s"], costs[2]) == (70, None)
    assert result_of(run)["cost"]["usd"] == pytest.approx(2 * costs[0]["usd"])
    run.definition = {"runtimePlatform": {"cpuArchitecture": "ARM64"}}
    assert result_of(run)["cost"]["usd"] < 2 * costs[0]["usd"]
    given = {"vcpu_hour": 3.6, "gb_hour": 0.0, "storage_gb_hour": 0.0}
    assert result_of(run, fargate_prices=given)["cost"]["usd"] == pytest.approx(2 * 70 * 0.001)


def test_the_phases_are_those_of_the_slowest_task() -> None:
    assert slowest_phases([{"a": 1.0, "b": None, "c": None}, {"a": 3.0, "b": 2.0, "c": None}]) == {
        "a": 3.0,
        "b": 2.0,
        "c": None,
    }
    assert result_of(run_of())["phases"] == {}


texts = st.text(max_size=30)
instants = st.none() | st.integers(0, 10_000).map(at)
any_task = st.builds(
    followed,
    exit_code=st.none() | st.sampled_from([0, 1, 3, 137, 139, 143, 255]),
    status=st.sampled_from(["PROVISIONING", "PENDING", "RUNNING", "STOPPING", "STOPPED", "UNKNOWN"]),
    stopCode=st.sampled_from([None, "", OWN_END, *FOREIGN_ENDS, "ServiceSchedulerInitiated"]),
    stoppedReason=st.none() | texts | st.just("CannotPullContainerError: not found"),
    launchType=st.sampled_from([None, "FARGATE", "EC2"]),
    capacityProviderName=st.sampled_from([None, "FARGATE_SPOT"]),
    createdAt=instants,
    pullStartedAt=instants,
    startedAt=instants,
    stoppedAt=instants,
)
any_known = st.fixed_dictionaries(
    {},
    optional={
        "launched": st.integers(0, 5),
        "stops_requested": st.integers(0, 5),
        "timed_out": st.booleans(),
        "interrupted_by": st.sampled_from(["", "SIGINT", "SIGTERM"]),
        "detached": st.booleans(),
        "gave_up": st.none() | texts.map(lambda text: Problem("why", f"why {text}")),
        "launch_problem": st.none() | texts.map(lambda text: Problem("why", f"why {text}")),
    },
)


@given(
    tasks=st.lists(any_task, max_size=5),
    missing=st.integers(0, 3),
    known=any_known,
    logs=st.lists(texts, max_size=3),
    state=st.sampled_from(["run", "watch", "absent"]),
    wait=st.booleans(),
    fail_on=st.sampled_from([[], ["nonzero"], ["3", "130-140"]]),
    check_mode=st.booleans(),
)
def test_every_run_has_an_outcome(
    tasks: list[FollowedTask],
    missing: int,
    known: dict[str, Any],
    logs: list[str],
    state: str,
    wait: bool,
    fail_on: list[str],
    check_mode: bool,
) -> None:
    for one in tasks:
        one.log = LogReader("/g", one.task_id)
        one.log.events = [{"timestamp": 1, "message": line} for line in logs]
    run = run_of(*tasks, wanted=len(tasks) + missing, **known)
    result = result_of(run, check_mode, state=state, wait=wait, fail_on=fail_on)
    assert json.loads(json.dumps(result)) == result
    first, *rest = result["msg"].splitlines()
    assert first.strip() and all(line.startswith("  ") for line in rest)
    assert len(rest) < 40
    assert result["failed"] == (not check_mode and not is_sound(run, state, wait, fail_on))
    assert result["passed"] != result["failed"]
    if not result["failed"]:
        assert not rest
    elif run.unfinished and not run.detached:
        assert " may still run" in first
        assert "aws ecs stop-task" in result["msg"]


def is_sound(run: Run, state: str, wait: bool, fail_on: list[str]) -> bool:
    """The rules as the documentation describes them."""
    if state == "absent":
        is_left_alone = not wait and run.stops_requested >= len(run.unfinished) and not run.gave_up
        return not run.unfinished or is_left_alone
    is_whole = len(run.tasks) == run.wanted
    if run.timed_out or run.gave_up or run.launch_problem or (run.interrupted_by and not (run.detached and is_whole)):
        return False
    tolerated = {"[]": range(256), "nonzero": [0], "3": [*range(3), *range(4, 130), *range(141, 256)]}
    good = tolerated[fail_on[0] if fail_on else "[]"]
    return all(
        one.task["exit_code"] in good and one.task["stop_code"] in (None, OWN_END) if one.stopped else run.detached
        for one in run.tasks
    )
