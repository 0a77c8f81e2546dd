# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database as the embedded AWS starts it, without the embedded AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded_aws.database.addresses import Addresses
from embedded_aws.database.databases import Databases
from embedded_aws.database.statements import Login
from ports import free_port

ARN = "arn:aws:rds:us-east-1:000000000000:cluster:test"
PORT = 3306
LOGIN = Login("keycloak", "Password-of-the-test", "keycloak")


@contextmanager
def databases(directory: Path) -> Iterator[Databases]:
    """Return the databases of an embedded AWS, and stop them at the end."""
    running = Databases(directory, Addresses.of_port(free_port()))
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def database(directory: Path) -> Iterator[str]:
    """Start a database for LOGIN, and return its address."""
    with databases(directory) as running:
        yield running.create(ARN, PORT, LOGIN, {})
