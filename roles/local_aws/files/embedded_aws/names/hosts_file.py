# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts file of a task, in place of the machine's: https://man7.org/linux/man-pages/man5/hosts.5.html."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

MACHINE = Path("/etc/hosts")
LOCALHOST = "localhost"


def content(machine: str, names: Mapping[str, str], task_address: str) -> str:
    """Return the content of a task's hosts file.

    The containers of a task on Fargate reach each other by ``localhost``; here they listen on the task's address.

    Args:
        machine: content of the machine's hosts file, whose other names stay.
        names: the address of each host name of the embedded AWS.
        task_address: the loopback address of the task, which ``localhost`` becomes.
    """
    lines = [f"{task_address} {LOCALHOST}"]
    lines += [f"{address} {name}" for name, address in sorted(names.items())]
    hidden = {LOCALHOST, *names}
    for line in machine.splitlines():
        address, *known = line.partition("#")[0].split() or [""]
        if kept := [name for name in known if name.lower() not in hidden]:
            lines.append(f"{address} {' '.join(kept)}")
    return "".join(f"{line}\n" for line in lines)


class HostsFile:
    """A hosts file that running tasks see; a change keeps the file, since a mount of it stays with its inode."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written = ""

    def write(self, text: str) -> None:
        """Write the content where it has changed, in one call, so that no reader finds the file empty."""
        if text == self._written:
            return
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            encoded = text.encode()
            # Empty lines stand where the former content was longer.
            os.pwrite(descriptor, encoded.ljust(os.fstat(descriptor).st_size, b"\n"), 0)
        finally:
            os.close(descriptor)
        self._written = text

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
