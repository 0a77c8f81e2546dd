# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.cause import EXITED_REASON, stop_cause
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import task_of
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, parsed
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line
from hypothesis import assume, given
from hypothesis import strategies as st

ARN = "arn:aws:ecs:us-east-1:111122223333:task/cluster/0cc175b9c0f1b6a831c399e269772661"
EXITED = {"stopCode": "EssentialContainerExited", "stoppedReason": EXITED_REASON}
RAN = {"startedAt": "2026-01-01T00:00:00+00:00"}
FAILED = {"stopCode": "TaskFailedToStart"}
OOM = "OutOfMemoryError: Container killed due to memory usage"
NO_IMAGE = (
    "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref x:1: not found"
)
BY_HAND = {"stopCode": "UserInitiated", "stoppedReason": "by hand"}


def container(exit_code: int | None = None, reason: str | None = None, name: str = "app") -> dict[str, Any]:
    fields = {"name": name, "exitCode": exit_code, "reason": reason}
    return {key: value for key, value in fields.items() if value is not None}


def cause_of(described: dict[str, Any], *containers: dict[str, Any], **more: Any) -> Problem:
    task = task_of({"taskArn": ARN, "lastStatus": "STOPPED", "containers": list(containers)} | described, ["app"])
    cause = stop_cause(task | more)
    assert cause is not None
    return cause


@pytest.mark.parametrize(
    ("described", "containers", "kind", "text"),
    [
        (EXITED | RAN, [container(0)], "passed", "passed (exit code 0)"),
        (EXITED | RAN, [container(3)], "exit_code", "failed (exit code 3) -> look at the log"),
        (
            EXITED | RAN,
            [container(137, OOM)],
            "memory",
            f"a container ran out of memory (exit code 137): {OOM} -> raise the memory of the task or the container",
        ),
        (
            EXITED | RAN,
            [container(137)],
            "signal",
            "ended by SIGKILL (exit code 137) -> out of memory, or it did not end within stopTimeout: give it more "
            "memory, or more time to end",
        ),
        (EXITED | RAN, [container(143)], "signal", "ended by SIGTERM (exit code 143) -> something stopped it: see who"),
        (
            EXITED | RAN,
            [container()],
            "unknown",
            "ended without an exit code -> look at the log, and at the task in the ECS console",
        ),
        (
            FAILED | {"stoppedReason": NO_IMAGE},
            [container(reason=NO_IMAGE)],
            "image",
            f"the image does not exist: {NO_IMAGE} -> push it, or fix its name and tag in the task definition",
        ),
        (
            FAILED | {"stoppedReason": "something new"},
            [container()],
            "never_started",
            "the task failed to start: something new -> check the execution role, the image, and the subnet's way out",
        ),
        (FAILED | {"stoppedReason": "x"}, [container(0)], "never_started", "the task failed to start (exit code 0): x"),
        ({"stoppedReason": "gone"}, [container()], "never_started", "the task failed to start: gone"),
        (BY_HAND | RAN, [container(143)], "stopped", "stopped on request (exit code 143): by hand"),
        (BY_HAND | RAN, [container(0)], "stopped", "stopped on request (exit code 0): by hand"),
        (
            BY_HAND | RAN,
            [container(137)],
            "stopped",
            "stopped on request (exit code 137): by hand -> it did not end within stopTimeout: raise it, or let the "
            "container end on SIGTERM",
        ),
        (BY_HAND, [container()], "stopped", "stopped before it started: by hand -> if it took long to start"),
        (BY_HAND, [container(reason=NO_IMAGE)], "image", f"the image does not exist: by hand | {NO_IMAGE}"),
        (
            {"stopCode": "SpotInterruption", "stoppedReason": "Your Spot Task was interrupted."} | RAN,
            [container(0)],
            "spot",
            "interrupted: Spot took its capacity back (exit code 0): Your Spot Task was interrupted. -> run it again",
        ),
        (
            {"stopCode": "TerminationNotice"} | RAN,
            [container(143)],
            "retired",
            "stopped: its host is taken out of service",
        ),
        ({"stopCode": "InfrastructureHealth"} | RAN, [container()], "retired", "stopped: its host is not healthy"),
        (
            {"stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Scaling activity initiated by (deployment x)"},
            [container(143)],
            "stopped",
            "stopped by a service's scheduler (exit code 143): Scaling activity",
        ),
        (
            {"stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Task failed container health checks"},
            [container(143)],
            "health",
            "a health check failed (exit code 143)",
        ),
        ({"stopCode": "ServiceSchedulerInitiated"}, [container(0)], "stopped", "stopped by a service's scheduler"),
    ],
)
def test_a_stopped_task_has_a_cause(
    described: dict[str, Any], containers: list[dict[str, Any]], kind: str, text: str
) -> None:
    cause = cause_of(described, *containers)
    assert cause.kind == kind and cause.line().startswith(text), cause
    assert stop_cause({"last_status": "RUNNING"}) is None


def test_a_caller_s_stop_reason_is_not_parsed() -> None:
    """The reason that a caller passes to StopTask is not parsed as one of ECS."""
    assert cause_of({"stopCode": "UserInitiated", "stoppedReason": OOM} | RAN, container(0)).kind == "stopped"


def test_a_nonessential_container_does_not_fail_a_task() -> None:
    cause = cause_of(EXITED | RAN, container(0), container(137, OOM, "sidecar"))
    assert cause == ("passed", f"passed (exit code 0): {OOM}", "")


def test_runtime_error_does_not_hide_an_exit_code() -> None:
    """An error of the container runtime does not hide an exit code."""
    trouble = "CannotInspectContainerError: Could not transition to inspecting"
    assert cause_of(EXITED | RAN, container(3, trouble)).kind == "exit_code"
    assert cause_of(EXITED | RAN, container(None, trouble)).kind == "unknown"


def test_container_with_the_exit_code_is_named() -> None:
    """Of several containers, the one with the exit code is named."""
    cause = cause_of(EXITED | RAN, container(0, name="sidecar"), container(3))
    assert cause.line().startswith("failed (exit code 3 of app)")


def test_a_repeated_reason_is_shown_once() -> None:
    cause = cause_of(FAILED | {"stoppedReason": NO_IMAGE}, container(reason=NO_IMAGE), container(reason=NO_IMAGE))
    assert cause.line().count(NO_IMAGE) == 1


INTERRUPTED = Problem("ddbload", "interrupted by SIGTERM")


def task(exit_code: int | None, **more: Any) -> dict[str, Any]:
    return {"last_status": "STOPPED", "exit_code": exit_code, "containers": []} | more


def test_the_load_tester_s_message_is_used() -> None:
    cause = stop_cause(task(3), parsed("ddbload", "put.p99 < 50ms\nwas 71 ms"))
    assert cause and cause.line().startswith(
        "a threshold failed (exit code 3): put.p99 < 50ms was 71 ms -> look at the results"
    )
    with_remedy = stop_cause(task(5), parsed("ddbload", "no such table t -> create it"))
    what = "target unusable or nothing proved (exit code 5): no such table t"
    assert with_remedy == ("exit_code", what, "create it")


def test_codes_of_the_load_tester_need_its_log() -> None:
    assert cause_of(EXITED | RAN, container(3), is_load_tester=True).what.startswith("a threshold failed")
    assert cause_of(EXITED | RAN, container(3), is_load_tester=False).what.startswith("failed")


def test_the_cause_of_a_stop_comes_before_the_exit_code() -> None:
    stopped = stop_cause(task(6, stop_code="UserInitiated", stopped_reason="by hand"), INTERRUPTED)
    assert stopped == ("stopped", "stopped on request (exit code 6): by hand | interrupted by SIGTERM", "")


SECRETS = "ResourceInitializationError: unable to pull secrets or registry auth: "
REASONS = st.builds(str.__add__, st.sampled_from(["", OOM, NO_IMAGE, SECRETS]), st.text(max_size=1500))
STOP_CODES = st.sampled_from(
    [None, "EssentialContainerExited", "TaskFailedToStart", "UserInitiated", "SpotInterruption"]
)


@given(STOP_CODES, REASONS, REASONS, st.none() | st.integers(-(2**31), 2**32), st.none() | st.text(max_size=1500))
def test_any_end_is_one_line_with_the_reason_of_ecs(
    stop_code: str | None, stopped_reason: str, reason: str, exit_code: int | None, failed_message: str | None
) -> None:
    assume(one_line(stopped_reason) != EXITED_REASON)
    named = [{"name": "n" * 255, "exit_code": exit_code, "reason": reason}, {"name": "other"}]
    ended = task(exit_code, stop_code=stop_code, stopped_reason=stopped_reason, containers=named)
    cause = stop_cause(ended, None if failed_message is None else parsed("ddbload", failed_message))
    assert cause is not None and cause.kind and cause.line().isprintable() and len(cause.line()) < 900
    assert one_line(stopped_reason)[:100] in cause.what


@pytest.mark.parametrize("length", [10, 400])
def test_a_long_reason_still_names_its_secret(length: int) -> None:
    """The middle of a long reason is left out, which is where ECS writes the secret's ARN."""
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/key-AbCdEf"
    fetch = (
        f"ResourceInitializationError: unable to pull secrets or registry auth: {'x' * length} failed to fetch secret"
    )
    missing = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
    cause = cause_of(FAILED | {"stoppedReason": f"{fetch} {arn} {'y' * length} {missing}"}, container())
    assert cause.kind == "secrets"
    assert cause.what.count("team/key-AbCdEf") == 1 and cause.what.startswith("a secret has no value")
