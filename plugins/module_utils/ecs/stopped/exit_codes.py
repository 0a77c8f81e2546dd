# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The meaning of a container's exit code, by the conventions of the shell, the kernel and the load tester."""

from __future__ import annotations

import signal

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

SIGNALLED = 128  # a process that a signal ended has this and the signal's number as its exit code
LOOK = "look at the log"


PASSED = Problem("passed", "passed")

# The exit codes of `ddbload run`.
DDBLOAD_MEANINGS = {
    0: PASSED,
    1: Problem("exit_code", "internal error", "look at the last log lines, and report them"),
    2: Problem("exit_code", "bad configuration", "fix the scenario"),
    3: Problem("exit_code", "a threshold failed", "look at the results"),
    4: Problem("exit_code", "lost or corrupt writes", "look at the results before the table is used again"),
    5: Problem(
        "exit_code",
        "target unusable or nothing proved",
        "check the table's name, the task role and the network path to DynamoDB, and what failed in the results",
    ),
    6: Problem("exit_code", "stopped early", "the results are partial"),
}

SIGNAL_REMEDIES = {
    "SIGKILL": "out of memory, or it did not end within stopTimeout: give it more memory, or more time to end",
    "SIGTERM": "something stopped it: see who",
    "SIGINT": "something stopped it: see who",
}

# https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html
SHELL_MEANINGS = {
    126: Problem(
        "command", "the command cannot be executed", "see that the file is executable, and for this architecture"
    ),
    127: Problem("command", "the command was not found", "fix the command, or put the file into the image"),
    255: Problem("exit_code", "failed", f"{LOOK}; exec format error in it means an image for another architecture"),
}


def exit_meaning(exit_code: int, is_load_tester: bool = False) -> Problem:
    """Return the meaning of an exit code.

    Args:
        exit_code: the container's exit code.
        is_load_tester: whether the container is the load tester, which gives its exit codes meanings of its own.
    """
    if is_load_tester and exit_code in DDBLOAD_MEANINGS:
        return DDBLOAD_MEANINGS[exit_code]
    if exit_code == 0:
        return PASSED
    if name := signal_name(exit_code):
        return Problem("signal", f"ended by {name}", SIGNAL_REMEDIES.get(name, f"it crashed: {LOOK}"))
    return SHELL_MEANINGS.get(exit_code, Problem("exit_code", "failed", LOOK))


def signal_name(exit_code: int) -> str:
    """Return the name of the signal that ended a process with this exit code; empty where no signal did."""
    try:
        return signal.Signals(exit_code - SIGNALLED).name
    except ValueError:
        return ""
