# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands, by the names of the jobs; those that set the gateway up come first, in their order."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from mcp_gateway_jobs import realm, registration, scopes, tool
from mcp_gateway_jobs.requests import JobError


def _realm() -> list[str]:
    import boto3  # the other jobs need Python alone
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return realm.run(os.environ, boto3.client("secretsmanager", region_name=os.environ.get("AWS_REGION")))
    except (BotoCoreError, ClientError) as error:
        raise JobError(f"Secrets Manager: {error} -> check the region, the ARN and the role of the task") from error


JOBS: dict[str, Callable[[], list[str]]] = {
    "realm": _realm,
    "scopes": lambda: scopes.run(os.environ),
    "registration": lambda: registration.run(os.environ),
    "tool": lambda: tool.run(os.environ),
}


def main() -> int:
    """Run a job and print what has changed.

    Returns:
        0 after success, 1 where the job fails, 2 for an invalid argument.
    """
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in JOBS:
        print(f"usage: mcp-gateway-job JOB, one of {', '.join(JOBS)}", file=sys.stderr)
        return 2
    try:
        changes = JOBS[name]()
    except JobError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    print("\n".join(changes) or "nothing to change", flush=True)
    return 0
