# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the databases that need no server: statements, requests, addresses, programs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from embedded_aws.database import program, statements, support
from embedded_aws.database.addresses import Addresses
from embedded_aws.database.databases import Databases, directory_name
from embedded_aws.database.program import MissingProgramError, Program
from embedded_aws.database.statements import Login
from embedded_aws.extension.api_shapes import PropertyError
from embedded_aws.extension.resources.databases import clusters
from embedded_aws.front.addresses import HOSTS, NoAddressError
from hypothesis import given
from hypothesis import strategies as st

MASTER = Login("owner", "Password-1", "shop")
ARN = "arn:aws:rds:eu-west-1:123456789012:cluster:shop"
CREATE = {"Action": "CreateDBCluster", "Version": "2014-10-31", "Engine": "aurora-mysql"}


def test_a_password_is_hashed_as_the_server_does() -> None:
    """The values of PASSWORD() in the server's documentation: https://mariadb.com/kb/en/password/."""
    assert statements.password_hash("notagoodpwd") == "*3A70EE9FC6594F88CE9E959CD51C5A1C002DC937"
    assert statements.password_hash("password") == "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"


@given(st.from_regex(statements.PASSWORD, fullmatch=True))
def test_no_statement_holds_a_password(password: str) -> None:
    """Each statement is on a line of its own, as an init file needs it."""
    text = statements.start(Login(statements.ADMINISTRATOR, "of-the-administrator"), Login("owner", password, "shop"))
    assert f"'{password}'" not in text and "of-the-administrator" not in text
    assert all(line.endswith(";") for line in text.splitlines())
    assert text.splitlines()[-1] == "CREATE DATABASE IF NOT EXISTS `shop`;"
    assert statements.problem(Login("owner", password, "shop"), {}) == ""


@given(st.text())
def test_no_name_ends_its_quotes(name: str) -> None:
    """A name that is taken holds letters, digits and underscores alone."""
    for login in (Login(name, "Password-1"), Login("owner", "Password-1", name)):
        if not statements.problem(login, {}):
            assert name == "" or (name.isascii() and name.replace("_", "").isalnum())


@pytest.mark.parametrize(
    ("login", "parameters", "reason"),
    [
        (Login("rdsadmin", "Password-1"), {}, "MasterUsername"),
        (Login("1st", "Password-1"), {}, "MasterUsername"),
        (Login("owner", "short"), {}, "MasterUserPassword"),
        (Login("owner", "with/slash"), {}, "MasterUserPassword"),
        (Login("owner", "Password-1", "a-b"), {}, "DatabaseName"),
        (MASTER, {"max_connections": "5"}, "the parameter max_connections has no effect"),
        (MASTER, {"slow_query_log": "1 --skip-grant-tables"}, "the parameter slow_query_log has no valid value"),
    ],
)
def test_what_a_server_cannot_follow_is_named(login: Login, parameters: dict[str, str], reason: str) -> None:
    found = statements.problem(login, parameters)
    assert reason in found and login.password not in found
    assert statements.problem(MASTER, {"require_secure_transport": "ON", "long_query_time": "0.5"}) == ""


@pytest.mark.parametrize(
    ("operation", "request_", "reason"),
    [
        ("CreateDBCluster", CREATE, ""),
        ("CreateDBCluster", {**CREATE, "Tags.member.1.Key": "a", "EnableHttpEndpoint": "false"}, ""),
        ("CreateDBCluster", {"Action": "CreateDBCluster"}, "Engine is missing"),
        ("CreateDBCluster", {**CREATE, "Engine": "aurora-postgresql"}, "Engine is followed"),
        ("CreateDBCluster", {**CREATE, "GlobalClusterIdentifier": "a"}, "GlobalClusterIdentifier has no effect"),
        ("ModifyDBCluster", {"Port": "3307"}, "Port has no effect"),
        ("CreateDBProxy", {"EngineFamily": "MYSQL", "Auth.member.1.IAMAuth": "DISABLED"}, ""),
        ("CreateDBProxy", {"EngineFamily": "MYSQL", "Auth.member.1.IAMAuth": "REQUIRED"}, "Auth.member.1.IAMAuth is"),
        ("RegisterDBProxyTargets", {"DBInstanceIdentifiers.member.1": "a"}, "DBInstanceIdentifiers.member.1 has no"),
        ("DescribeDBClusters", {"MaxRecords": "20"}, ""),
        ("RestoreDBClusterFromSnapshot", {}, "RestoreDBClusterFromSnapshot is not supported"),
    ],
)
def test_a_request_without_effect_is_refused(operation: str, request_: dict[str, str], reason: str) -> None:
    found = support.refused(operation, request_)
    assert found.startswith(reason) and bool(found) == bool(reason)


def test_each_cluster_and_proxy_has_an_address() -> None:
    """It keeps it until it is deleted; an address on which another program listens is left out."""
    addresses = Addresses("127.79.1", lambda host, port: (host, port) == ("127.79.1.1", 3306))
    assert addresses.host("first", 3306) == addresses.host("first", 3306) == "127.79.1.2"
    assert addresses.host("second", 3306) == "127.79.1.3"
    addresses.release("first")
    assert addresses.host("third", 3306) == "127.79.1.2"
    for number in range(HOSTS - 3):
        addresses.host(f"other {number}", 3306)
    with pytest.raises(NoAddressError, match=r"no address of 127\.79\.1\.0/24 is free for a database"):
        addresses.host("too many", 3306)
    assert Addresses.of_port(4566).network != Addresses.of_port(4567).network


def test_a_data_directory_belongs_to_one_cluster() -> None:
    assert directory_name(ARN) == "123456789012.eu-west-1.shop"


def program_in(directory: Path, server: str = "usr/sbin/mariadbd") -> Path:
    """Write what a MariaDB consists of for the search."""
    found = directory / server
    share = directory / "usr" / "share" / "mysql"
    share.mkdir(parents=True)
    found.parent.mkdir(parents=True, exist_ok=True)
    (share / program.SYSTEM_TABLES).touch()
    found.touch(mode=0o700)
    return found


def test_the_mariadb_of_the_machine_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the copy, with its libraries; without both, the message says what to do."""
    monkeypatch.setattr(program, "SERVER_DIRECTORIES", ())
    copy, machine = tmp_path / "copy", tmp_path / "machine"
    environ = {"PATH": str(machine / "usr" / "sbin")}
    with pytest.raises(MissingProgramError, match="needs MariaDB, which is missing -> in a checkout: make database"):
        program.find(environ, copy)
    base = copy / "usr"
    found = Program(program_in(copy), base, base / "share" / "mysql", copy / "libraries")
    assert program.find(environ, copy) == found
    assert found.environment["LD_LIBRARY_PATH"] == str(copy / "libraries")
    server = program_in(machine)
    assert program.find(environ, copy) == Program(server, machine / "usr", machine / "usr" / "share" / "mysql")


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyMySQL, or on another system than Linux, no cluster is created."""
    missing: ModuleType | None = None
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: missing)
    databases = Databases(tmp_path / "data", Addresses("127.79.1"))
    with pytest.raises(MissingProgramError, match="needs PyMySQL"):
        databases.create(ARN, 3306, MASTER, {})
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(MissingProgramError, match="on Linux only"):
        databases.create(ARN, 3306, MASTER, {})
    assert databases.endpoint(ARN) is None and not (tmp_path / "data").exists()


def test_an_update_sends_what_has_changed_alone() -> None:
    """What is no longer named has its default; what the operation cannot change fails the stack."""
    old = {"DeletionProtection": "true", "Engine": "aurora-mysql", "BackupRetentionPeriod": 7}
    new = {"Engine": "aurora-mysql", "BackupRetentionPeriod": 8, "Tags": [{"Key": "a", "Value": "b"}]}
    assert clusters.changes("ModifyDBCluster", old, new) == {"DeletionProtection": False, "BackupRetentionPeriod": 8}
    assert clusters.changes("ModifyDBCluster", new, new) == {}
    with pytest.raises(PropertyError, match="DatabaseName cannot be changed"):
        clusters.changes("ModifyDBCluster", old, {**old, "DatabaseName": "other"})


@given(st.text("abc-XYZ-019", min_size=1, max_size=200).map(lambda text: f"{text}-a1"))
def test_a_generated_identifier_is_one_of_rds(name: str) -> None:
    """63 lower-case characters at most, a letter first: the end of the name makes it unique."""
    found = clusters.identifier(name)
    assert len(found) <= 63 and found[0].isalpha() and found == found.lower() and name.lower().endswith(found)
