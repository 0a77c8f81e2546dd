# SPDX-License-Identifier: Apache-2.0
"""Connections beyond the limit of open files are refused in one line before anything is sent."""

import subprocess
from typing import Any

import pytest
from command import ENVIRONMENT, arguments, seen
from ddbload.run.checks.open_files import excess
from ddbload.scenario import scenario
from server import Server

OPEN = {"connections": 400, "processes": 1}
CLOSED = {"plan": {"type": "closed", "concurrency": 400, "operations": 4000}, "processes": 1, "connections": 1}
FEW_OPERATIONS = {"plan": {"type": "closed", "concurrency": 400, "operations": 90}, "processes": 1, "connections": 1}


@pytest.mark.parametrize(
    ("fields", "tasks", "line"),
    [
        (OPEN, 1, "connections: 400 in 1 process are 400 connections for each, and the limit of open files allows 100"),
        (OPEN | {"processes": 3}, 1, "connections: 400 in 3 processes are 134 connections for each"),
        (OPEN | {"processes": 4}, 1, ""),
        # Connections are those of each task, callers those of all of them.
        (OPEN, 8, "connections: 400 in 1 process are 400 connections for each"),
        (CLOSED, 1, "plan: 400 callers in 1 process are 400 connections for each"),
        (CLOSED, 4, ""),
        (CLOSED | {"processes": 2}, 1, "plan: 400 callers in 2 processes are 200 connections for each"),
        # No more callers than operations are under way.
        (FEW_OPERATIONS, 1, ""),
        (CLOSED, 500, ""),
    ],
)
def test_connections_beyond_the_limit_are_named(fields: dict[str, Any], tasks: int, line: str) -> None:
    found = excess(scenario.parse({"table": "table"} | fields), tasks, 100)
    assert found.startswith(f"scenario: {line}") if line else not found


@pytest.mark.parametrize("fields", [OPEN, CLOSED | {"processes": 2}], ids=["open", "closed"])
def test_too_many_connections_are_refused_before_the_run(fields: dict[str, Any]) -> None:
    """The hard limit is the one that counts: a process raises its soft limit itself."""
    with Server() as server:
        command = ["sh", "-c", 'ulimit -n 200; exec "$@"', "sh", *arguments(server.url, fields)]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
        assert not server.log.requests
    ended = seen(done.returncode, done.stdout, done.stderr)
    assert (ended.code, len(ended.events)) == (2, 1)
    assert "and the limit of open files allows 136 -> " in ended.message
