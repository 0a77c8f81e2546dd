# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of the stand-in for Keycloak, in one SQLite file that several processes may share."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

Document = dict[str, Any]
BUSY_SECONDS = 5.0


class Rows(Protocol):
    """What a statement comes to."""

    @property
    def rowcount(self) -> int:
        """The number of rows that it has changed."""

    def fetchone(self) -> Any:
        """Return the next row; None where there is none."""

    def fetchall(self) -> Any:
        """Return all rows."""


class Execute(Protocol):
    """Executes a statement with the values of its question marks."""

    def __call__(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        """Return what the statement comes to."""


class Store:
    """Documents by kind and key, some of which expire."""

    # What differs in the SQL of another database.
    table = (
        "create table if not exists document(kind text, name text, body text, expires real, primary key (kind, name))"
    )
    replace, ignore = "insert or replace", "insert or ignore"

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # it holds private keys and client secrets
        self._path = path
        with self._transaction() as execute:
            execute(self.table)

    @contextmanager
    def _transaction(self) -> Iterator[Execute]:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
        try:
            with connection:
                yield connection.execute
        finally:
            connection.close()

    def put(self, kind: str, key: str, body: Document, seconds: float | None = None) -> None:
        """Write a document, for a time or for ever."""
        expires = None if seconds is None else time.time() + seconds
        with self._transaction() as execute:
            execute("delete from document where expires < ?", (time.time(),))
        with self._transaction() as execute:
            execute(f"{self.replace} into document values(?, ?, ?, ?)", (kind, key, json.dumps(body), expires))

    def add(self, kind: str, key: str, body: Document) -> bool:
        """Write a document unless there is one; returns whether there was none."""
        with self._transaction() as execute:
            statement = f"{self.ignore} into document values(?, ?, ?, null)"
            return execute(statement, (kind, key, json.dumps(body))).rowcount == 1

    def get(self, kind: str, key: str) -> Document | None:
        """Return a document; None if it does not exist or has expired."""
        query = "select body from document where kind = ? and name = ? and (expires is null or expires > ?)"
        with self._transaction() as execute:
            row = execute(query, (kind, key, time.time())).fetchone()
        return json.loads(row[0]) if row else None

    def take(self, kind: str, key: str) -> Document | None:
        """Delete a document and return it, to one caller only; None if it does not exist or has expired."""
        found = self.get(kind, key)
        return found if self.delete(kind, key) else None

    def all(self, kind: str) -> list[Document]:
        """Return the documents of a kind, by key."""
        query = "select body from document where kind = ? and (expires is null or expires > ?) order by name"
        with self._transaction() as execute:
            rows = execute(query, (kind, time.time())).fetchall()
        return [json.loads(row[0]) for row in rows]

    def delete(self, kind: str, key: str) -> bool:
        """Delete a document; returns whether this call has deleted it."""
        with self._transaction() as execute:
            return execute("delete from document where kind = ? and name = ?", (kind, key)).rowcount == 1
