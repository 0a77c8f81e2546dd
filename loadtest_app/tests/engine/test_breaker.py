# SPDX-License-Identifier: Apache-2.0
"""The circuit breaker: single cases, and a model with all requests."""

import pytest
from ddbload.engine.breaker import Breaker, Opening
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

SECOND = 1_000_000_000


def opened(action: str = "pause") -> Breaker:
    breaker = Breaker(3, 1.0, action)
    reported = [breaker.failed(number, sent_ns=number - 5, reason=f"failure {number}") for number in (10, 20, 30)]
    assert reported == [False, False, True]
    return breaker


def test_it_opens_after_its_number_of_consecutive_failures() -> None:
    breaker = opened()
    assert (breaker.state, breaker.openings) == ("open", [Opening(30, None, 0, "failure 30")])


def test_a_response_between_failures_resets_the_count() -> None:
    breaker = Breaker(2, 1.0, "pause")
    for now in range(0, 100, 10):
        breaker.failed(now)
        breaker.succeeded(now + 5)
    assert (breaker.state, breaker.in_a_row) == ("closed", 0)


def test_probes_come_one_at_a_time() -> None:
    """One probe at a time is sent, the next one an interval after the last one ended."""
    breaker = opened()
    first, answered = 30 + SECOND, 30 + 3 * SECOND
    assert not breaker.may_probe(first - 1)
    assert breaker.may_probe(first)
    breaker.probe_sent(first)
    assert not breaker.may_probe(answered)
    breaker.failed(answered, sent_ns=first)
    assert breaker.probe_due_ns == answered + SECOND
    assert [breaker.may_probe(answered + SECOND - 1), breaker.may_probe(answered + SECOND)] == [False, True]


def test_a_successful_probe_closes_it() -> None:
    breaker = opened()
    breaker.probe_sent(30 + SECOND)
    breaker.succeeded(50 + SECOND, sent_ns=30 + SECOND)
    assert (breaker.state, breaker.in_a_row, breaker.probe_due_ns) == ("closed", 0, None)
    assert breaker.openings == [Opening(30, 50 + SECOND, 1, "failure 30")]
    assert breaker.paused_ns(90 * SECOND) == 20 + SECOND


def test_requests_sent_before_the_opening_change_nothing() -> None:
    """Requests that were sent before the breaker opened, and end late, change nothing."""
    breaker = opened()
    breaker.probe_sent(30 + SECOND)
    breaker.failed(40 + SECOND, sent_ns=30)
    breaker.succeeded(41 + SECOND, sent_ns=26)
    assert (breaker.state, breaker.probe_due_ns) == ("open", None)
    breaker.succeeded(50 + SECOND, sent_ns=30 + SECOND)
    late = [breaker.failed(60 + SECOND + number, sent_ns=29) for number in range(10)]
    assert (any(late), breaker.state, breaker.in_a_row) == (False, "closed", 0)


def test_an_abort_is_never_probed() -> None:
    breaker = opened("abort")
    assert (breaker.may_probe(100 * SECOND), breaker.probe_due_ns) == (False, None)


def test_a_probe_that_is_not_due_is_refused() -> None:
    with pytest.raises(RuntimeError, match="no probe is due"):
        Breaker(1, 1.0, "pause").probe_sent(0)


def test_the_results_count_in_seconds_from_the_start() -> None:
    breaker = Breaker(1, 1.0, "pause")
    breaker.failed(5 * SECOND, reason="network:reset")
    opening = {"opened_s": 2.0, "closed_s": None, "probes": 0, "reason": "network:reset"}
    assert breaker.document(9 * SECOND, 3 * SECOND) == {"action": "pause", "paused_s": 4.0, "openings": [opening]}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ((0, 1.0, "pause"), "at least 1 failure"),
        ((1, 0.0, "pause"), "more than 0 seconds"),
        ((1, float("inf"), "pause"), "more than 0 seconds"),
        ((1, 1.0, "stop"), '"pause" or "abort", got "stop"'),
    ],
)
def test_settings_out_of_range_are_refused(settings: tuple, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Breaker(*settings)


class Model(RuleBasedStateMachine):
    """Requests are sent and end in any order; a plain model has the allowed effect of each end."""

    FAILURES = 3
    INTERVAL_NS = 100

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(self.FAILURES, self.INTERVAL_NS / SECOND, "pause")
        self.now = 1
        self.under_way: dict[int, int] = {}
        self.probe: int | None = None
        self.next = 0
        self.in_a_row = 0
        self.epoch = -1
        self.opened: list[int] = []
        self.closed: list[int] = []
        self.probes = 0
        self.quiet_until = 0

    def is_open(self) -> bool:
        return len(self.opened) > len(self.closed)

    def start(self) -> int:
        self.next += 1
        self.under_way[self.next] = self.now
        return self.next

    @rule(nanoseconds=st.integers(1, 300))
    def time_goes_by(self, nanoseconds: int) -> None:
        self.now += nanoseconds

    @precondition(lambda self: not self.is_open())
    @rule(count=st.integers(1, 4))
    def requests_are_sent(self, count: int) -> None:
        # The clock advances with every request, so that a request after an opening is later than it.
        for _number in range(count):
            self.now += 1
            self.start()

    @precondition(lambda self: self.is_open() and self.probe is None)
    @rule()
    def a_probe_is_sent_when_it_may_be(self) -> None:
        assert self.breaker.may_probe(self.now) is (self.now >= self.quiet_until)
        if self.now >= self.quiet_until:
            self.breaker.probe_sent(self.now)
            self.probe = self.start()
            self.probes += 1

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), is_failure=st.booleans())
    def a_request_ends(self, data: st.DataObject, is_failure: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.under_way)))
        sent = self.under_way.pop(number)
        self.now += 1
        was_open, is_probe = self.is_open(), number == self.probe
        if is_failure:
            has_opened = self.breaker.failed(self.now, sent, "reason")
        elif self.breaker.in_a_row:
            self.breaker.succeeded(self.now, sent)
        if was_open and is_probe:
            self.probe = None
            if is_failure:
                self.quiet_until = self.now + self.INTERVAL_NS
            else:
                self.closed.append(self.now)
                self.in_a_row = 0
        elif not was_open and not is_failure:
            self.in_a_row = 0
        elif not was_open and sent > self.epoch:
            self.in_a_row += 1
            if self.in_a_row == self.FAILURES:
                self.opened.append(self.now)
                self.epoch = self.now
                self.quiet_until = self.now + self.INTERVAL_NS
        if is_failure:
            assert has_opened is (self.is_open() and not was_open)

    @invariant()
    def breaker_and_model_agree(self) -> None:
        assert self.breaker.state == ("open" if self.is_open() else "closed")
        assert self.breaker.in_a_row == self.in_a_row
        assert [opening.opened_ns for opening in self.breaker.openings] == self.opened
        assert [opening.closed_ns for opening in self.breaker.openings if opening.closed_ns] == self.closed
        assert sum(opening.probes for opening in self.breaker.openings) == self.probes
        assert self.breaker.may_probe(self.now) <= (self.is_open() and self.probe is None)

    @invariant()
    def the_pause_is_the_time_between_openings_and_closings(self) -> None:
        ends = [*self.closed, self.now][: len(self.opened)]
        assert self.breaker.paused_ns(self.now) == sum(ends) - sum(self.opened)


Model.TestCase.settings = settings(max_examples=60, stateful_step_count=60)
TestBreaker = Model.TestCase
