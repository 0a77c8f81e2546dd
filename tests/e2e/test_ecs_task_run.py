# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `ecs_task_run`, run in playbooks for real: its tasks are processes on the embedded AWS."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from emulator_env import EmulatorEnv, Play
from launch_env import CONTAINER, LaunchEnv, a_mark, counted, counting, counting_until, python

SLEEP = "time.sleep(120)"


@pytest.fixture(scope="module")
def there(deployed: tuple[EmulatorEnv, Play], tmp_path_factory: pytest.TempPathFactory) -> LaunchEnv:
    return LaunchEnv(deployed[0], tmp_path_factory.mktemp("launches"))


def test_task_is_followed_and_each_line_shown_once(there: LaunchEnv) -> None:
    """A task is followed to its end, and every line is shown once and in order."""
    mark = a_mark()
    done = there.run(started_by=mark, overrides=counting(20, pause=0.2))
    assert done.code == 0
    assert (done.result["changed"], done.result["launched"], done.result["exit_code"]) == (True, 1, 0)
    assert done.logs == [done.shown_log] == [counted(20)]
    assert "RUNNING after" in done.shown
    (task,) = there.launched(mark)
    assert (done.tasks[0]["task_arn"], done.tasks[0]["last_status"]) == (task["taskArn"], "STOPPED")
    assert done.tasks[0]["cause_kind"] == "passed"


def test_failing_command_fails_the_play(there: LaunchEnv) -> None:
    """A failing command fails the play with its exit code and its last lines."""
    done = there.run(overrides=counting(30, end="sys.exit(1)"))
    assert done.code == 2
    assert (done.result["exit_code"], done.tasks[0]["exit_code"]) == (1, 1)
    first, *rest = done.message.splitlines()
    assert "exit code 1" in first
    assert [line for line in counted(30) if any(line == words.strip() for words in rest)] == counted(30)[-10:]


def test_killed_command_is_reported_with_its_signal(there: LaunchEnv) -> None:
    done = there.run(overrides=python("import os; os.kill(os.getpid(), 9)"))
    assert done.code == 2
    assert done.result["exit_code"] == 137
    assert "SIGKILL" in done.message


def test_only_the_named_exit_codes_fail(there: LaunchEnv) -> None:
    program = "import os, sys; sys.exit((1, 3)[os.environ['PART'].startswith('1')])"
    done = there.run(overrides=python(program), count=2, index_variable="PART", fail_on=["2-5", "41"])
    assert done.code == 2
    assert [task["exit_code"] for task in done.tasks] == [1, 3]
    assert "exit code 3" in done.message
    assert "1 of 2" in done.message


def test_long_log_is_complete(there: LaunchEnv) -> None:
    done = there.run(overrides=counting(12_000), show="none", log_lines=-1)
    assert done.code == 0
    assert done.logs == [counted(12_000)]
    assert done.shown_log == []


def test_log_file_holds_every_line_of_this_run_only(there: LaunchEnv, tmp_path: Path) -> None:
    """The log file holds every line of every task and replaces that of an earlier run."""
    path = tmp_path / "tasks.log"
    path.write_text("a line of an earlier run\n")
    done = there.run(overrides=counting(50), count=3, log_file=str(path), log_lines=5)
    assert done.code == 0
    assert done.logs == [counted(50)[-5:]] * 3
    assert Counter(path.read_text().splitlines()) == dict.fromkeys(counted(50), 3)


def test_overrunning_task_is_stopped_and_keeps_its_lines(there: LaunchEnv) -> None:
    mark = a_mark()
    done = there.run(started_by=mark, overrides=counting(3, end=SLEEP), wait_timeout=10)
    assert done.code == 2
    assert done.result["timed_out"]
    assert "wait_timeout (10 s)" in done.message
    assert done.logs == [counted(3)]
    (task,) = there.launched(mark)
    assert task["lastStatus"] == "STOPPED"
    assert "wait_timeout" in task["stoppedReason"]


def test_ctrl_c_stops_the_tasks(there: LaunchEnv) -> None:
    mark = a_mark()
    launch = there.start(started_by=mark, count=2, overrides=counting(1, end=SLEEP))
    launch.wait_for("line 0")
    launch.interrupt()
    assert launch.end().code != 0
    assert there.all_stopped(mark)
    assert len(there.launched(mark)) == 2


def test_ctrl_c_leaves_detached_tasks_to_another_call(there: LaunchEnv, tmp_path: Path) -> None:
    """Ctrl-C leaves detached tasks running, and another call follows them to their end."""
    mark = a_mark()
    gate = tmp_path / "gate"
    overrides = counting_until(gate, shown=3, lines=20, end="sys.exit(7)")
    launch = there.start(started_by=mark, on_interrupt="detach", overrides=overrides)
    launch.wait_for("line 2")
    launch.interrupt()
    assert launch.end().code != 0
    (task,) = there.launched(mark)
    assert task["lastStatus"] == "RUNNING"
    watch = there.start(state="watch", started_by=mark)
    watch.wait_for("line 2")
    gate.touch()
    done = watch.end()
    assert done.code == 2
    assert [one["task_arn"] for one in done.tasks] == [task["taskArn"]]
    assert (done.result["exit_code"], done.result["launched"]) == (7, 0)
    assert done.logs == [done.shown_log] == [counted(20)]


def test_a_task_keyword_timeout_stops_the_tasks(there: LaunchEnv) -> None:
    mark = a_mark()
    done = there.run(started_by=mark, overrides=counting(1, end=SLEEP), timeout=15)
    assert done.code == 2
    assert done.shown_log == ["line 0"]
    assert there.all_stopped(mark)
    assert len(there.launched(mark)) == 1


def test_killed_playbook_leaves_no_task_beyond_its_timeout(there: LaunchEnv) -> None:
    """A playbook that is killed leaves no task running beyond its timeout."""
    mark = a_mark()
    launch = there.start(started_by=mark, overrides=counting(1, end=SLEEP), wait_timeout=15)
    launch.wait_for("line 0")
    os.kill(launch.process.pid, signal.SIGKILL)
    assert launch.process.wait() == -signal.SIGKILL
    assert there.launched(mark)[0]["lastStatus"] == "RUNNING"
    assert there.all_stopped(mark)
    assert "wait_timeout" in there.launched(mark)[0]["stoppedReason"]


def test_25_tasks_get_their_index_and_each_is_launched_once(there: LaunchEnv) -> None:
    mark = a_mark()
    program = (
        "import os, sys; mine = os.environ['PART']; print('part', mine); sys.exit(int(mine.partition('/')[0]) % 3)"
    )
    done = there.run(started_by=mark, count=25, index_variable="PART", overrides=python(program), fail_on=[])
    assert done.code == 0
    assert len(there.launched(mark)) == done.result["launched"] == 25
    assert [(task["index"], task["exit_code"]) for task in done.tasks] == [(index, index % 3) for index in range(25)]
    assert done.logs == [[f"part {index}/25"] for index in range(25)]


def test_25_tasks_are_launched_in_batches(there: LaunchEnv) -> None:
    """25 tasks are launched in batches, and one that fails makes the play fail."""
    mark = a_mark()
    # The last task fails: when all 25 are launched, whatever the machine's pace.
    folder = there.folder / mark.replace("/", "-")
    folder.mkdir()
    end = (
        "for number in range(25):\n"
        "    try:\n"
        f"        os.mkdir({str(folder)!r} + '/%d' % number)\n"
        "        break\n"
        "    except FileExistsError:\n"
        "        pass\n"
        "sys.exit(9 if number == 24 else 0)"
    )
    done = there.run(started_by=mark, count=25, overrides=counting(2, end=end))
    assert done.code == 2
    assert Counter(task["exit_code"] for task in done.tasks) == {0: 24, 9: 1}
    assert done.logs == [counted(2)] * 25
    assert {task["taskArn"] for task in there.launched(mark)} == {task["task_arn"] for task in done.tasks}
    assert "1 of 25" in done.message


def test_missing_image_is_reported_with_its_name(there: LaunchEnv) -> None:
    image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/ddbload-local:nowhere"
    done = there.run(task_definition=there.define(image))
    assert done.code == 2
    assert done.tasks[0]["cause_kind"] == "image"
    assert image in done.message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cluster": "nowhere"}, "nowhere"),
        ({"task_definition": "nobody"}, "nobody"),
        ({"overrides": {"containers": [{"name": "other"}]}}, "other"),
        ({"overrides": {"containers": [{"name": CONTAINER, "command": ["x" * 8200]}]}}, "8,192"),
    ],
    ids=["cluster", "task_definition", "container", "overrides"],
)
def test_launch_error_is_one_line_and_launches_nothing(there: LaunchEnv, options: dict[str, Any], words: str) -> None:
    """A request that ECS refuses is one line and launches nothing."""
    mark = a_mark()
    done = there.run(started_by=mark, **options)
    assert done.code == 2
    assert words in done.message
    assert " -> " in done.message
    assert len(done.message.splitlines()) == 1
    assert there.launched(mark) == []


def test_repeated_token_finds_its_tasks(there: LaunchEnv) -> None:
    """A call that is repeated with its token finds its tasks and launches nothing."""
    token = a_mark()
    call: dict[str, Any] = {
        "client_token": token,
        "started_by": token,
        "count": 2,
        "overrides": counting(10, pause=0.6),
    }
    first = there.start(**call)
    first.wait_for("line 0")
    meanwhile = there.run(**call)
    runs = [first.end(), meanwhile, there.run(**call)]
    assert [run.code for run in runs] == [0, 0, 0]
    assert [(run.result["launched"], run.result["changed"]) for run in runs] == [(2, True), (0, False), (0, False)]
    for run in runs:
        assert {task["task_arn"] for task in run.tasks} == {task["taskArn"] for task in there.launched(token)}
        assert run.logs == [counted(10)] * 2


def test_detached_launch_is_stopped_by_its_mark(there: LaunchEnv) -> None:
    mark = a_mark()
    launched = there.run(started_by=mark, overrides=python(f"import time; {SLEEP}"), wait=False)
    assert launched.code == 0
    assert launched.result["detached"]
    assert re.search(r"state\W+watch", launched.message)
    assert there.launched(mark)[0]["lastStatus"] != "STOPPED"
    stopped = there.run(state="absent", started_by=mark)
    assert (stopped.code, stopped.result["changed"]) == (0, True)
    assert [task["lastStatus"] for task in there.launched(mark)] == ["STOPPED"]
    again = there.run(state="absent", started_by=mark)
    assert (again.code, again.result["changed"]) == (0, False)


def test_check_mode_checks_everything_and_launches_nothing(there: LaunchEnv) -> None:
    mark = a_mark()
    done = there.run("--check", started_by=mark)
    assert (done.code, done.result["changed"], done.tasks) == (0, True, [])
    bad = there.run("--check", started_by=mark, network_configuration={"subnets": ["subnet-0a1b2c3d4e5f60718"]})
    assert bad.code == 2
    assert "subnet-0a1b2c3d4e5f60718" in bad.message
    assert there.launched(mark) == []
