# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The observation of a run: its tasks' states and logs, until all have ended, or have to be stopped.

One loop looks at what is due: states by one DescribeTasks for a hundred tasks, logs one task after another, within
what CloudWatch Logs takes. A call that fails is a look that did not happen; the next one makes up for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain, is_expired, is_transient, said_with
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogEvent, LogReader
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.result import has_task_failed
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import FollowedTask, Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.task_search import describe_tasks
from ansible_collections.gantry.ecs.plugins.module_utils.live.events import parse_event
from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveFeed

LOOK_FIRST, LOOK_GROWTH, LOOK_LAST = 0.5, 1.5, 1.5  # seconds between two looks at the states
LOOK_TROUBLED = 5.0  # seconds, where the last look failed
# GetLogEvents takes 25 calls a second in an account and region:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
LOG_CALLS_PER_SECOND = 20.0
LOG_PAUSE = 1.0  # seconds between two looks at one log
LOG_GRACE = 60.0  # seconds after a task's end for which its log may be out of reach
SETTLED = 0.5  # seconds without a line after the one that is known to be the last
TICK = 1.0  # seconds between two notes of where the run stands
NAP = 0.25  # seconds; an interrupt is heard after them
STOP_GRACE = 150.0  # seconds that a told task has to stop; Fargate's stopTimeout is 120 at most
UNREACHABLE_GRACE = 300.0  # seconds for which AWS may be out of reach
EXPIRED_GRACE = 60.0  # seconds that something has to renew expired credentials
START_UP_GRACE = 30.0  # seconds that ECS has to end a task whose start-up container has failed, as newer agents do
FORGOTTEN_AFTER = 60.0  # seconds for which DescribeTasks may not know a task that RunTask has just made


class Follower:
    """Follows a run.

    Args:
        ecs: gives a boto3 ECS client that tries each call once.
        logs: gives a CloudWatch Logs client of the same kind, in the region of the logs.
        run: the run, kept up to date.
        reshape: brings a task that ECS describes into our shape, given what is known of it.
        params: the module's parameters.
        feed: what is shown and kept meanwhile.
        renew: makes the next client with credentials read anew.
        replace: launches a task in place of one that did not start; returns whether it did.
        surplus: gives the ARNs of tasks that are too many.
        clock: seconds, monotonic.
        sleep: waits for so many seconds.
        interrupted: tells whether to come back at once.
    """

    def __init__(
        self,
        ecs: Callable[[], Any],
        logs: Callable[[], Any],
        run: Run,
        reshape: Callable[[Mapping[str, Any], FollowedTask], Mapping[str, Any]],
        params: Mapping[str, Any],
        feed: LiveFeed,
        renew: Callable[[], None] = lambda: None,
        replace: Callable[[FollowedTask], bool] = lambda one: False,
        surplus: Callable[[], list[str]] = list,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ecs, self._logs, self._run, self._reshape, self._params = ecs, logs, run, reshape, params
        self._feed, self._renew, self._replace, self._surplus = feed, renew, replace, surplus
        self._clock, self._sleep, self._interrupted = clock, sleep, interrupted
        self._begun = clock()
        self._look_at, self._look_pause = self._begun, LOOK_FIRST
        self._log_at: dict[str, float] = {}
        self._log_calls, self._log_calls_at = LOG_CALLS_PER_SECOND, self._begun
        self._tick_at = self._begun
        self._stop_at: float | None = None
        self._stop_reason = ""
        self._told: set[str] = set()
        self._has_failed = False
        self._troubled_since: float | None = None
        self._trouble: Exception | None = None

    def follow(self) -> None:
        """Look at tasks and logs until all have ended, the launcher is interrupted, or there is no sense in going on.

        Tasks that have not ended when ``wait_timeout`` is over are stopped, and followed to that end.
        """
        while not self._run.finished and not self._run.gave_up and not self._interrupted():
            self.look()
            self._sleep(NAP)
        self._note_where_it_stands()

    def see_the_end(self, seconds: float) -> None:
        """Look at tasks and logs for at most so long, whatever interrupts; for tasks that were told to stop."""
        until = self._clock() + seconds
        while not self._run.finished and not self._run.gave_up and self._clock() < until:
            self.look()
            self._sleep(NAP)
        if self._run.unfinished:
            self._run.gave_up = self._run.gave_up or self._told_of_trouble()
        self._note_where_it_stands()

    def stop(self, reason: str) -> None:
        """Have every task stopped that has not ended; ``look`` tells them, again where a call fails.

        Args:
            reason: shown as the tasks' ``stoppedReason``, up to 255 characters.
        """
        if self._stop_at is None:
            self._stop_at, self._stop_reason = self._clock(), reason[:255]
        self._look_at = self._clock()

    def look(self) -> None:
        """Do what is due."""
        now = self._clock()
        self._run.elapsed_s = round(now - self._begun, 1)
        self._enforce_limits(now)
        if now >= self._look_at:
            self._look_at = now + LOOK_TROUBLED
            if self._try(self._tell_to_stop) and self._try(self._describe):
                self._troubled_since = self._trouble = None
                self._look_at = self._clock() + self._look_pause
        self._read_logs()
        if now >= self._tick_at:
            self._tick_at = now + TICK
            self._note_where_it_stands()

    def _enforce_limits(self, now: float) -> None:
        run = self._run
        if not run.unfinished:
            return
        if self._stop_at is None and now - self._begun >= self._params["wait_timeout"]:
            run.timed_out = True
            self._feed.note(f"wait_timeout of {self._params['wait_timeout']:g} s is over: stopping the tasks")
            self.stop(f"wait_timeout of {self._params['wait_timeout']:g} s is over")
        elif self._stop_at is not None and now - self._stop_at > STOP_GRACE:
            run.gave_up = self._told_of_trouble() or f"not seen to stop within {STOP_GRACE:g} s"

    def _try(self, call: Callable[[], None]) -> bool:
        """Make a call that may fail for a while; returns whether it worked."""
        try:
            call()
        except Exception as error:
            self._tolerate(error)
            return False
        return True

    def _tolerate(self, error: Exception) -> None:
        expired = is_expired(error)
        if not expired and not is_transient(error):
            self._run.gave_up = self._explained(error)
            return
        now = self._clock()
        if self._troubled_since is None:
            self._troubled_since = now
            self._feed.note(f"trouble with AWS, going on trying: {self._explained(error)}")
        self._trouble = error
        if expired:
            self._renew()
        if now - self._troubled_since > (EXPIRED_GRACE if expired else UNREACHABLE_GRACE):
            self._run.gave_up = self._told_of_trouble()

    def _told_of_trouble(self) -> str:
        return self._explained(self._trouble) if self._trouble else ""

    def _explained(self, error: Exception) -> str:
        return explain(error, "cannot follow the tasks", f"cluster {self._run.cluster}")

    def _tell_to_stop(self) -> None:
        if self._stop_at is None:
            self._stop_stuck()
            return
        for one in self._run.unfinished:
            if one.task["task_arn"] not in self._told:
                self._stop_task(one.task["task_arn"], self._stop_reason)
                self._run.stopped_by_us += 1
        self._stop_surplus()

    def _stop_stuck(self) -> None:
        """Stop tasks that would wait in PENDING until ``wait_timeout``, and cost meanwhile."""
        for one in self._run.unfinished:
            arn = one.task["task_arn"]
            if not one.start_up or one.task["started_at"] or arn in self._told:
                continue
            if self._clock() - one.start_up_at > START_UP_GRACE:
                self._feed.note(f"task {one.task_id} cannot start any more: stopping it")
                self._stop_task(arn, one.start_up.text[:255])

    def _stop_surplus(self) -> None:
        for arn in self._surplus():
            if arn not in self._told:
                self._feed.note(
                    f"task {arn.rpartition('/')[2]} is a duplicate (ECS carried out the launch request twice): "
                    "stopping it"
                )
                self._stop_task(arn, "launched twice: the answer to the first request was lost")

    def _stop_task(self, arn: str, reason: str) -> None:
        try:
            self._ecs().stop_task(cluster=self._run.cluster, task=arn, reason=reason)
        except Exception as error:
            if not is_unknown_task(error):
                raise
        self._told.add(arn)

    def _describe(self) -> None:
        active = {str(one.task["task_arn"]): one for one in self._run.unfinished}
        if not active:
            return
        described, _missing = describe_tasks(self._ecs(), self._run.cluster, list(active))
        now = self._clock()
        has_changed = False
        for each in described:
            one = active.pop(each["taskArn"])
            one.missing_since = None
            could_start = one.start_up is None
            task = self._reshape(each, one)
            if could_start and one.start_up:
                one.start_up_at = now
            has_changed |= self._update(one, task, now)
        for one in active.values():
            one.missing_since = now if one.missing_since is None else one.missing_since
            if now - one.missing_since > FORGOTTEN_AFTER:
                gone = {"last_status": "STOPPED", "stopped_reason": "ECS does not know the task any more"}
                has_changed |= self._update(one, {**one.task, **gone}, now)
        self._stop_surplus()
        self._look_pause = LOOK_FIRST if has_changed else min(self._look_pause * LOOK_GROWTH, LOOK_LAST)

    def _update(self, one: FollowedTask, task: Mapping[str, Any], now: float) -> bool:
        """Take what ECS says of a task; returns whether its status is a new one."""
        has_changed = bool(task["last_status"] != one.task["last_status"])
        one.task = dict(task)
        if not has_changed:
            return False
        self._feed.status(one.task_id, task["last_status"], round(now - self._begun, 1), timings(task))
        if one.stopped:
            if not task["started_at"] and self._stop_at is None and self._replace(one):
                self._run.tasks.remove(one)
                return True
            one.last_line_at = max(one.last_line_at, now)
            # What never started has no stream to wait for.
            one.log_complete |= not (task["started_at"] or one.start_up)
            self._note_failure(one)
        return True

    def _note_failure(self, one: FollowedTask) -> None:
        """Tell once that the run has failed while other tasks go on, which is the time to break it off."""
        others = len(self._run.unfinished)
        if self._has_failed or not others or self._stop_at is not None:
            return
        if has_task_failed(one.task, self._params["fail_on"]):
            self._has_failed = True
            code = one.task["exit_code"]
            why = one.task["stop_code"] or one.task["last_status"] if code is None else f"exit code {code}"
            runs_on = "1 other task runs" if others == 1 else f"the other {others} tasks run"
            self._feed.note(f"task {one.task_id} has failed ({why}), and the run with it; {runs_on} on to the end")

    def _read_logs(self) -> None:
        now = self._clock()
        due = [one for one in self._run.tasks if has_lines(one) and self._log_at.get(one.task_id, 0.0) <= now]
        earned = (now - self._log_calls_at) * LOG_CALLS_PER_SECOND
        self._log_calls, self._log_calls_at = min(LOG_CALLS_PER_SECOND, self._log_calls + earned), now
        # Who waits the longest comes first, so that none starves where not all can be read at once.
        for one in sorted(due, key=lambda one: self._log_at.get(one.task_id, 0.0)):
            if self._log_calls < 1:
                return
            self._log_at[one.task_id] = now + LOG_PAUSE
            logs = CountedCalls(self._logs())
            try:
                self._read_log(one, one.log, logs)
            except Exception as error:
                self._tolerate_in_log(one, error)
            finally:
                self._log_calls -= logs.count

    def _read_log(self, one: FollowedTask, log: LogReader | None, logs: CountedCalls) -> None:
        if log is None:
            return
        if events := log.read(logs):
            self._take(one, events)
            return
        # Without a line there may be no stream at all, whose end could be met.
        if not one.stopped or not (log.caught_up or not log.lines):
            return
        quiet = self._clock() - one.last_line_at
        if quiet >= (SETTLED if one.final_line else self._params["log_tail_wait"]):
            # Lines may have come late, before the place that was read up to.
            self._take(one, log.read_again(logs))
            self._take_whole(one, one.pieces.rest(), log.events[-1]["timestamp"] if log.events else 0)
            one.log_complete = True

    def _take(self, one: FollowedTask, events: list[LogEvent]) -> None:
        for event in events:
            one.last_line_at = self._clock()
            self._take_whole(one, one.pieces.take(event["message"]), event["timestamp"])

    def _take_whole(self, one: FollowedTask, lines: list[str], timestamp: int) -> None:
        """Tell lines that no log driver has cut, and keep what the load tester says in them."""
        self._feed.log(one.task_id, [LogEvent(timestamp=timestamp, message=line) for line in lines])
        for line in lines:
            parsed = parse_event(line)
            if parsed is None:
                continue
            one.speaks_ddbload |= parsed["event"].startswith("run.")
            if parsed["event"] == "run.summary":
                one.summary = parsed
                one.final_line |= not parsed.get("exit_code")
            elif parsed["event"] == "run.failed":
                # A failed run says run.failed last.
                one.failure, one.final_line = parsed, True
        if one.final_line and not one.stopped:
            self._look_at, self._look_pause = min(self._look_at, self._clock()), LOOK_FIRST

    def _tolerate_in_log(self, one: FollowedTask, error: Exception) -> None:
        """Go on without the log where it cannot be read: states and exit codes still tell how the task ends."""
        if is_expired(error):
            self._renew()
        may_pass = is_expired(error) or is_transient(error)
        if may_pass and not (one.stopped and self._clock() - one.last_line_at > LOG_GRACE):
            return
        one.log_complete = True
        warning = explain(error, "cannot read the tasks' log lines", f"log group {one.log.group if one.log else None}")
        if warning not in self._run.warnings:
            self._feed.note(warning)
            self._run.warnings.append(warning)

    def _note_where_it_stands(self) -> None:
        states: dict[str, int] = {}
        for one in self._run.tasks:
            status = str(one.task["last_status"])
            states[status] = states.get(status, 0) + 1
        self._run.elapsed_s = round(self._clock() - self._begun, 1)
        self._feed.tick(self._run.elapsed_s, states)


class CountedCalls:
    """A CloudWatch Logs client that counts its calls, since reading takes one or several."""

    def __init__(self, client: Any) -> None:
        self._client, self.count = client, 0

    def get_log_events(self, **request: Any) -> Any:
        """Call GetLogEvents."""
        self.count += 1
        return self._client.get_log_events(**request)


def has_lines(one: FollowedTask) -> bool:
    """Tell whether a task's log may hold lines that were not read."""
    has_begun = one.start_up is not None or one.task["last_status"] not in ("PROVISIONING", "PENDING")
    return one.log is not None and not one.log_complete and has_begun


def is_unknown_task(error: Exception) -> bool:
    """Tell whether ECS refused to stop a task because it has forgotten it, which it does an hour after its end."""
    return "not found" in said_with(error, "InvalidParameterException")


def timings(task: Mapping[str, Any]) -> dict[str, float]:
    """Return a task's durations by phase, those that are known, without the suffix of their unit."""
    phases: Mapping[str, float | None] = task.get("phases") or {}
    return {name.removesuffix("_s"): seconds for name, seconds in phases.items() if seconds is not None}
