# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README names each stand-in, job, port and variable that there is, and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mcp_gateway_jobs import realm
from mcp_gateway_jobs.commands import JOBS
from mcp_gateway_stand_in.auth_server import application as auth_server
from mcp_gateway_stand_in.commands import MODULES
from mcp_gateway_stand_in.keycloak import application as keycloak
from mcp_gateway_stand_in.registry import application as registry
from mcp_gateway_stand_in.servers import agent, current_time, fake_tools, gateway_tools

SYSTEM = Path(__file__).parents[3] / "systems" / "mcp_gateway"
TEXT = (SYSTEM / "README.md").read_text()
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
PORTS = {
    "auth-server": [auth_server.PORT],
    "currenttime-server": [current_time.PORT],
    "flight-booking-agent": [agent.PORT],
    "keycloak": [keycloak.PORT, keycloak.MANAGEMENT_PORT],
    "mcpgw-server": [gateway_tools.PORT],
    "realserverfaketools-server": [fake_tools.PORT],
    "registry": [registry.HTTP_PORT, registry.API_PORT],
    "travel-assistant-agent": [agent.PORT],
}


def rows() -> dict[str, list[str]]:
    """Return the cells of the tables whose first cell is a name in backquotes; a key of a description is none."""
    found = [re.split(r"\s*\|\s*", line.strip("| ")) for line in TEXT.splitlines() if re.match(r"\| `[a-z-]+` ", line)]
    return {cells[0].strip("`"): cells[1:] for cells in found}


def read_by(folder: Path) -> set[str]:
    """Return the variables that the sources below a folder read from an environment."""
    reads = re.compile(r'environment(?:\.get\(|, |\[)"([A-Z0-9_]+)"')
    texts = [path.read_text() for path in folder.rglob("*.py")]
    tuples = r'\(((?:"[A-Z_]+"(?:, )?)+)\)'
    loops = re.compile(f"for name in {tuples}|^(?:URLS|    names) = {tuples}", re.M)
    listed = [name for text in texts for found in loops.findall(text) for name in VARIABLE.findall(" ".join(found))]
    return {name for text in texts for name in reads.findall(text)} | set(listed)


def quoted(text: str) -> set[str]:
    """Return the variables in backquotes; a value may follow."""
    return {name for name in re.findall(r"`([A-Z][A-Z0-9_]+)(?:=\w+)?`", text) if VARIABLE.fullmatch(name)}


def test_each_service_and_job_has_a_row() -> None:
    assert rows().keys() == MODULES.keys() | JOBS.keys()


def test_the_ports_are_those_of_the_programs() -> None:
    shown = {name: [int(port) for port in re.findall(r"\d+", rows()[name][0])] for name in MODULES}
    assert shown == PORTS


def test_each_variable_of_a_stand_in_is_described() -> None:
    described = set().union(*(quoted(" ".join(rows()[name])) for name in MODULES))
    assert described == read_by(SYSTEM / "stand_in") - {"TASK_ADDRESS"}
    assert "`TASK_ADDRESS`" in TEXT


def test_each_variable_of_a_job_is_described() -> None:
    jobs = TEXT.partition("## The jobs")[2]
    document = json.loads(realm.FILE.read_text())
    in_file = {one["secret_variable"] for one in document["clients"]}
    in_file |= {one["password_variable"] for one in document["users"]}
    assert quoted(jobs) == read_by(SYSTEM / "jobs") - {"ADMIN_USER"} | in_file
