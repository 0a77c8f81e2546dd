# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands, by the names of the services; each imports only what its service needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module

from mcp_gateway_stand_in.serving import SettingError

USAGE = "usage: mcp-gateway-stand-in SERVICE, one of "
MODULES = {
    "auth-server": "auth_server.application",
    "currenttime-server": "servers.current_time",
    "flight-booking-agent": "servers.agent",
    "keycloak": "keycloak.application",
    "mcpgw-server": "servers.gateway_tools",
    "realserverfaketools-server": "servers.fake_tools",
    "registry": "registry.application",
    "travel-assistant-agent": "servers.agent",
}


def main() -> int:
    """Run a service until a signal.

    Returns:
        0 after a signal, 1 where it cannot listen, 2 for an invalid argument or variable.
    """
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in MODULES:
        print(USAGE + ", ".join(MODULES), file=sys.stderr)
        return 2
    found = import_module(f"mcp_gateway_stand_in.{MODULES[name]}").run
    run: Callable[[Mapping[str, str]], None] = partial(found, name) if MODULES[name] == "servers.agent" else found
    try:
        run(os.environ)
    except SettingError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{name}: cannot listen: {error}", file=sys.stderr)
        return 1
    return 0
