# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MariaDB's programs: those of this machine, or the copy that ``requirements/mariadb.sh`` makes without root."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COPY = Path(sys.prefix) / "mariadb"
# Debian has servers in a directory that the PATH of other users than root lacks.
SERVER_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin")
SYSTEM_TABLES = "mysql_system_tables.sql"
MISSING = (
    "a database of the embedded AWS needs {}, which is missing -> in a checkout: make database; "
    f"elsewhere install the Debian package mariadb-server, and {sys.executable} -m pip install pymysql"
)
LINUX_ONLY = "the embedded AWS has databases on Linux only -> deploy this system on Linux, or without its databases"


class MissingProgramError(RuntimeError):
    """A database cannot run on this machine; the message says what to install."""


@dataclass(frozen=True)
class Program:
    """A MariaDB server.

    Attributes:
        server: the program ``mariadbd``.
        base: directory that ``share`` is in.
        share: directory of the statements that create the system tables.
        libraries: directory of libraries that this machine lacks; None where it has all.
    """

    server: Path
    base: Path
    share: Path
    libraries: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the server."""
        libraries = {"LD_LIBRARY_PATH": str(self.libraries)} if self.libraries else {}
        return {"LANG": "C.UTF-8", **libraries}


def find(environ: Mapping[str, str], copy: Path = COPY) -> Program:
    """Return this machine's MariaDB, else the copy.

    Args:
        environ: the environment, for PATH.
        copy: directory of the copy.

    Raises:
        MissingProgramError: there is neither, or PyMySQL is missing.
    """
    # Other systems have one loopback address only, and do not end a process with its parent.
    if sys.platform != "linux":
        raise MissingProgramError(LINUX_ONLY)
    if importlib.util.find_spec("pymysql") is None:
        raise MissingProgramError(MISSING.format("PyMySQL"))
    directories = os.pathsep.join([environ.get("PATH", os.defpath), *SERVER_DIRECTORIES])
    if found := shutil.which("mariadbd", path=directories):
        server, libraries = Path(found).resolve(), None
    else:
        server, libraries = copy / "usr" / "sbin" / "mariadbd", copy / "libraries"
    base = server.parent.parent
    for share in (base / "share" / "mysql", base / "share" / "mariadb"):
        if os.access(server, os.X_OK) and (share / SYSTEM_TABLES).is_file():
            return Program(server, base, share, libraries)
    raise MissingProgramError(MISSING.format("MariaDB"))
