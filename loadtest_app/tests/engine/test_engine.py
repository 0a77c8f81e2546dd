# SPDX-License-Identifier: Apache-2.0
"""The loop by itself: an internal error ends the run instead of hanging it."""

import asyncio
import io
import json
import math
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop
from command import apart_from_lateness
from ddbload.dynamo.endpoint import Target
from ddbload.dynamo.sign import Credentials, Signer
from ddbload.engine.engine import Engine
from ddbload.results import judging, verdict
from ddbload.results.events import EventWriter
from ddbload.run import reporter, run, summary
from ddbload.run.costs import ceiling
from ddbload.scenario.load import load as load_scenario
from ddbload.verify import check, cleanup
from ddbload.workload.journal.inserts import InsertJournal
from ddbload.workload.operations.writes import PutItem
from dynamodb_stub import Reply, Stub, error


@pytest.mark.parametrize("plan", ["plan.rate=50", 'plan={"type":"closed","concurrency":2,"operations":50}'])
@pytest.mark.parametrize("method", ["prepare", "succeeded"])
def test_internal_error_ends_the_run(monkeypatch: pytest.MonkeyPatch, plan: str, method: str) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "invented-key", "AWS_SECRET_ACCESS_KEY": "invented-secret"}.items():
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
    requested = load_scenario(None, [plan], {"DDBLOAD_TABLE": "test-table"})
    with Stub() as stub:
        code = run.run(requested, stub.url, "us-east-1", EventWriter("r", None, stream=stream), {})
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    summary = next(event for event in events if event["event"] == "run.summary")
    figures = summary["operations"]["put"]
    assert (code, summary["exit_code"], summary["verdict"], summary["partial"]) == (1, 1, "incomplete", True)
    assert events[-1]["message"] == "internal error, please report it: RuntimeError in the load: a bug"
    # Earlier responses are reported, and requests in flight have an outcome.
    assert figures["ok"] >= 8
    assert figures["sent"] == figures["ok"] + sum(figures["failed"].values())


@pytest.mark.parametrize("reply", [error("ThrottlingException"), Reply(reset=True)], ids=["a refusal", "a reset"])
def test_a_bug_after_a_failure_ends_the_run(monkeypatch: pytest.MonkeyPatch, credentials: None, reply: Reply) -> None:
    def fail(self: PutItem, *_arguments: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(PutItem, "failed", fail)
    with Stub(script=lambda _operation, number, _body: reply if number == 10 else Reply()) as stub:
        code, events = carry_out_all(stub.url, "plan.rate=50", "verify.enabled=false")
    assert code == 1
    assert 10 < stub.requests["putitem"] < 50
    assert events[-1]["message"] == "internal error, please report it: RuntimeError in the load: a bug"


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "invented-key", "AWS_SECRET_ACCESS_KEY": "invented-secret"}.items():
        monkeypatch.setenv(name, value)


def carry_out_all(url: str, *settings: str) -> tuple[int, list[dict[str, Any]]]:
    stream = io.StringIO()
    requested = load_scenario(None, list(settings), {"DDBLOAD_TABLE": "test-table"})
    code = run.run(requested, url, "us-east-1", EventWriter("r", None, stream=stream), {})
    return code, [json.loads(line) for line in stream.getvalue().splitlines()]


def carry_out(url: str, *settings: str) -> tuple[int, dict[str, Any]]:
    # The stub stores no items to verify.
    code, events = carry_out_all(url, "verify.enabled=false", *settings)
    return code, next(event for event in events if event["event"] == "run.summary")


@pytest.mark.parametrize(
    "settings",
    [
        ["plan.rate=2000"],
        ['plan={"type":"constant_rate","rate":2000,"duration":1,"arrivals":"poisson"}'],
        # More is due than the connections carry.
        ["plan.rate=2000", "connections=2"],
        ['plan={"type":"closed","concurrency":8,"operations":2000}'],
        ['plan={"type":"classic","concurrency_limit":9,"total_items":1500,"max_concurrency_percentage":50}'],
        ["plan.rate=2000", "retries.attempts=5", "retries.base_ms=1"],
        ['plan={"type":"closed","concurrency":8,"operations":900}', "retries.attempts=5", "retries.base_ms=1"],
    ],
    ids=["constant", "poisson", "starved", "closed", "classic", "retries", "closed with retries"],
)
def test_no_more_is_sent_than_is_allowed(
    monkeypatch: pytest.MonkeyPatch, credentials: None, settings: list[str]
) -> None:
    """Retries included; what is held back counts as planned, and is sent once it is allowed."""
    allowed, seen = 0, []

    def follow(account: ceiling.Account, engine: Engine) -> None:
        account._engines.append(engine)
        engine.allow(0)

    async def watch(account: ceiling.Account, _stop: object) -> None:
        nonlocal allowed
        engine = account._engines[-1]
        for requests in (7, 90, 3):
            await asyncio.sleep(0.15)
            seen.append((stub.requests["putitem"], allowed, engine.planned))
            allowed += requests
            engine.allow(requests)
        await asyncio.sleep(0.15)
        seen.append((stub.requests["putitem"], allowed, engine.planned))
        engine.allow(math.inf)

    monkeypatch.setattr(ceiling.Account, "follow", follow)
    monkeypatch.setattr(ceiling.Account, "watch", watch)
    fails = "retries.attempts=5" in settings

    def reply(_operation: str, number: int, _body: object) -> Reply:
        return error("InternalServerError", status=500) if fails and number % 4 == 0 else Reply()

    with Stub(script=reply) as stub:
        code, summary = carry_out(stub.url, "plan.duration=1", *settings)
    assert [sent for sent, _allowed, _planned in seen] == [limit for _sent, limit, _planned in seen] == [0, 7, 97, 100]
    if "rate" in settings[0]:
        assert all(sent < planned for sent, _allowed, planned in seen)
    assert (code, summary["plan"]["planned"]) == (0, summary["plan"]["sent"])


FAULTS = {
    "the progress": (reporter.Reporter, "_progress"),
    "the renewal of credentials": (Signer, "renew"),
    "the check": (check, "judge"),
    "the cleanup": (cleanup, "_written"),
    "the keys": (InsertJournal, "counts"),
    "the thresholds": (judging, "evaluate"),
    "the verdict": (verdict, "lost_writes"),
    "the figures": (summary, "connection_figures"),
}


@pytest.mark.parametrize(("part", "position"), FAULTS.items(), ids=FAULTS)
def test_internal_error_keeps_the_measurements(
    monkeypatch: pytest.MonkeyPatch, credentials: None, part: str, position: tuple[Any, str]
) -> None:
    owner, name = position
    original, calls = getattr(owner, name), []
    # The figures are requested once during the load.
    good = 1 if part == "the figures" else 0

    def fail(*arguments: Any, **more: Any) -> Any:
        calls.append(arguments)
        if len(calls) > good:
            raise RuntimeError("a bug")
        return original(*arguments, **more)

    monkeypatch.setattr(owner, name, fail)
    monkeypatch.setattr(run, "CREDENTIALS_CHECK_S", 0.1)
    if part == "the figures":
        monkeypatch.setattr(reporter, "CHECKPOINT_S", 1)
    if part == "the renewal of credentials":
        seen = iter(range(1000))
        monkeypatch.setattr(Target, "credentials", lambda self: Credentials(f"KEY{next(seen)}", "secret"))
    elif part == "the check":
        # The stub stores no items: the check fails at its first key.
        monkeypatch.setattr(check, "read_keys", nothing_found)
    with Stub() as stub:
        settings = ["plan.duration=1.5", "plan.rate=40", f"cleanup={str(part == 'the cleanup').lower()}"]
        code, events = carry_out_all(stub.url, *settings, f"verify.enabled={str(part == 'the check').lower()}")
    (reported,) = [event for event in events if event["event"] == "run.summary"]
    figures = reported["operations"]["put"]
    assert (code, reported["exit_code"], reported["verdict"], reported["partial"]) == (1, 1, "incomplete", True)
    assert events[-1]["message"] == f"internal error, please report it: RuntimeError in {part}: a bug"
    # The figures of the last checkpoint include the requests in flight.
    under_way = figures["sent"] - figures["ok"] - sum(figures["failed"].values())
    assert figures["ok"] > 0
    assert under_way == 0 or part == "the figures"


async def nothing_found(*_arguments: object) -> tuple[dict[int, Any], float]:
    return {}, 0.0


def test_renewed_credentials_sign_despite_failed_renewals(monkeypatch: pytest.MonkeyPatch, credentials: None) -> None:
    """Renewed credentials sign later requests, also after failed renewals."""
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


def test_address_that_does_not_respond_is_skipped(monkeypatch: pytest.MonkeyPatch, credentials: None) -> None:
    resolve = uvloop.Loop.getaddrinfo

    async def two_addresses(self: uvloop.Loop, host: str, port: int, **more: Any) -> list[Any]:
        # No server listens at the second one.
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
