# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens and marks that identify the tasks of a call."""

from __future__ import annotations

import hashlib
import re

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
CLIENT_TOKEN = re.compile(r"[!-~]{1,64}")
STARTED_BY = re.compile(r"[A-Za-z0-9_/-]{1,128}")
# An environment variable of every launched task, by which a repeated call knows its tasks: no ECS API
# returns a task's client token.
TOKEN_VARIABLE = "ECS_TASK_RUN_TOKEN"


def mark_of(client_token: str) -> str:
    """Make the mark on the tasks of a token, for where the user gives none: other tokens have other marks.

    Returns:
        Up to 128 characters that ``startedBy`` may have, the token itself where it has no others.
    """
    readable = f"ecs_task_run/{client_token}"
    if STARTED_BY.fullmatch(readable):
        return readable
    return f"ecs_task_run-sha256/{hashlib.sha256(client_token.encode()).hexdigest()}"


def batch_token(client_token: str, batch: int, attempt: int) -> str:
    """Make the token of one call of RunTask: other arguments, another token.

    Args:
        client_token: the token of the whole run.
        batch: number of the call within the run, from 0.
        attempt: number of the attempt, from 0.

    Returns:
        Up to 64 characters of 33 to 126 in ASCII. A token may serve one request only:
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
    """
    readable = token_value(client_token, batch, attempt)
    return readable if CLIENT_TOKEN.fullmatch(readable) else hashlib.sha256(readable.encode()).hexdigest()


def token_value(client_token: str, batch: int, attempt: int) -> str:
    """Write what ``TOKEN_VARIABLE`` says of a task: the call of RunTask that launched it."""
    return f"{client_token}/{batch}/{attempt}"


def parse_token_value(text: str) -> tuple[str, int, int] | None:
    """Read what ``token_value`` wrote; None where it is something else."""
    match = re.fullmatch(r"(.+)/(0|[1-9][0-9]*)/(0|[1-9][0-9]*)", text, re.DOTALL)
    return (match[1], int(match[2]), int(match[3])) if match else None
