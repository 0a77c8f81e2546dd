# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The launcher over an ECS that throttles, loses responses, starts fewer tasks than requested, or is late."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.launcher import (
    CALLS_PER_SECOND,
    UNKNOWN_RESULT_WAIT_S,
    Launcher,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import FollowedTask, Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import task_of
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.aws.clock import Clock
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

TOKEN = "a-token"
URL = "http://ecs"
PARAMS: dict[str, Any] = {
    "cluster": "c",
    "task_definition": "t",
    "count": 1,
    "launch_type": None,
    "partial_launch": "fill",
    "launch_timeout": 300,
    "overrides": None,
}
DEFINITION = {"taskDefinitionArn": "arn:t:1", "containerDefinitions": [{"name": "main"}]}
CAPACITY = {
    "reason": "Capacity is unavailable at this time. Please try again later or in a different availability zone"
}
HOPELESS = {"reason": "ATTRIBUTE", "arn": "arn:aws:ecs:r:1:container-instance/x"}


def refused(code: str, message: str = "no") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "RunTask"
    )


class Ecs:
    """An ECS with scripted results of RunTask, one after the other; calls beyond the script succeed."""

    def __init__(self, clock: Clock, script: list[str] | None = None, honours_token: bool = True) -> None:
        self.clock, self.script, self.honours_token = clock, list(script or []), honours_token
        self.tasks: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.called_at: list[float] = []
        self.answers: dict[str, list[dict[str, Any]]] = {}

    def run_task(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        self.called_at.append(self.clock.now)
        fate = self.script.pop(0) if self.script else "well"
        match fate:
            case "throttled":
                raise refused("ThrottlingException", "Rate exceeded")
            case "unreachable":
                raise EndpointConnectionError(endpoint_url=URL)
            case "reset":
                raise ConnectionClosedError(endpoint_url=URL)
            case "server":
                raise ClientError(
                    {"Error": {"Code": "ServerException", "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": 500}},
                    "RunTask",
                )
            case "lost":
                self._launch(request, request["count"])
                raise ReadTimeoutError(endpoint_url=URL)
            case "late":
                self._launch(request, request["count"], visible_at=self.clock.now + UNKNOWN_RESULT_WAIT_S / 2)
                raise ReadTimeoutError(endpoint_url=URL)
            case "half":
                return {"tasks": self._launch(request, request["count"] // 2), "failures": [{"reason": "RESOURCE:ENI"}]}
            case "none":
                return {"tasks": [], "failures": [CAPACITY]}
            case "hopeless":
                return {"tasks": [], "failures": [HOPELESS]}
            case "denied":
                raise refused("AccessDeniedException")
        return {"tasks": self._launch(request, request["count"]), "failures": []}

    def _launch(self, request: Mapping[str, Any], count: int, visible_at: float = 0.0) -> list[dict[str, Any]]:
        token = request["clientToken"]
        if self.honours_token and token in self.answers:
            return self.answers[token]
        made = [
            {
                "taskArn": f"arn:aws:ecs:r:1:task/c/{len(self.tasks) + n}",
                "taskDefinitionArn": "arn:t:1",
                "lastStatus": "PROVISIONING",
                "createdAt": self.clock.now,
                "startedBy": request["startedBy"],
                "overrides": request["overrides"],
                "containers": [],
                "visible_at": visible_at,
            }
            for n in range(count)
        ]
        self.tasks += made
        self.answers[token] = made
        return made

    def list_tasks(self, **request: Any) -> dict[str, Any]:
        wanted = [
            one["taskArn"]
            for one in self.tasks
            if one["startedBy"] == request["startedBy"]
            and one["visible_at"] <= self.clock.now
            and (one["lastStatus"] == "STOPPED") == (request["desiredStatus"] == "STOPPED")
        ]
        first = int(request.get("nextToken", "0"))
        more = {"nextToken": str(first + 3)} if first + 3 < len(wanted) else {}
        return {"taskArns": wanted[first : first + 3], **more}

    def describe_tasks(self, **request: Any) -> dict[str, Any]:
        return {"tasks": [one for one in self.tasks if one["taskArn"] in request["tasks"]], "failures": []}


def launcher(ecs: Ecs, **changes: Any) -> tuple[Launcher, Run, list[str]]:
    params = PARAMS | changes
    run = Run("c", "arn:t:1", DEFINITION, ["main"], params["count"], started_by="me/1", client_token=TOKEN)
    notes: list[str] = []

    def add(described: Mapping[str, Any], index: int | None) -> None:
        run.tasks.append(FollowedTask(task_of(described, ["main"]) | {"index": index}))

    hooks = {name: changes[name] for name in ("interrupted", "meanwhile") if name in changes}
    made = Launcher(lambda: ecs, params, run, add, notes.append, ecs.clock, ecs.clock.sleep, **hooks)
    return made, run, notes


def environment(request: Mapping[str, Any]) -> dict[str, str]:
    (container,) = request["overrides"]["containerOverrides"]
    return {one["name"]: one["value"] for one in container["environment"]}


def capacity(request: Mapping[str, Any]) -> str:
    strategy = request.get("capacityProviderStrategy")
    return str(strategy[0]["capacityProvider"] if strategy else request["launchType"])


def arns(run: Run) -> list[str]:
    return [one.task["task_arn"] for one in run.tasks]


def test_more_than_ten_tasks_are_launched_in_batches() -> None:
    ecs = Ecs(Clock())
    made, run, _notes = launcher(ecs, count=25)
    made.launch()
    assert [request["count"] for request in ecs.requests] == [10, 10, 5]
    assert len({request["clientToken"] for request in ecs.requests}) == 3
    assert arns(run) == [one["taskArn"] for one in ecs.tasks]


def test_each_task_gets_its_index_in_the_named_variable() -> None:
    ecs = Ecs(Clock(), ["throttled", "well", "lost"])
    made, run, _notes = launcher(ecs, count=4, index_variable="PART")
    made.launch()
    parts = {environment({"overrides": one["overrides"]})["PART"] for one in ecs.tasks}
    assert parts == {"0/4", "1/4", "2/4", "3/4"}
    assert sorted(one.task["index"] for one in run.tasks) == [0, 1, 2, 3]


def test_tasks_are_described_while_others_are_launched() -> None:
    """Between two requests, and while the launch rate or a lack of capacity delays the launch, the hook is called."""
    ecs = Ecs(Clock(), ["well"] * 15 + ["none"])
    looked_at: list[float] = []
    made, run, _notes = launcher(ecs, count=200, meanwhile=lambda: looked_at.append(ecs.clock.now))
    made.launch()
    assert len(run.tasks) == 200 and len(ecs.requests) == 21
    pauses = [later - earlier for earlier, later in pairwise([1000.0, *looked_at, ecs.clock.now])]
    assert max(pauses) <= 0.3


def test_the_launch_ends_when_the_run_is_stopped() -> None:
    ecs = Ecs(Clock())
    made, run, _notes = launcher(ecs, count=200, interrupted=lambda: len(ecs.requests) >= 12)
    made.launch()
    assert (len(ecs.requests), len(run.tasks), run.launch_problem) == (12, 120, None)


FATES = ["well", "throttled", "unreachable", "reset", "server", "lost", "late", "half", "none"]


@given(
    script=st.lists(st.sampled_from(FATES), max_size=8),
    count=st.integers(1, 33),
    honours_token=st.booleans(),
    is_indexed=st.booleans(),
)
def test_no_task_is_lost_or_doubled_by_failed_requests(
    script: list[str], count: int, honours_token: bool, is_indexed: bool
) -> None:
    """No failed or lost request loses or doubles a task."""
    ecs = Ecs(Clock(), script, honours_token)
    made, run, _notes = launcher(ecs, count=count, **({"index_variable": "PART"} if is_indexed else {}))
    made.launch()
    assert run.launch_problem is None
    assert sorted(arns(run)) == sorted(one["taskArn"] for one in ecs.tasks)
    assert len(run.tasks) == count
    assert not made.surplus()
    # Within the limits of RunTask.
    assert all(1 <= request["count"] <= 10 for request in ecs.requests)
    for first, at in enumerate(ecs.called_at):
        assert sum(at <= other < at + 1 for other in ecs.called_at[first:]) <= CALLS_PER_SECOND + 1


@given(script=st.lists(st.sampled_from([*FATES, "hopeless", "denied"]), max_size=8), count=st.integers(1, 33))
def test_every_task_is_known_after_a_failed_launch(script: list[str], count: int) -> None:
    """Every task that exists is known, also after a launch that failed."""
    ecs = Ecs(Clock(), script)
    made, run, _notes = launcher(ecs, count=count, partial_launch="stop")
    try:
        made.launch()
    except ClientError:
        # Raised only while no task would have to be stopped.
        assert run.tasks == []
    assert sorted(arns(run)) == sorted(one["taskArn"] for one in ecs.tasks)
    assert (len(run.tasks) == count) or run.launch_problem or "denied" in script


def test_a_second_call_with_the_same_token_finds_the_tasks() -> None:
    ecs = Ecs(Clock(), ["half"])
    first, first_run, _notes = launcher(ecs, count=8, partial_launch="stop")
    first.launch()
    assert "ECS launched 4 of 8 task(s): " in str(first_run.launch_problem)
    ecs.tasks[0]["lastStatus"] = "STOPPED"
    second, run, _notes = launcher(ecs, count=8)
    assert second.find(ecs) == 4
    second.launch()
    assert len(run.tasks) == len(ecs.tasks) == 8
    assert len({request["clientToken"] for request in ecs.requests}) == 2


def test_missing_tasks_get_the_control_run_of_those_found() -> None:
    """The tasks of one run meet under one key, whichever call launched them."""
    ecs = Ecs(Clock())
    made, run, _notes = launcher(ecs, count=2, control={"table_name": "t", "run_id": "now", "run_variable": "RUN"})
    run.control_run = "of the first launch"
    made.launch()
    assert environment(ecs.requests[0])["RUN"] == "of the first launch"


def test_call_with_another_token_does_not_adopt_the_tasks() -> None:
    """A call with another token does not adopt the tasks."""
    ecs = Ecs(Clock())
    launcher(ecs, count=3)[0].launch()
    other, run, _notes = launcher(ecs, count=3)
    run.client_token = "another"
    assert other.find(ecs) == 0


def test_missing_tasks_are_requested_until_the_timeout() -> None:
    """Missing tasks are requested until the launch timeout, and no longer."""
    clock = Clock()
    ecs = Ecs(clock, ["well", *["none"] * 1000])
    made, run, notes = launcher(ecs, count=12, launch_timeout=60)
    begun = clock.now
    made.launch()
    assert 40 <= clock.now - begun <= 60
    assert str(run.launch_problem).count("ECS launched 10 of 12 task(s): ")
    assert "Capacity is unavailable" in str(run.launch_problem)
    assert notes and notes[0].startswith("2 of 12 task(s) not launched yet, trying again: ")
    assert len(ecs.requests) < 12


def test_a_permanent_failure_is_not_retried() -> None:
    ecs = Ecs(Clock(), ["well", "hopeless"])
    made, run, _notes = launcher(ecs, count=12)
    made.launch()
    assert len(ecs.requests) == 2
    assert "ATTRIBUTE" in str(run.launch_problem)


def test_the_first_refusal_is_raised() -> None:
    made, run, _notes = launcher(Ecs(Clock(), ["denied"]), count=2)
    with pytest.raises(ClientError, match="AccessDenied"):
        made.launch()
    assert run.tasks == []


SPOT = {"capacity_provider_strategy": [{"capacity_provider": "FARGATE_SPOT", "weight": 1, "base": 0}]}


def test_fargate_takes_over_where_spot_has_no_capacity() -> None:
    """Tasks that Spot has no capacity for are launched on FARGATE where the parameters allow it."""
    ecs = Ecs(Clock(), ["none"])
    made, run, notes = launcher(ecs, **SPOT, spot_fallback=True)
    made.launch()
    assert [capacity(request) for request in ecs.requests] == ["FARGATE_SPOT", "FARGATE"]
    assert len(run.tasks) == 1
    assert "Fargate Spot has no capacity: what is missing is launched on FARGATE" in notes


def test_spot_is_awaited_without_the_fallback() -> None:
    ecs = Ecs(Clock(), ["none"])
    made, run, _notes = launcher(ecs, **SPOT, spot_fallback=False)
    made.launch()
    assert {capacity(request) for request in ecs.requests} == {"FARGATE_SPOT"}
    assert len(run.tasks) == 1


def test_spot_task_that_did_not_start_is_replaced_on_fargate() -> None:
    """A Spot task that did not start is replaced by one on Fargate."""
    ecs = Ecs(Clock())
    made, run, _notes = launcher(ecs, **SPOT, spot_fallback=True, count=2, index_variable="PART")
    made.launch()
    assert made.replace(run.tasks[1].task["task_arn"])
    assert environment(ecs.requests[-1])["PART"] == "1/2"
    assert capacity(ecs.requests[-1]) == "FARGATE"
    assert len({request["clientToken"] for request in ecs.requests}) == 3


@pytest.mark.parametrize("fate", ["well", "throttled"])
def test_replacement_during_the_launch_is_launched_once(fate: str) -> None:
    """A replacement that fails is launched by the launch itself; one that works leaves nothing to request."""
    ecs = Ecs(Clock(), ["well", "well", "half", fate])
    stopped: list[str] = []

    def meanwhile() -> None:
        if len(ecs.requests) == 3 and not stopped:
            stopped.append(arns(run)[0])
            assert made.replace(stopped[0])
            run.tasks.pop(0)

    made, run, _notes = launcher(ecs, **SPOT, spot_fallback=True, count=30, meanwhile=meanwhile)
    made.launch()
    assert stopped and len(set(arns(run))) == 30 and not run.launch_problem
    assert all(request["count"] > 0 for request in ecs.requests)


def test_batch_completed_by_a_replacement_is_not_requested() -> None:
    """A look between two requests may complete a batch that is to be requested next."""
    ecs = Ecs(Clock(), ["half", "half"])
    stopped: list[str] = []

    def meanwhile() -> None:
        if len(ecs.requests) == 3 and not stopped:
            stopped.append(arns(run)[5])
            assert made.replace(stopped[0])
            run.tasks.pop(5)

    made, run, _notes = launcher(ecs, **SPOT, spot_fallback=True, count=20, meanwhile=meanwhile)
    made.launch()
    assert len(run.tasks) == 20 and not run.launch_problem
    assert all(request["count"] > 0 for request in ecs.requests)


def test_failed_replacement_after_the_launch_requests_no_more() -> None:
    """The stopped task stays in the run, and a later call of replace can try again."""
    ecs = Ecs(Clock(), ["well", "throttled"])
    made, run, _notes = launcher(ecs, **SPOT, spot_fallback=True, count=2)
    made.launch()
    assert not made.replace(arns(run)[0])
    assert not any(batch.missing for batch in made.batches)
    assert made.replace(arns(run)[0]) and ecs.requests[-1]["count"] == 1


def test_no_task_is_replaced_without_the_fallback() -> None:
    ecs = Ecs(Clock())
    made, run, _notes = launcher(ecs, **SPOT)
    made.launch()
    assert not made.replace(run.tasks[0].task["task_arn"])


def test_request_executed_twice_leaves_a_known_surplus() -> None:
    """A request that ECS executes after its repetition leaves surplus tasks, which the launcher knows."""
    clock = Clock()
    ecs = Ecs(clock, ["late"], honours_token=False)
    made, run, _notes = launcher(ecs)
    # It becomes visible only after the launcher has stopped waiting for it.
    launched = ecs._launch
    ecs._launch = lambda request, count, visible_at=0.0: launched(
        request, count, visible_at + 2 * UNKNOWN_RESULT_WAIT_S * bool(visible_at)
    )  # type: ignore[method-assign]
    made.launch()
    assert len(run.tasks) == 1 and len(ecs.tasks) == 2
    clock.now += 2 * UNKNOWN_RESULT_WAIT_S
    assert made.surplus() == [ecs.tasks[0]["taskArn"]]


def test_an_interrupt_ends_the_launch_and_keeps_its_tasks() -> None:
    ecs = Ecs(Clock(), ["lost"])
    made, run, _notes = launcher(ecs, count=20)
    made._interrupted = lambda: bool(ecs.requests)
    made.launch()
    assert len(ecs.requests) == 1
    assert len(run.tasks) == len(ecs.tasks) == 10


def test_without_list_tasks_the_client_token_is_used() -> None:
    ecs = Ecs(Clock(), ["lost"])

    def denied(**request: Any) -> dict[str, Any]:
        raise refused("AccessDeniedException")

    ecs.list_tasks = denied  # type: ignore[method-assign]
    made, run, _notes = launcher(ecs, count=3)
    made.launch()
    assert len(run.tasks) == len(ecs.tasks) == 3
    assert len({request["clientToken"] for request in ecs.requests}) == 1
    assert made.surplus() == []
