# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An address of the loopback for each task, as an elastic network interface gives one to each task of Fargate."""

from __future__ import annotations

import socket
from collections.abc import Iterator

NETWORK = "127.77"
HOSTS = 254  # of each third number: 0 and 255 are left out, as they are the network's in a real subnet
SUBNETS = 256


class AddressError(RuntimeError):
    """No address is free."""


class Addresses:
    """The addresses of an engine's tasks; no two engines of this machine give out the same one at a time.

    Args:
        start: any number; engines with different numbers look for a free address in different parts of the network.
    """

    def __init__(self, start: int) -> None:
        self._candidates = candidates(start)
        self._leases: dict[str, tuple[str, socket.socket]] = {}

    def of(self, task: str) -> str:
        """Return the address of a task, the same one until it is released.

        Raises:
            AddressError: all addresses are in use.
        """
        if task not in self._leases:
            for _attempt in range(SUBNETS * HOSTS):
                address = next(self._candidates)
                if lease := _lease(address):
                    self._leases[task] = (address, lease)
                    break
            else:
                raise AddressError(f"no address of {NETWORK}.0.0/16 is free -> stop some of the running tasks")
        return self._leases[task][0]

    def release(self, task: str) -> None:
        """Let other tasks have a task's address."""
        if task in self._leases:
            self._leases.pop(task)[1].close()


def candidates(start: int) -> Iterator[str]:
    """Yield all addresses again and again, so that an address rests for as long as possible before it is reused."""
    number = start * HOSTS
    while True:
        subnet, host = divmod(number % (SUBNETS * HOSTS), HOSTS)
        yield f"{NETWORK}.{subnet}.{host + 1}"
        number += 1


def _lease(address: str) -> socket.socket | None:
    """Take an address for this process; None where another process has it.

    The kernel keeps abstract sockets by network namespace, as it does addresses, and frees them when a process ends:
    https://man7.org/linux/man-pages/man7/unix.7.html
    """
    lease = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lease.bind(f"\0ddbload-task-address-{address}")
    except OSError:
        lease.close()
        return None
    return lease
