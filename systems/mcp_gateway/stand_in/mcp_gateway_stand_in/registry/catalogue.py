# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registered MCP servers and agents, a file each, in directories that the tasks of the registry share."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

PATH = re.compile(r"/[a-z0-9][a-z0-9-]{0,62}")
RESERVED = frozenset({"/api", "/health", "/oauth2", "/validate"})


class RegistrationError(ValueError):
    """A registration is invalid."""


@dataclass(frozen=True)
class Registration:
    """An MCP server or an agent.

    Attributes:
        path: of the gateway's URL that leads to it, one segment.
        name: for people.
        url: of the server, without /mcp, or of the agent.
        description: for people.
        tags: words to find it by.
    """

    path: str
    name: str
    url: str
    description: str = ""
    tags: tuple[str, ...] = ()

    def checked(self) -> Registration:
        """Return it, without a slash at the end of its URL.

        Raises:
            RegistrationError: a value is invalid.
        """
        if not PATH.fullmatch(self.path) or self.path in RESERVED:
            raise RegistrationError(f"path {self.path!r} is reserved or not one segment of a-z, 0-9 and dashes")
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            raise RegistrationError(f"{self.url!r} is not a URL of HTTP")
        if not self.name:
            raise RegistrationError("the name is empty")
        return replace(self, url=self.url.rstrip("/"))


class Catalogue:
    """The registrations in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._files: list[tuple[str, int]] | None = None
        self._found: dict[str, Registration] = {}

    def all(self) -> dict[str, Registration]:
        """Return the registrations by path; another task's changes count too."""
        # Each change replaces a file, so that its inode changes; times may be the same for two changes.
        files = sorted((one.name, one.inode()) for one in os.scandir(self.directory) if one.name.endswith(".json"))
        if files != self._files:
            read = [_read(self.directory / name) for name, _inode in files]
            self._found = {one.path: one for one in read}
            self._files = files
        return self._found

    def put(self, registration: Registration) -> bool:
        """Write a registration; returns whether that changed anything."""
        if self.all().get(registration.path) == registration:
            return False
        descriptor, name = tempfile.mkstemp(dir=self.directory, suffix=".new")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(registration), file, indent=2)
        Path(name).replace(self._file(registration.path))
        return True

    def remove(self, path: str) -> bool:
        """Delete a registration; returns whether there was one."""
        if path not in self.all():
            return False
        self._file(path).unlink(missing_ok=True)
        return True

    def _file(self, path: str) -> Path:
        return self.directory / f"{path.strip('/')}.json"


def _read(file: Path) -> Registration:
    found = json.loads(file.read_text(encoding="utf-8"))
    return Registration(**found | {"tags": tuple(found["tags"])})
