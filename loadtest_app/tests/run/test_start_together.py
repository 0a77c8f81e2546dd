# SPDX-License-Identifier: Apache-2.0
"""Processes that start at one instant, as the tasks of one run do, and stop together."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from command import ENVIRONMENT, TABLE, Running, Seen, constant, rule, run
from ddbload.control.clock import read_instant
from ddbload.control.table import ControlTable
from ddbload.dynamo.endpoint import open_target
from server import Request, Server
from table_double import NAME

RATE, DURATION_S = 80, 4.0
ATTEMPTS = 3
PUTS = {"connections": 8, "timeout": 1.0, "item": {"size": 100}, "verify": {"share": 0}}
SCENARIO = PUTS | {"plan": constant(RATE, DURATION_S)}
LONG = PUTS | {"plan": constant(RATE, 30)}


class Sent:
    """A script that records when each worker's operations arrive, in seconds since the first request."""

    def __init__(self, count: int) -> None:
        self.instants: dict[int, list[float]] = defaultdict(list)
        self._count = count

    def __call__(self, request: Request) -> dict[str, Any] | None:
        if request.operation == "PutItem":
            number = int(request.keys[0]["pk"]["S"].rpartition("#")[2])
            self.instants[number % self._count].append(time.monotonic())
        return None

    def skew_s(self) -> float:
        """Return the time from the first start to the last; worker i's first operation is due after i / rate."""
        starts = [min(instants) - worker / RATE for worker, instants in self.instants.items()]
        return max(starts) - min(starts)

    def distortion(self) -> float:
        """Return the share of the plan that was sent in another second than planned."""
        instants = sorted(instant for worker in self.instants.values() for instant in worker)
        # Half an interval earlier, so that no operation that is due at a second's end counts for the next.
        sent = Counter(int(instant - instants[0] + 0.5 / RATE) for instant in instants)
        asked = {second: RATE if second < DURATION_S else 0 for second in range(max(sent) + 1)}
        return sum(abs(asked[second] - sent[second]) for second in asked) / (RATE * DURATION_S)


def together(index: int, count: int, **more: str) -> dict[str, str]:
    """Return the environment of a task with the control table."""
    return {"DDBLOAD_CONTROL_TABLE": NAME, "DDBLOAD_TASKS": str(count), "DDBLOAD_READY_TIMEOUT": "20"} | more


@contextlib.contextmanager
def started(
    url: str, environments: list[dict[str, str]], scenario: Mapping[str, Any] = SCENARIO, late: str = ""
) -> Iterator[list[Running]]:
    """Start a task for each environment; the last one when all others have written an event, if one is named."""
    with contextlib.ExitStack() as stack:
        tasks = []
        for position, environment in enumerate(environments):
            if late and position == len(environments) - 1:
                for task in tasks:
                    task.wait_for(late)
            tasks.append(stack.enter_context(Running(url, scenario, **environment)))
        yield tasks


def ends(tasks: list[Running]) -> list[Seen]:
    return [task.end() for task in tasks]


def stop(url: str, reason: str) -> None:
    """Stop the run as a launcher does."""

    async def write() -> None:
        target = open_target(TABLE, url, "us-east-1", ENVIRONMENT)
        table = ControlTable.of(NAME, "r", target, target.signer())
        await table.open()
        request = table.requests.update(
            "run",
            assigned={"state": "stop", "reason": reason, "stopped_by": "launcher"},
            condition="attribute_not_exists(#state) OR #state <> :state",
        )
        assert await table.write(request)
        await table.close()

    asyncio.run(write())


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, ENVIRONMENT[name])


def test_a_late_task_distorts_no_plan_with_a_control_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Four tasks, the last a second late: each at once, then together; skew and distortion are printed."""
    before = Sent(4)
    with Server(before, process=False) as server:
        by_segment = [{"DDBLOAD_SEGMENT": f"{index}/4"} for index in range(4)]
        with started(server.url, by_segment, late="run.progress") as tasks:
            assert [seen.code for seen in ends(tasks)] == [0] * 4
    # Where other processes take the CPU, tasks that start together send late too.
    for _attempt in range(ATTEMPTS):
        after = Sent(4)
        with Server(after, process=False) as server:
            with started(server.url, [together(index, 4) for index in range(4)], late="run.ready") as tasks:
                found = ends(tasks)
            state = next(item for item in server.control if item["part"]["S"] == "run")
        if after.distortion() < 0.05:
            break
    for name, sent in (("each at once", before), ("together", after)):
        with capsys.disabled():
            print(f"\n{name}: skew {sent.skew_s():.3f} s, distortion {sent.distortion():.1%}", end="")
    assert before.skew_s() > 0.9 and before.distortion() > 0.1
    assert after.skew_s() < 0.25 and after.distortion() < 0.05
    assert [(seen.code, seen.message) for seen in found] == [(0, "")] * 4
    starts = [seen.last("run.started")["start"] for seen in found]
    assert {start["at"] for start in starts} == {found[0].results["started_at"]}
    assert [(start["barrier"], start["late_s"]) for start in starts] == [(True, 0.0)] * 4
    assert read_instant(starts[0]["at"]) == pytest.approx(int(state["go_at_ms"]["N"]), abs=2)
    segments = sorted(seen.last("run.started")["segment"]["index"] for seen in found)
    assert segments == sorted(seen.last("run.ready")["index"] for seen in found) == [0, 1, 2, 3]
    assert state["ready"] == {"NS": ["0", "1", "2", "3"]}
    # The reporter starts with the engine: the first second is the first of the load.
    assert all(0.9 < seen.of("run.progress")[0]["elapsed_s"] < 1.9 for seen in found)


def test_processes_of_two_tasks_start_together() -> None:
    sent = Sent(4)
    with (
        Server(sent, process=False) as server,
        started(server.url, [together(index, 2) for index in range(2)], SCENARIO | {"processes": 2}) as tasks,
    ):
        found = ends(tasks)
    events = [event for seen in found for event in seen.of("run.started")]
    assert [seen.code for seen in found] == [0, 0]
    assert sorted(event["segment"]["index"] for event in events) == [0, 1, 2, 3]
    assert len({event["start"]["at"][:-2] for event in events}) <= 2
    assert sent.skew_s() < 0.25
    assert sorted(len(instants) for instants in sent.instants.values()) == [RATE * DURATION_S / 4] * 4


def test_no_task_sends_anything_if_one_is_missing() -> None:
    """``start: all``: one of three is killed before it is ready."""
    with Server() as server:
        patient = [together(index, 3, DDBLOAD_READY_TIMEOUT="6") for index in range(3)]
        with started(server.url, patient) as (first, second, third):
            third.process.kill()
            found = ends([first, second])
        assert "PutItem" not in server.log.requests
    line = "2 of 3 tasks came within 6 s): nothing was sent"
    assert [(seen.code, line in seen.message, seen.of("run.started")) for seen in found] == [(6, True, [])] * 2


def test_start_any_starts_with_the_ready_tasks() -> None:
    """The third task is ready after the start: it sends nothing and reports how late it is."""
    with Server() as server:
        environment = together(0, 3, DDBLOAD_READY_TIMEOUT="3", DDBLOAD_START="any")
        with started(server.url, [environment] * 2, LONG | {"plan": constant(RATE, 6)}) as tasks:
            for task in tasks:
                task.wait_for("run.progress")
            late = run(server.url, SCENARIO, **environment)
            found = ends(tasks)
        assert server.log.requests["PutItem"] == 2 * 6 * RATE / 3
    assert [seen.code for seen in found] == [0, 0]
    assert late.code == 6 and late.of("run.started") == []
    assert late.message.startswith("came ") and late.message.endswith(
        " s late: the other tasks have started, nothing was sent"
    )


def test_all_tasks_stop_within_two_seconds() -> None:
    """The launcher's stop is like a signal: all tasks end with partial results, and say why."""
    with Server() as server, started(server.url, [together(index, 3) for index in range(3)], LONG) as tasks:
        for task in tasks:
            task.wait_for("run.progress")
        stop(server.url, "Ctrl-C")
        stopped_s = time.time()
        found = ends(tasks)
    for seen in found:
        summary = seen.last("run.summary")
        assert (seen.code, summary["partial"], summary["stopped"]) == (6, True, "launcher (Ctrl-C)")
        assert read_instant(summary["ended_at"]) / 1000 - stopped_s < 2.2
        assert summary["operations"]["put"]["sent"] == summary["operations"]["put"]["ok"] > 0


def test_a_threshold_that_aborts_one_task_stops_all() -> None:
    """The others end with the same exit code: a run that one task aborts does not pass."""
    never = LONG | {"thresholds": [{"threshold": "ok < 1", "abort": True, "grace": 1}]}
    with (
        Server() as server,
        started(server.url, [together(0, 2)], LONG) as (other,),
        Running(server.url, never, **together(0, 2)) as aborting,
    ):
        found = ends([aborting, other])
        state = next(item for item in server.control if item["part"]["S"] == "run")
    index = found[0].last("run.ready")["index"]
    assert [seen.code for seen in found] == [3, 3]
    assert found[1].message == f"ended early by task {index} (the threshold ok < 1)"
    assert (state["cause"], state["stopped_by"]) == ({"S": "threshold"}, {"S": f"task {index}"})
    apart_s = (
        read_instant(found[1].last("run.summary")["ended_at"]) - read_instant(found[0].last("run.summary")["ended_at"])
    ) / 1000
    assert apart_s < 2.2


def test_a_stop_before_the_start_ends_all_tasks() -> None:
    with Server() as server, started(server.url, [together(index, 3) for index in range(2)]) as tasks:
        for task in tasks:
            task.wait_for("run.ready")
        stop(server.url, "Ctrl-C")
        found = ends(tasks)
        late = run(server.url, SCENARIO, **together(2, 3))
        assert "PutItem" not in server.log.requests
    line = "stopped before the start by launcher (Ctrl-C): nothing was sent"
    assert [(seen.code, seen.message) for seen in (*found, late)] == [(6, line)] * 3


def test_a_signal_ends_a_task_that_waits() -> None:
    with Server() as server, started(server.url, [together(0, 2)]) as (task,):
        task.wait_for("run.ready")
        task.process.terminate()
        begun_s = time.monotonic()
        seen = task.end()
        assert time.monotonic() - begun_s < 20
        assert "PutItem" not in server.log.requests
    assert (seen.code, seen.message) == (6, "stopped before the start: nothing was sent")


def test_a_surplus_task_ends_with_0() -> None:
    with Server() as server, started(server.url, [together(0, 1)]) as (task,):
        task.wait_for("run.started")
        surplus = run(server.url, SCENARIO, **together(0, 1))
        assert task.end().code == 0
    assert surplus.code == 0
    warning = surplus.last("run.warning")
    assert ("launched once too often" in warning["message"], warning["surplus"]) == (True, True)


@pytest.mark.parametrize(
    ("environment", "script", "line"),
    [
        ({"DDBLOAD_CONTROL_TABLE": "no-such-table"}, [], "there is no such table -> deploy the stack task again"),
        (
            {},
            [rule({"error": {"type": "AccessDeniedException", "message": "not authorized"}}, operation="UpdateItem")],
            "UpdateItem is refused, AccessDeniedException: not authorized -> allow the task's role dynamodb:GetItem",
        ),
        (
            {},
            [rule({"throttle": {"reason": "TableWriteMaxOnDemandThroughputExceeded"}}, operation="UpdateItem")],
            "UpdateItem is throttled, TableWriteMaxOnDemandThroughputExceeded",
        ),
    ],
    ids=["missing", "denied", "throttled"],
)
def test_an_unusable_control_table_ends_the_task(
    environment: dict[str, str], script: list[dict[str, Any]], line: str
) -> None:
    """Before the start: one line with the table, its address and a remedy, and nothing is sent."""
    with Server(script) as server:
        seen = run(server.url, SCENARIO, **together(0, 2, **environment))
        assert "PutItem" not in server.log.requests
        assert f"control table {environment.get('DDBLOAD_CONTROL_TABLE', NAME)} at {server.url}: " in seen.message
    assert (seen.code, line in seen.message) == (5, True), seen.message


def test_a_run_continues_without_its_control_table() -> None:
    """During the run a control table that fails is a warning."""
    with Server([rule({"error": {"type": "AccessDeniedException"}}, operation="GetItem", numbers=[4, 1000])]) as server:
        seen = run(server.url, SCENARIO | {"plan": constant(RATE, 8)}, **together(0, 1))
    assert seen.code == 0
    assert "GetItem is refused" in seen.last("run.warning")["message"]
    assert len(seen.of("run.warning")) == 1
    assert any("requests to the control table failed" in text for text in seen.results["warnings"])
    assert seen.operation()["ok"] == 8 * RATE


@pytest.mark.parametrize("offset_s", [-4.0, 4.0])
def test_clocks_that_differ_are_refused(offset_s: float) -> None:
    with Server(clock_offset_s=offset_s) as server:
        seen = run(server.url, SCENARIO, **together(0, 2))
        assert "PutItem" not in server.log.requests
    assert seen.code == 5
    assert " s apart, a common start allows 1 s -> set this machine's clock" in seen.message


def test_start_at_starts_machines_without_a_table() -> None:
    sent = Sent(2)
    at = (datetime.now(UTC) + timedelta(seconds=5)).isoformat(timespec="milliseconds")
    with Server(sent, process=False) as server, contextlib.ExitStack() as stack:
        options = [("--segment", f"{index}/2", "--start-at", at) for index in range(2)]
        tasks = [stack.enter_context(Running(server.url, SCENARIO, *more)) for more in options]
        found = ends(tasks)
    assert [seen.code for seen in found] == [0, 0]
    assert sent.skew_s() < 0.25
    for seen in found:
        start = seen.last("run.started")["start"]
        assert start["barrier"] is False and read_instant(start["at"]) == pytest.approx(read_instant(at), abs=2)
        assert 0.9 < seen.of("run.progress")[0]["elapsed_s"] < 1.9


def test_start_at_applies_to_all_processes() -> None:
    at = (datetime.now(UTC) + timedelta(seconds=6)).isoformat(timespec="milliseconds")
    with Server() as server:
        seen = run(server.url, SCENARIO | {"processes": 2}, "--start-at", at)
    starts = [read_instant(event["start"]["at"]) for event in seen.of("run.started")]
    assert seen.code == 0
    assert starts == pytest.approx([read_instant(at)] * 2, abs=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--start-at", "2020-01-01T00:00:00Z"], "--start-at: 2020-01-01T00:00:00Z passed "),
        (["--start-at", "soon"], "--start-at: must be an instant with its offset from UTC such as"),
        (["--control-table", "t"], "--tasks (or DDBLOAD_TASKS): must be a number from 1 to 99999, got ''"),
        (["--control-table", "t", "--tasks", "2", "--start", "some"], "--start (or DDBLOAD_START): must be all or any"),
        (
            ["--control-table", "t", "--tasks", "2", "--ready-timeout", "0"],
            "--ready-timeout (or DDBLOAD_READY_TIMEOUT)",
        ),
        (["--control-table", "t", "--tasks", "2", "--segment", "0/2"], "leave --segment and --start-at out"),
    ],
)
def test_contradictory_options_are_refused(options: list[str], message: str) -> None:
    seen = run("http://127.0.0.1:9", SCENARIO, *options)
    assert (seen.code, message in seen.message) == (2, True), seen.message
