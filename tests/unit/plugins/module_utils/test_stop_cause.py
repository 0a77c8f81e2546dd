# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ddbload.aws.plugins.module_utils.stop_cause import stop_cause


def task(
    stopped_reason: str | None = None, stop_code: str | None = None, exit_code: int | None = None, reason: str = ""
) -> dict[str, Any]:
    return {
        "last_status": "STOPPED",
        "stop_code": stop_code,
        "stopped_reason": stopped_reason,
        "exit_code": exit_code,
        "containers": [{"name": "ddbload", "exit_code": exit_code, "reason": reason or None}],
    }


EXITED = {"stopped_reason": "Essential container in task exited", "stop_code": "EssentialContainerExited"}
FAILED = "TaskFailedToStart"


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (
            task("CannotPullContainerError: pull image manifest has been retried 1 time(s): x:1: not found", FAILED),
            ["image does not exist", "push"],
        ),
        (
            task("CannotPullContainerError: pull access denied for x, repository does not exist", FAILED),
            ["image does not exist"],
        ),
        (task("CannotPullContainerError: AccessDeniedException: no", FAILED), ["may not be pulled", "execution role"]),
        (task("CannotPullContainerError: dial tcp: i/o timeout", FAILED), ["could not be pulled", "NAT", "ecr.dkr"]),
        (
            task(
                "ResourceInitializationError: failed to validate logger args: cannot find the log group",
                FAILED,
            ),
            ["log driver", "log group"],
        ),
        (
            task(
                "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException: x "
                "is not authorized to perform: ssm:GetParameters",
                FAILED,
            ),
            ["execution role may not read"],
        ),
        (
            task(
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
                "failed: unable to retrieve ecr registry auth: service call has been retried 3 time(s)",
                FAILED,
            ),
            ["could not be fetched", "interface endpoints"],
        ),
        (task("ResourceInitializationError: unable to pull image: 404 Client Error", FAILED), ["image does not exist"]),
        (task("ResourceInitializationError: failed to mount", FAILED), ["surroundings"]),
        (task("Capacity is unavailable at this time. Please try again later", FAILED), ["no capacity", "other zones"]),
        (task(**EXITED, exit_code=137, reason="OutOfMemoryError: Container killed"), ["out of memory", "raise"]),
        (task(**EXITED, exit_code=137), ["SIGKILL", "exit code 137", "memory"]),
        (task(**EXITED, exit_code=143), ["SIGTERM"]),
        (task("Your Spot Task was interrupted.", "SpotInterruption", 143), ["Fargate Spot", "again"]),
        (task("by hand", "UserInitiated", 137), ["stopped on request", "by hand"]),
        (task("something new", FAILED), ["failed to start", "something new"]),
        (task(**EXITED, exit_code=0), ["passed"]),
        (task(**EXITED, exit_code=1), ["internal error"]),
        (task(**EXITED, exit_code=2), ["bad configuration", "scenario"]),
        (task(**EXITED, exit_code=3), ["a threshold failed"]),
        (task(**EXITED, exit_code=4), ["lost or corrupt"]),
        (task(**EXITED, exit_code=5), ["target unusable", "task role"]),
        (task(**EXITED, exit_code=6), ["stopped early"]),
        (task(**EXITED, exit_code=77), ["failed", "exit code 77"]),
        (task(**EXITED), ["without an exit code", "Essential container"]),
    ],
)
def test_cause_says_what_happened_and_how_to_mend_it(ended: dict[str, Any], words: list[str]) -> None:
    cause = stop_cause(ended)
    assert cause is not None and "\n" not in cause
    assert [word for word in words if word not in cause] == [], cause


def test_the_load_testers_own_word_is_used() -> None:
    cause = stop_cause(task(**EXITED, exit_code=3), "put.p99 < 50ms\nwas 71 ms")
    assert cause == "a threshold failed (exit code 3): put.p99 < 50ms was 71 ms"


def test_a_running_task_has_no_cause() -> None:
    assert stop_cause({**task(), "last_status": "RUNNING"}) is None
