# SPDX-License-Identifier: Apache-2.0
"""The account of a worker beside a clock of the test: what time costs in the load, and in the check after it."""

import asyncio
from collections import Counter
from itertools import cycle
from types import SimpleNamespace
from typing import Any

import pytest
from ddbload.dynamo.responses.capacity import Consumed
from ddbload.engine.record import Recorder
from ddbload.run.costs import ceiling
from ddbload.run.costs.ceiling import Account
from ddbload.run.task import Task
from hypothesis import given
from hypothesis import strategies as st
from run.costs.test_budget import scenario_of, target_of

LARGE = Task("large", vcpu=16, memory_gb=32)
# Dollars a second: https://aws.amazon.com/fargate/pricing/, us-east-1.
SECOND = (16 * 0.04048 + 32 * 0.004445) / 3600


class Clock:
    """A clock that goes on when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


class Sender:
    """Stands in for an engine: what it has sent is what the test says."""

    def __init__(self, recorder: Recorder, sent: int, load: Any) -> None:
        self.warm_up, self.recorder, self.load = Recorder(("put",)), recorder, load
        self.next, self.in_flight, self.limit = sent, 0, 0.0

    @property
    def allowance(self) -> float:
        return self.limit - self.next

    def allow(self, requests: float) -> None:
        self.limit = self.next + requests

    def send(self, requests: int, lost: float) -> None:
        """Send requests, of which a part has no response."""
        without = int(requests * lost)
        record = self.recorder.records["put"]
        self.next += requests
        record.sent += requests
        record.add(Consumed(write_units=float(requests - without)))
        if without:
            record.outcomes.setdefault("network", Counter())["Timeout"] += without


def account_of(clock: Clock, writes: int, **document: Any) -> tuple[Account, Any]:
    """Return the account of a worker that has done a number of writes, and its engine."""
    scenario = scenario_of(**{"mix": {"put": 1}, "item": {"size": 200}, "keys": {"count": 10**6}} | document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ceiling, "time", clock)
        account = Account(scenario, target_of(), LARGE, SimpleNamespace(index=0, count=1))  # type: ignore[arg-type]
    recorder = Recorder(("put",))
    record = recorder.records["put"]
    record.sent = writes
    for _write in range(writes):
        record.add(Consumed(write_units=1.0))
    load = SimpleNamespace(
        pacer=SimpleNamespace(expected=float(writes)), retries=SimpleNamespace(attempts=1, enabled=False, waiting=0)
    )
    engine = Sender(recorder, writes, load)
    account.follow(engine)  # type: ignore[arg-type]
    return account, engine


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(ceiling, "time", made)
    return made


def test_the_time_of_check_and_cleanup_is_reserved(clock: Clock) -> None:
    """1,000 keys take ten seconds at 100 a second, and two at 500."""
    bare, _engine = account_of(clock, 1000, verify={"rate": 0}, cleanup={"rate": 0})
    timed, _engine = account_of(clock, 1000, verify={"rate": 100}, cleanup={"rate": 500})
    clock.now_s += 600
    assert timed.commitment().kept_back - bare.commitment().kept_back == pytest.approx(12 * SECOND)
    assert timed.commitment().at_most == bare.commitment().at_most


@given(st.integers(0, 3000), st.integers(1, 2000), st.floats(0, 1000))
def test_time_alone_stops_no_check(load_s: int, writes: int, check_s: float) -> None:
    """Once the load has ended, the commitment stays, and what is known to be spent goes on with the time."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ceiling, "time", clock)
        account, _engine = account_of(clock, writes, verify={"rate": 100})
        clock.now_s += load_s
        bulk = SimpleNamespace(read_units=0.0, write_units=0.0)
        account.settle(bulk)  # type: ignore[arg-type]
        before = account.commitment()
        clock.now_s += check_s
        after = account.commitment()
    assert after.whole == pytest.approx(before.whole)
    assert after.known >= before.known


def test_a_plan_that_ends_soon_is_not_stopped(clock: Clock) -> None:
    """What it has left counts, with the retries that wait; each request at the price of a write that is read again."""
    account, engine = account_of(clock, 800, max_cost=1)
    assert account._each == pytest.approx(0.625e-6 + 0.125e-6)
    cleaned, _engine = account_of(
        clock, 800, cleanup={"rate": 500}, mix={"put": {"operation": "batch_write", "items": 10}}
    )
    assert cleaned._each == pytest.approx(10 * (2 * 0.625e-6 + 0.125e-6 + SECOND / 500))
    assert account._rest() == 0
    engine.load.pacer.expected = 1000.0
    engine.load.retries.waiting = 5
    assert account._rest() == 205
    engine.load.pacer.expected = None
    assert account._rest() == float("inf")


@given(
    rate=st.floats(1, 200_000),
    late_s=st.lists(st.floats(0, 3), min_size=1, max_size=20),
    requests=st.integers(1, 200_000),
    lost=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_ceiling_is_never_exceeded(rate: float, late_s: list[float], requests: int, lost: float) -> None:
    """However late a busy machine looks, and whatever part of the responses is lost; and what it allows is used."""
    clock, late, stopped = Clock(), cycle(late_s), list[str]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ceiling, "time", clock)
        account, engine = account_of(clock, 0, max_cost=requests * 0.75e-6)
        account._task = Task("free", vcpu=0, memory_gb=0)
        engine.load.pacer.expected = None
        begun_s = clock.now_s

        async def sleep(nap_s: float) -> None:
            clock.now_s += nap_s + next(late)
            due = int(rate * (clock.now_s - begun_s))
            engine.send(int(min(due - engine.next, engine.allowance)), lost)

        patch.setattr(ceiling, "asyncio", SimpleNamespace(sleep=sleep))
        asyncio.run(account.watch(stopped.append))
        assert len(stopped) == 1
        found = account.commitment()
    assert found.whole <= account.share * (1 + 1e-9)
    # Less than what it sends between two checks is left.
    assert account.share - found.whole <= (rate * 0.02 + 1) * 0.75e-6 + 1e-12
