# SPDX-License-Identifier: Apache-2.0
"""The loop: what is due goes to a free connection, its answer is recorded, the next one goes out."""

from __future__ import annotations

import asyncio
import sys
import time
from time import perf_counter_ns

from ddbload.dynamo.clock import clock_skew_s
from ddbload.dynamo.codes import CLOCK
from ddbload.dynamo.documents import InvalidAnswer
from ddbload.dynamo.errors import AFTER_UNCERTAIN, BAD_CHECKSUM, OUTAGE, UNCERTAIN, Verdict, classify, invalid
from ddbload.dynamo.http1 import Connection
from ddbload.dynamo.pool import Pool
from ddbload.dynamo.sign import Signer
from ddbload.engine import timer
from ddbload.engine.breaker import Breaker
from ddbload.engine.load import Call, Load, Stop
from ddbload.engine.record import Recorder
from ddbload.engine.retries import Attempts
from ddbload.pacing.callers import ClosedPacer
from ddbload.stats.hdr import HALF_BITS, LINEAR_BITS, LINEAR_MASK, MAX_US

UNREAD = Verdict("network", "Unfinished")
# What falls due within so short a time is released together: each waking costs as much as a request.
SHORTEST_TICK_NS = 200_000
# While operations wait for a connection, or nothing is due, the loop looks after itself so often.
WAITING_TICK_NS = 1_000_000
LONGEST_TICK_NS = 10_000_000
TIMEOUT_CHECK_NS = 50_000_000
STOP_DRAIN_S = 3.0
# Without any connection for so long the target is gone.
GONE_AFTER_NS = 30_000_000_000
# Requests that were signed before the clock was corrected are answered within this time.
CORRECTION_NS = 10_000_000_000


class Engine:
    """One worker carrying out one load on connections that are open.

    A ``place`` counts this worker's operations from 0, a ``number`` those of all workers together. Places below
    ``next`` were sent, those below ``due`` should have been. What lies between waits for a connection: nothing is kept
    of it, since its planned instant can be computed.
    """

    def __init__(self, load: Load, pool: Pool, signer: Signer, breaker: Breaker | None = None) -> None:
        self.load = load
        self.pool = pool
        self.signer = signer
        self.breaker = breaker
        self.warm_up = Recorder(load.operations)
        self.recorder = Recorder(load.operations)
        self.due = 0
        self.next = 0
        self.in_flight = 0
        # Places whose instant came while the breaker was open: they are not sent.
        self.passed_over = 0
        # Places of the warm-up, once it is over; among them those that were passed over.
        self.warm_up_places = 0
        self.warm_up_passed_over = 0
        self.start_ns = 0
        self.end_ns = 0
        self.starved_ticks = 0
        self.busy_ns = 0
        self.clock_corrections = 0
        self.stopped: Stop | None = None
        self.fatal: Verdict | None = None
        self._planned_ns = None if isinstance(load.pacer, ClosedPacer) else load.pacer.planned_ns
        # Where there is a connection for every caller, at all times, the connections keep count themselves.
        self._counts_callers = isinstance(load.pacer, ClosedPacer) and (
            len(load.pacer.phases) > 1 or load.retries.enabled
        )
        # Whether an answer's connection takes the next operation with no further question.
        self._chains = not self._counts_callers and breaker is None
        self._twice = [load.operations[name] for name in load.mix.twice]
        self._slot = load.mix.slot
        self._only = self._twice[0] if load.mix.length == 1 else None
        self._first_number = load.first_number + load.segment.index
        self._stride = load.segment.count
        self._retries = load.retries if load.retries.enabled else None
        self.is_warming_up = load.warm_up_ns > 0
        self._recording = self.recorder
        self._finished: asyncio.Future[None] | None = None
        self._timer: timer.TimerDescriptor | timer.LoopTimer | None = None
        self._sending = True
        self._last_sent_ns = 0
        self._stopped_ns = 0
        self._drain_ns = 0
        self._corrected_ns = 0
        self._timeout_ns = round(load.timeout_s * 1e9)
        self._next_timeout_check_ns = 0
        self._second = 0.0

    # ---- Figures

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start, up to the end."""
        return ((self.end_ns or perf_counter_ns()) - self.start_ns) / 1e9 if self.start_ns else 0.0

    @property
    def loaded_s(self) -> float:
        """Seconds over which the plan put load on the table: what a rate is reached over.

        An open plan's drain is left out, in which nothing is sent: one slow last answer must not lower the rate.
        """
        duration_ns = self.load.pacer.duration_ns
        if duration_ns is None or not self.start_ns:
            return self.elapsed_s
        end_ns = self.start_ns + duration_ns
        if self._stopped_ns:
            end_ns = min(end_ns, self._stopped_ns)
        end_ns = min(end_ns, self.end_ns or perf_counter_ns())
        return (max(end_ns, self._last_sent_ns) - self.start_ns) / 1e9

    @property
    def planned(self) -> int:
        """How many operations were due so far."""
        return self.due if self._planned_ns else self.next

    # ---- The run

    async def run(self, start_ns: int = 0) -> None:
        """Carry out the load, from an instant of ``perf_counter_ns`` or now; returns when it is done or stopped."""
        loop = asyncio.get_running_loop()
        self._finished = loop.create_future()
        self.pool.succeeded = self._succeeded
        self.pool.answered = self._answered
        self.pool.on_lost = self._lost
        self._record_in(self.warm_up if self.load.warm_up_ns else self.recorder)
        wait_ns = start_ns - perf_counter_ns()
        if wait_ns > 0:
            await asyncio.sleep(wait_ns / 1e9)
        self.start_ns = max(start_ns, 0) or perf_counter_ns()
        self.pool.last_live_ns = perf_counter_ns()
        busy_before = time.process_time_ns()
        self._timer = timer.make(self._tick)
        self._tick()
        try:
            await self._finished
        finally:
            self._timer.close()
            self.end_ns = perf_counter_ns()
            self.busy_ns = time.process_time_ns() - busy_before
            for connection in list(self.pool.live):
                if connection.busy:
                    # What is under way now has no answer: whether a write of it was done is unknown.
                    connection.abort("Unfinished")
            await asyncio.sleep(0)
            for attempts in self.load.retries.give_up():
                self._end(attempts.call, attempts.verdict)

    def stop(self, cause: str, text: str, drain_s: float = STOP_DRAIN_S) -> None:
        """Let nothing more go out, and wait for answers no longer than ``drain_s`` seconds."""
        if self.stopped is None:
            self.stopped = Stop(cause, text)
            self._sending = False
            self._stopped_ns = perf_counter_ns()
            self._drain_ns = round(drain_s * 1e9)

    # ---- The loop

    def _tick(self) -> None:
        assert self._finished
        if self._finished.done():
            return
        try:
            if self._is_finished():
                self._finished.set_result(None)
                return
            self._release()
        except Exception as error:  # ours: whoever awaits the run has to hear of it
            self._crash(error)
            return
        assert self._timer
        self._timer.arm(self._next_tick_ns())

    def _next_tick_ns(self) -> int:
        """Return the instant of the next planned operation, if that is not too soon or too late to be useful."""
        now = perf_counter_ns()
        pacer = self.load.pacer
        if not self._sending or self.next < self.due or isinstance(pacer, ClosedPacer):
            return now + WAITING_TICK_NS
        if now - self.start_ns >= pacer.duration_ns:
            return now + WAITING_TICK_NS
        try:
            planned_ns = self.start_ns + pacer.planned_ns(self.next)
        except IndexError:  # that was the last one
            planned_ns = self.start_ns + pacer.duration_ns
        return min(max(planned_ns, now + SHORTEST_TICK_NS), now + LONGEST_TICK_NS)

    def _release(self) -> None:
        now = perf_counter_ns()
        self.signer.at_now()
        idle = self.pool.idle
        if self._sending:
            self._find_due(now)
            if self.breaker and self.breaker.state == "open":
                self._probe(now)
            else:
                retries = self.load.retries
                while idle and (attempts := retries.next_due(now)):
                    self._send_again(idle.popleft(), attempts)
                while self.next < self.due and idle and self._send(idle.popleft()):
                    pass
                if self.next < self.due and not idle:
                    self.starved_ticks += 1
        if now >= self._next_timeout_check_ns:
            self._next_timeout_check_ns = now + TIMEOUT_CHECK_NS
            self._abort_overdue(now)

    def _find_due(self, now: int) -> None:
        pacer = self.load.pacer
        if isinstance(pacer, ClosedPacer):
            if pacer.duration_ns is not None and now - self.start_ns >= pacer.duration_ns:
                self.due = self.next
                return
            if self.next == pacer.operations:
                return
            if self._counts_callers:
                free = pacer.concurrency_at(self.next) - self.in_flight - self.load.retries.waiting
                due = self.next + max(0, free)
            else:
                due = sys.maxsize
            self.due = due if pacer.operations is None else min(due, pacer.operations)
        else:
            self.due = pacer.due(now - self.start_ns)
            pacer.forget(self.next)

    def _send(self, connection: Connection) -> bool:
        """Send the next operation; False where it has to wait for what was sent before."""
        place = self.next
        number = self._first_number + self._stride * place
        operation = self._only or self._twice[self._slot(number)]
        prepared = operation.prepare(number)
        if prepared is None:
            self.pool.idle.append(connection)
            return False
        body, work = prepared
        request = self.signer.request(operation.target, body)
        now = perf_counter_ns()
        planned = self.start_ns + self._planned_ns(place) if self._planned_ns else now
        if self.is_warming_up and planned - self.start_ns >= self.load.warm_up_ns:
            self.is_warming_up = False
            self.warm_up_places, self.warm_up_passed_over = place, self.passed_over
            self._record_in(self.recorder)
        self.next = place + 1
        self.in_flight += 1
        self._last_sent_ns = now
        record = operation.record
        record.sent += 1
        if now != planned:
            late = (now - planned) // 1000
            shift = (late | LINEAR_MASK).bit_length() - LINEAR_BITS
            self._recording.late.counts[(shift << HALF_BITS) + (late >> shift)] += 1
        attempts = self._retries.begin(body) if self._retries else None
        connection.call = (operation, record, work, planned, now, attempts)
        connection.begin(request)
        return True

    def _succeeded(self, connection: Connection, body: bytes) -> None:
        try:
            now = perf_counter_ns()
            call: Call = connection.call  # type: ignore[assignment]
            operation, record, work, planned, sent, _attempts = call
            try:
                consumed = operation.succeeded(work, body)
            except InvalidAnswer as error:
                self._end_with(connection, invalid(error))
                return
            except Exception:
                # Nobody has read what became of it.
                self._failed(connection, UNREAD)
                raise
            self.in_flight -= 1
            service = (now - sent) // 1000
            shift = (service | LINEAR_MASK).bit_length() - LINEAR_BITS
            slot = (shift << HALF_BITS) + (service >> shift)
            record.service_ok[slot] += 1
            if planned != sent:
                latency = (now - planned) // 1000
                if latency > MAX_US:
                    latency = MAX_US
                shift = (latency | LINEAR_MASK).bit_length() - LINEAR_BITS
                slot = (shift << HALF_BITS) + (latency >> shift)
            record.latency_ok[slot] += 1
            if consumed.remembered:
                record.told[consumed] += 1
            else:
                record.add(consumed)
            if self.breaker and self.breaker.in_a_row:
                self.breaker.succeeded(now, sent)
            if self.next < self.due and self._chains and self._sending and connection.usable:
                self._send(connection)
            else:
                self._go_on(connection, now)
        except Exception as error:  # ours: whoever awaits the run has to hear of it
            self._crash(error)

    def _answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        try:
            self._end_with(connection, classify(status, body) if intact else BAD_CHECKSUM)
        except Exception as error:  # ours: whoever awaits the run has to hear of it
            self._crash(error)

    def _end_with(self, connection: Connection, verdict: Verdict) -> None:
        self._failed(connection, verdict)
        self._go_on(connection, perf_counter_ns())

    def _go_on(self, connection: Connection, now: int) -> None:
        """Send what is due next on a connection that has become free, or let it rest."""
        if not connection.usable:
            return
        if self._sending and not (self.breaker and self.breaker.state == "open"):
            if self._counts_callers:
                self._find_due(now)
            if self.next < self.due:
                self._send(connection)
                return
        self.pool.idle.append(connection)

    def _lost(self, connection: Connection, reason: str) -> None:
        try:
            self._failed(connection, Verdict("network", reason))
        except Exception as error:  # ours: whoever awaits the run has to hear of it
            self._crash(error)

    def _failed(self, connection: Connection, verdict: Verdict) -> None:
        call: Call = connection.call  # type: ignore[assignment]
        now = perf_counter_ns()
        self.in_flight -= 1
        if verdict.reason in CLOCK and self._correct_clock(connection.date, now):
            verdict = Verdict("server", f"ClockSkew:{verdict.reason}", verdict.message)
        if self.breaker:
            if verdict.outcome in OUTAGE:
                self.breaker.failed(now, call[4], verdict.reason)
            elif self.breaker.in_a_row:
                self.breaker.succeeded(now, call[4])
        attempts = call[5]
        if attempts and self._sending and self.load.retries.again(attempts, call, verdict, now):
            if verdict.outcome in UNCERTAIN:
                call[0].doubted(call[2])
            call[1].tried_again(verdict.outcome, verdict.reason, (attempts.due_ns - now) // 1000)
            return
        self._end(call, verdict)

    def _end(self, call: Call, verdict: Verdict) -> None:
        operation, record, work, planned, sent, attempts = call
        now = perf_counter_ns()
        if verdict.outcome == "expected" and attempts and attempts.uncertain:
            verdict = Verdict("expected", verdict.reason + AFTER_UNCERTAIN, verdict.message)
        operation.failed(work, verdict, verdict.outcome in UNCERTAIN)
        record.ended(verdict.outcome, verdict.reason, (now - planned) // 1000, (now - sent) // 1000)
        if verdict.outcome == "fatal" and self.fatal is None:
            self.fatal = verdict
            self.stop("fatal", verdict.reason, drain_s=0.5)

    def _send_again(self, connection: Connection, attempts: Attempts) -> None:
        operation, record, work, planned, _sent, _attempts = attempts.call
        now = perf_counter_ns()
        self.in_flight += 1
        connection.call = (operation, record, work, planned, now, attempts)
        # Each attempt is signed anew.
        connection.begin(self.signer.request(operation.target, attempts.body))

    # ---- Beside the usual

    def _probe(self, now: int) -> None:
        """While the breaker is open what is due is passed over; one operation at a time goes out to see."""
        assert self.breaker
        idle = self.pool.idle
        if self.breaker.action == "abort":
            self.stop("breaker", f"{self.breaker.in_a_row} failures in a row")
            return
        is_due = self.next < self.due
        if self._planned_ns:
            self.passed_over += max(0, self.due - self.next - 1)
            self.next = max(self.next, self.due - 1)
        if not idle or not self.breaker.may_probe(now):
            return
        # Callers who all wait for their next attempt ask for nothing new: one of these goes out then.
        if attempts := self.load.retries.next_due(now):
            self.breaker.probe_sent(now)
            self._send_again(idle.popleft(), attempts)
        elif is_due:
            self.breaker.probe_sent(now)
            self._send(idle.popleft())

    def _correct_clock(self, date: str, now: int) -> bool:
        """Sign by AWS's clock from now on; False where that was done before and did not help."""
        if self._corrected_ns:
            return now - self._corrected_ns < CORRECTION_NS
        skew_s = clock_skew_s(date)
        if not skew_s:
            return False
        self._corrected_ns = now
        self.clock_corrections += 1
        self.signer.skew_s = skew_s
        self.signer.at_now()
        return True

    def _record_in(self, recorder: Recorder) -> None:
        self._recording = recorder
        for name, operation in self.load.operations.items():
            operation.record = recorder.records[name]

    def _crash(self, error: Exception) -> None:
        if self._finished and not self._finished.done():
            self._finished.set_exception(error)

    def _abort_overdue(self, now: int) -> None:
        if not self.pool.live and now - self.pool.last_live_ns > GONE_AFTER_NS and self.fatal is None:
            self.fatal = Verdict("network", "ConnectionsLost", f"no connection for {GONE_AFTER_NS // 10**9} s")
            self.stop("fatal", self.fatal.reason, drain_s=0.0)
        for connection in list(self.pool.live):
            if connection.busy:
                call: Call = connection.call  # type: ignore[assignment]
                if now - call[4] > self._timeout_ns:
                    connection.abort("Timeout")

    def _is_finished(self) -> bool:
        now = perf_counter_ns()
        if self.stopped is not None:
            return not self.in_flight or now > self._stopped_ns + self._drain_ns
        # Nobody knows when an outage ends: the next attempt is not waited for.
        retrying = self.load.retries.waiting > 0 and not (self.breaker and self.breaker.state == "open")
        waiting = self.in_flight or retrying
        pacer = self.load.pacer
        end_ns = None if pacer.duration_ns is None else self.start_ns + pacer.duration_ns
        if isinstance(pacer, ClosedPacer):
            ended = (end_ns is not None and now >= end_ns) or self.next == pacer.operations
            return ended and not waiting
        assert end_ns is not None
        # What is late is still sent, for as long as one request may take; what is under way then has its own timeout,
        # and its retries.
        if now < end_ns:
            return False
        self._find_due(now)
        if self.next < self.due and now <= end_ns + self._timeout_ns:
            return False
        if retrying or (self._retries and self.in_flight and self.next >= self.due):
            return False
        self._sending = False
        return not waiting
