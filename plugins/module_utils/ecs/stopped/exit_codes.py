# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container's exit code means: by the shell's and the kernel's conventions, and by those of the load tester."""

from __future__ import annotations

import signal
from typing import NamedTuple

SIGNALLED = 128  # a process that a signal ended has this and the signal's number as its exit code
LOOK = "look at the log"


class Meaning(NamedTuple):
    """The kind of an end, what it means, and how to mend it."""

    kind: str
    what: str
    remedy: str


PASSED = Meaning("passed", "passed", "")

# The exit codes of `ddbload run`.
DDBLOAD_MEANINGS = {
    0: PASSED,
    1: Meaning("exit_code", "internal error", "look at the last log lines, and report them"),
    2: Meaning("exit_code", "bad configuration", "mend the scenario"),
    3: Meaning("exit_code", "a threshold failed", "the table did not behave as asked: look at the results"),
    4: Meaning("exit_code", "lost or corrupt writes", "look at the results before the table is used again"),
    5: Meaning(
        "exit_code",
        "target unusable or nothing proved",
        "check the table's name, the task role and the network path to DynamoDB, and what failed in the results",
    ),
    6: Meaning("exit_code", "stopped early", "the results are partial"),
}

SIGNAL_REMEDIES = {
    "SIGKILL": "out of memory, or it did not end within stopTimeout: give it more memory, or more time to end",
    "SIGTERM": "something stopped it: see who",
    "SIGINT": "something stopped it: see who",
}

# https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html
SHELL_MEANINGS = {
    126: Meaning(
        "command", "the command cannot be executed", "see that the file is executable, and for this architecture"
    ),
    127: Meaning("command", "the command was not found", "mend the command, or put the file into the image"),
    255: Meaning("exit_code", "failed", f"{LOOK}; exec format error in it means an image for another architecture"),
}


def exit_meaning(exit_code: int, speaks_ddbload: bool = False) -> Meaning:
    """Tell what an exit code means.

    Args:
        exit_code: a container's.
        speaks_ddbload: whether the container was the load tester, whose own codes then count.
    """
    if speaks_ddbload and exit_code in DDBLOAD_MEANINGS:
        return DDBLOAD_MEANINGS[exit_code]
    if exit_code == 0:
        return PASSED
    if name := signal_name(exit_code):
        return Meaning("signal", f"ended by {name}", SIGNAL_REMEDIES.get(name, f"it crashed: {LOOK}"))
    return SHELL_MEANINGS.get(exit_code, Meaning("exit_code", "failed", LOOK))


def signal_name(exit_code: int) -> str:
    """Return the name of the signal that an exit code tells of; empty where it tells of none."""
    try:
        return signal.Signals(exit_code - SIGNALLED).name
    except ValueError:
        return ""
