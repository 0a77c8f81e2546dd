# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module says at the end of a run: one line, and after a failure what helps to find its cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.command import aws_command
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.cost import region_of
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.task_text import (
    are,
    counted,
    have,
    named,
    part_of,
    share_of,
    were,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import Run
from ansible_collections.gantry.ecs.plugins.module_utils.live.events import last_lines
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line

CAUSES_SHOWN = 5  # beside the one of the first line
COMMANDS_SHOWN = 10
TASKS_NAMED = 3
STOPPED_ON_REQUEST = "UserInitiated"  # ECS' stop code
UNSEEN = "not seen to stop"  # what the follower too says of a task that does not
EARLIER = "an earlier call with this client_token"

TaskResult = Mapping[str, Any]


def run_message(
    run: Run, params: Mapping[str, Any], tasks: Sequence[TaskResult], failed: Sequence[TaskResult], check_mode: bool
) -> str:
    """Say how a run ended.

    Args:
        run: the run.
        params: the module's parameters.
        tasks: its tasks as they are returned.
        failed: those of them that failed.
        check_mode: whether nothing was done, and the message is to say what would be.

    Returns:
        One line: what happened, where, and "->" how to mend it. After a failure indented lines follow: the other
        causes, how to stop what may still run, the last log lines of the first task that failed.
    """
    message = Message(run, params, tasks, failed)
    if check_mode:
        return one_line(message.of_check_mode())
    return "\n".join([one_line(message.of_end()), *(f"  {line}" for line in message.details())])


class Message:
    """The texts about one run; the arguments are those of ``run_message``."""

    def __init__(
        self, run: Run, params: Mapping[str, Any], tasks: Sequence[TaskResult], failed: Sequence[TaskResult]
    ) -> None:
        self._run, self._params, self._tasks, self._failed = run, params, tasks, failed
        self._total = len(tasks)
        self._left = [one for one in tasks if one["last_status"] != "STOPPED"]
        self._stopped_by_us = run.stopped_by_us
        is_left_alone = params["state"] == "absent" and not params["wait"] and not run.gave_up
        is_wanted = run.detached or (is_left_alone and run.stopped_by_us >= len(self._left))
        self._lost = [] if is_wanted else self._left
        self._after = f"after {run.elapsed_s:g} s"

    def of_check_mode(self) -> str:
        """Say what would be done."""
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

    def of_end(self) -> str:
        """Say in one line what happened, and how to mend it."""
        run = self._run
        if self._lost:
            return self._may_still_run()
        if self._params["state"] == "absent":
            return self._stopped()
        if run.launch_error:
            stopped = f"launch incomplete, its {counted(self._total)} {were(self._total)} stopped: "
            return (stopped if self._total else "") + run.launch_error
        if run.gave_up:
            return run.gave_up
        if run.timed_out:
            return self._timed_out()
        if run.interrupted_by:
            return self._interrupted()
        if self._failed:
            return self._failure()
        if self._left:
            return self._not_waited_for()
        return self._ended()

    def details(self) -> Iterator[str]:
        """Tell what helps after a failure, line by line."""
        yield from self._commands()
        if self._params["state"] == "absent":
            return
        yield from self._other_causes()
        if self._run.launch_error:
            return
        told = self._failed[0] if self._failed else None
        reader = next((one.log for one in self._run.tasks if told and one.task_id == told["task_id"]), None)
        lines = last_lines([event["message"] for event in reader.events]) if reader else []
        if told and lines and self._total > 1:
            yield f"the last log lines of task {told['task_id']}:"
        yield from lines

    # ---- The first line

    def _ended(self) -> str:
        if not self._total:
            return "no task was launched"
        codes = Counter(one["exit_code"] for one in self._tasks)
        if len(codes) == 1:
            (code,) = codes
            told = "without an exit code" if code is None else f"with exit code {code}"
        else:
            known = sorted((code, count) for code, count in codes.items() if code is not None)
            told = "with exit codes " + ", ".join(f"{code} ({counted(count)})" for code, count in known)
        if self._params["state"] == "watch":
            return f"{counted(self._total)} {have(self._total)} ended {told}"
        return f"{counted(self._total)} ended {told} {self._after}" + self._found_before()

    def _found_before(self) -> str:
        found = self._total - self._run.launched
        if found <= 0:
            return ""
        return f", {'' if found == self._total else f'{found} of them '}launched by {EARLIER}"

    def _failure(self) -> str:
        first = self._failed[0]
        told = f"{named(first)}: {first['cause'] or first['last_status']}"
        still = f", {len(self._left)} {have(len(self._left))} not ended" if self._left else ""
        return told if self._total == 1 else f"{part_of(len(self._failed), self._total)} failed{still}; {told}"

    def _timed_out(self) -> str:
        # At least one has overrun, even if it ended before it could be told to stop.
        count = max(1, self._stopped_by_us)
        overdue = [one for one in self._failed if one["stop_code"] == STOPPED_ON_REQUEST]
        if overdue and not any(one["started_at"] for one in overdue):
            told, remedy = self._overrun(count, "start"), "look for what held the start up: capacity, addresses, image"
            if failure := next((one.start_up for one in self._run.tasks if one.start_up), None):
                return f"{told} and {were(count)} stopped: {failure.text} -> look at the log of {failure.container}"
        else:
            told, remedy = self._overrun(count, "end"), "shorten the run"
        return f"{told} and {were(count)} stopped -> raise wait_timeout, or {remedy}"

    def _overrun(self, count: int, what: str) -> str:
        limit = f"wait_timeout ({self._params['wait_timeout']:g} s)"
        return f"{share_of(count, self._total)} did not {what} within {limit}"

    def _interrupted(self) -> str:
        run, total = self._run, self._total
        told = f"interrupted by {run.interrupted_by}"
        if not total:
            return f"{told} before a task was launched"
        launched = f", when {total} of {counted(run.wanted)} {were(total)} launched" if total < run.wanted else ""
        if self._left:
            count = len(self._left)
            runs = "runs" if count == 1 else "run"
            return f"{told} {self._after}{launched}: {part_of(count, total)} {runs} on -> {self._how_to_go_on()}"
        if not self._stopped_by_us:
            return f"{told} {self._after}{launched}: {part_of(total, total)} had ended by then"
        stopped = f"{part_of(self._stopped_by_us, total)} {were(self._stopped_by_us)} stopped"
        return f"{told}{launched}: {stopped} {self._after}" + self._ended_before()

    def _not_waited_for(self) -> str:
        run, count = self._run, len(self._left)
        found = self._total - run.launched
        if self._params["state"] == "run" and run.launched == self._total:
            told = f"launched {counted(run.launched)}, not waited for"
        elif self._params["state"] == "run":
            what = counted(run.launched) if run.launched else "nothing"
            told = f"launched {what}, {counted(found)} {are(found)} there from {EARLIER}; not waited for"
        else:
            states = Counter(one["last_status"] for one in self._left)
            what = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
            told = f"{share_of(count, self._total)} {have(count)} not ended: {what}; not waited for"
        return f"{told} -> {self._how_to_go_on()}"

    def _stopped(self) -> str:
        count = self._stopped_by_us
        if not count:
            return self._nothing_to_stop()
        if self._left:
            return f"told {counted(count)} to stop, not waited for"
        return f"{counted(count)} stopped {self._after}" + self._ended_before()

    def _nothing_to_stop(self) -> str:
        if not self._total:
            what = "none of these tasks" if self._params.get("tasks") else f"no task with {self._selection()}"
            return f"nothing to stop: cluster {self._run.cluster} knows {what}"
        return f"nothing to stop: {part_of(self._total, self._total)} {have(self._total)} ended"

    def _ended_before(self) -> str:
        """Count those that had ended before the others were told to stop, or could be followed."""
        others = self._total - max(self._stopped_by_us, len(self._left))
        return f", {others} had ended before" if others > 0 else ""

    def _may_still_run(self) -> str:
        run, count = self._run, len(self._lost)
        reasons = [run.launch_error] if run.launch_error else []
        if run.timed_out:
            overrun = self._overrun(max(count, self._stopped_by_us), "end")
            reasons.append(overrun.replace("the task", "it", 1) if self._total == 1 else overrun)
        if run.interrupted_by:
            reasons.append(f"interrupted by {run.interrupted_by}")
        is_unseen = run.gave_up.startswith(UNSEEN)
        if run.stopped_by_us >= count:
            reasons.append(f"told to stop, but {run.gave_up if is_unseen else UNSEEN}")
        if run.gave_up and not is_unseen:
            reasons.append(run.gave_up)
        told = "; ".join(reasons)
        who = f"{named(self._lost[0])}" if count == 1 else part_of(count, self._total)
        then = "; then " if " -> " in told else " -> "
        how = f"stop it: {self._command(self._lost[0])}" if count == 1 else f"stop them with {self._call('absent')}"
        return f"{who} may still run" + (f": {told}" if told else "") + then + how

    # ---- The lines after it

    def _commands(self) -> Iterator[str]:
        if len(self._lost) < 2:
            return
        yield "or one by one:"
        yield from (self._command(one) for one in self._lost[:COMMANDS_SHOWN])
        if len(self._lost) > COMMANDS_SHOWN:
            yield f"and {len(self._lost) - COMMANDS_SHOWN} more"

    def _other_causes(self) -> Iterator[str]:
        """Tell the causes that the first line does not tell, each once with how many it hit."""
        by_cause: dict[str, list[TaskResult]] = {}
        for one in self._failed:
            # Who was stopped by us, or is not known to have ended, is told of in the first line.
            if one["cause"] and not (self._stopped_by_us and one["stop_code"] == STOPPED_ON_REQUEST):
                by_cause.setdefault(one["cause"], []).append(one)
        first_line = self.of_end()
        others = {cause: hit for cause, hit in by_cause.items() if cause not in first_line}
        for cause, hit in list(others.items())[:CAUSES_SHOWN]:
            yield one_line(f"{named(hit[0]) if len(hit) == 1 else counted(len(hit))}: {cause}")
        if len(others) > CAUSES_SHOWN:
            yield f"and {len(others) - CAUSES_SHOWN} more causes"

    # ---- How to go on

    def _how_to_go_on(self) -> str:
        it = "it" if len(self._left) == 1 else "them"
        return f"follow {it} with {self._call('watch')}; stop {it} with {self._call('absent')}"

    def _call(self, state: str) -> str:
        return f"state={state} {self._selection()}"

    def _selection(self) -> str:
        """Name the options that select these tasks."""
        if given := self._params.get("tasks"):
            return f"tasks={','.join(given)}" if len(given) <= TASKS_NAMED else "and the same tasks"
        # By the token alone only tasks are found that carry the mark which is made of it.
        given_mark = self._params.get("started_by")
        options = {"started_by": given_mark, "client_token": self._run.client_token}
        return " ".join(f"{name}={value}" for name, value in options.items() if value)

    def _command(self, task: TaskResult) -> str:
        options = {"cluster": self._run.cluster, "task": task["task_id"]}
        return aws_command("ecs stop-task", options, self._params, region_of(task))
