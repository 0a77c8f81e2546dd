# SPDX-License-Identifier: Apache-2.0
"""Free ports for servers that tests start."""

import secrets
import socket

# Below the ports that the system gives to outgoing connections, which would take one before a server listens on it:
# https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)
FIRST, LAST = 10_240, 32_767


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port of an address that nothing listens on.

    It is drawn by chance, so that processes that ask at the same time get different ones.
    """
    while True:
        # Not by module random, which Hypothesis seeds alike in each process.
        port = FIRST + secrets.randbelow(LAST - FIRST + 1)
        with socket.socket() as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
