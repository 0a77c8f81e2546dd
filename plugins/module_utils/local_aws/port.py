# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP ports of this machine: whether one is free, else the process that listens on it."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

LISTENING = "0A"  # the state in /proc/net/tcp; see proc_pid_net(5)


def can_listen(address: str, port: int) -> bool:
    """Return whether a server could listen on a port of an IPv4 address; port 0 checks the address alone.

    Raises:
        OSError: for a reason other than a port in use or an address of another host, such as a privileged port.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
                return False
            raise
    return True


def next_free_port(address: str, port: int) -> int:
    """Return the first free port above a taken one; the taken one where there is none."""
    return next((other for other in range(port + 1, min(port + 100, 65536)) if can_listen(address, other)), port)


def port_owner(port: int) -> str:
    """Name the process that listens on a port, as far as /proc shows it."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        try:
            if any(_target(entry) in inodes for entry in (process / "fd").iterdir()):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                return f"process {process.name} ({command[:80]})"
        except OSError:
            continue  # it has ended, or is another user's
    return "another process"


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            rows = table.read_text(encoding="utf-8").splitlines()[1:]
        except OSError:
            continue
        # Column 1 is address:port in hexadecimal, column 3 the state, column 9 the inode.
        columns = [row.split() for row in rows]
        inodes |= {row[9] for row in columns if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port}
    return inodes


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""
