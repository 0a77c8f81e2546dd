# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to a Docker Engine API (https://docs.docker.com/reference/api/engine/), and a GET over a UNIX socket."""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import struct
from collections.abc import Mapping
from urllib.parse import urlsplit

DEFAULT_HOST = "unix:///var/run/docker.sock"
TIMEOUT = 3.0  # seconds for one question to an engine of this machine


def docker_host(environ: Mapping[str, str]) -> str:
    """Return where the operator's Docker engine is, as DOCKER_HOST writes it."""
    return environ.get("DOCKER_HOST") or DEFAULT_HOST


def get(url: str, path: str, pid: int | None = None) -> tuple[int, bytes]:
    """Send a GET to a server of this machine, through no proxy.

    Args:
        url: ``unix:///path/of/socket``, ``tcp://host:port`` or ``http://host:port``.
        path: path of the request.
        pid: of the process that has to be behind a UNIX socket; None where any may be.

    Returns:
        Status and body; status 0 where no HTTP server, or another process, answers there.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "localhost", parts.port, timeout=TIMEOUT)
    try:
        if parts.scheme == "unix":
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(TIMEOUT)
            connection.sock.connect(parts.path)
            if pid is not None and _peer(connection.sock) not in (None, pid):
                return 0, b""
        elif parts.scheme not in ("tcp", "http"):
            return 0, b""
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def answers(host: str, pid: int | None = None) -> bool:
    """Return whether a Docker Engine API responds at the address; an engine behind ssh or TLS does not count.

    Args:
        host: where it is, as DOCKER_HOST writes it.
        pid: of the process that has to be behind a UNIX socket; None where any may be.
    """
    return get(host, "/_ping", pid) == (200, b"OK")


def _peer(connection: socket.socket) -> int | None:
    """Return the pid of the process that listens on a UNIX socket; None where the system does not say: unix(7)."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


def bridge_address(host: str) -> str:
    """Return this machine's address on the engine's default bridge, by which containers reach it; empty if unknown."""
    status, body = get(host, "/networks/bridge")
    try:
        configs = json.loads(body)["IPAM"]["Config"] if status == 200 else []
        return next(filter(None, map(own_address, configs)), "")
    except (ValueError, KeyError, TypeError):
        return ""


def own_address(config: Mapping[str, str]) -> str:
    """Return the IPv4 address that the engine has in a subnet of its bridge; empty for a subnet of IPv6.

    An engine that has just made its bridge names no gateway until its next start. It has the subnet's first address.

    Raises:
        ValueError: the subnet is none.
    """
    if gateway := config.get("Gateway"):
        return gateway if "." in gateway else ""
    subnet = ipaddress.ip_network(config.get("Subnet", "::/0"))
    return str(subnet[1]) if subnet.version == 4 else ""
