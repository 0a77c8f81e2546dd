# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's message for every end of a run, and whether it is a failure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogReader
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.result import run_result
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import FollowedTask, GaveUp, Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import task_of
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TROUBLE = Problem(GaveUp.UNREACHABLE, "cannot follow the tasks: AWS cannot be reached", "check the network")
EXPIRED = Problem(GaveUp.EXPIRED, "cannot follow the tasks: the credentials have expired", "renew them")
UNSEEN = Problem(GaveUp.UNSEEN, "not seen to stop within 150 s")
NO_CAPACITY = Problem("capacity", "ECS launched 2 of 3 task(s): no capacity", "try again later")
FOLLOW = "follow it with state=watch client_token=tok; stop it with state=absent client_token=tok"
FOLLOW_THEM = FOLLOW.replace(" it ", " them ")
STOP_A = "aws ecs stop-task --cluster shop --task a --region eu-west-1"


def task(name: str, status: str, exit_code: int | None = None, **more: Any) -> FollowedTask:
    described = {
        "taskArn": f"arn:aws:ecs:eu-west-1:123456789012:task/shop/{name}",
        "lastStatus": status,
        "containers": [{"name": "main"} | ({} if exit_code is None else {"exitCode": exit_code})],
        **more,
    }
    return FollowedTask(task_of(described, ["main"]))


def runs(name: str, status: str = "RUNNING") -> FollowedTask:
    return task(name, status)


def ended(name: str, exit_code: int = 0) -> FollowedTask:
    return task(name, "STOPPED", exit_code, stopCode="EssentialContainerExited", startedAt=NOW)


def stopped(name: str) -> FollowedTask:
    return task(name, "STOPPED", 143, stopCode="UserInitiated", stoppedReason="by this run", startedAt=NOW)


def never_started(name: str) -> FollowedTask:
    return task(name, "STOPPED", stopCode="TaskFailedToStart", stoppedReason="CannotPullContainerError: not found")


def names(count: int) -> list[str]:
    return [f"t{number}" for number in range(count)]


@dataclass(frozen=True)
class Case:
    """A run and its message; ``{name}`` in the text stands for the cause of the task of this name."""

    what: str
    tasks: list[FollowedTask]
    says: str
    failed: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    is_known: dict[str, Any] = field(default_factory=dict)
    check_mode: bool = False


RUN = [
    Case("one passed", [ended("a")], "1 task ended with exit code 0 after 74.2 s"),
    Case("all passed", [ended(name) for name in names(25)], "25 tasks ended with exit code 0 after 74.2 s"),
    Case(
        "an exit code that is none to fail on",
        [ended("a", 3)],
        "1 task ended with exit code 3 after 74.2 s",
        options={"fail_on": ["1-2"]},
    ),
    Case(
        "several exit codes that are none to fail on",
        [ended("a", 7), ended("b"), ended("c")],
        "3 tasks ended with exit codes 0 (2 tasks), 7 (1 task) after 74.2 s",
        options={"fail_on": []},
    ),
    Case(
        "found again and passed",
        [ended("a"), ended("b")],
        "2 tasks ended with exit code 0 after 74.2 s, launched by an earlier call with this client_token",
        is_known={"launched": 0},
    ),
    Case(
        "partly found again and passed",
        [ended("a"), ended("b"), ended("c")],
        "3 tasks ended with exit code 0 after 74.2 s, 2 of them launched by an earlier call with this client_token",
        is_known={"launched": 1},
    ),
    Case("the only one failed", [ended("a", 3)], "task a: {a}", failed=True),
    Case(
        "one of several failed",
        [ended("a"), ended("b", 3)],
        "1 of 2 tasks failed; task b: {b}",
        failed=True,
    ),
    Case(
        "the loss of one stopped the others",
        [stopped("a"), ended("b", 3), stopped("c")],
        "all 3 tasks failed; 2 tasks stopped after task b: {b}",
        failed=True,
        is_known={"lost": "b", "stops_requested": 2},
    ),
    Case(
        "one failed while others were to be launched",
        [stopped("a"), ended("b", 2)],
        "8 of 10 tasks were not launched; both tasks failed; task b: {b}",
        failed=True,
        is_known={"lost": "b", "stops_requested": 1, "never_launched": 8, "wanted": 10},
    ),
    Case(
        "some failed for several causes",
        [ended("a", 3), never_started("b"), ended("c", 3), ended("d", 77), *map(ended, names(21))],
        "4 of 25 tasks failed; task a: {a}\n  task b: {b}\n  task d: {d}",
        failed=True,
    ),
    Case("both failed", [ended("a", 3), ended("b", 3)], "both tasks failed; task a: {a}", failed=True),
    Case("all failed", [ended(name, 3) for name in names(3)], "all 3 tasks failed; task t0: {t0}", failed=True),
    Case("it never started", [never_started("a")], "task a: {a}", failed=True),
    Case("another principal stopped it", [stopped("a")], "task a: {a}", failed=True),
    Case(
        "it took too long",
        [stopped("a")],
        "the task did not end within wait_timeout (60 s) and was stopped -> raise wait_timeout, or shorten the run",
        failed=True,
        is_known={"timed_out": True, "stops_requested": 1},
    ),
    Case(
        "some took too long, and one failed",
        [stopped("a"), ended("b"), ended("c", 3), stopped("d")],
        "2 of 4 tasks did not end within wait_timeout (60 s) and were stopped "
        "-> raise wait_timeout, or shorten the run\n  task c: {c}",
        failed=True,
        is_known={"timed_out": True, "stops_requested": 2},
    ),
    Case(
        "it did not even start in time",
        [task("a", "STOPPED", stopCode="UserInitiated")],
        "the task did not start within wait_timeout (60 s) and was stopped "
        "-> raise wait_timeout, or look for what held the start up: capacity, addresses, image",
        failed=True,
        is_known={"timed_out": True, "stops_requested": 1},
    ),
    Case(
        "it took too long, and does not stop",
        [runs("a")],
        "task a may still run: it did not end within wait_timeout (60 s); "
        f"stop requested, but not seen to stop within 150 s -> stop it: {STOP_A}",
        failed=True,
        is_known={"timed_out": True, "stops_requested": 1, "gave_up": UNSEEN},
    ),
    Case(
        "Ctrl-C",
        [stopped("a")],
        "interrupted by SIGINT: the task was stopped after 74.2 s",
        failed=True,
        is_known={"interrupted_by": "SIGINT", "stops_requested": 1},
    ),
    Case(
        "Ctrl-C when some had ended",
        [ended("a"), stopped("b"), stopped("c")],
        "interrupted by SIGINT: 2 of 3 tasks were stopped after 74.2 s, 1 had ended before",
        failed=True,
        is_known={"interrupted_by": "SIGINT", "stops_requested": 2},
    ),
    Case(
        "Ctrl-C just before the end",
        [ended("a")],
        "interrupted by SIGINT after 74.2 s: the task had ended by then",
        failed=True,
        is_known={"interrupted_by": "SIGINT"},
    ),
    Case(
        "Ctrl-C before the launch",
        [],
        "interrupted by SIGINT before a task was launched",
        failed=True,
        is_known={"interrupted_by": "SIGINT", "wanted": 3},
    ),
    Case(
        "Ctrl-C during the launch",
        [stopped("a"), stopped("b")],
        "interrupted by SIGINT, when 2 of 3 tasks were launched: both tasks were stopped after 74.2 s",
        failed=True,
        is_known={"interrupted_by": "SIGINT", "stops_requested": 2, "wanted": 3},
    ),
    Case(
        "Ctrl-C, and it does not stop",
        [runs("a")],
        f"task a may still run: interrupted by SIGINT; stop requested, but not seen to stop -> stop it: {STOP_A}",
        failed=True,
        is_known={"interrupted_by": "SIGINT", "stops_requested": 1},
    ),
    Case(
        "Ctrl-C, detached",
        [runs("a")],
        f"interrupted by SIGINT after 74.2 s: the task runs on -> {FOLLOW}",
        is_known={"interrupted_by": "SIGINT", "detached": True},
    ),
    Case(
        "Ctrl-C, some detached",
        [runs("a"), ended("b"), runs("c", "PENDING")],
        f"interrupted by SIGINT after 74.2 s: 2 of 3 tasks run on -> {FOLLOW_THEM}",
        is_known={"interrupted_by": "SIGINT", "detached": True},
    ),
    Case(
        "Ctrl-C during the launch, detached",
        [runs("a"), runs("b")],
        f"interrupted by SIGINT after 74.2 s, when 2 of 3 tasks were launched: both tasks run on -> {FOLLOW_THEM}",
        failed=True,
        is_known={"interrupted_by": "SIGINT", "detached": True, "wanted": 3},
    ),
    Case(
        "not waited for",
        [runs("a", "PROVISIONING")],
        f"launched 1 task, not waited for -> {FOLLOW}",
        options={"wait": False},
        is_known={"detached": True},
    ),
    Case(
        "not waited for, with a mark of the user's",
        [runs("a"), runs("b")],
        "launched 2 tasks, not waited for -> follow them with state=watch started_by=me client_token=tok; "
        "stop them with state=absent started_by=me client_token=tok",
        options={"wait": False, "started_by": "me"},
        is_known={"detached": True},
    ),
    Case(
        "found again and not waited for",
        [runs("a"), runs("b")],
        "launched nothing, 2 tasks are there from an earlier call with this client_token; not waited for "
        f"-> {FOLLOW_THEM}",
        options={"wait": False},
        is_known={"detached": True, "launched": 0},
    ),
    Case(
        "not all could be launched",
        [stopped("a"), stopped("b")],
        f"launch incomplete, its 2 tasks were stopped: {NO_CAPACITY.line()}",
        failed=True,
        is_known={"wanted": 3, "launch_problem": NO_CAPACITY, "stops_requested": 2},
    ),
    Case(
        "none could be launched",
        [],
        "ECS launched 0 of 3 task(s): no capacity -> try again later",
        failed=True,
        is_known={"wanted": 3, "launch_problem": NO_CAPACITY._replace(what="ECS launched 0 of 3 task(s): no capacity")},
    ),
    Case(
        "not all could be launched, nor stopped",
        [runs("a"), stopped("b")],
        f"task a may still run: {NO_CAPACITY.what}; stop requested, but not seen to stop "
        f"-> {NO_CAPACITY.remedy}; then stop it: {STOP_A}",
        failed=True,
        is_known={"wanted": 3, "launch_problem": NO_CAPACITY, "stops_requested": 2},
    ),
    Case(
        "AWS out of reach",
        [runs("a"), ended("b")],
        f"task a may still run: {TROUBLE.line()}; then stop it: {STOP_A}",
        failed=True,
        is_known={"gave_up": TROUBLE},
    ),
    Case(
        "credentials expired",
        [runs("a"), runs("b"), ended("c")],
        f"2 of 3 tasks may still run: {EXPIRED.line()}; then stop them with state=absent client_token=tok\n"
        f"  or one by one:\n  {STOP_A}\n  {STOP_A.replace('--task a', '--task b')}",
        failed=True,
        is_known={"gave_up": EXPIRED},
    ),
    Case(
        "a task that may not be followed",
        [runs("a")],
        f"task a may still run: stop requested, but not seen to stop; {TROUBLE.line()}; then stop it: {STOP_A}",
        failed=True,
        is_known={"gave_up": TROUBLE, "stops_requested": 1},
    ),
    Case("would launch", [], "would launch 3 tasks", is_known={"wanted": 3, "launched": 0}, check_mode=True),
    Case(
        "would launch what is missing",
        [ended("a", 3), runs("b")],
        "would launch 1 of 3 tasks: 2 tasks are there from an earlier call with this client_token",
        is_known={"wanted": 3, "launched": 0},
        check_mode=True,
    ),
    Case(
        "would launch nothing",
        [runs("a")],
        "would launch nothing: 1 task is there from an earlier call with this client_token",
        is_known={"launched": 0},
        check_mode=True,
    ),
]
WATCH = [
    Case("all had ended before", [ended("a"), ended("b")], "2 tasks have ended with exit code 0"),
    Case("one had ended before, and failed", [ended("a", 3)], "task a: {a}", failed=True),
    Case(
        "it took too long",
        [stopped("a")],
        "the task did not end within wait_timeout (60 s) and was stopped -> raise wait_timeout, or shorten the run",
        failed=True,
        is_known={"timed_out": True, "stops_requested": 1},
    ),
    Case(
        "not waited for",
        [runs("a"), runs("b", "PENDING"), runs("c"), ended("d")],
        f"3 of 4 tasks have not ended: 1 PENDING, 2 RUNNING; not waited for -> {FOLLOW_THEM}",
        options={"wait": False},
        is_known={"detached": True},
    ),
    Case(
        "not waited for, and one has failed",
        [runs("a"), ended("b", 3), ended("c")],
        "1 of 3 tasks failed, 1 has not ended; task b: {b}",
        failed=True,
        options={"wait": False},
        is_known={"detached": True},
    ),
    Case(
        "named by their ids, not waited for",
        [runs("a"), runs("b")],
        "2 of 2 tasks have not ended: 2 RUNNING; not waited for -> follow them with state=watch tasks=a,b; "
        "stop them with state=absent tasks=a,b",
        options={"wait": False, "tasks": ["a", "b"]},
        is_known={"detached": True},
    ),
    Case(
        "would follow",
        [runs("a"), ended("b", 3)],
        "would follow 1 task, 1 had ended before",
        is_known={"detached": True},
        check_mode=True,
    ),
    Case("nothing left to follow", [ended("a", 3)], "1 task has ended with exit code 3", check_mode=True),
]
ABSENT = [
    Case("nothing is known", [], "nothing to stop: cluster shop knows no task with client_token=tok"),
    Case("none is known", [], "nothing to stop: cluster shop knows none of these tasks", options={"tasks": ["a", "b"]}),
    Case("it has ended", [ended("a", 3)], "nothing to stop: the task has ended"),
    Case("all have ended", [ended("a"), never_started("b")], "nothing to stop: both tasks have ended"),
    Case("stopped", [stopped("a")], "1 task stopped after 74.2 s", is_known={"stops_requested": 1}),
    Case(
        "some stopped",
        [stopped("a"), stopped("b"), ended("c", 3)],
        "2 tasks stopped after 74.2 s, 1 had ended before",
        is_known={"stops_requested": 2},
    ),
    Case(
        "not waited for",
        [runs("a"), runs("b")],
        "requested the stop of 2 tasks, not waited for",
        options={"wait": False},
        is_known={"stops_requested": 2},
    ),
    Case(
        "not waited for, nor stopped",
        [runs("a")],
        f"task a may still run: {TROUBLE.line()}; then stop it: {STOP_A}",
        failed=True,
        options={"wait": False},
        is_known={"gave_up": TROUBLE},
    ),
    Case(
        "it does not stop",
        [runs("a"), stopped("b")],
        f"task a may still run: stop requested, but not seen to stop within 150 s -> stop it: {STOP_A}",
        failed=True,
        is_known={"stops_requested": 2, "gave_up": UNSEEN},
    ),
    Case(
        "would stop",
        [runs("a"), runs("b"), ended("c")],
        "would stop 2 tasks",
        is_known={"stops_requested": 2},
        check_mode=True,
    ),
    Case("nothing it would stop", [ended("c")], "nothing to stop: the task has ended", check_mode=True),
]
CASES = [(state, case) for state, cases in (("run", RUN), ("watch", WATCH), ("absent", ABSENT)) for case in cases]


def result_of(state: str, case: Case) -> dict[str, Any]:
    known = {"wanted": len(case.tasks), "launched": len(case.tasks) if state == "run" else 0, **case.is_known}
    run = Run("shop", "arn:t", {}, ["main"], client_token="tok", tasks=case.tasks, elapsed_s=74.2, **known)
    params = {"state": state, "wait": True, "wait_timeout": 60, "fail_on": ["nonzero"], "log_lines": 1000}
    return run_result(run, {**params, **case.options}, NOW, case.check_mode)


@pytest.mark.parametrize(("state", "case"), CASES, ids=[f"{state}: {case.what}" for state, case in CASES])
def test_every_end_of_a_run_has_its_message(state: str, case: Case) -> None:
    result = result_of(state, case)
    causes = {one["task_id"]: one["cause"] for one in result["tasks"]}
    assert result["msg"] == case.says.format(**causes)
    assert result["failed"] == case.failed


def logged(one: FollowedTask, *lines: str) -> FollowedTask:
    one.log = LogReader("/g", f"p/main/{one.task_id}")
    one.log.events = [{"timestamp": 1, "message": line} for line in lines]
    return one


def test_the_last_log_lines_follow_a_failure() -> None:
    lines = [f"line {number}" for number in range(30)]
    first, *rest = result_of("run", Case("", [logged(ended("a", 3), *lines)], ""))["msg"].split("\n")
    assert first.startswith("task a: ")
    assert rest == [f"  {line}" for line in lines[-10:]]


def test_the_last_log_lines_name_their_task() -> None:
    tasks = [logged(ended("a"), "fine"), logged(ended("b", 3), "not fine"), logged(ended("c", 3), "nor this")]
    _first, *rest = result_of("run", Case("", tasks, ""))["msg"].split("\n")
    assert rest == ["  the last log lines of task b:", "  not fine"]


def test_log_lines_follow_only_where_the_log_is_the_cause() -> None:
    """No log lines follow where nothing failed, or where the log is not the cause."""
    assert "fine" not in result_of("run", Case("", [logged(ended("a"), "fine")], ""))["msg"]
    known: dict[str, Any] = {"wanted": 2, "launch_problem": NO_CAPACITY, "stops_requested": 1}
    assert "begun" not in result_of("run", Case("", [logged(stopped("a"), "begun")], "", is_known=known))["msg"]


def test_a_task_is_named_with_its_index() -> None:
    one = ended("a", 3)
    one.task["index"] = 0
    assert result_of("run", Case("", [one], ""))["msg"].startswith("task a (index 0): ")


def test_many_causes_and_many_tasks_are_counted() -> None:
    tasks = [ended(name, 30 + number) for number, name in enumerate(names(9))]
    lines = result_of("run", Case("", tasks, ""))["msg"].split("\n")
    assert [line.partition(":")[0] for line in lines[1:]] == [
        *(f"  task t{n}" for n in range(1, 6)),
        "  and 3 more causes",
    ]
    known = {"gave_up": EXPIRED}
    lines = result_of("run", Case("", [runs(name) for name in names(25)], "", is_known=known))["msg"].split("\n")
    assert (len(lines), lines[-1]) == (13, "  and 15 more")


def test_stop_command_names_the_modules_region_and_endpoint() -> None:
    """The command that stops a task has the module's region and endpoint."""
    options = {"profile": "of mine", "endpoint_url": "http://127.0.0.1:4566"}
    case = Case("", [runs("a")], "", options=options, is_known={"gave_up": EXPIRED})
    command = f"{STOP_A} --profile 'of mine' --endpoint-url http://127.0.0.1:4566"
    assert result_of("run", case)["msg"].endswith(f"; then stop it: {command}")


def test_many_ids_are_not_repeated() -> None:
    ids = names(25)
    case = Case(
        "", [runs(name) for name in ids], "", options={"wait": False, "tasks": ids}, is_known={"detached": True}
    )
    assert "stop them with state=absent and the same tasks" in result_of("watch", case)["msg"]


def test_text_of_ecs_moves_no_cursor() -> None:
    one = task("a", "STOPPED", 1, stopCode="UserInitiated", stoppedReason="go\naway \x1b[2Jnow\r!", startedAt=NOW)
    message = result_of("run", Case("", [one], ""))["msg"]
    assert message.isprintable() and "go away" in message
