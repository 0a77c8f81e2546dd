# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugins that run a module and show its progress while it runs."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from io import TextIOWrapper
from itertools import groupby
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any, Protocol

from ansible import constants
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.gantry.ecs.plugins.module_utils.live.events import printable
from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveReader
from ansible_collections.gantry.ecs.plugins.module_utils.text.figures import number_of
from ansible_collections.gantry.ecs.plugins.plugin_utils.stdout_callback import is_for_people
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.terminal import CLEAR, INDENT, Shown


def copy_of(stream: IO[str]) -> int | None:
    """Return a descriptor for what a stream writes to, which outlives the stream; None where it has none."""
    try:
        return os.dup(stream.fileno())
    except (OSError, ValueError):
        return None


PAUSE = 0.2  # seconds between two reads of the module's progress
PATIENCE = 5.0  # seconds that a message to the process that displays it may take
# A program reads stdout where its callback is not for people.
TO_STDERR = not is_for_people(constants.DEFAULT_STDOUT_CALLBACK)
STREAM = sys.stderr if TO_STDERR else sys.stdout
# Ansible flushes nothing, and Python keeps 8 KiB for a pipe or a file: the log of a CI would show the lines late.
if isinstance(STREAM, TextIOWrapper):
    STREAM.reconfigure(line_buffering=True)
# Asked while the plugin is loaded, in the process that owns the terminal; the one that runs it has no streams any more.
IS_TERMINAL = STREAM.isatty() and os.environ.get("TERM") != "dumb"
# Ansible displays nothing more after an interrupt: what is said then goes to the stream itself.
AFTER_INTERRUPT = copy_of(STREAM)
UNKNOWN_SIZE = (80, 24)  # columns and lines
# Python looks at the variable COLUMNS and at stdout first.
COLUMNS = shutil.get_terminal_size(os.get_terminal_size(STREAM.fileno()) if STREAM.isatty() else UNKNOWN_SIZE).columns
HANDED_ON = {signal.SIGINT, signal.SIGTERM}
display = Display()


class View(Protocol):
    """Selects the text to display from the records that a module writes."""

    def take_all(self, records: Iterable[Mapping[str, Any]]) -> list[Shown]:
        """Take records that came together; returns what to display now."""

    def end(self) -> list[Shown]:
        """Return the held back text."""


class LiveAction(ActionBase):  # type: ignore[misc]  # no types are published for it
    """Gives the module a file for its progress, and displays the records in it.

    Attributes:
        module: full name of the module.
        leave_s: seconds for which an interrupted play shows how the module stops what it has started; the module goes
            on without the play.
    """

    module: str
    leave_s = 0.0
    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if not self._is_shown():
            return result | self._module(task_vars, None)
        with tempfile.TemporaryDirectory(dir=constants.DEFAULT_LOCAL_TMP, ignore_cleanup_errors=True) as folder:
            live = Path(folder, "live")
            # Several hosts at once would draw over each other's line.
            refreshes = IS_TERMINAL and len((task_vars or {}).get("ansible_play_batch", [])) <= 1
            with Showing(live, self.view(COLUMNS, refreshes), self.leave_s, self.in_background):
                return result | self._module(task_vars, live)

    def view(self, columns: int, refreshes: bool) -> View:
        """Return the view that selects the text to display.

        Args:
            columns: of the terminal.
            refreshes: whether a line of progress may be drawn over.
        """
        raise NotImplementedError

    def in_background(self, requested: int, tasks: int) -> str:
        """Return the line on what the module continues to do when an interrupted play leaves it.

        Args:
            requested: number of tasks whose stop is requested.
            tasks: number of tasks to stop; 0 where the module has not reported it.
        """
        return background_stop(requested, tasks)

    @property
    def is_waited_for(self) -> bool:
        """Whether the module takes its time."""
        return bool(boolean(self._task.args.get("wait", True), strict=False))

    def _is_shown(self) -> bool:
        """Return whether there is progress to show, and a file for it."""
        is_at_once = self._task.check_mode or self._task.async_val
        is_wanted = self._task.args.get("show") != "none" and not self._task.no_log
        return bool(self.is_waited_for and not is_at_once and is_wanted and self._connection.transport == "local")

    def _module(self, task_vars: dict[str, Any] | None, live: Path | None) -> dict[str, Any]:
        arguments = self._task.args | ({"_live": str(live)} if live else {})
        try:
            done: dict[str, Any] = self._execute_module(
                module_name=self.module, module_args=arguments, task_vars=task_vars, wrap_async=self._task.async_val
            )
        except BaseException:
            # Such as the task's `timeout`, which does not reach the module: it must not go on unseen.
            interrupt_module()
            raise
        return done


class Showing:
    """While entered, by the main thread, displays what comes in the live file.

    Args:
        live: the file of records; it need not exist yet.
        view: selects the text to display.
        leave_s: seconds for which a stop is shown after an interrupt.
        in_background: returns the line on a stop that has not ended by then, given the tasks reached and all tasks.
    """

    def __init__(
        self,
        live: Path,
        view: View,
        leave_s: float = 0.0,
        in_background: Callable[[int, int], str] | None = None,
    ) -> None:
        self._reader, self._view, self._leave_s = LiveReader(str(live)), view, leave_s
        self._in_background = in_background or background_stop
        self._is_over = threading.Event()
        self._displaying = threading.Lock()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._handlers: dict[signal.Signals, Any] = {}
        self._is_leaving = False

    def __enter__(self) -> Showing:
        self._handlers = {number: signal.signal(number, self._hand_on) or signal.SIG_DFL for number in HANDED_ON}
        # A signal that came to this thread would not wake up the main one, which has to hand it on to the module.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDED_ON)
        try:
            self._thread.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _hand_on(self, number: int, frame: FrameType | None) -> None:
        """Let Ansible end this process by a signal, but not in the middle of a message to the one that displays it.

        That would hold the lock of Ansible's queue for ever, and ansible-playbook would wait for it at its end.
        """
        # Ansible sends SIGTERM right after the user's SIGINT, whose stop is being shown.
        if self._is_leaving:
            return
        self._is_leaving = True
        is_interrupted = self._leave_s > 0 and interrupt_module(signal.Signals(number))
        is_quiet = self._displaying.acquire(timeout=PATIENCE)
        try:
            if is_quiet and is_interrupted:
                self._show_stop()
            handler = self._handlers[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)
            else:
                signal.signal(number, handler)
                os.kill(os.getpid(), number)
        finally:
            if is_quiet:
                self._displaying.release()

    def _show_stop(self) -> None:
        """Show for a while how the interrupted module stops its tasks; it goes on without this process."""
        until, requested, tasks = time.monotonic() + self._leave_s, 0, 0
        while time.monotonic() < until:
            records = self._reader.read()
            for record in records:
                if record.get("kind") == "note":
                    write_line(f"{INDENT}{printable(str(record.get('text', '')), None)}")
            stops = [record for record in records if record.get("kind") == "stop"]
            if stops:
                requested, tasks = (int(number_of(stops[-1].get(name)) or 0) for name in ("requested", "tasks"))
                if requested >= tasks:
                    return
            time.sleep(PAUSE)
        write_line(INDENT + self._in_background(requested, tasks))

    def _show(self) -> None:
        while True:
            # Asked before reading, so that what came last is read too.
            is_over = self._is_over.wait(PAUSE)
            with self._displaying:
                shown(self._view.take_all(self._reader.read()))
                if is_over:
                    shown(self._view.end())
                    return


def shown(lines: Iterable[Shown]) -> None:
    """Display lines; those that belong together by one call, each of which is a message to another process."""
    for (verbosity, newline), together in groupby(lines, key=lambda line: (line.verbosity, line.newline)):
        text = ("\n" if newline else "").join(line.text for line in together)
        if not verbosity:
            # What is drawn over is for the screen; a log file gets whole lines.
            display.display(text, newline=newline, screen_only=not newline, stderr=TO_STDERR)
        elif TO_STDERR and display.verbosity:
            display.display(text, color=constants.COLOR_VERBOSE, stderr=True)
        else:
            display.v(text)


def write_line(text: str) -> None:
    """Write a line to the stream, past Ansible."""
    with suppress(OSError):
        if AFTER_INTERRUPT is not None:
            os.write(AFTER_INTERRUPT, f"{CLEAR if IS_TERMINAL else ''}{text}\n".encode())


def background_stop(requested: int, tasks: int) -> str:
    """Return the line on a stop that continues without the play.

    Args:
        requested: number of tasks whose stop is requested.
        tasks: number of tasks to stop; 0 where the module has not reported it.
    """
    if not tasks:
        return "the tasks are being stopped in the background"
    return f"the stop of {requested} of {tasks} tasks is requested, the others are being stopped in the background"


def interrupt_module(number: signal.Signals = signal.SIGINT) -> bool:
    """Send a signal to the processes that this one started; it leads a process group of its own.

    Returns:
        Whether it does, and the signal was sent.
    """
    before = signal.signal(number, signal.SIG_IGN)
    try:
        if os.getpgid(0) != os.getpid():
            return False
        os.killpg(0, number)
    finally:
        signal.signal(number, before)
    return True
