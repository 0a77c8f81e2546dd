# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the module ``ecs_queue_run`` against an account with a queue and a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.queue import runner
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.ecs.queue.fake_queue import (
    CAPACITY,
    QUEUE,
    FakeQueueAws,
)
from botocore.exceptions import ConnectionClosedError

JOB: dict[str, Any] = {
    "command": ["oneshot", "{run_id}", "{prompt}"],
    "environment": {},
    "parameters": {"prompt": {"required": True}},
    "success_exit_codes": [0],
    "timeout": 30,
    "queue": {"name": "prompts", "max_running": 3},
}
HELLO = json.dumps({"prompt": "say hello"})


class EndedError(Exception):
    """The module ended."""


def call(
    aws: FakeQueueAws, check_mode: bool = False, interrupt: Interrupt | None = None, **options: Any
) -> dict[str, Any]:
    """Run the module once; returns its result."""
    params = {
        "name": "prompt",
        "queue_url": QUEUE,
        "cluster": "shop",
        "task_definition": "shop-prompt:1",
        "container": "prompt",
        "job": JOB,
        "network_configuration": {"subnets": ["subnet-1"], "security_groups": [], "assign_public_ip": False},
        "max_running": 3,
        "idle_timeout": 0,
        "on_interrupt": "stop",
        "_live": None,
    }
    ended: list[dict[str, Any]] = []

    def end(**result: Any) -> NoReturn:
        ended.append(result)
        raise EndedError

    module = SimpleNamespace(
        params=params | options,
        check_mode=check_mode,
        region="eu-west-1",
        exit_json=end,
        fail_json=lambda **result: end(failed=True, **result),
    )
    made = runner.QueueRunner(module, Interrupt() if interrupt is None else interrupt, aws.clock, aws.clock.sleep)
    with pytest.raises(EndedError):
        made.run()
    return ended[0]


@pytest.fixture(autouse=True)
def clients(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeQueueAws], None]:
    """Lets the module call an account."""

    def use(aws: FakeQueueAws) -> None:
        monkeypatch.setattr(runner, "AwsClients", lambda module, interrupted: SimpleNamespace(patient=aws.client))
        monkeypatch.setattr(runner, "region_and_endpoint", lambda module: "region eu-west-1")

    return use


@pytest.fixture
def account(clients: Callable[[FakeQueueAws], None]) -> Callable[..., FakeQueueAws]:
    """Makes an account with messages."""

    def make(bodies: dict[str, str] | None = None, **options: Any) -> FakeQueueAws:
        aws = FakeQueueAws({"one": HELLO} if bodies is None else bodies, **options)
        clients(aws)
        return aws

    return make


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the module shows."""
    found: list[str] = []
    monkeypatch.setattr(runner.LiveFeed, "note", lambda self, text: found.append(text))
    return found


Make = Callable[..., FakeQueueAws]


def test_success_deletes_each_message_after_one_task(account: Make) -> None:
    aws = account({f"m{number}": HELLO for number in range(15)})
    result = call(aws)
    assert (result["done"], result["launched"], result["failed_attempts"], result["changed"]) == (15, 15, 0, True)
    assert aws.messages == {}
    assert all(aws.launches(f"m{number}") == 1 for number in range(15))
    assert aws.most_running == 3
    assert aws.requests("run_task")[0]["overrides"]["containerOverrides"][0]["command"] == [
        "oneshot",
        "m0",
        "say hello",
    ]


def test_an_empty_queue_ends_the_call_without_a_task(account: Make) -> None:
    aws = account({})
    result = call(aws)
    assert (result["changed"], result["done"], aws.tasks) == (False, 0, {})


def test_failure_puts_the_message_back_and_it_is_repeated(account: Make) -> None:
    aws = account()
    aws.exit_codes["one"] = [1]
    result = call(aws)
    assert [message["end"] for message in result["messages"]] == ["failed", "done"]
    assert (result["failed_attempts"], result["done"], aws.launches("one")) == (1, 1, 2)
    assert "failed" not in result


def test_the_last_receive_that_fails_is_dead(account: Make) -> None:
    aws = account({"one": HELLO, "two": HELLO}, max_receives=2)
    aws.exit_codes["one"] = [1, 1]
    result = call(aws)
    assert result["failed"]
    assert (result["done"], result["dead"], aws.dead) == (1, 1, ["one"])
    assert "1 message(s) went to the dead-letter queue; one: " in result["msg"]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("no json", "the body of message one is no JSON object"),
        ("[1]", "the body of message one is no JSON object"),
        ("{}", "job prompt needs parameter prompt"),
        ('{"prompt": "x", "model": "y"}', "job prompt has no parameter model"),
    ],
)
def test_a_wrong_body_is_dead_without_a_task(account: Make, body: str, what: str) -> None:
    aws = account({"one": body})
    result = call(aws)
    assert (aws.tasks, aws.dead, result["dead"]) == ({}, ["one"], 1)
    assert what in result["msg"]
    assert " -> " in result["msg"]


def test_without_capacity_the_launch_is_repeated_later(account: Make) -> None:
    aws = account({"one": HELLO, "two": HELLO, "three": HELLO})
    aws.refusals = [dict(CAPACITY), dict(CAPACITY)]
    start = aws.clock()
    result = call(aws)
    assert (result["done"], result["launched"], aws.messages) == (3, 3, {})
    # One refusal a pause, whatever the number of messages that wait: 2 s, then 4 s.
    assert aws.clock() - start < 20


def test_a_permanent_refusal_puts_the_messages_back(account: Make) -> None:
    aws = account({"one": HELLO, "two": HELLO})
    aws.refusals = [{"reason": "INACTIVE", "arn": "arn:aws:ecs:eu-west-1:123456789012:cluster/shop"}]
    result = call(aws)
    assert result["failed"]
    assert (result["put_back"], aws.tasks) == (2, {})
    assert all(one["hidden"] <= aws.clock() for one in aws.messages.values())


def test_a_task_beyond_the_timeout_is_stopped(account: Make) -> None:
    aws = account(max_receives=1)
    aws.duration = 1e9
    result = call(aws)
    assert len(aws.requests("stop_task")) == 1
    assert "timeout of 30 s is over" in aws.requests("stop_task")[0]["reason"]
    assert (result["failed_attempts"], aws.dead) == (1, ["one"])


def test_a_message_stays_hidden_while_its_task_runs(account: Make) -> None:
    aws = account(visibility=40)
    aws.duration = 300.0
    result = call(aws, job={**JOB, "timeout": 1000})
    assert (result["done"], aws.launches("one")) == (1, 1)
    assert [one["VisibilityTimeout"] for one in aws.requests("change_message_visibility")] == [40] * 14


def visible(aws: FakeQueueAws) -> None:
    """Show all messages, as after an outage in which nobody could hide them."""
    for one in aws.messages.values():
        one["hidden"] = 0.0


def test_a_message_that_is_no_longer_hidden_is_noted(account: Make, notes: list[str]) -> None:
    """The call goes on: its task settles the message."""
    aws = account(visibility=40)
    aws.duration, aws.after_launch = 30.0, lambda: visible(aws)
    result = call(aws, job={**JOB, "timeout": 1000}, max_running=1)
    assert (result["done"], result["launched"], aws.messages) == (1, 1, {})
    assert "failed" not in result
    [note] = [note for note in notes if "no longer hidden" in note]
    assert note.startswith("message one: ")


def test_a_failed_message_that_is_visible_is_repeated(account: Make) -> None:
    aws = account(visibility=40)
    aws.exit_codes["one"], aws.after_launch = [1], lambda: visible(aws)
    result = call(aws, max_running=1)
    assert (result["failed_attempts"], result["done"], aws.launches("one")) == (1, 1, 2)
    assert "failed" not in result


def test_a_deletion_that_sqs_refuses_is_repeated(account: Make) -> None:
    """The message comes again, and goes without another task; it counts once."""
    aws = account(visibility=40)
    aws.stale_deletes = 1
    result = call(aws)
    assert (result["done"], result["launched"], aws.launches("one"), aws.messages) == (1, 1, 1, {})
    assert [message["end"] for message in result["messages"]] == ["done"]


def test_interrupt_stops_the_tasks_and_puts_messages_back(account: Make, tmp_path: Path) -> None:
    aws, interrupt = account({"one": HELLO, "two": HELLO}, max_receives=1), Interrupt()
    aws.after_launch = lambda: setattr(interrupt, "name", "SIGINT")
    result = call(aws, interrupt=interrupt, _live=str(tmp_path / "live"))
    assert result["failed"]
    assert "interrupted by SIGINT: 0 message(s) done, 2 back in the queue, no task goes on" in result["msg"]
    assert (result["put_back"], result["failed_attempts"]) == (2, 0)
    assert all(one["hidden"] <= aws.clock() for one in aws.messages.values())
    assert {task["lastStatus"] for task in aws.tasks.values()} == {"STOPPED"}
    # It was the last receive: SQS moves them at the next one.
    assert result["dead"] == 2
    last = json.loads((tmp_path / "live").read_text().splitlines()[-1])
    assert (last["kind"], last["requested"], last["tasks"]) == ("stop", 2, 2)


def test_interrupt_with_detach_leaves_the_tasks_to_a_later_call(account: Make) -> None:
    aws, interrupt = account({"one": HELLO, "two": HELLO}, visibility=40), Interrupt()
    aws.after_launch = lambda: (
        setattr(interrupt, "name", "SIGTERM"),
        aws.refusals.append(dict(CAPACITY)),
    )
    result = call(aws, interrupt=interrupt, on_interrupt="detach")
    assert "1 task(s) go on" in result["msg"]
    assert aws.requests("stop_task") == []
    # No task runs for the second one, so that it is visible at once.
    assert [one["hidden"] > aws.clock() for one in aws.messages.values()] == [True, False]
    aws.refusals.clear()
    later = call(aws)
    assert (later["done"], later["adopted"], later["launched"]) == (2, 1, 1)
    assert (aws.launches("one"), aws.launches("two")) == (1, 1)


@pytest.mark.parametrize("duration", [100.0, 1.0])
def test_the_task_of_a_killed_call_is_taken_up(account: Make, duration: float) -> None:
    """A task that still runs is followed; one that has succeeded settles its message."""
    aws = account(visibility=40)
    aws.receive_message(MaxNumberOfMessages=1, WaitTimeSeconds=0)
    aws.duration = duration
    aws.task("one")
    result = call(aws, job={**JOB, "timeout": 1000})
    assert (result["done"], result["adopted"], result["launched"]) == (1, 1, 0)
    assert (aws.launches("one"), aws.messages) == (1, {})


def test_a_failed_task_of_a_killed_call_is_repeated(account: Make) -> None:
    aws = account(visibility=40)
    aws.receive_message(MaxNumberOfMessages=1, WaitTimeSeconds=0)
    aws.exit_codes["one"], aws.duration = [1], 1.0
    aws.task("one")
    result = call(aws)
    assert (result["done"], result["adopted"], result["launched"]) == (1, 0, 1)


def test_after_a_lost_response_the_next_call_finds_the_task(account: Make) -> None:
    aws = account()

    def lose() -> None:
        raise ConnectionClosedError(endpoint_url="https://ecs.eu-west-1.amazonaws.com")

    aws.after_launch = lose
    first = call(aws)
    assert first["failed"]
    aws.after_launch = lambda: None
    second = call(aws)
    assert (second["done"], second["adopted"], second["launched"], aws.launches("one")) == (1, 1, 0, 1)


def test_a_task_that_ecs_forgot_fails_its_message(account: Make) -> None:
    aws = account(max_receives=1)
    aws.duration = 1e9
    aws.tasks = Forgetful()
    result = call(aws)
    assert result["messages"][0]["reason"] == "ECS knows its task no more"


class Forgetful(dict[str, Any]):
    """Tasks that ECS forgets once they are launched."""

    def __contains__(self, key: object) -> bool:
        return False


@pytest.mark.parametrize(("bodies", "waiting"), [({}, 0), ({"one": HELLO, "two": HELLO}, 2)])
def test_check_mode_counts_and_receives_none(account: Make, bodies: dict[str, str], waiting: int) -> None:
    aws = account(bodies)
    result = call(aws, check_mode=True)
    assert (result["changed"], result["messages"]) == (waiting > 0, waiting)
    assert {name for name, _request in aws.calls} == {"get_queue_attributes"}


def test_a_missing_queue_is_one_line(account: Make) -> None:
    aws = account()
    aws.errors["get_queue_attributes"] = (
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist.",
    )
    result = call(aws)
    assert f"cannot handle the messages of {QUEUE}" in result["msg"]
    assert "\n" not in result["msg"]
