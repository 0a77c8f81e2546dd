# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the load balancers listen on this machine: a loopback address each, with the ports of their listeners."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from embedded_aws.front.model import Address, Description, Record

SUBSTITUTE = 8000  # is added to a port on which this user may not listen: 80 becomes 8080, 443 becomes 8443
PROBED = (80, 443, SUBSTITUTE + 80, SUBSTITUTE + 443)
HOSTS = 254


class NoAddressError(RuntimeError):
    """No address is left for a load balancer."""


def can_listen(host: str, port: int) -> bool:
    """Return whether this user can listen on a port of a loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def is_taken(host: str, port: int) -> bool:
    """Return whether another process listens on a port of a loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


@dataclass
class Addresses:
    """The addresses of one embedded AWS.

    Attributes:
        network: the first three numbers of the addresses.
        can_listen: whether this user can listen on a port of an address.
        is_taken: whether another process listens there.
    """

    network: str
    can_listen: Callable[[str, int], bool] = can_listen
    is_taken: Callable[[str, int], bool] = is_taken
    _hosts: dict[str, str] = field(default_factory=dict)
    _listeners: dict[str, tuple[int, Address]] = field(default_factory=dict)
    _described: set[str] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def of_port(cls, port: int) -> Addresses:
        """Return the addresses for the embedded AWS that listens on a port; another port has other addresses."""
        return cls(f"127.78.{port % 256}")

    def host(self, load_balancer_arn: str) -> str:
        """Return the address of a load balancer; a new one gets the first that is free.

        Raises:
            NoAddressError: none is free.
        """
        with self._lock:
            if load_balancer_arn not in self._hosts:
                self._hosts[load_balancer_arn] = self._free_host()
            return self._hosts[load_balancer_arn]

    def assign(self, description: Description) -> dict[str, Address]:
        """Return the address of each listener by its ARN, and forget those that no longer exist.

        A listener without a free port is left out.
        """
        balancers = {one["LoadBalancerArn"] for one in description.load_balancers}
        served = [listener for _balancer, listener in description.served()]
        wanted = {one["ListenerArn"]: int(one["Port"]) for one in served}
        with self._lock:
            # One that is not described yet has its address since its creation.
            for arn in self._described - balancers:
                self._hosts.pop(arn, None)
            self._described = balancers
            self._listeners = {arn: known for arn, known in self._listeners.items() if wanted.get(arn) == known[0]}
            for listener in served:
                if listener["ListenerArn"] not in self._listeners and (address := self._new(listener)):
                    self._listeners[listener["ListenerArn"]] = (int(listener["Port"]), address)
            return {arn: address for arn, (_port, address) in self._listeners.items()}

    def _free_host(self) -> str:
        for host in (f"{self.network}.{number}" for number in range(1, HOSTS + 1)):
            if host not in self._hosts.values() and not any(self.is_taken(host, port) for port in PROBED):
                return host
        raise NoAddressError(f"no address of {self.network}.0/24 is free for a load balancer")

    def _new(self, listener: Record) -> Address | None:
        host, port = self.host(listener["LoadBalancerArn"]), int(listener["Port"])
        used = {address for _port, address in self._listeners.values()}
        free = (
            address
            for address in (Address(host, candidate) for candidate in _candidates(port))
            if address not in used and self.can_listen(*address)
        )
        return next(free, None)


def document(description: Description, addresses: dict[str, Address], authority: str) -> dict[str, Any]:
    """Return where the load balancers are, for their users.

    Args:
        description: what ELBv2 describes.
        addresses: of each listener, by its ARN.
        authority: path of the certificate that HTTPS listeners are verified by.
    """
    found = []
    for balancer in sorted(description.load_balancers, key=lambda one: str(one["LoadBalancerName"])):
        listeners = [
            {"port": int(one["Port"]), "protocol": one["Protocol"], "url": url(one, addresses[one["ListenerArn"]])}
            for one in description.listeners_of(balancer)
            if one["ListenerArn"] in addresses
        ]
        found.append({"name": balancer["LoadBalancerName"], "dns_name": balancer["DNSName"], "listeners": listeners})
    return {"certificate_authority": authority, "load_balancers": found}


def url(listener: Record, address: Address) -> str:
    """Return the URL of a listener."""
    scheme = str(listener["Protocol"]).lower()
    port = "" if address.port == {"http": 80, "https": 443}.get(scheme) else f":{address.port}"
    return f"{scheme}://{address.host}{port}/"


def _candidates(port: int) -> Iterator[int]:
    yield port
    first = port + SUBSTITUTE if port < 1024 else port + 1
    yield from range(first, min(first + 100, 65536))
