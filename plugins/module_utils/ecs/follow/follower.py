# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The observation of a run: its tasks' states and logs, until all have ended, or have to be stopped.

One loop looks at what is due: states by one DescribeTasks for a hundred tasks, and logs. A call that fails is a look
that did not happen; the next one makes up for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain, is_expired, is_transient, said_with
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.control import Control, StopWrite
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.logs import LogFollower
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.result import OWN_END, has_task_failed
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.task_text import named
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import NOT_SEEN_TO_STOP, FollowedTask, GaveUp, Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import DESCRIBE_LIMIT, describe_tasks
from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveFeed
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

LOOK_FIRST, LOOK_GROWTH, LOOK_LAST = 0.5, 1.5, 1.5  # seconds between two looks at the states
LOOK_TROUBLED = 5.0  # seconds, where the last look failed
TICK = 1.0  # seconds between two reports of the run's progress
NAP = 0.25  # seconds; the longest delay of an interrupt
STOP_GRACE = 150.0  # seconds that a task has to stop after StopTask; Fargate's stopTimeout is 120 at most
# Tasks read the control table every 2 s; those that hear of the stop by it need no StopTask.
CONTROL_GRACE = 5.0  # seconds
STOPS_TIME = 2.0  # seconds of one look that calls of StopTask may take, so that the states stay in view
LOOK_SHARE = 2.0  # seconds of launching for each second of a look between two launches
UNREACHABLE_GRACE = 300.0  # seconds for which AWS may be out of reach
EXPIRED_GRACE = 60.0  # seconds for the renewal of expired credentials
START_UP_GRACE = 30.0  # seconds that ECS has to end a task whose start-up container has failed, as newer agents do
FORGOTTEN_AFTER = 60.0  # seconds for which DescribeTasks may not return a task that RunTask has just created


class Follower:
    """Follows a run.

    Args:
        ecs: gives a boto3 ECS client that tries each call once.
        logs: gives a CloudWatch Logs client of the same kind, in the region of the logs.
        run: the run, kept up to date.
        reshape: converts a task of DescribeTasks to the module's shape, given its earlier state.
        params: the module's parameters.
        feed: takes the progress to show and the log lines to keep.
        renew: makes the next client with credentials read anew.
        replace: launches a task to replace one that did not start; returns whether it did.
        surplus: gives the ARNs of tasks that are too many.
        clock: seconds, monotonic.
        sleep: waits for a number of seconds.
        interrupted: returns whether to come back at once.
        control: stops all tasks by one write; None without a control table.

    Attributes:
        launching: whether tasks are still to be launched.
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
        control: Control | None = None,
    ) -> None:
        self.launching = False
        self._ecs, self._run, self._reshape, self._params = ecs, run, reshape, params
        self._feed, self._renew, self._replace, self._surplus = feed, renew, replace, surplus
        self._clock, self._sleep, self._interrupted = clock, sleep, interrupted
        self._begun = self._tick_at = clock()
        self._look_at, self._look_pause = self._begun, LOOK_FIRST
        self._stop_at: float | None = None
        self._stop_reason = ""
        self._stop_requested: set[str] = set()
        self._control_grace = CONTROL_GRACE
        self._stop_write = StopWrite(control, clock, feed.note, self._warn, renew)
        self._stopped_arns: set[str] = set()  # ARNs of the tasks that this call stops
        self._stops_pending = self._has_failed = False
        self._between_at, self._is_looking = self._begun, False
        self._troubled_since: float | None = None
        self._log_follower = LogFollower(
            logs, run, params, feed, renew, self._warn, self._hurry, clock, sleep, self._leaves_logs
        )
        self._trouble: Problem | None = None

    def _leaves_logs(self) -> bool:
        return self._interrupted() and self._stop_at is None

    @property
    def ends(self) -> bool:
        """Whether the run is being stopped, or cannot be followed any more."""
        return self._stop_at is not None or self._run.gave_up is not None

    def look_between_launches(self) -> None:
        """Look at what is due, as far as that delays the launch of the other tasks by half at most."""
        now = self._clock()
        # A look may launch a replacement, which comes back to here.
        if self._is_looking or now < self._between_at:
            return
        self._is_looking = True
        try:
            self.look()
        finally:
            self._is_looking = False
        self._between_at = self._clock() + max(NAP, LOOK_SHARE * (self._clock() - now))

    def follow(self) -> None:
        """Look at tasks and logs until all have ended, the launcher is interrupted, or there is no sense in going on.

        Tasks that have not ended when ``wait_timeout`` is over are stopped, and followed to that end.
        """
        while not self._run.finished and not self._run.gave_up and not self._interrupted():
            self.look()
            self._nap()
        self._note_progress()

    def wait_until_stopped(self, seconds: float) -> None:
        """Look at tasks and logs for ``seconds`` at most, despite interrupts; for tasks after StopTask.

        It takes longer while AWS responds and some tasks are still to be stopped.
        """
        until = self._clock() + seconds
        while not self._run.finished and not self._run.gave_up:
            has_stops = self._stops_pending and self._troubled_since is None
            if self._clock() >= until and not has_stops:
                break
            self.look()
            self._nap()
        if self._run.unfinished:
            self._run.gave_up = self._run.gave_up or self._trouble
        self._note_progress()

    def stop(self, reason: str) -> None:
        """Mark every task that has not ended for stopping; ``look`` does it, again where a call fails.

        One write to the control table reaches all running tasks; StopTask follows for those that it has not ended.

        Args:
            reason: shown as the tasks' ``stoppedReason``, up to 255 characters.
        """
        if self._stop_at is None:
            self._stop_at, self._stop_reason = self._clock(), reason[:255]
        self._look_at = self._clock()

    def stop_at_once(self, reason: str) -> None:
        """Send StopTask to every task that has not ended, without waiting for the effect of the control table.

        Args:
            reason: as for ``stop``.
        """
        self._control_grace = 0.0
        self.stop(reason)
        self.look()
        requested = 0
        while self._stops_pending and len(self._stop_requested) > requested:
            requested = len(self._stop_requested)
            self.look()

    def look(self) -> None:
        """Read states and logs, and stop tasks, as far as each is due."""
        now = self._clock()
        self._run.elapsed_s = round(now - self._begun, 1)
        self._enforce_limits(now)
        if now >= self._look_at:
            self._look_at = now + LOOK_TROUBLED
            if self._try(self._request_stops) and self._try(self._describe):
                self._troubled_since = self._trouble = None
                self._look_at = self._clock() + (0.0 if self._stops_pending else self._look_pause)
        self._log_follower.read()
        if now >= self._tick_at:
            self._tick_at = now + TICK
            self._note_progress()

    def _enforce_limits(self, now: float) -> None:
        run = self._run
        if not run.unfinished:
            return
        if self._stop_at is None and now - self._begun >= self._params["wait_timeout"]:
            run.timed_out = True
            self._feed.note(f"wait_timeout of {self._params['wait_timeout']:g} s is over: stopping the tasks")
            self.stop(f"wait_timeout of {self._params['wait_timeout']:g} s is over")
        elif self._stop_at is not None and now - self._stop_at > STOP_GRACE:
            run.gave_up = self._trouble or Problem(GaveUp.UNSEEN, f"{NOT_SEEN_TO_STOP} within {STOP_GRACE:g} s")

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
            self._run.gave_up = self._problem(error, GaveUp.REFUSED)
            return
        now = self._clock()
        self._trouble = self._problem(error, GaveUp.EXPIRED if expired else GaveUp.UNREACHABLE)
        if self._troubled_since is None:
            self._troubled_since = now
            self._feed.note(f"trouble with AWS, going on trying: {self._trouble.line()}")
        if expired:
            self._renew()
        if now - self._troubled_since > (EXPIRED_GRACE if expired else UNREACHABLE_GRACE):
            self._run.gave_up = self._trouble

    def _problem(self, error: Exception, kind: GaveUp) -> Problem:
        return explain(error, "cannot follow the tasks", f"cluster {self._run.cluster}")._replace(kind=kind)

    def _request_stops(self) -> None:
        if self._stop_at is None:
            self._stop_stuck()
            return
        if not self._stop_write.has_failed:
            self._write_stop()
        until = self._clock() + STOPS_TIME
        due = [one for one in self._run.unfinished if self._needs_stop_task(one)]
        self._stops_pending = bool(due)
        for one in due:
            self._stop_task(one.task["task_arn"], self._stop_reason)
            self._count_stopped(one)
            if self._clock() > until:
                break
        else:
            self._stops_pending = False
        # A call to a table out of reach takes up to 15 s, in which no task would be stopped.
        if self._stop_write.is_due_again:
            self._write_stop()
        to_stop = self._stopped_arns | {str(one.task["task_arn"]) for one in self._run.unfinished}
        self._feed.stop(len(self._stopped_arns), len(to_stop))
        if not self._stops_pending:
            self._stop_surplus()

    def _write_stop(self) -> None:
        """Write the stop to the control table, once; StopTask alone stops the tasks where that is not possible."""
        unfinished = self._run.unfinished
        if not unfinished or not self._stop_write.write(self._stop_reason):
            return
        for one in unfinished:
            self._count_stopped(one)
        self._feed.note(
            f"stopping {len(unfinished)} task(s) by one write to the control table; "
            f"StopTask follows after {self._control_grace:g} s for those that still run"
        )

    def _needs_stop_task(self, one: FollowedTask) -> bool:
        if one.task["task_arn"] in self._stop_requested:
            return False
        # A task that has not started cannot read the table yet.
        heard_at = self._stop_write.heard_at if one.task["last_status"] == "RUNNING" else None
        return heard_at is None or self._clock() - heard_at >= self._control_grace

    def _count_stopped(self, one: FollowedTask) -> None:
        self._stopped_arns.add(one.task["task_arn"])
        self._run.stops_requested = len(self._stopped_arns)

    def _warn(self, warning: Problem) -> None:
        if warning not in self._run.warnings:
            self._feed.note(warning.line())
            self._run.warnings.append(warning)

    def _stop_stuck(self) -> None:
        """Stop tasks that would wait in PENDING until ``wait_timeout``, and cost meanwhile."""
        for one in self._run.unfinished:
            arn = one.task["task_arn"]
            if not one.start_up or one.task["started_at"] or arn in self._stop_requested:
                continue
            if self._clock() - one.start_up_at > START_UP_GRACE:
                self._feed.note(f"task {one.task_id} cannot start any more: stopping it")
                self._stop_task(arn, one.start_up.text[:255])

    def _stop_surplus(self) -> None:
        for arn in self._surplus():
            if arn not in self._stop_requested:
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
        self._stop_requested.add(arn)

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
        # The calls for many tasks take time that their logs need.
        last = LOOK_LAST * max(1.0, len(described) / DESCRIBE_LIMIT / 2)
        self._look_pause = max(LOOK_FIRST, last / 3) if has_changed else min(self._look_pause * LOOK_GROWTH, last)

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
        """Report once that the run has failed while other tasks go on, and stop those where the options say so."""
        others, missing = len(self._run.unfinished), self._run.wanted - len(self._run.tasks)
        early = self.launching and missing > 0
        if not (others or early) or self._stop_at is not None:
            return
        if not has_task_failed(one.task, self._params["fail_on"]):
            return
        is_first, self._has_failed = not self._has_failed, True
        code = one.task["exit_code"]
        why = one.task["stop_code"] or one.task["last_status"] if code is None else f"exit code {code}"
        failed = f"{named(one.task)} has failed ({why})"
        # Want of capacity, or a stop from outside, is no fault that the other tasks share.
        own_fault = code is not None and one.task["stop_code"] in OWN_END
        if early and own_fault and self._params.get("on_early_failure") == "stop":
            self._run.lost, self._run.never_launched = one.task_id, missing
            self._feed.note(
                f"{failed} while {missing} were still to be launched: launching no more, stopping the others"
            )
            self.stop(f"{failed} while others were still to be launched")
        elif self._params.get("on_loss") == "stop":
            self._run.lost = one.task_id
            self._feed.note(f"{failed}, so the run fails: stopping the others")
            self.stop(failed)
        elif others and is_first:
            runs_on = "the other task continues" if others == 1 else f"the other {others} tasks continue"
            self._feed.note(f"{failed}, so the run fails; {runs_on} to the end")

    def _nap(self) -> None:
        if not self._log_follower.behind:
            self._sleep(NAP)

    def _hurry(self) -> None:
        """Look at the states at once: the last line of a task has come."""
        self._look_at, self._look_pause = min(self._look_at, self._clock()), LOOK_FIRST

    def _note_progress(self) -> None:
        states: dict[str, int] = {}
        for one in self._run.tasks:
            status = str(one.task["last_status"])
            states[status] = states.get(status, 0) + 1
        self._run.elapsed_s = round(self._clock() - self._begun, 1)
        self._feed.tick(self._run.elapsed_s, states, self._run.wanted)


def is_unknown_task(error: Exception) -> bool:
    """Return whether ECS refused to stop a task because it has forgotten it, which it does an hour after its end."""
    return "not found" in said_with(error, "InvalidParameterException")


def timings(task: Mapping[str, Any]) -> dict[str, float]:
    """Return a task's durations by phase, those that are known, without the suffix of their unit."""
    phases: Mapping[str, float | None] = task.get("phases") or {}
    return {name.removesuffix("_s"): seconds for name, seconds in phases.items() if seconds is not None}
