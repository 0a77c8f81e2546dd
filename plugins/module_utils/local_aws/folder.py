# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a start of the embedded AWS keeps in its folder: the secret, MiniStack's files and the engine's socket."""

from __future__ import annotations

import configparser
import hashlib
import hmac
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import private_files
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

PROFILE = "ddbload-local"
SOCKET_LIMIT = 100  # characters of a socket's path; unix(7) lets it have 107, other systems 103
# In DOCKER_HOST, a URL, these end the path or stand for other characters: https://www.rfc-editor.org/rfc/rfc3986#section-3
NOT_IN_URL = frozenset("#?%;")
LOCK = ".lock"
# What is in a folder that an embedded AWS has; any other content is the user's.
NAMES = frozenset({"databases", "engine", "front", "state"}) | {
    f"{name}.{kind}" for name in ("envoy", "ministack", "process-engine") for kind in ("pid", "log")
}


class LoadBalancer(TypedDict):
    """A load balancer: its DNS name, the URL of each port, and the certificate that HTTPS is verified by, or ``""``."""

    dns_name: str
    urls: dict[str, str]
    certificate_authority: str


@dataclass(frozen=True)
class LocalAwsFolder:
    """The folder, which is this user's own."""

    path: Path

    @property
    def credentials(self) -> Path:
        """The credentials file of the profile that may call: the secret of this start is the access key id."""
        return self.path / "credentials"

    @property
    def front(self) -> Path:
        """Where the load balancers' files are."""
        return self.path / "front"

    @property
    def databases(self) -> Path:
        """Where the data of databases is."""
        return self.path / "databases"

    @property
    def state(self) -> Path:
        """Where MiniStack puts what it does not keep in memory."""
        return self.path / "state"

    def check(self) -> None:
        """Check that nothing of the user's would be overwritten, made unreadable for others, or deleted at the end.

        Raises:
            ForeignFileError: the folder is another user's, or holds what no start of an embedded AWS put there.
            OSError: it cannot be read.
        """
        private_files.check_folder(self.path)
        try:
            names = {entry.name for entry in self.path.iterdir()}
        except FileNotFoundError:
            return
        if LOCK not in names and (others := sorted(names - NAMES)):
            names_shown = f"{', '.join(others[:3])}{', …' if others[3:] else ''}"
            raise private_files.ForeignFileError(
                Problem(
                    "foreign",
                    f"{self.path} holds files of yours ({names_shown}), which a start "
                    "or stop of the embedded AWS might overwrite",
                    "choose a new or empty folder: -e local_aws_directory=PATH",
                )
            )

    def prepare(self, environ: Mapping[str, str]) -> Path:
        """Make a secret and the folders of a new start.

        Args:
            environ: the operator's environment, for XDG_RUNTIME_DIR.

        Returns:
            Path of the process engine's socket, in a folder that only this user may enter.

        Raises:
            OSError: one cannot be made.
        """
        private_files.own_folder(self.state)
        # Not 12 digits, which MiniStack reads as an account id.
        secret = f"ddbload{secrets.token_hex(32)}"
        private_files.write_text(
            self.credentials,
            f"# Any holder of this key can call the embedded AWS, and run programs as you.\n[{PROFILE}]\n"
            f"aws_access_key_id = {secret}\naws_secret_access_key = embedded-aws-needs-no-secret\n",
        )
        inside = self.path / "engine"
        if len(str(inside / "engine.sock")) <= SOCKET_LIMIT and NOT_IN_URL.isdisjoint(str(inside)):
            private_files.own_folder(inside)
            return inside / "engine.sock"
        runtime = environ.get("XDG_RUNTIME_DIR")
        folder = tempfile.mkdtemp(prefix="ddbload-", dir=runtime if runtime and Path(runtime).is_dir() else None)
        return Path(folder) / "engine.sock"

    def secret(self) -> str | None:
        """Return the secret of what runs; None where there is none.

        Raises:
            ForeignFileError: the credentials file is not this user's own.
        """
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(private_files.read_text(self.credentials))
            return parser[PROFILE]["aws_access_key_id"]
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, configparser.Error):
            return None

    def load_balancers(self) -> dict[str, LoadBalancer]:
        """Return where the load balancers listen, by their names.

        Raises:
            ForeignFileError: the file of the embedded AWS is not this user's own.
        """
        try:
            found = json.loads(private_files.read_text(self.front / "endpoints.json"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}
        return {
            one["name"]: {
                "dns_name": one["dns_name"],
                "urls": {str(listener["port"]): listener["url"] for listener in one["listeners"]},
                "certificate_authority": found["certificate_authority"],
            }
            for one in found["load_balancers"]
        }

    def forget(self, socket: Path | None) -> None:
        """Remove a start's secret, state, databases and socket.

        The data of a database goes with the secrets of its users, which a new start generates anew.

        Args:
            socket: of the process engine; None where it had none.
        """
        self.credentials.unlink(missing_ok=True)
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.rmtree(self.front, ignore_errors=True)
        shutil.rmtree(self.databases, ignore_errors=True)
        if socket is not None:
            with suppress(OSError):
                if socket.parent.lstat().st_uid == os.geteuid():
                    socket.unlink(missing_ok=True)
                    socket.parent.rmdir()


def proof(secret: str, nonce: str) -> str:
    """Return the response of the embedded AWS with this secret to a nonce; see its ``keys.py``."""
    return hmac.new(secret.encode(), f"health {nonce}".encode(), hashlib.sha256).hexdigest()
