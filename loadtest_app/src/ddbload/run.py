# SPDX-License-Identifier: Apache-2.0
"""The run command: find the table, carry out the plan, judge it, and say how it ended."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping
from typing import Any

import uvloop

from ddbload import __version__, thresholds
from ddbload.dynamo import operations
from ddbload.dynamo.endpoint import Target, TargetError, open_target
from ddbload.dynamo.errors import Verdict
from ddbload.dynamo.sign import Signer
from ddbload.engine import Engine, Unreachable
from ddbload.events import EventWriter, timestamp
from ddbload.exit_codes import BAD_CONFIGURATION, PASSED, STOPPED, TARGET_UNUSABLE, THRESHOLD_FAILED, VERDICTS
from ddbload.histogram import Histogram
from ddbload.keys import KeySpace
from ddbload.plan import ClosedPacer, ConstantRatePacer, Mix, pacer
from ddbload.record import Recorder
from ddbload.scenario import Scenario, ScenarioError

CLOSED_DEADLINE_S = 3600.0
SPARE_DEADLINE_S = 60.0
CREDENTIALS_CHECK_S = 30.0
# Beyond this share of operations that were never sent the plan was not kept.
NEVER_SENT_TOLERANCE = 0.005
LATE_WARNING_MS = 10.0
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
BURST_CREDIT_S = 300.0


def run(
    scenario: Scenario,
    endpoint_url: str | None,
    region: str | None,
    events: EventWriter,
    environment: Mapping[str, str],
) -> int:
    """Run a scenario; returns the exit code, which the last event explains unless it is 0."""
    try:
        target = open_target(scenario.table, endpoint_url, region, environment)
        return uvloop.run(Run(scenario, target, events).execute())
    except (TargetError, Unreachable) as error:
        return events.fail(TARGET_UNUSABLE, str(error))
    except ScenarioError as error:
        return events.fail(BAD_CONFIGURATION, str(error))


class Run:
    """One run of one worker."""

    def __init__(self, scenario: Scenario, target: Target, events: EventWriter) -> None:
        self.scenario = scenario
        self.target = target
        self.events = events
        self.mix = Mix(scenario.mix)
        self.pacer = pacer(scenario.plan)
        try:
            keys = KeySpace(target.key, scenario.keys.prefix)
            kinds = operations.build(scenario, self.mix, keys, str(events.context["run_id"]))
        except ValueError as error:
            raise ScenarioError([f"scenario: {error}"]) from error
        self.recorder = Recorder(list(kinds))
        self.signer = Signer(target.host_header, target.region, target.credentials())
        self.engine = Engine(
            target, self.signer, self.pacer, self.mix, kinds, self.recorder, scenario.connections, scenario.timeout
        )
        self._reported = (0, self.recorder.totals())
        self._reported_s = 0.0
        self._renewal_failure = ""

    async def execute(self) -> int:
        """Carry the plan out; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.engine.stop, signal.Signals(number).name)
        await self.engine.open()
        started_at = timestamp()
        self.events.write(
            "run.started",
            version=__version__,
            scenario=self.scenario.to_document(),
            table=self.target.table,
            endpoint=self.target.url,
            region=self.target.region,
            planned_operations=self.pacer.operations,
            planned_duration_s=self._planned_duration_s(),
        )
        helpers = [loop.create_task(self._report_progress()), loop.create_task(self._renew_credentials())]
        deadline_s = self._deadline_s()
        deadline = loop.call_later(deadline_s, self.engine.stop, f"its deadline of {deadline_s:g} s")
        await self.engine.run()
        deadline.cancel()
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        if (self._planned(), self.recorder.totals()) != self._reported:
            self._write_progress()
        return self._conclude(started_at)

    # ---- Beside the loop

    async def _report_progress(self) -> None:
        second = 0
        while True:
            second += 1
            # The engine's clock starts a moment after this task.
            begun_ns = self.engine.start_ns or time.perf_counter_ns()
            await asyncio.sleep(second - (time.perf_counter_ns() - begun_ns) / 1e9)
            self._write_progress()

    def _write_progress(self) -> None:
        elapsed_s = self.engine.elapsed_s
        due, totals = self._planned(), self.recorder.totals()
        interval = self.recorder.interval(elapsed_s - self._reported_s)
        self.events.write(
            "run.progress",
            elapsed_s=round(elapsed_s, 3),
            planned_duration_s=self._planned_duration_s(),
            planned_operations=self.pacer.operations,
            interval={"planned": due - self._reported[0]} | interval,
            total={"planned": due} | totals,
            in_flight=self.engine.in_flight,
        )
        self._reported, self._reported_s = (due, totals), elapsed_s

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

    # ---- The end

    def _conclude(self, started_at: str) -> int:
        engine = self.engine
        summary: dict[str, Any] = {
            "started_at": started_at,
            "ended_at": timestamp(),
            "elapsed_s": round(engine.elapsed_s, 3),
            "scenario": self.scenario.to_document(),
            "table": self.target.table,
            "plan": self._plan_figures(),
            "operations": self.recorder.operations(engine.loaded_s, self._rates_asked()),
            "warnings": self._warnings(),
            "connections": {
                "opened": engine.connections.opened,
                "reopened": engine.connections.reopened,
                "connect_ms": _times(engine.connections.connect),
                "tls_ms": _times(engine.connections.tls) if self.target.tls else None,
            },
        }
        summary["thresholds"] = thresholds.evaluate(self.scenario.thresholds, summary)
        missed = [threshold for threshold in summary["thresholds"] if not threshold["passed"]]
        if engine.fatal:
            exit_code, message = TARGET_UNUSABLE, self._refusal(engine.fatal)
        elif engine.stopped:
            exit_code = STOPPED
            message = f"stopped early by {engine.stopped} after {engine.elapsed_s:.1f} s: the results are partial"
        elif missed:
            exit_code = THRESHOLD_FAILED
            message = "; ".join(f"{item['expression']}: was {item['value']} {item['unit']}".strip() for item in missed)
        else:
            exit_code, message = PASSED, ""
        partial = engine.stopped is not None
        self.events.write("run.summary", verdict=VERDICTS[exit_code], exit_code=exit_code, partial=partial, **summary)
        return self.events.fail(exit_code, message) if exit_code else PASSED

    def _refusal(self, verdict: Verdict) -> str:
        if verdict.outcome == "network":
            return f"DynamoDB at {self.target.url} is gone: {verdict.message}: check the endpoint and the way there"
        return (
            f"DynamoDB refuses to go on with table {self.scenario.table}: {verdict.reason}: {verdict.message}: "
            "check the task role's permissions and its credentials"
        )

    def _planned(self) -> int:
        return self.engine.next if isinstance(self.pacer, ClosedPacer) else self.engine.due

    def _planned_duration_s(self) -> float | None:
        return self.pacer.duration if isinstance(self.pacer, ConstantRatePacer) else None

    def _deadline_s(self) -> float:
        if self.scenario.deadline:
            return self.scenario.deadline
        if isinstance(self.pacer, ClosedPacer):
            return CLOSED_DEADLINE_S
        # Late operations may be sent for as long as one request may take, and the last of them may take as long.
        return self.pacer.duration + 2 * self.scenario.timeout + SPARE_DEADLINE_S

    def _rates_asked(self) -> dict[str, float | None]:
        if isinstance(self.pacer, ClosedPacer):
            return dict.fromkeys(self.mix.weights)
        total = len(self.mix.cycle)
        return {name: self.pacer.rate * weight / total for name, weight in self.mix.weights.items()}

    def _plan_figures(self) -> dict[str, Any]:
        planned = self._planned()
        loaded_s = self.engine.loaded_s
        return {
            "rate_asked": self.pacer.rate if isinstance(self.pacer, ConstantRatePacer) else None,
            "rate_reached": round(self.engine.next / loaded_s, 3) if loaded_s else 0.0,
            "planned": planned,
            "sent": self.engine.next,
            "never_sent": planned - self.engine.next,
            "late_ms": self.recorder.lateness(),
        }

    def _warnings(self) -> list[str]:
        plan, warnings = self._plan_figures(), []
        if plan["never_sent"] > NEVER_SENT_TOLERANCE * plan["planned"]:
            warnings.append(
                f"the plan was not kept: {plan['never_sent']:,} of {plan['planned']:,} due operations were never sent"
            )
        if missing := self.engine.connections.missing_at_start:
            warnings.append(
                f"{missing} of {self.engine.size} connections could not be opened before the start: check the "
                "limits of open files and of the way there"
            )
        if self._renewal_failure:
            warnings.append(f"the credentials could not be renewed at the last try: {self._renewal_failure}")
        if plan["late_ms"]["p99"] > LATE_WARNING_MS and isinstance(self.pacer, ConstantRatePacer):
            cause = (
                "all connections were busy: the table is slow, or connections are too few"
                if self.engine.starved_ticks
                else "this machine had too little CPU"
            )
            warnings.append(f"operations were sent up to {plan['late_ms']['max']:g} ms late; {cause}")
        if self.target.table["billing_mode"] == "PROVISIONED" and self.engine.elapsed_s < BURST_CREDIT_S:
            warnings.append(
                "a run under 300 s on provisioned capacity may live on burst credit: a longer one tells the truth"
            )
        if skew_s := self.target.clock_skew_s:
            side = "behind" if skew_s > 0 else "ahead of"
            warnings.append(
                f"this machine's clock is {abs(skew_s):.0f} s {side} AWS's: requests were signed by AWS's clock"
            )
        return warnings


def _times(histogram: Histogram) -> dict[str, float]:
    return {"p50": histogram.percentile(50) / 1000, "max": histogram.maximum() / 1000}
