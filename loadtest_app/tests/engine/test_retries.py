# SPDX-License-Identifier: Apache-2.0
"""Retries: their number, the waits between them, and the outcome of an operation's attempts."""

from collections.abc import Iterator

import pytest
from ddbload.dynamo.responses.errors import OUTCOMES, RETRYABLE, UNCERTAIN, Outcome
from ddbload.engine.retries import Attempts, Retries
from hypothesis import given
from hypothesis import strategies as st

THROTTLED = Outcome("throttled", "TableWrite")
outcomes = st.sampled_from([outcome for outcome in OUTCOMES if outcome != "ok"])
retryable = st.sampled_from(sorted(RETRYABLE))
MS = 1_000_000


def attempts_of(retries: Retries, outcomes: Iterator[str]) -> tuple[Attempts, int]:
    """Send an operation until it is not retried; returns it and its number of attempts."""
    attempts, sent = retries.begin(b"{}"), 1
    while retries.again(attempts, "call", Outcome(next(outcomes), "R"), 0):
        assert retries.next_due(attempts.due_ns) is attempts
        sent += 1
    return attempts, sent


def test_retries_are_off_where_an_operation_is_sent_once() -> None:
    assert not Retries(1, 50, 1000, 1).enabled
    assert Retries(2, 50, 1000, 1).enabled
    assert attempts_of(Retries(1, 50, 1000, 1), iter(["throttled"]))[1] == 1


@given(st.integers(1, 20), st.lists(retryable, min_size=20, max_size=20))
def test_an_operation_has_a_limited_number_of_attempts(most: int, series: list[str]) -> None:
    retries = Retries(most, 50, 1000, 1)
    attempts, sent = attempts_of(retries, iter(series))
    assert (sent, attempts.failed, retries.waiting) == (most, most, 0)
    assert attempts.outcome == Outcome(series[most - 1], "R")
    # The counted attempts are those before the last one.
    assert attempts.uncertain == any(outcome in UNCERTAIN for outcome in series[: most - 1])


@given(outcomes)
def test_only_transient_outcomes_are_retried(outcome: str) -> None:
    retries = Retries(5, 50, 1000, 1)
    attempts = retries.begin(b"{}")
    again = retries.again(attempts, "call", Outcome(outcome, "R"), 0)
    assert again == (outcome in RETRYABLE)
    assert retries.waiting == again
    assert (attempts.outcome.kind, attempts.call, attempts.body) == (outcome, "call", b"{}")


def test_a_condition_a_cancellation_and_a_refusal_are_final() -> None:
    assert {"expected", "cancelled", "refused", "fatal"} == {*OUTCOMES} - RETRYABLE - {"ok"}


@given(
    st.floats(0, 60_000), st.floats(0, 600_000), st.integers(1, 99), st.integers(0, 10**15), st.integers(0, 2**63 - 1)
)
def test_a_wait_exceeds_neither_its_doubled_base_nor_the_cap(
    base_ms: float, cap_ms: float, failed: int, now_ns: int, seed: int
) -> None:
    """A wait is at most its doubled base, and at most the cap."""
    retries = Retries(100, base_ms, cap_ms, seed)
    attempts = retries.begin(b"{}")
    attempts.failed = failed - 1
    assert retries.again(attempts, "call", THROTTLED, now_ns)
    longest_ms = min(cap_ms, base_ms * 2 ** (failed - 1))
    assert now_ns <= attempts.due_ns <= now_ns + longest_ms * MS


@pytest.mark.parametrize(("failed", "longest_ms"), [(1, 50), (2, 100), (4, 400), (6, 1000), (50, 1000)])
def test_waits_are_spread_over_their_whole_range(failed: int, longest_ms: int) -> None:
    retries = Retries(100, 50, 1000, 7)
    waits = []
    for _operation in range(4000):
        attempts = retries.begin(b"{}")
        attempts.failed = failed - 1
        retries.again(attempts, "call", THROTTLED, 0)
        waits.append(attempts.due_ns / MS)
    # Full jitter: uniform from 0 to the longest. Five sigma of the mean of 4,000.
    assert sum(waits) / len(waits) == pytest.approx(longest_ms / 2, abs=5 * longest_ms / 12**0.5 / 4000**0.5)
    assert min(waits) < longest_ms / 100
    assert longest_ms * 0.99 < max(waits) <= longest_ms


def test_waits_depend_on_the_seed() -> None:
    def waits(seed: int) -> list[int]:
        retries, due = Retries(3, 50, 1000, seed), []
        for _operation in range(10):
            attempts = retries.begin(b"{}")
            retries.again(attempts, "call", THROTTLED, 0)
            due.append(attempts.due_ns)
        return due

    assert waits(1) == waits(1)
    assert waits(1) != waits(2)


@given(st.lists(st.integers(0, 10**9), max_size=30), st.integers(0, 2 * 10**9))
def test_due_retries_come_in_order(instants: list[int], now_ns: int) -> None:
    retries = Retries(5, 50, 1000, 3)
    all_of_them = [retries.begin(b"%d" % number) for number in range(len(instants))]
    for attempts, instant in zip(all_of_them, instants, strict=True):
        retries.again(attempts, attempts, THROTTLED, instant)
    came = []
    while attempts := retries.next_due(now_ns):
        came.append(attempts)
    assert came == sorted((one for one in all_of_them if one.due_ns <= now_ns), key=lambda one: one.due_ns)
    assert retries.waiting == len(instants) - len(came)
    left = retries.give_up()
    assert {id(one) for one in left} == {id(one) for one in all_of_them} - {id(one) for one in came}
    assert (retries.waiting, retries.give_up()) == (0, [])


def test_operations_due_at_the_same_instant_keep_their_order() -> None:
    """Operations that are due at the same instant keep their order."""
    retries = Retries(5, 0, 0, 3)
    all_of_them = [retries.begin(b"{}") for _operation in range(20)]
    for attempts in all_of_them:
        retries.again(attempts, object(), THROTTLED, 5)
    assert [retries.next_due(5) for _operation in range(20)] == all_of_them
    assert retries.next_due(5) is None


def test_an_operation_without_an_end_is_reported() -> None:
    assert Retries(5, 50, 1000, 3).begin(b"{}").outcome == Outcome("network", "Unfinished")
