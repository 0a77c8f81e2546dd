# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MCP server currenttime."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mcp.server import MCPServer

from mcp_gateway_stand_in.servers import mcp_server

NAME, PORT = "currenttime-server", 8000
server = MCPServer("currenttime", log_level="WARNING")


@server.tool()
def current_time_by_timezone(tz_name: str = "America/New_York") -> str:
    """Return the current time in a time zone.

    Args:
        tz_name: a name of the time zone database, such as Europe/Berlin.
    """
    try:
        zone = ZoneInfo(tz_name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"Error: there is no time zone {tz_name}"
    return datetime.now(zone).strftime("%Y-%m-%d %H:%M:%S %Z%z")


@server.tool()
def time_zone_names(area: str = "Europe") -> list[str]:
    """Return some names of time zones.

    Args:
        area: the part before the slash.
    """
    cities = {"Europe": ["Berlin", "Paris"], "America": ["New_York", "Sao_Paulo"], "Asia": ["Kolkata", "Tokyo"]}
    return [f"{area}/{city}" for city in cities.get(area, [])]


def run(environment: Mapping[str, str]) -> None:
    """Serve until a signal."""
    mcp_server.run(server, NAME, PORT, environment)
