# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MariaDB server of a DB cluster: its data directory, its process, its passwords."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from embedded_aws.database import statements
from embedded_aws.database.program import Program
from embedded_aws.database.statements import ADMINISTRATOR, Login
from embedded_aws.front.envoy import LAUNCH, end
from embedded_aws.front.model import Certificate

START_SECONDS = 60.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02
# Small: a data directory of 30 MB, a process of 100 MB. A commit outlives the process, not a power cut.
SIZES = ("--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=2")
SYSTEM = "mysql"  # the directory of the system tables
DRAFT = ".new"  # ends the name of a data directory that is not complete


class DatabaseError(RuntimeError):
    """The server does not start, or does not execute a statement."""


class Server:
    """One server; its data directory outlives it.

    The kernel ends the server with the thread that starts it, so a thread that lives as long as the process does it.
    """

    _launcher = ThreadPoolExecutor(1, "database-launcher")

    def __init__(
        self, program: Program, directory: Path, host: str, port: int, certificate: Certificate, authority: Path
    ) -> None:
        """Prepare, and start nothing.

        Args:
            program: MariaDB.
            directory: of the data; made at the first start.
            host: address to listen on.
            port: port to listen on.
            certificate: for the address; connections may be encrypted, and are not by default.
            authority: file of the certificate by which this one is verified.
        """
        self.host, self.port = host, port
        self._program, self._directory = program, directory
        self._certificate, self._authority = certificate, authority
        self._administrator = Login(ADMINISTRATOR, secrets.token_urlsafe(24))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The pid of the process; None where it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self, master: Login, parameters: Mapping[str, str]) -> None:
        """Start the process, and wait until it accepts connections.

        Args:
            master: the master user, who gets this password, and the database, which is created unless it exists.
            parameters: of the DB cluster parameter group.

        Raises:
            DatabaseError: it does not start.
        """
        if not self._directory.is_dir():
            self._make_directory()
        first = self._directory / "start.sql"
        descriptor = os.open(first, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(statements.start(self._administrator, master))
        values = {**statements.PARAMETERS, **parameters}
        listen = [f"--bind-address={self.host}", f"--port={self.port}", f"--init-file={first}", "--local-infile=0"]
        listen += [f"--ssl-cert={self._certificate.chain}", f"--ssl-key={self._certificate.key}"]
        listen += [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
        self._process = self._launcher.submit(self._launch, listen).result()
        deadline = time.monotonic() + START_SECONDS
        while not self._accepts():
            if self.pid is None or time.monotonic() > deadline:
                self.stop()
                raise DatabaseError(f"MariaDB does not start: {self._reason()}; see {self._log}")
            time.sleep(POLL_SECONDS)
        first.unlink()

    def set_password(self, master: Login) -> None:
        """Change the password of the master user.

        Raises:
            DatabaseError: the server does not do it.
        """
        self._execute(statements.set_password(master))

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            end(self._process, STOP_SECONDS)
        self._process = None

    def remove(self) -> None:
        """End the process, and remove its data and its log."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)
        self._log.unlink(missing_ok=True)

    @property
    def _log(self) -> Path:
        return self._directory.with_name(f"{self._directory.name}.log")

    def _make_directory(self) -> None:
        draft = self._directory.with_name(f"{self._directory.name}{DRAFT}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        command = self._command(draft, ["--bootstrap"])
        made = self._run(command, statements.system_tables(self._program.share))
        if made.returncode != 0:
            raise DatabaseError(f"MariaDB makes no data directory: {self._reason()}; see {self._log}")
        draft.rename(self._directory)

    def _run(self, command: list[str], text: str) -> subprocess.CompletedProcess[bytes]:
        with self._opened_log() as log:
            return subprocess.run(
                command, input=text.encode(), env=self._program.environment, stdout=log, stderr=log, check=False
            )

    def _launch(self, options: list[str]) -> subprocess.Popen[bytes]:
        command = self._command(self._directory, options)
        with self._opened_log() as log:
            return subprocess.Popen(
                [sys.executable, "-c", LAUNCH, str(os.getpid()), *command],
                cwd=self._directory,
                env=self._program.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )

    def _command(self, directory: Path, options: list[str]) -> list[str]:
        # It refuses root's rights unless they are named.
        user = ["--user=root"] if os.geteuid() == 0 else []
        paths = [f"--basedir={self._program.base}", f"--datadir={directory}", f"--tmpdir={directory}"]
        return [
            str(self._program.server),
            "--no-defaults",
            *user,
            *paths,
            "--socket=",
            "--skip-name-resolve",
            *SIZES,
            *options,
        ]

    def _opened_log(self) -> Any:
        return os.fdopen(os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "wb")

    def _reason(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line.partition("[ERROR] ")[2] for line in lines if "[ERROR] " in line]
        return (errors or lines or ["no output"])[-1]

    def _accepts(self) -> bool:
        try:
            self._execute("SELECT 1")
        except DatabaseError:
            return False
        return True

    def _execute(self, statement: str) -> None:
        import pymysql

        login = self._administrator
        try:
            connection = pymysql.connect(
                host=self.host,
                port=self.port,
                user=login.user,
                password=login.password,
                autocommit=True,
                connect_timeout=5,
                ssl_ca=str(self._authority),
                ssl_verify_cert=True,
                ssl_verify_identity=True,
            )
            with closing(connection), connection.cursor() as cursor:
                cursor.execute(statement)
        except (pymysql.MySQLError, OSError) as error:
            # PyMySQL's text would quote the statement, and the hash in it.
            raise DatabaseError(f"MariaDB executes no statement: {type(error).__name__}") from error
