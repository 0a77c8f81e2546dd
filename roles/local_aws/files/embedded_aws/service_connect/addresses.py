# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loopback addresses of client aliases, as Service Connect has 127.255.0.0/16 inside of a task."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

from embedded_aws.front.addresses import can_listen
from embedded_aws.service_connect.configuration import Alias

HOSTS = 254


class AliasAddresses:
    """The addresses of one embedded AWS: one for each name of each namespace, so that no namespace has another's."""

    def __init__(self, port: int, can_listen: Callable[[str, int], bool] = can_listen) -> None:
        """Prepare.

        Args:
            port: of the embedded AWS; another port has other addresses.
            can_listen: whether this user can listen on a port of an address.
        """
        self._network = f"127.255.{port % 256}"
        self._can_listen = can_listen
        self._hosts: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def host(self, namespace: str, name: str) -> str:
        """Return the address of a name in a namespace, always the same one.

        Raises:
            ValueError: all addresses are in use.
        """
        with self._lock:
            if (namespace, name) not in self._hosts:
                if len(self._hosts) >= HOSTS:
                    raise ValueError(
                        f"no address of {self._network}.0/24 is free for {name} -> start the emulator anew"
                    )
                self._hosts[namespace, name] = f"{self._network}.{len(self._hosts) + 1}"
            return self._hosts[namespace, name]

    def check(self, namespace: str, alias: Alias) -> None:
        """Check that Envoy can listen on a new alias.

        Raises:
            ValueError: it cannot.
        """
        host = self.host(namespace, alias.name)
        if not self._can_listen(host, alias.port):
            remedy = "use a port from 1024 on" if alias.port < 1024 else "stop what listens there, or use another port"
            raise ValueError(f"{alias.name}:{alias.port} cannot be served, {host}:{alias.port} is not free -> {remedy}")


def endpoint_name(namespace: str, alias: Alias) -> str:
    """Return the name of an alias for Envoy, such as ``connect-web-80-0123456789``."""
    digest = hashlib.sha256(namespace.encode()).hexdigest()[:10]
    return f"connect-{alias.name}-{alias.port}-{digest}".replace(".", "-")
