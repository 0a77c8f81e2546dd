# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An address of the loopback for each DB cluster and each proxy, since no DNS server resolves their names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from embedded_aws.front.addresses import HOSTS, NoAddressError, is_taken


@dataclass
class Addresses:
    """The addresses of one embedded AWS.

    Attributes:
        network: the first three numbers of the addresses.
        is_taken: whether another process listens on a port of an address.
    """

    network: str
    is_taken: Callable[[str, int], bool] = is_taken
    _hosts: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of_port(cls, port: int) -> Addresses:
        """Return the addresses for the embedded AWS that listens on a port; another port has other addresses."""
        return cls(f"127.79.{port % 256}")

    def host(self, arn: str, port: int) -> str:
        """Return the address of a DB cluster or proxy; a new one gets the first on which nothing uses the port.

        Raises:
            NoAddressError: none is free.
        """
        with self._lock:
            if arn not in self._hosts:
                candidates = (f"{self.network}.{number}" for number in range(1, HOSTS + 1))
                used = set(self._hosts.values())
                free = (host for host in candidates if host not in used and not self.is_taken(host, port))
                if (host := next(free, None)) is None:
                    raise NoAddressError(f"no address of {self.network}.0/24 is free for a database")
                self._hosts[arn] = host
            return self._hosts[arn]

    def release(self, arn: str) -> None:
        """Let another have the address."""
        with self._lock:
            self._hosts.pop(arn, None)
