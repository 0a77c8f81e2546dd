# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugins that show their module's messages while it runs."""

from __future__ import annotations

import json
import os
import select
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.action import cfn_stack, ecs_task_run
from ansible_collections.gantry.ecs.plugins.plugin_utils import live_action
from ansible_collections.gantry.ecs.plugins.plugin_utils.live_action import HANDED_ON
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.terminal import Shown


class Scripted:
    """An action plugin over a module with scripted messages."""

    module: str

    def __init__(self, records: list[dict[str, Any]], transport: str = "local", **settings: Any) -> None:
        self._task = SimpleNamespace(args=settings.pop("args", {}), check_mode=False, async_val=0, no_log=False)
        vars(self._task).update(settings)
        self._connection = SimpleNamespace(transport=transport)
        self.records, self.arguments = records, {}
        self.errors: list[BaseException] = []

    def _execute_module(self, module_name: str = "", module_args: Any = None, **more: Any) -> dict[str, Any]:
        assert module_name == self.module
        self.arguments = module_args
        if live := module_args.get("_live"):
            with Path(live).open("a") as file:
                file.writelines(json.dumps(record) + "\n" for record in self.records)
        for error in self.errors:
            raise error
        return {"changed": True, "msg": "done"}


class Action(Scripted, ecs_task_run.ActionModule):
    """That of ecs_task_run."""


class StackAction(Scripted, cfn_stack.ActionModule):
    """That of cfn_stack."""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(live_action, "PAUSE", 0.01)
    monkeypatch.setattr(live_action.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(live_action.display, "display", lambda text, **more: lines.append(text))
    monkeypatch.setattr(live_action.display, "v", lambda text, **more: lines.append(f"-v {text}"))
    monkeypatch.setattr(live_action.ActionBase, "run", lambda self, tmp=None, task_vars=None: {})
    return lines


def records(*lines: str) -> list[dict[str, Any]]:
    task_id = "0cc175b9c0f1b6a831c399e269772661"
    return [
        {"kind": "status", "task_id": task_id, "status": "RUNNING", "elapsed_s": 3.0, "timings": {"pull": 1.0}},
        *({"kind": "log", "task_id": task_id, "timestamp": 1, "message": line} for line in lines),
        {"kind": "note", "text": "wait_timeout is over"},
    ]


def test_records_are_displayed_and_the_result_is_returned(shown: list[str]) -> None:
    """The module's records are displayed, and its result is returned."""
    assert Action(records("first", "last")).run() == {"changed": True, "msg": "done"}
    screen = "\n".join(shown)
    assert screen.index("first") < screen.index("last") < screen.index("wait_timeout is over")
    assert any(line.startswith("-v ") and "pull 1.0 s" in line for line in shown)


def test_nothing_is_left_of_the_live_file(shown: list[str], tmp_path: Path) -> None:
    Action(records("a")).run()
    assert list(tmp_path.iterdir()) == []


ALONE: dict[str, Callable[[], Action]] = {
    "check mode": lambda: Action(records("a"), check_mode=True),
    "async": lambda: Action(records("a"), async_val=60),
    "no log": lambda: Action(records("a"), no_log=True),
    "show none": lambda: Action(records("a"), args={"show": "none"}),
    "not waited for": lambda: Action(records("a"), args={"wait": "no"}),
    "on another host": lambda: Action(records("a"), transport="ssh"),
}


@pytest.mark.parametrize("make", ALONE.values(), ids=ALONE)
def test_module_runs_alone_where_nothing_can_be_shown(shown: list[str], make: Callable[[], Action]) -> None:
    """The module runs by itself where nothing is to be shown, or where nothing can be."""
    action = make()
    assert action.run()["msg"] == "done"
    assert "_live" not in action.arguments
    assert shown == []


def test_an_error_of_the_action_interrupts_the_module_too(shown: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "getpgid", lambda pid: os.getpid())
    monkeypatch.setattr(os, "killpg", lambda group, signum: sent.append((group, signum)))
    before = signal.getsignal(signal.SIGINT)
    action = Action(records("a"))
    action.errors.append(TimeoutError("the task's timeout"))
    with pytest.raises(TimeoutError):
        action.run()
    assert sent == [(0, signal.SIGINT)]
    assert signal.getsignal(signal.SIGINT) == before
    assert "a" in "\n".join(shown)


def test_another_process_group_is_not_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getpgid", lambda pid: os.getpid() + 1)
    monkeypatch.setattr(os, "killpg", lambda group, signum: pytest.fail("interrupted another process group"))
    live_action.interrupt_module()


NOTE = [{"kind": "note", "text": "creating stack shop"}]


@pytest.mark.parametrize("wait", ["yes", "no"])
def test_a_stack_is_shown_also_without_wait(shown: list[str], wait: str) -> None:
    assert StackAction(NOTE, args={"wait": wait}).run()["msg"] == "done"
    assert shown == ["  creating stack shop"]


@pytest.mark.parametrize("to_stderr", [False, True])
@pytest.mark.parametrize("action", [Action, StackAction])
def test_lines_go_to_stderr_for_a_callback_for_programs(
    shown: list[str], monkeypatch: pytest.MonkeyPatch, action: type[Action | StackAction], to_stderr: bool
) -> None:
    streams: list[bool] = []
    monkeypatch.setattr(live_action, "TO_STDERR", to_stderr)
    monkeypatch.setattr(live_action.display, "display", lambda text, stderr=False, **more: streams.append(stderr))
    action(NOTE).run()
    assert streams == [to_stderr]


@pytest.mark.parametrize(
    ("to_stderr", "verbosity", "expected"),
    [(True, 1, ["stderr  a"]), (True, 0, ["-v   a"]), (False, 1, ["-v   a"])],
    ids=["program", "program, not verbose", "people"],
)
def test_verbose_lines_go_to_stderr_for_programs(
    shown: list[str], monkeypatch: pytest.MonkeyPatch, to_stderr: bool, verbosity: int, expected: list[str]
) -> None:
    def display(text: str, stderr: bool = False, **more: Any) -> None:
        shown.append(("stderr" if stderr else "stdout") + text)

    monkeypatch.setattr(live_action, "TO_STDERR", to_stderr)
    monkeypatch.setattr(live_action.display, "verbosity", verbosity)
    monkeypatch.setattr(live_action.display, "display", display)
    live_action.shown([Shown("  a", verbosity=1)])
    assert shown == expected


def test_a_stack_may_be_applied_in_silence(shown: list[str]) -> None:
    assert StackAction(NOTE, args={"show": "none"}).run()["msg"] == "done"
    assert shown == []


def test_only_the_main_thread_handles_interrupts(shown: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    masks: list[set[Any]] = []
    read = live_action.LiveReader.read

    def noting_the_mask(reader: live_action.LiveReader) -> list[dict[str, Any]]:
        masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        return read(reader)

    monkeypatch.setattr(live_action.LiveReader, "read", noting_the_mask)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    Action(records("a")).run()
    assert masks and all({signal.SIGINT, signal.SIGTERM} <= mask for mask in masks)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_lines_that_come_together_are_one_message(shown: list[str]) -> None:
    Action(records("first", "second", "third")).run()
    assert any("first\n" in text and "third" in text for text in shown)


def interrupted(begun: threading.Event) -> StackAction:
    """Return an action whose process gets SIGINT while its module runs and a message is written."""

    class Interrupted(StackAction):
        def _execute_module(self, module_name: str = "", module_args: Any = None, **more: Any) -> dict[str, Any]:
            done = super()._execute_module(module_name, module_args)
            assert begun.wait(5)
            os.kill(os.getpid(), signal.SIGINT)
            return done

    return Interrupted(NOTE)


@pytest.mark.parametrize("raises", [False, True])
def test_a_signal_does_not_cut_a_message(shown: list[str], monkeypatch: pytest.MonkeyPatch, raises: bool) -> None:
    order: list[str] = []
    begun = threading.Event()
    arrival, wakeup = os.pipe()
    os.set_blocking(wakeup, False)

    def display_until_signalled(text: str, **more: Any) -> None:
        begun.set()
        assert select.select([arrival], [], [], 5)[0]
        order.append("displayed")

    def end(number: int, frame: Any) -> None:
        order.append("ended")
        if raises:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "killpg", lambda group, signum: None)
    monkeypatch.setattr(live_action.display, "display", display_until_signalled)
    before = signal.signal(signal.SIGINT, end)
    wakeup_before = signal.set_wakeup_fd(wakeup)
    try:
        interrupted(begun).run()
    except KeyboardInterrupt:
        assert raises
    finally:
        signal.set_wakeup_fd(wakeup_before)
        os.close(arrival)
        os.close(wakeup)
        assert signal.signal(signal.SIGINT, before) is end
    assert order == ["displayed", "ended"]


def test_a_later_signal_does_not_end_what_the_first_shows(
    shown: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ansible sends SIGTERM right after the user's SIGINT, while the stop is shown."""
    sent: list[int] = []
    written: list[str] = []
    ended: list[int] = []
    live = tmp_path / "live"

    def interrupt_module(number: signal.Signals) -> bool:
        sent.append(number)
        return True

    def write_line(text: str) -> None:
        if not written:
            os.kill(os.getpid(), signal.SIGTERM)
        written.append(text)

    monkeypatch.setattr(live_action, "interrupt_module", interrupt_module)
    monkeypatch.setattr(live_action, "write_line", write_line)
    monkeypatch.setattr(live_action, "PAUSE", 0.2)
    view = StackAction([]).view(80, False)
    before = {number: signal.signal(number, lambda signum, frame: ended.append(signum)) for number in HANDED_ON}
    try:
        with live_action.Showing(live, view, leave_s=0.05):
            live.write_text("".join(json.dumps({"kind": "note", "text": text}) + "\n" for text in ("one", "two")))
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert written == ["  one", "  two", "  the tasks are being stopped in the background"]
    assert (sent, ended) == ([signal.SIGINT], [signal.SIGINT])


def test_stop_that_is_not_reported_yet_names_no_numbers() -> None:
    """Without a record of the stop its numbers are unknown."""
    assert live_action.background_stop(0, 0) == "the tasks are being stopped in the background"
    assert live_action.background_stop(3, 500).startswith("the stop of 3 of 500 tasks is requested")
