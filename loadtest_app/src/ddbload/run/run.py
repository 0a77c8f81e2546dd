# SPDX-License-Identifier: Apache-2.0
"""The run command: find the table, carry out the plan, check what was written, judge it, and say how it ended."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import uvloop

from ddbload import __version__
from ddbload.dynamo.endpoint import SettingsError, Target, TargetError, open_target
from ddbload.dynamo.pool import Pool, Unreachable
from ddbload.engine.breaker import Breaker
from ddbload.engine.engine import Engine
from ddbload.engine.load import Load, Stop
from ddbload.engine.retries import Retries
from ddbload.pacing.callers import ClosedPacer
from ddbload.pacing.search import Search, Trial
from ddbload.pacing.segment import WHOLE, Segment
from ddbload.results import exit_codes
from ddbload.results.events import EventWriter, timestamp
from ddbload.results.verdict import Ending, conclude, miss, nothing_succeeded
from ddbload.run import budget, summary
from ddbload.run.ceiling import Account
from ddbload.run.faults import Faults
from ddbload.run.reporter import Reporter, planned_operations
from ddbload.run.task import NO_TASK, Task
from ddbload.run.workers import Barrier
from ddbload.scenario import thresholds
from ddbload.scenario.entries import WRITES
from ddbload.scenario.plan import FindMaxPlan
from ddbload.scenario.scenario import Scenario, ScenarioError
from ddbload.verify.check import check
from ddbload.verify.cleanup import clean_written
from ddbload.verify.meter import MeteredBulk
from ddbload.workload import build as workload

CLOSED_DEADLINE_S = 3600.0
SPARE_DEADLINE_S = 60.0
# So long the check and the cleanup may take where no deadline is given.
AFTERMATH_DEADLINE_S = 3600.0
CREDENTIALS_CHECK_S = 30.0
INTERNAL_ERROR = "internal error, please report it"
# Of the youngest generation, in place of 700.
GC_ALLOCATIONS = 50_000


def run(
    scenario: Scenario,
    endpoint_url: str | None,
    region: str | None,
    events: EventWriter,
    environment: Mapping[str, str],
    segment: Segment = WHOLE,
    task: Task = NO_TASK,
    barrier: Barrier | None = None,
) -> int:
    """Run a scenario, or one worker's segment of it.

    Args:
        scenario: what to do.
        endpoint_url: DynamoDB's, in place of the environment's.
        region: in place of the environment's.
        events: where all is told.
        environment: of the process.
        segment: which worker of how many.
        task: the ECS task, whose time costs.
        barrier: at which the workers of one machine wait for each other; the thresholds are then judged by who
            started them, for all workers together.

    Returns:
        The exit code, which the last event explains unless it is 0.
    """
    try:
        target = open_target(scenario.table, endpoint_url, region, environment)
        return uvloop.run(Run(scenario, target, events, segment, task, barrier).execute())
    except (ScenarioError, SettingsError) as error:
        return events.fail(exit_codes.BAD_CONFIGURATION, str(error))
    except (TargetError, Unreachable) as error:
        return events.fail(exit_codes.TARGET_UNUSABLE, str(error))


class Run:
    """One run of one worker."""

    def __init__(
        self,
        scenario: Scenario,
        target: Target,
        events: EventWriter,
        segment: Segment,
        task: Task,
        barrier: Barrier | None,
    ) -> None:
        self.scenario = scenario
        self.target = target
        self.events = events
        self.segment = segment
        self.task = task
        self.barrier = barrier
        self.work = workload.build(scenario, target, str(events.context["run_id"]), segment)
        self.signer = target.signer()
        self.estimate = budget.estimate(scenario, target, task, segment.count)
        if refusal := budget.refusal(self.estimate, scenario):
            raise ScenarioError([f"scenario: {refusal}"])
        self.account = Account(scenario, target, task, segment)
        self.engine = self._engine()
        self.pool = self.engine.pool
        self.search: dict[str, Any] | None = None
        self.verification: dict[str, Any] | None = None
        self.cleanup: dict[str, Any] | None = None
        self.started_at = timestamp()
        self._begun_s = time.monotonic()
        self._stopped: Stop | None = None
        self._deadline_s = scenario.deadline
        self._renewal_failure = ""
        # The present one too, once it has run: a search has many.
        self._engines: list[Engine] = []
        self._faults = Faults(lambda: self.engine.stop("internal", "an internal error"))
        self._latest: dict[str, Any] = {}

    # ---- The course of a run

    async def execute(self) -> int:
        """Carry the scenario out; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, "signal", signal.Signals(number).name)
        await self.pool.open()
        # What is there now stays to the end, and a request leaves no cycles behind: there is little to be looked for.
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS)
        self._tell_start()
        helper = self._faults.beside("the renewal of credentials", self._renew_credentials())
        start_ns = await self.barrier.wait() if self.barrier else 0
        self.started_at = timestamp()
        try:
            if isinstance(self.scenario.plan, FindMaxPlan):
                await self._faults.outlast("the search", self._search(self.scenario.plan))
            else:
                await self._faults.outlast("the load", self._carry_out(start_ns))
            await self._look_after()
        finally:
            helper.cancel()
            await asyncio.gather(helper, return_exceptions=True)
        code = self._conclude()
        await self.pool.close()
        return code

    async def _carry_out(self, start_ns: int = 0) -> None:
        """Run the present engine, and report meanwhile."""
        loop = asyncio.get_running_loop()
        first_ns = self._engines[0].start_ns if self._engines else 0
        begun_s = (time.perf_counter_ns() - first_ns) / 1e9 if first_ns else 0.0
        self.account.follow(self.engine)
        reporter = Reporter(self.engine, self.scenario, self.events, self._figures, begun_s)
        stop = partial(self.engine.stop, "cost")
        helpers = [
            self._faults.beside("the progress", reporter.run()),
            self._faults.beside("the account", self.account.watch(stop)),
        ]
        deadline_s = self._load_deadline_s()
        text = f"its deadline of {self._deadline_s or deadline_s:g} s"
        deadline = loop.call_later(deadline_s, self._stop, "deadline", text)
        try:
            if self._stopped:
                self.engine.stop(*self._stopped)
            self._engines.append(self.engine)
            await self.engine.run(start_ns)
        finally:
            deadline.cancel()
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            self._faults.attempt("the progress", reporter.finish, None)

    async def _search(self, plan: FindMaxPlan) -> None:
        """Try rates until the highest one that meets the thresholds is found and confirmed."""
        search = Search(plan.start, plan.ceiling, plan.precision, confirmations=plan.confirmations)
        best: Engine | None = None
        while (rate := search.next_rate()) is not None and not self._stopped:
            first_number = self.engine.load.first_number + self.engine.next
            self.engine = self._engine(rate, first_number)
            await self._carry_out()
            figures = self._figures()
            if self.engine.stopped:
                self._stopped = self.engine.stopped
                break
            missed = [item for item in self._judge(figures) if not item["passed"]]
            broken = summary.broken_plan(figures["plan"], self.engine)
            limited = bool(broken) and (figures["plan"]["busy"] or 0) > summary.BUSY
            nothing = nothing_succeeded(figures)
            reason = "; ".join([*map(miss, missed), *(text for text in (broken, nothing) if text)])
            trial = Trial(rate, not reason, figures["plan"]["rate_reached"], reason, limited)
            search.observe(trial)
            self.events.write("run.trial", **trial._asdict(), plan=figures["plan"], next_rate=search.next_rate())
            if trial.passed:
                best = self.engine
            await asyncio.sleep(plan.rest_s)
        self.search = search.outcome()
        if best and self.search["rate"] is not None:
            # The figures shown are those of the last trial that passed, at the rate that was found.
            self.engine = best

    async def _look_after(self) -> None:
        """Check what was written, and delete it if asked to."""
        fatal = self.engine.fatal is not None
        load, scenario = self.work.workload, self.scenario
        each = budget.aftermath_units(scenario, len(self.target.indexes))
        bulk = MeteredBulk(self.pool, self.signer, scenario.timeout, load, *each)
        self.account.settle(bulk)
        until_s = time.monotonic() + AFTERMATH_DEADLINE_S

        def is_over() -> bool:
            deadline_s = self._begun_s + self._deadline_s if self._deadline_s else until_s
            return self._was_told_to_stop() or time.monotonic() > deadline_s or bool(self.account.excess())

        writes = any(entry.operation in WRITES for entry in scenario.mix.values())
        if scenario.verify.enabled and writes and not fatal:
            self._begin("verification")
            self.verification = await self._faults.outlast(
                "the check", check(load, scenario.verify, scenario.seed, bulk, is_over)
            )
        if scenario.cleanup.enabled and not fatal:
            self._begin("cleanup")
            rate = scenario.cleanup.rate / self.segment.count
            self.cleanup = await self._faults.outlast("the cleanup", clean_written(load, rate, bulk, is_over))
        left_undone = [part for part in (self.verification, self.cleanup) if part and not part["complete"]]
        if left_undone and is_over() and self._stopped is None:
            dear = self.account.excess()
            deadline = f"its deadline of {self._deadline_s or AFTERMATH_DEADLINE_S:g} s"
            self._stopped = Stop("cost", dear) if dear else Stop("deadline", deadline)

    def _begin(self, phase: str) -> None:
        self.account.begin(phase)
        self.events.write("run.phase", phase=phase)

    # ---- Beside the course

    def _engine(self, rate: float | None = None, first_number: int = 0) -> Engine:
        scenario, plan = self.scenario, self.scenario.plan
        try:
            if isinstance(plan, FindMaxPlan):
                pacer: Any = plan.trial(rate or plan.start).pacer(self.segment, scenario.seed)
                warm_up_s = plan.settle_s
            else:
                pacer, warm_up_s = plan.pacer(self.segment, scenario.seed), scenario.warm_up
        except ValueError as error:
            raise ScenarioError([f"scenario: plan: {error}"]) from error
        each = -(-scenario.connections // scenario.processes)
        size = pacer.concurrency if isinstance(pacer, ClosedPacer) else each
        target = self.target
        pool = getattr(self, "pool", None) or Pool(target.host, target.port, target.tls_context(), size)
        rules = scenario.retries
        load = Load(
            pacer=pacer,
            mix=self.work.workload.mix,
            operations=self.work.operations,
            segment=self.segment,
            timeout_s=scenario.timeout,
            retries=Retries(rules.attempts, rules.base_ms, rules.cap_ms, scenario.seed + self.segment.index),
            first_number=first_number,
            warm_up_ns=round(warm_up_s * 1e9),
        )
        return Engine(load, pool, self.signer, _breaker(scenario))

    def _tell_start(self) -> None:
        duration_ns = self.engine.load.pacer.duration_ns
        self.events.write(
            "run.started",
            version=__version__,
            scenario=self.scenario.to_document(),
            table=self.target.table,
            endpoint=self.target.url,
            region=self.target.region,
            hardware=self.task.hardware(),
            segment={"index": self.segment.index, "count": self.segment.count},
            planned_operations=planned_operations(self.engine),
            planned_duration_s=None if duration_ns is None else duration_ns / 1e9,
            estimate=self.estimate,
        )

    def _stop(self, cause: str, text: str) -> None:
        if self._stopped is None:
            self._stopped = Stop(cause, text)
        self.engine.stop(cause, text)

    def _was_told_to_stop(self) -> bool:
        return self._stopped is not None and self._stopped.cause == "signal"

    def _load_deadline_s(self) -> float:
        if self._deadline_s:
            return max(0.001, self._deadline_s - (time.monotonic() - self._begun_s))
        duration_ns = self.engine.load.pacer.duration_ns
        if duration_ns is None:
            return CLOSED_DEADLINE_S
        # Late operations may be sent for as long as one request may take, and the last of them may take as long.
        return duration_ns / 1e9 + 2 * self.scenario.timeout + SPARE_DEADLINE_S

    async def _renew_credentials(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CREDENTIALS_CHECK_S)
            try:
                credentials = await loop.run_in_executor(None, self.target.credentials)
            except Exception as error:  # every provider has its own; what we have may be good until the next try
                self._renewal_failure = str(error) or type(error).__name__
                continue
            self._renewal_failure = ""
            if credentials != self.signer.credentials:
                self.signer.renew(credentials)

    # ---- Figures and the end

    def _figures(self) -> dict[str, Any]:
        """Return the figures of the run so far."""
        engine = self.engine
        plan = summary.plan_figures(engine)
        now_ns = engine.end_ns or time.perf_counter_ns()
        self._latest = {
            "started_at": self.started_at,
            "ended_at": timestamp(),
            "elapsed_s": round(engine.elapsed_s, 3),
            "warm_up_s": engine.load.warm_up_ns / 1e9,
            "scenario": self.scenario.to_document(),
            "table": self.target.table,
            "plan": plan | {"kept": not summary.broken_plan(plan, engine)},
            "operations": summary.operation_figures(engine, plan),
            "warnings": self._warnings(plan),
            "connections": summary.connection_figures(self.pool, self.target.tls),
            "clock_corrections": engine.clock_corrections,
            "duplicates": summary.duplicate_figures(engine),
            "breaker": engine.breaker.document(now_ns, engine.start_ns) if engine.breaker else None,
            # Takes a look at every key, and so is for the end.
            "keys": None,
            "verification": self.verification,
            "cleanup": self.cleanup,
            "search": self.search,
            "cost": self.account.document(self.verification, self.cleanup)
            | {"estimated": self.estimate["total"] if self.estimate else None},
        }
        return dict(self._latest)

    def _keys(self) -> dict[str, int]:
        """Say what is known of the keys that were written, and below which index they all lie."""
        last = self.engine.load.first_number + self.segment.number(self.engine.next)
        load = self.work.workload
        return load.journal.counts() | {"below": load.sequence.below(last)}

    def _warnings(self, plan: Mapping[str, Any]) -> list[str]:
        warnings = summary.warnings(self.engine, self.pool, self.target, plan)
        warnings += summary.capacity_warnings(self.target, budget.peak_units(self.scenario))
        if self._renewal_failure:
            warnings.append(f"the credentials could not be renewed at the last try: {self._renewal_failure}")
        for part in (self.verification, self.cleanup):
            if part and part.get("error"):
                warnings.append(part["error"])
        if self.verification and not self.verification["complete"] and "error" not in self.verification:
            warnings.append(f"the check was stopped after {self.verification['checked']:,} keys")
        if self.cleanup and not self.cleanup["complete"] and "error" not in self.cleanup:
            deleted = self.cleanup["deleted"]
            warnings.append(f"the cleanup was stopped after {deleted:,} items: ddbload clean deletes the rest")
        return warnings

    def _judge(self, figures: Mapping[str, Any]) -> list[dict[str, Any]]:
        return thresholds.evaluate(thresholds.expressions(self.scenario.thresholds), figures)

    def _conclude(self) -> int:
        attempt = self._faults.attempt
        figures = attempt("the figures", self._figures, self._latest)
        if not figures:
            return self.events.fail(exit_codes.INTERNAL, f"{INTERNAL_ERROR}: {self._faults.text}")
        figures |= {"keys": attempt("the keys", self._keys, None)}
        figures |= {"verification": self.verification, "cleanup": self.cleanup}
        # What each worker made of its own share is not what all of them reached together.
        none: list[dict[str, Any]] = []
        figures["thresholds"] = none if self.barrier else attempt("the thresholds", lambda: self._judge(figures), none)
        stopped = self.engine.stopped or self._stopped
        # A worker does not judge what all of them reached together; a search judges each of its trials.
        broken = "" if self.barrier else summary.broken_plan(figures["plan"], self.engine)
        ending = Ending(
            fatal=self.engine.fatal,
            stopped=stopped,
            broken_plan=broken,
            elapsed_s=self.engine.elapsed_s,
            where=self.target.url,
            table=self.scenario.table,
            is_whole=self.segment.count == 1,
        )
        exit_code, message = attempt("the verdict", lambda: conclude(figures, ending), (exit_codes.INTERNAL, ""))
        if self._faults.text:
            exit_code, message = exit_codes.INTERNAL, f"{INTERNAL_ERROR}: {self._faults.text}"
        self.events.write(
            "run.summary",
            verdict=exit_codes.VERDICTS[exit_code],
            exit_code=exit_code,
            partial=stopped is not None or exit_code == exit_codes.INTERNAL,
            stopped=stopped.text if stopped else None,
            **figures,
        )
        return self.events.fail(exit_code, message) if exit_code else exit_codes.PASSED


def _breaker(scenario: Scenario) -> Breaker | None:
    rules = scenario.breaker
    if not rules.failures:
        return None
    return Breaker(rules.failures, rules.probe_interval, "abort" if rules.action == "abort" else "pause")
