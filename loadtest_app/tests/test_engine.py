# SPDX-License-Identifier: Apache-2.0
"""The loop by itself: an error of ours ends the run, it does not hang it."""

import io
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop
from command import apart_from_lateness
from ddbload import run, scenario
from ddbload.dynamo.endpoint import Target
from ddbload.dynamo.operations.writes import PutItem
from ddbload.dynamo.sign import Credentials
from ddbload.events import EventWriter
from dynamodb_stub import Stub


@pytest.mark.parametrize("plan", ["plan.rate=50", 'plan={"type":"closed","concurrency":2,"operations":50}'])
@pytest.mark.parametrize("method", ["prepare", "succeeded"])
def test_an_error_of_ours_ends_the_run(monkeypatch: pytest.MonkeyPatch, plan: str, method: str) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "nobody-at-all", "AWS_SECRET_ACCESS_KEY": "nothing-at-all"}.items():
        monkeypatch.setenv(name, value)
    original = getattr(PutItem, method)
    calls = []

    def fail_at_the_tenth(self: PutItem, *arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 10:
            raise RuntimeError("a bug")
        return original(self, *arguments)

    monkeypatch.setattr(PutItem, method, fail_at_the_tenth)
    stream = io.StringIO()
    asked = scenario.load(None, [plan], {"DDBLOAD_TABLE": "test-table"})
    with Stub() as stub:
        code = run.run(asked, stub.url, "us-east-1", EventWriter("r", None, stream=stream), {})
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    summary = next(event for event in events if event["event"] == "run.summary")
    figures = summary["operations"]["put"]
    assert (code, summary["exit_code"], summary["verdict"], summary["partial"]) == (1, 1, "incomplete", True)
    assert events[-1]["message"] == "internal error, please report it: RuntimeError in the load: a bug"
    # What was answered before is told, and what was under way has an end.
    assert figures["ok"] >= 8
    assert figures["sent"] == figures["ok"] + sum(figures["failed"].values())


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "nobody-at-all", "AWS_SECRET_ACCESS_KEY": "nothing-at-all"}.items():
        monkeypatch.setenv(name, value)


def carry_out(url: str, *settings: str) -> tuple[int, dict[str, Any]]:
    stream = io.StringIO()
    # The stub keeps no items: there is nothing to be read again.
    asked = scenario.load(None, ["verify.enabled=false", *settings], {"DDBLOAD_TABLE": "test-table"})
    code = run.run(asked, url, "us-east-1", EventWriter("r", None, stream=stream), {})
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    return code, next(event for event in events if event["event"] == "run.summary")


def test_renewed_credentials_sign_from_then_on_whatever_fails_between(
    monkeypatch: pytest.MonkeyPatch, credentials: None
) -> None:
    first, second = Credentials("FIRST", "one"), Credentials("SECOND", "two", "a-token")
    answers: Iterator[Credentials | Exception] = iter([first, OSError("not now"), second, OSError("not again")])
    last = OSError("not again")

    def next_credentials(self: Target) -> Credentials:
        answer = next(answers, last)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(Target, "credentials", next_credentials)
    monkeypatch.setattr(run, "CREDENTIALS_CHECK_S", 0.2)
    with Stub() as stub:
        code, summary = carry_out(stub.url, "plan.duration=1.5")
    assert code == 0
    assert (stub.access_keys[0], stub.access_keys[-1]) == ("first", "second")
    assert "could not be renewed at the last try: not again" in apart_from_lateness(summary["warnings"])[0]


def test_an_address_where_nobody_answers_is_passed_over(monkeypatch: pytest.MonkeyPatch, credentials: None) -> None:
    resolve = uvloop.Loop.getaddrinfo

    async def two_addresses(self: uvloop.Loop, host: str, port: int, **more: Any) -> list[Any]:
        # Nothing listens at the second one.
        found = [entry for entry in await resolve(self, host, port, **more) if entry[0] == socket.AF_INET]
        return found + [(*entry[:4], ("127.0.0.2", port)) for entry in found]

    class Loop(uvloop.Loop):
        getaddrinfo = two_addresses

    run_on = uvloop.run
    monkeypatch.setattr(uvloop, "run", lambda main: run_on(main, loop_factory=Loop))
    with Stub() as stub:
        code, summary = carry_out(stub.url, "plan.duration=1", "connections=8")
    assert code == 0
    assert summary["connections"]["opened"] == 8
    assert summary["connections"]["reopened"] == 0
    assert "4 of 8 connections could not be opened before the start" in apart_from_lateness(summary["warnings"])[0]
