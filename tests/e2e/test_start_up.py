# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks whose containers wait for each other, run by the module `ecs_task_run` on the embedded AWS."""

from __future__ import annotations

from typing import Any

import pytest
from emulator_env import EmulatorEnv, Play
from launch_env import CONTAINER, LaunchEnv, a_mark

REASON = "the schema is version 7 and this program wants 8"


@pytest.fixture(scope="module")
def there(deployed: tuple[EmulatorEnv, Play], tmp_path_factory: pytest.TempPathFactory) -> LaunchEnv:
    return LaunchEnv(deployed[0], tmp_path_factory.mktemp("launches"))


def container(name: str, program: str, essential: bool = False, **waits_for: str) -> dict[str, Any]:
    return {
        "name": name,
        "essential": essential,
        "command": ["python3", "-u", "-c", program],
        "dependsOn": [{"containerName": other, "condition": condition} for other, condition in waits_for.items()],
    }


def test_failed_start_up_container_is_named_with_its_log(there: LaunchEnv) -> None:
    definition = there.define_containers(
        # The reverse of the order in which they start.
        container(CONTAINER, "print('main has started')", essential=True, migrate="SUCCESS"),
        container("migrate", f"import sys; print('connecting'); print({REASON!r}); sys.exit(3)"),
    )
    mark = a_mark()
    done = there.run(started_by=mark, task_definition=definition)
    assert done.code == 2
    first, *rest = done.message.splitlines()
    assert f"start-up container migrate ended with exit code 3, and {CONTAINER} waits for its success" in first
    assert REASON in [line.strip() for line in rest]
    assert done.logs == [["connecting", REASON]]
    assert "main has started" not in done.output
    (task,) = there.launched(mark)
    assert {one["name"]: one.get("exitCode") for one in task["containers"]} == {"migrate": 3, CONTAINER: None}
    assert (done.tasks[0]["cause_kind"], task["stopCode"]) == ("never_started", "TaskFailedToStart")


@pytest.mark.parametrize(("condition", "code"), [("SUCCESS", 0), ("COMPLETE", 3)])
def test_container_starts_after_its_dependency(there: LaunchEnv, condition: str, code: int) -> None:
    definition = there.define_containers(
        container(CONTAINER, "import time; print(f'main {time.time():.3f}')", essential=True, first=condition),
        container("first", f"import sys, time; time.sleep(1.5); print(f'first {{time.time():.3f}}'); sys.exit({code})"),
    )
    done = there.run(task_definition=definition, exit_container=CONTAINER)
    assert done.code == 0, done.output
    events = there.emulator.client("logs").filter_log_events(logGroupName=there.group)["events"]
    ((_first, ended), (_main, started)) = sorted(event["message"].split() for event in events[-2:])
    # A busy machine starts a process late, but within the play's time limit.
    assert 0 <= float(started) - float(ended) < 60
