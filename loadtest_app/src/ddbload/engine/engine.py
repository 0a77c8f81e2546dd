# SPDX-License-Identifier: Apache-2.0
"""The send loop: sends what is due on a free connection, records the response, sends the next."""

from __future__ import annotations

import asyncio
from time import perf_counter_ns

from ddbload.dynamo.http1 import Connection
from ddbload.dynamo.pool import Pool
from ddbload.dynamo.responses.codes import CLOCK
from ddbload.dynamo.responses.documents import InvalidAnswer
from ddbload.dynamo.responses.errors import AFTER_UNCERTAIN, BAD_CHECKSUM, OUTAGE, UNCERTAIN, Outcome, classify, invalid
from ddbload.dynamo.sign import Signer
from ddbload.engine import cpu_time, timer
from ddbload.engine.breaker import Breaker
from ddbload.engine.cpu_time import CpuTime
from ddbload.engine.deadlines import Deadlines
from ddbload.engine.load import Call, Load, Progress, Stop, call_of
from ddbload.engine.retries import Attempts
from ddbload.engine.timer import LONGEST_TICK_NS, SHARED_TICK_NS, WAITING_TICK_NS
from ddbload.engine.window import Window
from ddbload.stats.hdr import HALF_BITS, LINEAR_BITS, LINEAR_MASK, MAX_US, slot_of
from ddbload.turns import Turns

UNREAD = Outcome("network", "Unfinished")
STOP_DRAIN_S = 3.0
FATAL_DRAIN_S = 0.5


class Engine(Progress):
    """One worker that carries out one load on open connections.

    Attributes:
        warm_up: counts the operations that are planned within the warm-up.
        recorder: counts all later operations.
        window: which of the two is in use.
        in_flight: requests without a response.
        starved_ticks: ticks at which operations waited for a connection.
        cpu: the CPU time of the process during the run; None before its end.
        longest_silence_ns: the most by which the loop woke late: it was busy, or had no CPU; 0 before its end.
        turns: does what else the loop has to do, and measures it.
        fatal: the error that ended the run, if one did.
    """

    def __init__(self, load: Load, pool: Pool, signer: Signer, breaker: Breaker | None = None) -> None:
        super().__init__(load, pool.size)
        self.pool = pool
        self.signer = signer
        self.breaker = breaker
        self.window = Window(load.operations, load.warm_up_ns)
        self.warm_up, self.recorder = self.window.warm_up, self.window.recorder
        self.in_flight = 0
        self.starved_ticks = self.longest_silence_ns = 0
        self.cpu: CpuTime | None = None
        self.turns = Turns()
        self.fatal: Outcome | None = None
        # Where there is a connection for every caller at all times, free connections are the count.
        self._counts_callers = load.pacer.callers is not None and (load.pacer.callers_vary or load.retries.enabled)
        # A free connection is all that the next operation needs.
        self._is_simple = not self._counts_callers and breaker is None
        self._slot_in_cycle = load.mix.slot
        self._first_number = load.first_number + load.segment.index
        self._stride = load.segment.count
        self._retries = load.retries if load.retries.enabled else None
        self._deadlines = Deadlines(pool, load.timeout_s)
        self._finished: asyncio.Future[None] | None = None
        self._timer: timer.TimerDescriptor | timer.LoopTimer | None = None
        self._warm_up_ns = load.warm_up_ns
        self._tick_ns, self._checked, self._checked_ns = SHARED_TICK_NS, 0, 0
        self._sending = True
        self._over_ns = self._drain_ns = 0
        self._record_in_window()

    # ---- The run

    async def run(self, start_ns: int = 0) -> None:
        """Carry out the load, from an instant of ``perf_counter_ns`` or now; returns when it is done or stopped."""
        loop = asyncio.get_running_loop()
        self._finished = loop.create_future()
        self.pool.serve(self)
        wait_ns = start_ns - perf_counter_ns()
        if wait_ns > 0:
            await asyncio.sleep(wait_ns / 1e9)
        self.start_ns = max(start_ns, 0) or perf_counter_ns()
        self.pool.last_live_ns = perf_counter_ns()
        cpu_before = cpu_time.read()
        # Before this instant no open plan is over: there is nothing to be looked for.
        self._over_ns = self.start_ns + (self.load.pacer.duration_ns or 0) if self._is_planned else 0
        self._go_on_from(0)
        self._timer = timer.make(self._tick)
        self._tick(perf_counter_ns())
        try:
            await self._finished
        finally:
            self._timer.close()
            self.longest_silence_ns = self._timer.longest_silence_ns
            self.end_ns = perf_counter_ns()
            self.cpu = cpu_time.between(cpu_before, cpu_time.read(), self.load.cpus)
            # Without a response it is unknown whether a write was applied.
            self.pool.abort_busy("Unfinished")
            await asyncio.sleep(0)
            for attempts in self.load.retries.give_up():
                _operation, record, *_rest = attempts.call
                record.gave_up(attempts.outcome.kind, attempts.outcome.reason)
                self._end(attempts.call, attempts.outcome)

    def stop(self, cause: str, text: str, drain_s: float = STOP_DRAIN_S) -> None:
        """Send no further operation, and wait at most ``drain_s`` seconds for responses."""
        if self.stopped is None:
            self.stopped = Stop(cause, text)
            self._sending = False
            self._stopped_ns = perf_counter_ns()
            self._drain_ns = round(drain_s * 1e9)

    def _fail(self, error: Outcome, drain_s: float) -> None:
        if self.fatal is None:
            self.fatal = error
            self.stop("fatal", error.reason, drain_s)

    def _crash(self, error: Exception) -> None:
        """End the run for an unexpected error in a callback of the event loop, which would wait forever otherwise."""
        if self._finished and not self._finished.done():
            self._finished.set_exception(error)
            self._over_ns = 0

    # ---- What is due

    def _tick(self, now: int) -> None:
        """Send what is due, and wake again for what is due next."""
        try:
            is_open = now < self._over_ns and self.stopped is None
            if not is_open and self._is_finished(now):
                if self._finished and not self._finished.done():
                    self._finished.set_result(None)
                return
            if now >= self._deadlines.next_check_ns:
                self._check_periodically(now)
            if self._sending:
                self._release(now)
                # Sending takes time: a shared tick counts from the last one sent.
                if self._last_sent_ns > now:
                    now = self._last_sent_ns
            if is_open and self.next >= self.due and self._sending:
                at_ns = self._next_at_ns
                if at_ns < now + self._tick_ns:
                    at_ns = now + self._tick_ns
                elif at_ns > now + LONGEST_TICK_NS:
                    at_ns = now + LONGEST_TICK_NS
            else:
                at_ns = now + WAITING_TICK_NS
            self._timer.arm(at_ns)  # type: ignore[union-attr]  # it calls this
        except Exception as error:
            self._crash(error)

    def _check_periodically(self, now: int) -> None:
        """Do what is due a few times a second only: the time of signing, the tick, requests beyond their timeout."""
        self.signer.at_now()
        self._tick_ns = timer.shared_tick_ns(self.next - self._checked, now - self._checked_ns)
        self._checked, self._checked_ns = self.next, now
        # The pacer drops what was sent.
        self._find_due(now)
        if gone := self._deadlines.check(now):
            self._fail(gone, drain_s=0.0)

    def _release(self, now: int) -> None:
        if self.breaker and self.breaker.state == "open":
            self._find_due(now)
            self._probe(now)
            return
        idle = self.pool.idle
        if self._retries:
            while idle and self.next < self._limit and (attempts := self._retries.next_due(now)):
                self._send_again(idle.popleft(), attempts)
        if now < self._over_ns and self.next <= self._free_to:
            # An open plan: with enough connections, the next instant is all that has to be known.
            while self._next_at_ns <= now and idle and self._send(idle.popleft()):
                pass
            if self._next_at_ns > now:
                self.due = self.next
                return
        self._find_due(now)
        due = self.due
        while self.next < due and idle and self._send(idle.popleft()):
            pass
        if self.next < due and not idle:
            self.starved_ticks += 1

    def _find_due(self, now: int) -> None:
        under_way = self.in_flight + self.load.retries.waiting if self._counts_callers else None
        self.due = self.load.pacer.due(now - self.start_ns, self.next, under_way)
        if self.held_back or self.due > self._limit:
            self._hold_back(self.due)

    def _probe(self, now: int) -> None:
        """While the breaker is open: pass over what is due, and send one operation at a time as a probe."""
        assert self.breaker
        idle = self.pool.idle
        if self.breaker.action == "abort":
            self.stop("breaker", f"{self.breaker.in_a_row} failures in a row")
            return
        is_due = self.next < self.due
        if self._is_planned and (passed := self.due - self.next - 1) > 0:
            self.passed_over += passed
            self._go_on_from(self.due - 1)
        if not idle or self.next >= self._limit or not self.breaker.may_probe(now):
            return
        # Where all callers wait for a retry, no new operation falls due: a retry is the probe.
        if attempts := self.load.retries.next_due(now):
            self.breaker.probe_sent(now)
            self._send_again(idle.popleft(), attempts)
        elif is_due:
            self.breaker.probe_sent(now)
            self._send(idle.popleft())

    def _is_finished(self, now: int) -> bool:
        if self.stopped is not None:
            return not self.in_flight or now > self._stopped_ns + self._drain_ns
        # The end of an outage is unknown: the run does not wait for retries while the breaker is open.
        retrying = self.load.retries.waiting > 0 and not (self.breaker and self.breaker.state == "open")
        elapsed_ns, pacer = now - self.start_ns, self.load.pacer
        if not pacer.is_over(elapsed_ns, self.next):
            return False
        self._find_due(now)
        is_late = self.next < self.due + self.held_back
        # Late operations are sent for as long as one request may take; each has its own timeout and retries.
        if is_late and elapsed_ns <= (pacer.duration_ns or 0) + self._deadlines.timeout_ns:
            return False
        if retrying or (self._retries and self.in_flight and not is_late):
            return False
        if is_late:
            self._sending = False
        return not self.in_flight

    # ---- Requests

    def _record_in_window(self) -> None:
        """Pair each operation with its record in the present window, ready for the hot path."""
        recorder, mix = self.window.present, self.load.mix
        pairs = {name: (operation, recorder.records[name]) for name, operation in self.load.operations.items()}
        self._doubled_cycle = [pairs[name] for name in mix.doubled_cycle]
        self._single_operation = self._doubled_cycle[0] if mix.length == 1 else None
        self._late_counts = recorder.late.counts

    # In succeeded, hdr.slot_of is written out: two calls a request would cost half as much as signing does.

    def _send(self, connection: Connection) -> bool:
        """Send the next operation; False where it has to wait for what was sent before."""
        position = self.next
        number = self._first_number + self._stride * position
        operation, record = self._single_operation or self._doubled_cycle[self._slot_in_cycle(number)]
        prepared = operation.prepare(number)
        if prepared is None:
            self.pool.idle.append(connection)
            return False
        body, work = prepared
        request = self.signer.request(operation.target, body)
        now = perf_counter_ns()
        planned = now
        if self._is_planned:
            planned = self._next_at_ns
            self._next_at_ns = next(self._instants)
        if self._warm_up_ns and planned - self.start_ns >= self._warm_up_ns:
            self._warm_up_ns = 0
            self.window.end_warm_up(position, self.passed_over)
            self._record_in_window()
            operation, record = self._single_operation or self._doubled_cycle[self._slot_in_cycle(number)]
        self.next = position + 1
        self.in_flight += 1
        self._last_sent_ns = now
        record.sent += 1
        if now != planned:
            late = (now - planned) // 1000
            self._late_counts[late if late <= LINEAR_MASK else slot_of(late)] += 1
        attempts = self._retries.begin(body) if self._retries else None
        connection.call = (operation, record, work, planned, now, attempts)
        connection.begin(request)
        return True

    def _send_again(self, connection: Connection, attempts: Attempts) -> None:
        operation, record, work, planned, _sent, _attempts = attempts.call
        now = perf_counter_ns()
        self.in_flight += 1
        self._limit -= 1
        self._free_to -= 1
        connection.call = (operation, record, work, planned, now, attempts)
        # A signature contains its time: each attempt has a new one.
        connection.begin(self.signer.request(operation.target, attempts.body))

    # ---- Responses: called by the pool

    def succeeded(self, connection: Connection, body: bytes) -> None:
        """Record a response of status 200, and send the next operation."""
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
                # A bug left the response unread: the operation ends as one without a response.
                self._failed(connection, UNREAD)
                raise
            self.in_flight -= 1
            slot = service = (now - sent) // 1000
            if service > LINEAR_MASK:
                shift = service.bit_length() - LINEAR_BITS
                slot = (shift << HALF_BITS) + (service >> shift)
            record.service_ok[slot] += 1
            if planned != sent:
                slot = latency = (now - planned) // 1000
                if latency > LINEAR_MASK:
                    if latency > MAX_US:
                        latency = MAX_US
                    shift = latency.bit_length() - LINEAR_BITS
                    slot = (shift << HALF_BITS) + (latency >> shift)
            record.latency_ok[slot] += 1
            if consumed.remembered:
                record.by_consumed[consumed] += 1
            else:
                record.add(consumed)
            if not self._is_simple:
                if self.breaker and self.breaker.in_a_row:
                    self.breaker.succeeded(now, sent)
                self._use(connection, now)
            elif connection.usable:
                # As _use does, without the call.
                if self.next < self.due and self._sending:
                    self._send(connection)
                else:
                    self.pool.idle.append(connection)
        except Exception as error:
            self._crash(error)

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        """Record any other response, and send the next operation."""
        try:
            self._end_with(connection, classify(status, body) if intact else BAD_CHECKSUM)
        except Exception as error:
            self._crash(error)

    def lost(self, connection: Connection, reason: str) -> None:
        """Record a request whose connection was closed before the response."""
        try:
            self._failed(connection, Outcome("network", reason))
        except Exception as error:
            self._crash(error)

    def _end_with(self, connection: Connection, outcome: Outcome) -> None:
        self._failed(connection, outcome)
        self._use(connection, perf_counter_ns())

    def _use(self, connection: Connection, now: int) -> None:
        """Send what is due next on a connection that has become free, or return it to the pool."""
        if not connection.usable:
            return
        if self._sending and not (self.breaker and self.breaker.state == "open"):
            if self._counts_callers:
                self._find_due(now)
            if self.next < self.due:
                self._send(connection)
                return
        self.pool.idle.append(connection)

    def _failed(self, connection: Connection, outcome: Outcome) -> None:
        call = call_of(connection)
        operation, record, work, _planned, sent, attempts = call
        now = perf_counter_ns()
        self.in_flight -= 1
        if outcome.reason in CLOCK and self.signer.correct_clock(connection.date, now):
            outcome = Outcome("server", f"ClockSkew:{outcome.reason}", outcome.message)
        if self.breaker:
            if outcome.kind in OUTAGE:
                self.breaker.failed(now, sent, outcome.reason)
            elif self.breaker.in_a_row:
                self.breaker.succeeded(now, sent)
        if attempts and self._sending and self.load.retries.again(attempts, call, outcome, now):
            if outcome.kind in UNCERTAIN:
                operation.unknown_outcome(work)
            record.tried_again(outcome.kind, outcome.reason, (attempts.due_ns - now) // 1000)
            return
        self._end(call, outcome)

    def _end(self, call: Call, outcome: Outcome) -> None:
        operation, record, work, planned, sent, attempts = call
        now = perf_counter_ns()
        if outcome.kind == "expected" and attempts and attempts.uncertain:
            outcome = Outcome("expected", outcome.reason + AFTER_UNCERTAIN, outcome.message)
        operation.failed(work, outcome, outcome.kind in UNCERTAIN)
        record.ended(outcome.kind, outcome.reason, (now - planned) // 1000, (now - sent) // 1000)
        if outcome.kind == "fatal":
            self._fail(outcome, FATAL_DRAIN_S)
