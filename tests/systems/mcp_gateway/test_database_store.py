# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of the stand-in for Keycloak, in a file and in a real database."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pymysql
import pytest
from database_server import ARN, LOGIN, PORT, database, databases
from keycloak_server import ADMINISTRATOR, PASSWORD, Server
from mcp_gateway_stand_in import commands
from mcp_gateway_stand_in.keycloak.application import Keycloak, database_of
from mcp_gateway_stand_in.keycloak.database_store import Database, DatabaseStore
from mcp_gateway_stand_in.keycloak.store import Store
from mcp_gateway_stand_in.serving import SettingError
from threaded_application import served

URL = "jdbc:mysql://database:3307/keycloak"
WRITERS, WRITES = 4, 25


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with database(tmp_path_factory.mktemp("database")) as running:
        yield running


def of(host: str) -> Database:
    return Database(host, PORT, LOGIN.database, LOGIN.user, LOGIN.password)


@pytest.fixture(params=["file", "database"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "file":
        yield Store(tmp_path / "documents")
        return
    made = DatabaseStore(of(request.getfixturevalue("host")))
    yield made
    made.close()


def environment(**variables: str) -> dict[str, str]:
    login = {"KC_DB_USERNAME": "keycloak", "KC_DB_PASSWORD": "secret"}
    return {"KC_DB_URL": URL, "STAND_IN_DATABASE": "/tmp/file", **login, **variables}


def test_the_url_of_a_database_comes_before_a_file() -> None:
    """Without a URL, the file is the database."""
    assert database_of(environment()) == Database("database", 3307, "keycloak", "keycloak", "secret")
    assert database_of(environment(KC_DB_URL="jdbc:mysql://127.79.0.1/kc")) == Database(
        "127.79.0.1", 3306, "kc", "keycloak", "secret"
    )
    assert database_of(environment(KC_DB_URL="")) == Path("/tmp/file")
    assert "secret" not in repr(database_of(environment()))


@pytest.mark.parametrize("url", ["jdbc:postgresql://database/keycloak", f"{URL}?sslMode=VERIFY_CA", "mysql://a/b"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(SettingError, match="KC_DB_URL is not jdbc:mysql"):
        database_of(environment(KC_DB_URL=url))


def test_documents_are_kept_by_kind_and_key(store: Store) -> None:
    """A key's case counts, text may be any, and a document is replaced, added once, taken once, and may expire."""
    store.put("user", "a", {"name": "Ünï 🙂 % ? ' \\"})
    store.put("user", "A", {"name": "upper"})
    store.put("other", "a", {"name": "other"})
    assert store.get("user", "a") == {"name": "Ünï 🙂 % ? ' \\"}
    assert store.all("user") == [{"name": "upper"}, {"name": "Ünï 🙂 % ? ' \\"}]
    store.put("user", "a", {"name": "new"})
    assert store.get("user", "a") == {"name": "new"}
    assert store.add("user", "b", {"name": "b"}) and not store.add("user", "b", {"name": "c"})
    assert store.take("user", "b") == {"name": "b"} and store.take("user", "b") is None
    store.put("code", "old", {"name": "old"}, -1)
    assert store.get("code", "old") is None and store.take("code", "old") is None and store.all("code") == []
    store.put("code", "new", {"name": "new"}, 60)
    assert store.take("code", "new") == {"name": "new"}
    assert store.delete("user", "a") and not store.delete("user", "a")
    assert store.get("other", "a") == {"name": "other"}


def test_tasks_that_share_a_database_lose_no_document(host: str) -> None:
    """Each of four tasks writes, and of all that take a code at once, one gets it."""
    stores = [DatabaseStore(of(host)) for _number in range(WRITERS)]
    stores[0].put("once", "code", {"code": 1}, 60)

    def work(number: int) -> object:
        taken = stores[number].take("once", "code")
        for write in range(WRITES):
            stores[number].put("shared", f"{number}-{write}", {"write": write}, 60)
        return taken

    with ThreadPoolExecutor(WRITERS) as threads:
        taken = list(threads.map(work, range(WRITERS)))
    assert sorted(taken, key=bool) == [*[None] * (WRITERS - 1), {"code": 1}]
    assert len(stores[0].all("shared")) == WRITERS * WRITES
    for one in stores:
        one.close()


def test_two_tasks_of_keycloak_share_realms(host: str) -> None:
    """A realm that one creates, the other has; each accepts the other's tokens."""
    with ExitStack() as stack:
        servers = []
        for _number in range(2):
            store = DatabaseStore(of(host))
            stack.callback(store.close)
            made = Keycloak(store, "http://keycloak.example.com")
            made.create_administrator(ADMINISTRATOR, PASSWORD)
            servers.append(Server(stack.enter_context(served(made.application())), Path("unused")))
        first, second = servers
        first.admin("POST", "", {"realm": "shared"})
        assert second.admin("GET", "/shared")["realm"] == "shared"
        assert second.admin("GET", "/shared", token=first.administrator())["realm"] == "shared"


def test_a_restart_of_the_database_loses_nothing(tmp_path: Path) -> None:
    """The connection is made again, and the documents are there."""
    with databases(tmp_path / "data") as running:
        store = DatabaseStore(of(running.create(ARN, PORT, LOGIN, {})))
        store.put("realm", "kept", {"realm": "kept"})
        running.stop()
        with pytest.raises(pymysql.OperationalError):
            store.get("realm", "kept")
        running.create(ARN, PORT, LOGIN, {})
        assert store.get("realm", "kept") == {"realm": "kept"}
        store.close()


def test_a_wrong_login_ends_the_program(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With status 2 and one line without the password."""
    variables = environment(
        KC_DB_URL=f"jdbc:mysql://{host}:{PORT}/keycloak",
        KC_DB_PASSWORD="not-the-password",
        KC_HOSTNAME="keycloak.example.com",
        KEYCLOAK_ADMIN=ADMINISTRATOR,
        KEYCLOAK_ADMIN_PASSWORD=PASSWORD,
    )
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["mcp-gateway-stand-in", "keycloak"])
    assert commands.main() == 2
    line = capsys.readouterr().err
    assert (
        line.startswith("keycloak: the database of KC_DB_URL cannot be used: Access denied") and line.count("\n") == 1
    )
    assert "not-the-password" not in line
