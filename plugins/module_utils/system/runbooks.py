# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section of docs/runbooks.md that says what to do about an alarm."""

from __future__ import annotations

import re
from collections.abc import Mapping

PAGE = "docs/runbooks.md"
# Titles of sections by kind of alarm.
RUNBOOKS: Mapping[str, str] = {
    "cpu": "A service is short of CPU or memory",
    "memory": "A service is short of CPU or memory",
    "errors": "A service returns errors",
    "unhealthy": "Targets are unhealthy",
    "latency": "A service is slow",
    "first-task": "Messages wait and no task runs",
    "capacity": "A database is at its capacity",
    "load": "A database is at its capacity",
    "age": "Messages wait too long",
    "dead-letters": "Messages are in the dead-letter queue",
    "failed": "Runs of a job fail",
    "missed": "Runs of a job were not started",
}


def anchor(title: str) -> str:
    """Return the anchor of a section: lower-case words with hyphens."""
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def with_runbook(kind: str, description: str) -> str:
    """Return the description of an alarm with the section that says what to do about it.

    Args:
        kind: of the alarm, such as cpu.
        description: what the alarm means, without a full stop.
    """
    return f"{description}. Runbook: {PAGE}#{anchor(RUNBOOKS[kind])}"
