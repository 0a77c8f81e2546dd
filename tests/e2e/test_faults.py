# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `ecs_task_run` behind a proxy that injects faults of AWS and of the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from emulator_env import ROOT, EmulatorEnv, Play
from fault_cases import CASES, LINES, Case, table
from fault_proxy import FaultProxy, fault_proxy
from launch_env import CLUSTER, LaunchEnv, Outcome, a_mark, counted, counting

# A run mostly waits, so that many share two cores.
AT_A_TIME = 6
# The first test waits for a deploy as well, and each for the cases before its own.
pytestmark = pytest.mark.timeout(900)
Outcomes = dict[str, Future["Seen"]]


@dataclass
class Seen:
    """The outcome of a case: the module's result, ECS's tasks and the proxy's faults."""

    done: Outcome
    exist: list[dict[str, Any]]
    thrown: Counter[str]
    log_file: Path

    @property
    def message(self) -> str:
        return self.done.message.splitlines()[0]

    @property
    def states(self) -> Counter[str]:
        return Counter(task["lastStatus"] for task in self.exist)


@pytest.fixture(scope="module")
def outcomes(
    deployed: tuple[EmulatorEnv, Play], tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Outcomes]:
    folder = tmp_path_factory.mktemp("faults")
    there = LaunchEnv(deployed[0], folder)
    # The cached properties that the threads share are computed before the threads start.
    assert there.definition and there.subnet
    wanted = [case_of(item) for item in request.session.items]
    free: SimpleQueue[FaultProxy] = SimpleQueue()

    def carry_out(case: Case) -> Seen:
        proxy = free.get()
        try:
            return run(there, proxy, case, folder / f"{case.name}.log")
        finally:
            free.put(proxy)

    with ExitStack() as stack:
        for number in range(AT_A_TIME):
            free.put(stack.enter_context(fault_proxy(there.url, folder / f"proxy-{number}")))
        pool = stack.enter_context(ThreadPoolExecutor(AT_A_TIME))
        stack.callback(pool.shutdown, cancel_futures=True)
        yield {case.name: pool.submit(carry_out, case) for case in CASES if case in wanted}


def case_of(item: pytest.Item) -> Case | None:
    case: Case | None = getattr(getattr(item, "callspec", None), "params", {}).get("case")
    return case


def run(there: LaunchEnv, proxy: FaultProxy, case: Case, log_file: Path) -> Seen:
    mark = a_mark()
    if case.launched_before:
        there.launch(mark, counting(LINES, pause=0.2))
    proxy.throw(case.rules)
    done = there.run(endpoint=proxy.url, started_by=mark, log_file=str(log_file), **{"wait_timeout": 40} | case.options)
    exist = there.launched(mark)
    for task in exist:
        there.ecs.stop_task(cluster=CLUSTER, task=task["taskArn"], reason="the test is over")
    return Seen(done, exist, Counter(fault["operation"] for fault in proxy.thrown()), log_file)


@pytest.fixture
def seen(outcomes: Outcomes, case: Case) -> Seen:
    """The outcome of a case, after the assertions that hold for every case."""
    seen = outcomes[case.name].result()
    print(seen.done.output)
    assert set(seen.thrown) >= set(case.operations)
    assert seen.thrown.total() > 0
    # The module does not repeat a request that was carried out.
    if all("times" in effect and "response" not in effect for effect in case.fault.effects):
        times = sum(effect["times"] for effect in case.fault.effects)
        assert set(seen.thrown.values()) == {times}
    assert len(seen.exist) == case.exists
    assert seen.done.took_s < case.options.get("wait_timeout", 40) + case.grace
    assert "Traceback" not in seen.done.output
    return seen


def cases(*names: str) -> pytest.MarkDecorator:
    """Parametrize a test by the cases whose name, or whose call, is one of these."""
    mine = [case for case in CASES if case.name in names or case.name.removeprefix(f"{case.fault.name}-") in names]
    return pytest.mark.parametrize("case", mine, ids=lambda case: case.name)


@cases("RunTask", "DescribeTasks-GetLogEvents", "ListTasks", "expired-and-renewed", "flaky")
def test_temporary_fault_loses_and_repeats_nothing(case: Case, seen: Seen) -> None:
    assert (seen.done.code, seen.done.result["exit_code"]) == (0, 0)
    assert {task["task_arn"] for task in seen.done.tasks} == {task["taskArn"] for task in seen.exist}
    assert seen.done.logs == [counted(LINES)] * case.exists
    each = dict.fromkeys(counted(LINES), case.exists)
    assert Counter(seen.done.shown_log) == Counter(seen.log_file.read_text().splitlines()) == each


@cases("StopTask")
def test_overrunning_task_is_stopped_despite_a_fault(seen: Seen) -> None:
    """A task that overruns is stopped despite a temporary fault."""
    assert (seen.done.code, seen.done.result["timed_out"]) == (2, True)
    assert seen.states == {"STOPPED": 1}
    assert "wait_timeout" in seen.exist[0]["stoppedReason"]
    assert seen.done.logs == [["line 0"]]


@cases("expired-for-good")
def test_expired_credentials_are_named_with_running_tasks(seen: Seen) -> None:
    """Credentials that stay expired are named together with the tasks that may still run."""
    assert seen.done.code == 2
    assert seen.states == {"RUNNING": 1}
    assert "expired" in seen.message
    assert seen.exist[0]["taskArn"].rpartition("/")[2] in seen.message
    assert "aws ecs stop-task" in seen.message


@cases("expired-before-the-launch")
def test_credentials_expired_before_launch_launch_nothing(seen: Seen) -> None:
    """Credentials that expired before the launch launch nothing."""
    assert seen.done.code == 2
    assert "expired" in seen.message
    assert " -> " in seen.message


@cases("logs-denied")
def test_denied_log_access_is_a_warning(seen: Seen) -> None:
    assert (seen.done.code, seen.done.result["exit_code"]) == (0, 0)
    assert seen.done.logs == [[]]
    assert any("logs:GetLogEvents" in warning for warning in seen.done.result["warnings"])


@cases("describe-denied")
def test_task_is_stopped_where_describing_it_is_denied(seen: Seen) -> None:
    assert seen.done.code == 2
    assert "ecs:DescribeTasks" in seen.message
    assert seen.states == {"STOPPED": 1}


@cases("stop-denied")
def test_task_is_named_where_stopping_it_is_denied(seen: Seen) -> None:
    assert seen.done.code == 2
    assert "ecs:StopTask" in seen.message
    assert "aws ecs stop-task" in seen.message
    assert seen.exist[0]["taskArn"].rpartition("/")[2] in seen.message


@cases("partly-launched")
def test_partly_launched_tasks_are_stopped(seen: Seen) -> None:
    assert seen.done.code == 2
    assert seen.states == {"STOPPED": 10}
    assert "10 of 12" in seen.message


@cases("carried-out-too-late")
def test_duplicate_task_is_stopped(seen: Seen) -> None:
    assert (seen.done.code, seen.done.result["exit_code"]) == (0, 0)
    (kept,) = seen.done.tasks
    (surplus,) = (task for task in seen.exist if task["taskArn"] != kept["task_arn"])
    assert "launched twice" in surplus["stoppedReason"]
    assert seen.done.logs == [counted(LINES)]


def test_documentation_lists_every_fault() -> None:
    text = (ROOT / "docs" / "launcher.md").read_text()
    documented = text.partition("<!-- faults: begin -->\n")[2].partition("\n<!-- faults: end -->")[0]
    assert documented == table(), f"put this table into docs/launcher.md:\n{table()}"
