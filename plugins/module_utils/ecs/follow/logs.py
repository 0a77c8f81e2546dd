# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of a run's tasks: those of many tasks by one reader for the log group, else stream by stream.

Lines with numbers come in their order. A log with a gap, without numbers, or of one of the first failed tasks is read
once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain, is_expired, is_transient
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogEvent, LogReader
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.log_group import LogGroupReader
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import FollowedTask, Run
from ansible_collections.gantry.ecs.plugins.module_utils.live.events import event_of, parse_object
from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveFeed
from ansible_collections.gantry.ecs.plugins.module_utils.live.line_order import numbered
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

# GetLogEvents takes 25 calls a second in an account and region, FilterLogEvents 5:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
STREAM_CALLS_PER_SECOND, STREAM_CALLS_BURST = 18.0, 5.0
GROUP_CALL_PAUSE = 0.25  # seconds
GROUP_PAGES = 4  # pages that one look reads at most
MOST_STREAMS = 10  # tasks whose streams are read one by one, each every second
LOG_PAUSE = 1.0  # seconds between two looks at one log, and between two sweeps over the group
LOG_GRACE = 60.0  # seconds after a task's end for which its log may be out of reach
SETTLED = 0.5  # seconds without a line after the one that is known to be the last
# Failed tasks with numbered lines whose logs are read a second time: the cause of hundreds is mostly one.
SECOND_PASSES = 25
GAP_GRACE = 3.0  # seconds in which a missing line may come by itself
THROTTLED_FIRST, THROTTLED_LAST = 1.0, 8.0  # seconds between two calls that do not succeed
GROUP_GRACE = 20.0  # seconds for which the group may be out of reach before its streams are read one by one
CLOCK_DIFFERENCE_S = 10.0  # between ECS and the hosts that write the lines

Key = tuple[str, str]  # log group, and prefix of the streams' names


class LogFollower:
    """Reads what is due of the logs of a run.

    Args:
        logs: gives a CloudWatch Logs client that tries each call once.
        run: the run; its tasks keep what their logs say.
        params: the module's parameters.
        feed: takes the lines.
        renew: makes the next client with credentials read anew.
        warn: takes a warning.
        ended: is called once the last line of a task that runs has come.
        clock: seconds, monotonic.
        sleep: waits for a number of seconds.
        interrupted: returns whether to come back at once.

    Attributes:
        behind: whether the last read left lines that can be read at once.
    """

    def __init__(
        self,
        logs: Callable[[], Any],
        run: Run,
        params: Mapping[str, Any],
        feed: LiveFeed,
        renew: Callable[[], None],
        warn: Callable[[Problem], None],
        ended: Callable[[], None],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        interrupted: Callable[[], bool],
    ) -> None:
        self._logs, self._run, self._params, self._feed = logs, run, params, feed
        self._renew, self._warn, self._ended = renew, warn, ended
        self._clock, self._sleep, self._interrupted = clock, sleep, interrupted
        self._log_at: dict[str, float] = {}
        self._calls, self._calls_at = STREAM_CALLS_BURST, clock()
        self._second_passes: set[str] = set()  # ids of the tasks
        self._has_noted_bound = False
        self._groups: dict[Key, LogGroupReader] = {}
        self._sweep_began: dict[Key, float] = {}
        self._swept: dict[Key, float] = {}  # when the last complete sweep began
        self._group_at = self._group_pause = 0.0
        self._group_trouble_since: float | None = None
        self.behind = False
        self._one_by_one = False  # whether the log group cannot be read as a whole

    def read(self) -> None:
        """Read what is due, within the quotas of CloudWatch Logs."""
        self.behind = False
        unread = [one for one in self._run.tasks if may_have_unread_log(one)]
        key = self._group_key()
        together = [one for one in unread if key and _key(one) == key]
        if key and together:
            self._read_group(key, together)
        # The group may have turned out to be unreadable.
        key = self._group_key()
        self._read_streams([one for one in unread if _key(one) != key or self._needs_pass(one, key)], key)

    def _group_key(self) -> Key | None:
        """Return the group and prefix that most tasks write to, where they are read together."""
        tasks = self._run.tasks
        if self._one_by_one or max(self._run.wanted, len(tasks)) <= MOST_STREAMS:
            return None
        keys = [_key(one) for one in tasks if one.log]
        return max(set(keys), key=keys.count, default=None)

    # ---- All streams together

    def _read_group(self, key: Key, tasks: Sequence[FollowedTask]) -> None:
        reader = self._groups.get(key)
        if reader is None:
            reader = self._groups[key] = LogGroupReader(*key, start_ms=_start_ms(tasks))
        # A task may write before it is seen to run.
        by_stream = {one.log.stream: one for one in self._run.tasks if one.log and not one.log_complete}
        for _page in range(GROUP_PAGES):
            if not reader.within_sweep and self._clock() < self._sweep_began.get(key, 0.0) + LOG_PAUSE:
                break
            pause = self._group_at - self._clock()
            if pause > GROUP_CALL_PAUSE or self._interrupted():
                return
            if pause > 0:
                self._sleep(pause)
            if not self._read_page(key, reader, by_stream):
                return
        self.behind = reader.within_sweep
        for one in tasks:
            self._end_by_numbers(one, key)

    def _read_page(self, key: Key, reader: LogGroupReader, by_stream: Mapping[str, FollowedTask]) -> bool:
        began = self._clock()
        if not reader.within_sweep:
            self._sweep_began[key] = began
        self._group_at = began + GROUP_CALL_PAUSE
        swept = reader.swept
        try:
            # A stream that is at its end need not be read again from there.
            found = reader.read(self._logs(), [stream for stream, one in by_stream.items() if not one.has_said_all])
        except Exception as error:
            self._tolerate_in_group(reader, error)
            return False
        self._group_pause, self._group_trouble_since = 0.0, None
        if reader.swept > swept:
            self._swept[key] = self._sweep_began[key]
        for stream, events in found.items():
            # Other runs write to the same group.
            one = by_stream.get(stream)
            if one and one.log:
                self._take(one, one.log.add(events))
        return True

    def _tolerate_in_group(self, reader: LogGroupReader, error: Exception) -> None:
        now = self._clock()
        if is_expired(error):
            self._renew()
        since = self._group_trouble_since = now if self._group_trouble_since is None else self._group_trouble_since
        if (is_transient(error) or is_expired(error)) and now - since < GROUP_GRACE:
            self._group_pause = min(max(2 * self._group_pause, THROTTLED_FIRST), THROTTLED_LAST)
            self._group_at = now + self._group_pause
            return
        self._one_by_one = True
        what = "cannot read the log group as a whole, its streams are read one by one and lines come later"
        self._feed.note(explain(error, what, f"log group {reader.group}").line())

    def _end_by_numbers(self, one: FollowedTask, key: Key) -> None:
        """Take the log of a stopped task for complete without a second pass, where its numbers show no gap."""
        is_swept = self._swept.get(key, -1.0) > one.last_line_at
        if one.stopped and is_swept and self._is_quiet(one) and not self._wants_second_pass(one):
            self._complete(one)

    def _needs_pass(self, one: FollowedTask, key: Key | None) -> bool:
        """Return whether a log that is read with its group has to be read by itself: for a gap, or at its end."""
        if self._has_old_gap(one):
            return True
        if not one.stopped or key is None or self._swept.get(key, -1.0) <= one.last_line_at:
            return False
        return self._is_quiet(one) and self._wants_second_pass(one)

    def _wants_second_pass(self, one: FollowedTask) -> bool:
        """Return whether the log of a stopped task is read a second time: not whole, and within the bound."""
        if _is_whole(one):
            return False
        is_bounded = bool(one.order.writers) and one.order.gap_since is None
        if not is_bounded or one.task_id in self._second_passes or len(self._second_passes) < SECOND_PASSES:
            return True
        if not self._has_noted_bound:
            self._has_noted_bound = True
            self._feed.note(
                f"the logs of {SECOND_PASSES} failed tasks are read once more, those of the others are complete by "
                "the numbers of their lines"
            )
        return False

    def _has_old_gap(self, one: FollowedTask) -> bool:
        return one.order.gap_since is not None and self._clock() - one.order.gap_since >= GAP_GRACE

    # ---- Stream by stream

    def _read_streams(self, tasks: Sequence[FollowedTask], group_key: Key | None) -> None:
        now = self._clock()
        earned = (now - self._calls_at) * STREAM_CALLS_PER_SECOND
        self._calls, self._calls_at = min(STREAM_CALLS_BURST, self._calls + earned), now
        due = [one for one in tasks if self._log_at.get(one.task_id, 0.0) <= now]
        # The log that waits the longest comes first, so that none starves where not all can be read at once.
        for one in sorted(due, key=lambda one: self._log_at.get(one.task_id, 0.0)):
            if self._calls < 1 or self._interrupted() or one.log is None:
                return
            self._log_at[one.task_id] = now + LOG_PAUSE
            logs = CountedCalls(self._logs())
            try:
                if group_key is not None and _key(one) == group_key:
                    # The tasks before this one may have reached the bound.
                    if self._needs_pass(one, group_key):
                        self._read_again(one, one.log, logs)
                else:
                    self._read_log(one, one.log, logs)
            except Exception as error:
                self._tolerate_in_log(one, error)
            finally:
                self._calls -= logs.count

    def _read_log(self, one: FollowedTask, log: LogReader, logs: CountedCalls) -> None:
        if events := log.read(logs):
            self._take(one, events)
            return
        if self._has_old_gap(one):
            self._read_again(one, log, logs)
            return
        # Without a line there may be no stream at all, whose end could be met.
        if not one.stopped or not (log.caught_up or not log.lines):
            return
        if self._is_quiet(one):
            if self._wants_second_pass(one):
                self._read_again(one, log, logs)
            else:
                self._complete(one)

    def _read_again(self, one: FollowedTask, log: LogReader, logs: CountedCalls) -> None:
        """Read a log from its head, for lines from before the last read position; then it has no gaps to wait for."""
        has_ended = one.stopped and self._is_quiet(one)
        if has_ended:
            self._second_passes.add(one.task_id)
        self._take(one, log.read_again(logs))
        self._pass_on(one, one.order.rest())
        if has_ended:
            self._complete(one)

    def _is_quiet(self, one: FollowedTask) -> bool:
        """Return whether no line has come for as long as one may take."""
        wait = SETTLED if _has_last_line(one) else self._params["log_tail_wait"]
        return bool(self._clock() - one.last_line_at >= wait)

    def _complete(self, one: FollowedTask) -> None:
        log = one.log
        timestamp = log.events[-1]["timestamp"] if log and log.events else 0
        self._take_whole(one, one.pieces.rest(), timestamp)
        self._pass_on(one, one.order.rest())
        one.log_complete = True

    def _tolerate_in_log(self, one: FollowedTask, error: Exception) -> None:
        """Go on without the log where it cannot be read: states and exit codes still show how the task ends."""
        if is_expired(error):
            self._renew()
        may_pass = is_expired(error) or is_transient(error)
        if may_pass and not (one.stopped and self._clock() - one.last_line_at > LOG_GRACE):
            return
        self._complete(one)
        group = one.log.group if one.log else None
        self._warn(explain(error, "cannot read the tasks' log lines", f"log group {group}"))

    # ---- Their lines

    def _take(self, one: FollowedTask, events: Sequence[LogEvent]) -> None:
        for event in events:
            one.last_line_at = self._clock()
            self._take_whole(one, one.pieces.take(event["message"]), event["timestamp"])

    def _take_whole(self, one: FollowedTask, lines: Sequence[str], timestamp: int) -> None:
        """Take lines that no log driver has cut."""
        for line in lines:
            content = parse_object(line)
            event = LogEvent(timestamp=timestamp, message=line)
            self._pass_on(one, one.order.take(event, numbered(content), self._clock()))
            if content and event_of(content):
                self._note_event(one, content)

    def _pass_on(self, one: FollowedTask, events: Sequence[LogEvent]) -> None:
        if events:
            self._feed.log(one.task_id, events)

    def _note_event(self, one: FollowedTask, event: Mapping[str, Any]) -> None:
        """Keep what an event of the load tester says of its task."""
        name = event["event"]
        one.is_load_tester |= name.startswith("run.")
        # Of tasks that were found, how many were launched is unknown.
        tasks = self._run.wanted if self._params.get("state", "run") == "run" else None
        if one.task["index"] is None and (index := index_of(event, tasks)) is not None:
            one.task = {**one.task, "index": index}
        if name == "run.summary":
            # A summary has some 20 kB: those of many tasks fill Ansible's result.
            one.summary = event if self._run.wanted == 1 else None
            one.final_line |= not event.get("exit_code")
        elif name == "run.failed":
            # A failed run says run.failed last.
            one.failure, one.final_line = event, True
        if name in ("run.failed", "run.died") or (name == "run.summary" and not event.get("exit_code")):
            one.ended_writers.add(repr(event.get("worker")))
        if _has_last_line(one) and not one.stopped:
            self._ended()


class CountedCalls:
    """A CloudWatch Logs client that counts its calls, since reading takes one or several."""

    def __init__(self, client: Any) -> None:
        self._client, self.count = client, 0

    def get_log_events(self, **request: Any) -> Any:
        """Call GetLogEvents."""
        self.count += 1
        return self._client.get_log_events(**request)


def may_have_unread_log(one: FollowedTask) -> bool:
    """Return whether a task's log may hold lines that were not read."""
    has_begun = one.start_up is not None or one.task["last_status"] not in ("PROVISIONING", "PENDING")
    return one.log is not None and not one.log_complete and has_begun


def index_of(event: Mapping[str, Any], tasks: int | None) -> int | None:
    """Return which of the tasks writes an event, from 0; None where the event does not say.

    Args:
        event: of the load tester.
        tasks: how many tasks were launched; None where that is unknown. The processes of a task share its segment of
            the plan: the segments of task i have the numbers i, i + tasks, i + 2 * tasks and so on.
    """
    segment = event.get("segment")
    index = event.get("index") if event.get("event") == "run.ready" else None
    if event.get("event") == "run.started" and isinstance(segment, Mapping) and tasks and tasks > 1:
        count, number = segment.get("count"), segment.get("index")
        if isinstance(count, int) and isinstance(number, int) and count > 0 and count % tasks == 0:
            index = number % tasks
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        return None
    return index if tasks is None or index < tasks else None


def _has_last_line(one: FollowedTask) -> bool:
    """Return whether the line came after which none is expected: of each process, and of the failure of all together.

    The processes of a task may pass one by one and miss a threshold together: run.failed then comes after their ends.
    """
    exit_code = one.task["exit_code"] if one.stopped else 0
    explains = not exit_code or (one.failure or {}).get("exit_code") == exit_code
    return one.final_line and one.order.writers <= one.ended_writers and explains


def _is_whole(one: FollowedTask) -> bool:
    """Return whether the numbers of a stopped task's lines show that its log is whole.

    Lines without a number, for example a traceback, may be missing unseen: a task that failed is not whole.
    """
    return one.has_said_all and not one.task["exit_code"]


def _key(one: FollowedTask) -> Key:
    """Return the log group of a task, and the prefix of its stream's name."""
    return (one.log.group, one.log.stream.rpartition("/")[0] + "/") if one.log else ("", "")


def _start_ms(tasks: Sequence[FollowedTask]) -> int:
    """Return an instant before the first line of tasks; ms since 1970."""
    created = [datetime.fromisoformat(one.task["created_at"]).timestamp() for one in tasks if one.task["created_at"]]
    return max(0, round((min(created, default=time.time()) - CLOCK_DIFFERENCE_S) * 1000))
