# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MCP server realserverfaketools: tools with the original's names and fixed results."""

from __future__ import annotations

from collections.abc import Mapping

from mcp.server import MCPServer

from mcp_gateway_stand_in.servers import mcp_server

NAME, PORT = "realserverfaketools-server", 8002
server = MCPServer("realserverfaketools", log_level="WARNING")


@server.tool()
def quantum_flux_analyzer(energy_level: int = 5) -> dict[str, object]:
    """Analyze nothing, and return a result that depends on the energy level alone.

    Args:
        energy_level: from 1 to 10.
    """
    return {"energy_level": energy_level, "flux": energy_level * 7 % 11, "is_fake": True}


@server.tool()
def neural_pattern_synthesizer(patterns: list[str]) -> dict[str, object]:
    """Return the patterns in order.

    Args:
        patterns: any texts.
    """
    return {"patterns": sorted(patterns), "is_fake": True}


@server.tool()
def hyper_dimensional_mapper(coordinates: list[float]) -> dict[str, object]:
    """Return the sum of the coordinates.

    Args:
        coordinates: any numbers.
    """
    return {"sum": sum(coordinates), "is_fake": True}


def run(environment: Mapping[str, str]) -> None:
    """Serve until a signal."""
    mcp_server.run(server, NAME, PORT, environment)
