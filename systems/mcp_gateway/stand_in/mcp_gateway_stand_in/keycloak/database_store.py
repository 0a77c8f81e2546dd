# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of the stand-in for Keycloak, in a MySQL database that several tasks share."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pymysql

from mcp_gateway_stand_in.keycloak.store import Execute, Rows, Store
from mcp_gateway_stand_in.serving import SettingError

URL = re.compile(r"jdbc:mysql://(?P<host>[^:/?#]+)(:(?P<port>\d{1,5}))?/(?P<database>\w+)")
PORT = 3306
CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Database:
    """A database and its login."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, url: str, user: str, password: str) -> Database:
        """Return the database of a URL of JDBC.

        Raises:
            SettingError: it is no URL of MySQL, or has parameters, which the stand-in would not follow.
        """
        if (found := URL.fullmatch(url)) is None:
            raise SettingError("KC_DB_URL is not jdbc:mysql://HOST:PORT/DATABASE")
        return cls(found["host"], int(found["port"] or PORT), found["database"], user, password)


class DatabaseStore(Store):
    """The documents in a database, by one connection that is made again where it has ended."""

    # The comparison of names is exact, as in a file; MySQL's default one ignores case.
    table = (
        "create table if not exists document(kind varchar(190), name varchar(190), body longtext, expires double, "
        "primary key (kind, name), index (expires)) character set utf8mb4 collate utf8mb4_bin"
    )
    replace, ignore = "replace", "insert ignore"

    def __init__(self, database: Database) -> None:
        """Connect, and create the table unless it exists.

        Raises:
            SettingError: the database does not accept the connection.
        """
        self._lock = threading.Lock()
        self._connection = pymysql.connect(
            host=database.host,
            port=database.port,
            user=database.user,
            password=database.password,
            database=database.name,
            charset="utf8mb4",
            # Rows that do not match stay free for other tasks.
            init_command="set session transaction isolation level read committed",
            connect_timeout=CONNECT_SECONDS,
            defer_connect=True,
        )
        try:
            with self._transaction() as execute:
                execute(self.table)
        except pymysql.OperationalError as error:
            raise SettingError(f"the database of KC_DB_URL cannot be used: {error.args[-1]}") from error

    @contextmanager
    def _transaction(self) -> Iterator[Execute]:
        with self._lock:
            self._connect()
            with self._connection.cursor() as cursor:

                def execute(statement: str, values: Sequence[Any] = (), /) -> Rows:
                    cursor.execute(statement.replace("?", "%s"), values)
                    return cursor

                try:
                    yield execute
                except BaseException:
                    self._connection.rollback()
                    raise
                self._connection.commit()

    def _connect(self) -> None:
        try:
            self._connection.ping(reconnect=False)
        except pymysql.Error:
            self._connection.connect()

    def close(self) -> None:
        """End the connection."""
        with self._lock:
            if self._connection.open:
                self._connection.close()
