# SPDX-License-Identifier: Apache-2.0
"""The run command: find the table, carry out the plan, check the writes, judge the run, and report its end."""

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
from ddbload.control.problems import ControlError, NotStarted
from ddbload.control.settings import AT_ONCE, Start
from ddbload.control.together import Together, left_s, work_from
from ddbload.dynamo.endpoint import SettingsError, Target, TargetError, open_target
from ddbload.dynamo.pool import Pool, Unreachable
from ddbload.engine.breaker import Breaker
from ddbload.engine.engine import Engine
from ddbload.engine.load import Load, Stop
from ddbload.engine.retries import Retries
from ddbload.pacing.pacer import Pacer, planned_operations
from ddbload.pacing.segment import WHOLE, Segment
from ddbload.results import exit_codes, judging
from ddbload.results.events import EventWriter, timestamp
from ddbload.results.verdict import Ending, conclude
from ddbload.run import summary
from ddbload.run.after import incomplete
from ddbload.run.checks import deadline
from ddbload.run.costs import budget
from ddbload.run.costs.ceiling import Account
from ddbload.run.faults import Faults
from ddbload.run.reporter import Reporter
from ddbload.run.search.find_max import Attempt, find_max, vote_of
from ddbload.run.search.jury import Round
from ddbload.run.search.table import jury_of
from ddbload.run.task import NO_TASK, Task
from ddbload.run.workers.barrier import Barrier
from ddbload.scenario.plan import FindMaxPlan
from ddbload.scenario.scenario import Scenario, ScenarioError
from ddbload.sizing.division import divided
from ddbload.turns import Sliced, at_once
from ddbload.verify.check import check
from ddbload.verify.cleanup import clean_written
from ddbload.verify.meter import MeteredBulk
from ddbload.workload import build as workload

# Seconds for the check and the cleanup where no deadline is given.
AFTERMATH_DEADLINE_S = 3600.0
CREDENTIALS_CHECK_S = 30.0
INTERNAL_ERROR = "internal error, please report it"
# The threshold of the youngest generation, instead of Python's 700.
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
    start: Start = AT_ONCE,
) -> int:
    """Run a scenario, or one worker's segment of it.

    Args:
        scenario: what to do; this process is the only one where it leaves the number of processes open.
        endpoint_url: DynamoDB's; overrides the environment's.
        region: overrides the environment's.
        events: where everything is reported.
        environment: of the process.
        segment: which worker of how many.
        task: the ECS task, whose time costs.
        barrier: at which the workers of one machine wait for each other; the supervisor then judges the
            thresholds, for all workers together.
        start: when to start.

    Returns: the exit code, which the last event explains unless it is 0.
    """
    try:
        target = open_target(scenario.table, endpoint_url, region, environment)
        whole = divided(scenario, segment.count, vcpu=1.0)
        return uvloop.run(Run(whole, target, events, segment, task, barrier, start).execute())
    except (ScenarioError, SettingsError) as error:
        return events.fail(exit_codes.BAD_CONFIGURATION, str(error))
    except (TargetError, Unreachable, ControlError) as error:
        return events.fail(exit_codes.TARGET_UNUSABLE, str(error))
    except NotStarted as error:
        return events.fail(exit_codes.STOPPED, str(error))


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
        start: Start = AT_ONCE,
    ) -> None:
        self.scenario = scenario
        self.target = target
        self.events = events
        self.segment = segment
        self.task = task
        self.barrier = barrier
        self.work = workload.build(scenario, target, str(events.context["run_id"]), segment)
        self.signer = target.signer()
        self.together = Together(start, str(events.context["run_id"]), target, self.signer, barrier)
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
        self._signalled = False
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
        helpers = [self._faults.beside("the renewal of credentials", self._renew_credentials())]
        try:
            start_ns = await self.together.wait(self._is_stopped, self.events)
            self.started_at = self.together.at or timestamp()
            self._begun_s = time.monotonic() + left_s(start_ns)
            self._write_start(start_ns)
            watch = self.together.watch(lambda: self.engine.stopped or self._stopped, self._stop, self.events)
            helpers.append(self._faults.beside("the control table", watch))
            if isinstance(self.scenario.plan, FindMaxPlan):
                await self._faults.outlast("the search", self._search(self.scenario.plan, start_ns))
            else:
                await self._faults.outlast("the load", self._carry_out(start_ns))
            await self._look_after()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self.together.close()
        code = self._conclude()
        await self.pool.close()
        return code

    async def _carry_out(self, start_ns: int = 0) -> None:
        """Run the present engine, and report meanwhile."""
        loop = asyncio.get_running_loop()
        first_ns = self._engines[0].start_ns if self._engines else 0
        begun_s = (time.perf_counter_ns() - first_ns) / 1e9 if first_ns else 0.0
        self.account.follow(self.engine)
        reporter = Reporter(self.engine, self.scenario, self.events, self._sliced_figures, begun_s)
        watch = self.account.watch(partial(self.engine.stop, "cost"))
        progress = work_from(start_ns, reporter.run)
        helpers = [self._faults.beside("the progress", progress), self._faults.beside("the account", watch)]
        deadline_s = left_s(start_ns) + deadline.of_load(self.engine.load.pacer.duration_ns, self.scenario.timeout)
        if self._deadline_s:
            deadline_s = max(0.001, self._deadline_s - (time.monotonic() - self._begun_s))
        text = f"its deadline of {self._deadline_s or deadline_s:g} s"
        end = loop.call_later(deadline_s, self._stop, "deadline", text)
        try:
            if self._stopped:
                self.engine.stop(*self._stopped)
            self._engines.append(self.engine)
            await self.engine.run(start_ns)
        finally:
            end.cancel()
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            self._faults.attempt("the progress", reporter.finish, None)

    async def _search(self, plan: FindMaxPlan, start_ns: int) -> None:
        """Run the trials of a search; the figures that stay are those of the last trial that passed."""
        jury = jury_of(self.scenario, self.segment, self.together.table, self.barrier, self._is_stopped)
        found = await find_max(plan, self._attempt, jury, self.events, lambda: self._stopped, start_ns)
        self.search, self.engine = found.search, found.best or self.engine
        if found.stopped and self._stopped is None:
            self._stopped = Stop("worker", found.stopped)

    async def _attempt(self, trial: Round) -> Attempt:
        """Carry out this worker's part of a trial."""
        self.engine = self._engine(trial.rate, self.engine.load.first_number + self.segment.count * self.engine.next)
        await self._carry_out(await trial.near())
        self._stopped = self.engine.stopped or self._stopped
        return Attempt(self.engine, vote_of(self.engine, self._figures()))

    async def _look_after(self) -> None:
        """Check the run's writes, and delete its items where the scenario requests it."""
        fatal = self.engine.fatal is not None
        load, scenario = self.work.workload, self.scenario
        each = budget.aftermath_units(scenario, len(self.target.indexes))
        bulk = MeteredBulk(self.pool, self.signer, scenario.timeout, load, *each)
        self.account.settle(bulk)
        until_s = time.monotonic() + AFTERMATH_DEADLINE_S

        def is_over() -> bool:
            deadline_s = self._begun_s + self._deadline_s if self._deadline_s else until_s
            return self._signalled or time.monotonic() > deadline_s or bool(self.account.excess())

        writes = any(entry.writes for entry in scenario.mix.values())
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
            late = f"its deadline of {self._deadline_s or AFTERMATH_DEADLINE_S:g} s"
            self._stopped = Stop("cost", dear) if dear else Stop("deadline", late)

    def _begin(self, phase: str) -> None:
        self.account.begin(phase)
        self.events.write("run.phase", phase=phase)

    # ---- Beside the course

    def _engine(self, rate: float | None = None, first_number: int = 0) -> Engine:
        scenario, plan = self.scenario, self.scenario.plan
        try:
            if isinstance(plan, FindMaxPlan):
                pacer: Pacer = plan.trial(rate or plan.start).pacer(self.segment, scenario.seed)
                warm_up_s = plan.settle_s
            else:
                pacer, warm_up_s = plan.pacer(self.segment, scenario.seed), scenario.warm_up
        except ValueError as error:
            raise ScenarioError([f"scenario: plan: {error}"]) from error
        each = -(-scenario.connections // scenario.processes)
        size = pacer.callers or each
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
            cpus=self.task.cpus(scenario.processes),
        )
        return Engine(load, pool, self.signer, Breaker.by_rules(scenario.breaker))

    def _write_start(self, start_ns: int) -> None:
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
            start=self.together.document(start_ns),
            planned_operations=planned_operations(self.engine.load.pacer),
            planned_duration_s=None if duration_ns is None else duration_ns / 1e9,
            estimate=self.estimate,
        )

    def _is_stopped(self) -> bool:
        return self._stopped is not None

    def _stop(self, cause: str, text: str) -> None:
        self._signalled |= cause == "signal"
        if self._stopped is None:
            self._stopped = Stop(cause, text)
        self.engine.stop(cause, text)

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
        return at_once(self._sliced_figures())

    def _sliced_figures(self) -> Sliced[dict[str, Any]]:
        """Return the same, a slice for each operation."""
        engine = self.engine
        plan = summary.plan_figures(engine)
        now_ns = engine.end_ns or time.perf_counter_ns()
        figures = {
            "started_at": self.started_at,
            "ended_at": timestamp(),
            "elapsed_s": round(engine.elapsed_s, 3),
            "warm_up_s": engine.load.warm_up_ns / 1e9,
            "plan": plan | {"kept": not summary.broken_plan(plan, engine)},
            "generator": summary.generator_figures(engine),
            "warnings": self._warnings(plan),
            "connections": summary.connection_figures(self.pool, self.target.tls),
            "clock_corrections": engine.signer.clock_corrections,
            "duplicates": summary.duplicate_figures(engine),
            "breaker": engine.breaker.document(now_ns, engine.start_ns) if engine.breaker else None,
            "keys": None,  # known at the end only, since it reads the state of every key
            "verification": self.verification,
            "cleanup": self.cleanup,
            "search": self.search,
            "cost": self.account.document(self.verification, self.cleanup)
            | {"estimated": self.estimate["total"] if self.estimate else None},
        }
        operations = {}
        for name, found in summary.operation_figures(engine, plan):
            operations[name] = found
            yield
        self._latest = figures | {"operations": operations}
        return dict(self._latest)

    def _warnings(self, plan: Mapping[str, Any]) -> list[str]:
        warnings = summary.warnings(self.engine, self.pool, self.target, plan)
        warnings += summary.capacity_warnings(self.target, budget.peak_units(self.scenario))
        if self._renewal_failure:
            warnings.append(f"the credentials could not be renewed at the last try: {self._renewal_failure}")
        warnings += self.together.warnings() + incomplete.warnings(self.verification, self.cleanup)
        return warnings

    def _conclude(self) -> int:
        attempt = self._faults.attempt
        figures = attempt("the figures", self._figures, self._latest)
        if not figures:
            return self.events.fail(exit_codes.INTERNAL, f"{INTERNAL_ERROR}: {self._faults.text}")
        figures |= {"keys": attempt("the keys", partial(summary.key_figures, self.engine, self.work.workload), None)}
        figures |= {"verification": self.verification, "cleanup": self.cleanup}
        # A worker's verdict on its own share does not hold for all workers together.
        rules, none = self.scenario.thresholds if not self.barrier else (), list[dict[str, Any]]()
        judge = partial(judging.evaluate, [rule.threshold for rule in rules], figures)
        figures["thresholds"] = attempt("the thresholds", judge, none)
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
            scenario=self.scenario.to_document(),
            table=self.target.table,
            **figures,
        )
        return self.events.fail(exit_code, message) if exit_code else exit_codes.PASSED
