# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first line of a run's message: how it ended, or what a run in check mode would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.commands import Commands
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.task_text import (
    are,
    counted,
    have,
    named,
    part_of,
    share_of,
    were,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import NOT_SEEN_TO_STOP, GaveUp, Run
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, combined

STOPPED_ON_REQUEST = "UserInitiated"  # ECS' stop code
EARLIER = "an earlier call with this client_token"

TaskResult = Mapping[str, Any]


class Ending:
    """The end of one run.

    Attributes:
        lost: the tasks that may still run against the user's intent.

    Args:
        run: the run.
        params: the module's parameters.
        tasks: its tasks as the module returns them.
        failed: those of them that failed.
        causes: why tasks ended, by task id.
    """

    def __init__(
        self,
        run: Run,
        params: Mapping[str, Any],
        tasks: Sequence[TaskResult],
        failed: Sequence[TaskResult],
        causes: Mapping[str, Problem],
    ) -> None:
        self._run, self._params, self._tasks, self._failed, self._causes = run, params, tasks, failed, causes
        self._commands = Commands(run, params)
        self._total = len(tasks)
        self._left = [one for one in tasks if one["last_status"] != "STOPPED"]
        is_left_alone = params["state"] == "absent" and not params["wait"] and not run.gave_up
        is_wanted = run.detached or (is_left_alone and run.stops_requested >= len(self._left))
        self.lost = [] if is_wanted else self._left
        self._after = f"after {run.elapsed_s:g} s"

    def of_check_mode(self) -> str:
        """Return what the run would do."""
        state, left = self._params["state"], len(self._left)
        if state == "absent":
            return f"would stop {counted(left)}" if left else self._nothing_to_stop()
        if state == "watch":
            return f"would follow {counted(left)}" + self._ended_before() if left else self._ended()
        missing = self._run.wanted - self._total
        if not self._total:
            return f"would launch {counted(missing)}"
        what = f"{missing} of {counted(self._run.wanted)}" if missing else "nothing"
        return f"would launch {what}: {counted(self._total)} {are(self._total)} there from {EARLIER}"

    def of_run(self) -> Problem:
        """Return what happened; of kind ``ended`` where nothing is wrong."""
        ending = self._teller()()
        return Problem("ended", ending) if isinstance(ending, str) else ending

    @property
    def shown_cause(self) -> Problem | None:
        """The cause of a task's end that `of_run` names; None where it names none."""
        if not self._failed or self._teller() != self._failure:
            return None
        return self._causes.get(self._failed[0]["task_id"])

    def _teller(self) -> Callable[[], Problem | str]:
        """Return the method that words this end."""
        run = self._run
        ends: list[tuple[object, Callable[[], Problem | str]]] = [
            (self.lost, self._may_still_run),
            (self._params["state"] == "absent", self._stopped),
            (run.launch_problem, self._incomplete),
            (run.gave_up, self._gave_up),
            (run.timed_out, self._timed_out),
            (run.interrupted_by, self._interrupted),
            (self._failed, self._failure),
            (self._left, self._not_waited_for),
        ]
        return next((method for is_so, method in ends if is_so), self._ended)

    def _incomplete(self) -> Problem:
        problem = self._run.launch_problem or Problem("launch", "")
        stopped = f"launch incomplete, its {counted(self._total)} {were(self._total)} stopped"
        return problem.within(stopped) if self._total else problem

    def _gave_up(self) -> Problem:
        return self._run.gave_up or Problem("gave_up", "")

    def _ended(self) -> str:
        if not self._total:
            return "no task was launched"
        codes = Counter(one["exit_code"] for one in self._tasks)
        if len(codes) == 1:
            (code,) = codes
            text = "without an exit code" if code is None else f"with exit code {code}"
        else:
            known = sorted((code, count) for code, count in codes.items() if code is not None)
            text = "with exit codes " + ", ".join(f"{code} ({counted(count)})" for code, count in known)
        if self._params["state"] == "watch":
            return f"{counted(self._total)} {have(self._total)} ended {text}"
        return f"{counted(self._total)} ended {text} {self._after}" + self._found_before()

    def _found_before(self) -> str:
        found = self._total - self._run.launched
        if found <= 0:
            return ""
        return f", {'' if found == self._total else f'{found} of them '}launched by {EARLIER}"

    def _failure(self) -> Problem:
        first = self._failed[0]
        cause = self._causes.get(first["task_id"]) or Problem("running", first["last_status"])
        still = f", {len(self._left)} {have(len(self._left))} not ended" if self._left else ""
        of_all = f"{part_of(len(self._failed), self._total)} failed{still}; " if self._total > 1 else ""
        if missing := self._run.never_launched:
            of_all = f"{missing} of {counted(self._run.wanted)} {were(missing)} not launched; {of_all}"
        elif self._run.lost:
            of_all += f"{counted(self._run.stops_requested)} stopped after "
        return cause.within(of_all + named(first))

    def _timed_out(self) -> Problem:
        # At least one has overrun, even if it ended before StopTask.
        count = max(1, self._run.stops_requested)
        overdue = [one for one in self._failed if one["stop_code"] == STOPPED_ON_REQUEST]
        verb, remedy = "end", "shorten the run"
        if overdue and not any(one["started_at"] for one in overdue):
            verb, remedy = "start", "look for what held the start up: capacity, addresses, image"
        overrun = f"{self._overrun(share_of(count, self._total), verb)} and {were(count)} stopped"
        start_up = next((one.start_up for one in self._run.tasks if one.start_up), None)
        if verb == "start" and start_up:
            return Problem("timeout", f"{overrun}: {start_up.text}", f"look at the log of {start_up.container}")
        return Problem("timeout", overrun, f"raise wait_timeout, or {remedy}")

    def _overrun(self, who: str, verb: str) -> str:
        return f"{who} did not {verb} within wait_timeout ({self._params['wait_timeout']:g} s)"

    def _interrupted(self) -> Problem:
        run, total = self._run, self._total
        interrupted = f"interrupted by {run.interrupted_by}"
        if not total:
            return Problem("interrupted", f"{interrupted} before a task was launched")
        launched = f", when {total} of {counted(run.wanted)} {were(total)} launched" if total < run.wanted else ""
        if self._left:
            count = len(self._left)
            on = f"{part_of(count, total)} {'runs' if count == 1 else 'run'} on"
            remedy = self._commands.follow_or_stop(count)
            return Problem("interrupted", f"{interrupted} {self._after}{launched}: {on}", remedy)
        if not run.stops_requested:
            ended = f"{part_of(total, total)} had ended by then"
            return Problem("interrupted", f"{interrupted} {self._after}{launched}: {ended}")
        stopped = f"{part_of(run.stops_requested, total)} {were(run.stops_requested)} stopped {self._after}"
        return Problem("interrupted", f"{interrupted}{launched}: {stopped}" + self._ended_before())

    def _not_waited_for(self) -> Problem:
        run, count = self._run, len(self._left)
        found = self._total - run.launched
        if self._params["state"] == "run" and run.launched == self._total:
            what = f"launched {counted(run.launched)}, not waited for"
        elif self._params["state"] == "run":
            launched = counted(run.launched) if run.launched else "nothing"
            what = f"launched {launched}, {counted(found)} {are(found)} there from {EARLIER}; not waited for"
        else:
            counts = Counter(one["last_status"] for one in self._left)
            states = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
            what = f"{share_of(count, self._total)} {have(count)} not ended: {states}; not waited for"
        return Problem("running", what, self._commands.follow_or_stop(count))

    def _stopped(self) -> str:
        count = self._run.stops_requested
        if not count:
            return self._nothing_to_stop()
        if self._left:
            return f"requested the stop of {counted(count)}, not waited for"
        return f"{counted(count)} stopped {self._after}" + self._ended_before()

    def _nothing_to_stop(self) -> str:
        if not self._total:
            what = "none of these tasks" if self._params.get("tasks") else f"no task with {self._commands.selection()}"
            return f"nothing to stop: cluster {self._run.cluster} knows {what}"
        return f"nothing to stop: {part_of(self._total, self._total)} {have(self._total)} ended"

    def _ended_before(self) -> str:
        """Count the tasks that had ended before the others were stopped, or could be followed."""
        others = self._total - max(self._run.stops_requested, len(self._left))
        return f", {others} had ended before" if others > 0 else ""

    def _may_still_run(self) -> Problem:
        run, count = self._run, len(self.lost)
        reasons = [run.launch_problem] if run.launch_problem else []
        if run.timed_out:
            who = "it" if self._total == 1 else share_of(max(count, run.stops_requested), self._total)
            reasons.append(Problem("timeout", self._overrun(who, "end")))
        if run.interrupted_by:
            reasons.append(Problem("interrupted", f"interrupted by {run.interrupted_by}"))
        unseen = run.gave_up if run.gave_up and run.gave_up.kind == GaveUp.UNSEEN else None
        if run.stops_requested >= count:
            what = unseen.what if unseen else NOT_SEEN_TO_STOP
            reasons.append(Problem(GaveUp.UNSEEN, f"stop requested, but {what}"))
        if run.gave_up and not unseen:
            reasons.append(run.gave_up)
        who = named(self.lost[0]) if count == 1 else part_of(count, self._total)
        stop = f"stop it: {self._commands.stop_task(self.lost[0])}"
        if count > 1:
            stop = f"stop them with {self._commands.call('absent')}"
        if not reasons:
            return Problem("may_run", f"{who} may still run", stop)
        why = combined(reasons).within(f"{who} may still run")
        return why._replace(remedy=f"{why.remedy}; then {stop}" if why.remedy else stop)
