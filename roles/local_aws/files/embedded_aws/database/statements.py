# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statements that a database starts with: its system tables, its users, its database."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ADMINISTRATOR = "rdsadmin"  # as RDS names its own user
SYSTEM_TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.MasterAccounts.html
MASTER_PRIVILEGES = (
    "ALTER, ALTER ROUTINE, CREATE, CREATE ROUTINE, CREATE TEMPORARY TABLES, CREATE USER, CREATE VIEW, DELETE, DROP, "
    "EVENT, EXECUTE, INDEX, INSERT, LOCK TABLES, PROCESS, REFERENCES, RELOAD, SELECT, SHOW DATABASES, SHOW VIEW, "
    "TRIGGER, UPDATE"
)
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html
USER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,15}")
DATABASE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
PASSWORD = re.compile(r"[!#-.0-?A-~]{8,41}")
# Parameters of a DB cluster parameter group that MariaDB follows, and their values where the group has none.
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Reference.ParameterGroups.html
PARAMETERS = {
    "character_set_server": "utf8mb4",
    "collation_server": "utf8mb4_unicode_ci",
    "long_query_time": "10",
    "require_secure_transport": "OFF",
    "slow_query_log": "0",
}
PARAMETER_VALUE = re.compile(r"[A-Za-z0-9_.]+")


@dataclass(frozen=True)
class Login:
    """A user with a password, and a database, which may have no name."""

    user: str
    password: str
    database: str = ""


def system_tables(share: Path) -> str:
    """Return the statements that create the system tables; nobody can log in as root.

    Args:
        share: MariaDB's directory of statements.
    """
    # By this variable root logs in by a socket, and the server has none.
    start = "create database mysql;\nuse mysql;\nset @auth_root_socket = 'root';\n"
    return start + "".join((share / name).read_text(encoding="utf-8") for name in SYSTEM_TABLES)


def password_hash(password: str) -> str:
    """Return what the server keeps of a password, by the method mysql_native_password.

    https://mariadb.com/kb/en/authentication-plugin-mysql_native_password/
    """
    first = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(first, usedforsecurity=False).hexdigest().upper()


def start(administrator: Login, master: Login) -> str:
    """Return the statements that each start of the server executes, one a line.

    They hold hashes, no password, since they lie in a file.
    """
    lines = [
        f"CREATE OR REPLACE USER {_identified(administrator)}",
        f"GRANT ALL PRIVILEGES ON *.* TO '{administrator.user}'@'%' WITH GRANT OPTION",
        f"CREATE USER IF NOT EXISTS {_identified(master)}",
        set_password(master),
        f"GRANT {MASTER_PRIVILEGES} ON *.* TO '{master.user}'@'%' WITH GRANT OPTION",
        *([f"CREATE DATABASE IF NOT EXISTS `{master.database}`"] if master.database else []),
    ]
    return "".join(f"{line};\n" for line in lines)


def set_password(master: Login) -> str:
    """Return the statement that changes a password; connections that are open stay open, as on AWS."""
    return f"ALTER USER {_identified(master)}"


def problem(master: Login, parameters: Mapping[str, str]) -> str:
    """Return what RDS or the embedded AWS does not take of a login and of parameters; empty where it takes all."""
    if not USER_NAME.fullmatch(master.user) or master.user == ADMINISTRATOR:
        return "MasterUsername must be a letter and up to 15 letters and digits, and not rdsadmin"
    if not PASSWORD.fullmatch(master.password):
        return (
            "MasterUserPassword must be 8 to 41 printable characters without slash, quotation mark, at sign and space"
        )
    if master.database and not DATABASE_NAME.fullmatch(master.database):
        return "DatabaseName must be a letter and up to 63 letters, digits and underscores"
    for name, value in parameters.items():
        if name not in PARAMETERS:
            return f"the parameter {name} has no effect in the embedded AWS -> leave it out in this environment"
        if not PARAMETER_VALUE.fullmatch(value):
            return f"the parameter {name} has no valid value"
    return ""


def _identified(login: Login) -> str:
    return f"'{login.user}'@'%' IDENTIFIED VIA mysql_native_password USING '{password_hash(login.password)}'"
