# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of the DB clusters, by their ARNs; nothing runs until the first cluster exists."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from embedded_aws.database import program
from embedded_aws.database.addresses import Addresses
from embedded_aws.database.program import Program
from embedded_aws.database.proxy import Endpoint, Proxies
from embedded_aws.database.server import Server
from embedded_aws.database.statements import Login
from embedded_aws.front.certificates import Authority

CERTIFICATES = "certificates"  # the directory of those of one start


class Databases:
    """The servers and proxies of one embedded AWS."""

    def __init__(
        self, directory: Path, addresses: Addresses, find: Callable[[], Program] = lambda: program.find(os.environ)
    ) -> None:
        """Prepare, and start nothing.

        Args:
            directory: of the data; each server has a directory in it.
            addresses: where servers and proxies listen.
            find: returns MariaDB.
        """
        self._directory, self._addresses, self._find = directory, addresses, find
        self._servers: dict[str, Server] = {}
        self._authority: Authority | None = None
        self._proxies = Proxies()
        self._targets: dict[str, str] = {}
        self._lock = threading.RLock()

    def create(self, arn: str, port: int, master: Login, parameters: Mapping[str, str]) -> str:
        """Start the server of a DB cluster.

        Args:
            arn: of the cluster.
            port: to listen on.
            master: its master user and its database.
            parameters: of its parameter group.

        Returns:
            Its address.

        Raises:
            MissingProgramError: MariaDB is not installed.
            NoAddressError: no address is free.
            DatabaseError: it does not start.
        """
        found = self._find()
        with self._lock:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            authority = self._authority = self._authority or self._new_authority()
            host = self._addresses.host(arn, port)
            certificate = authority.certificate([host])
            server = Server(found, self._directory / directory_name(arn), host, port, certificate, authority.path)
            try:
                server.start(master, parameters)
            except BaseException:
                self._addresses.release(arn)
                raise
            self._servers[arn] = server
            return host

    def endpoint(self, arn: str) -> Endpoint | None:
        """Return the address and port of a DB cluster; None where it has no server."""
        server = self._servers.get(arn)
        return (server.host, server.port) if server else None

    def set_password(self, arn: str, master: Login) -> None:
        """Change the password of the master user; DatabaseError where the server does not do it."""
        self._servers[arn].set_password(master)

    def delete(self, arn: str) -> None:
        """End a server, and remove its data."""
        with self._lock:
            for proxy in [proxy for proxy, target in self._targets.items() if target == arn]:
                self.aim(proxy, None)
            if server := self._servers.pop(arn, None):
                server.remove()
                self._addresses.release(arn)

    def stop(self) -> None:
        """End all servers; their data stays."""
        with self._lock:
            for server in self._servers.values():
                server.stop()

    def open_proxy(self, arn: str, port: int, *, requires_tls: bool) -> str:
        """Open a proxy without a target, and return its address.

        Args:
            arn: of the proxy.
            port: to listen on.
            requires_tls: whether it refuses connections without TLS.

        Raises:
            NoAddressError: no address is free.
            OSError: it cannot listen.
        """
        host = self._addresses.host(arn, port)
        try:
            self._proxies.open(arn, host, port)
        except OSError:
            self._addresses.release(arn)
            raise
        self.require_tls(arn, required=requires_tls)
        return host

    def require_tls(self, proxy: str, *, required: bool) -> None:
        """Set whether a proxy refuses new connections without TLS."""
        self._proxies.require_tls(proxy, required=required)

    def aim(self, proxy: str, cluster: str | None) -> None:
        """Set the DB cluster to which a proxy forwards new connections; without one it closes them."""
        self._proxies.aim(proxy, self.endpoint(cluster) if cluster else None)
        self._targets.pop(proxy, None)
        if cluster:
            self._targets[proxy] = cluster

    def close_proxy(self, arn: str) -> None:
        """Close a proxy and its connections."""
        self._proxies.close(arn)
        self._targets.pop(arn, None)
        self._addresses.release(arn)

    def _new_authority(self) -> Authority:
        directory = self._directory / CERTIFICATES
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
        return Authority(directory)


def directory_name(arn: str) -> str:
    """Return the name of a data directory: account, region and cluster; no other cluster has it."""
    region, account, _kind, identifier = arn.split(":")[3:7]
    return f"{account}.{region}.{identifier}"
