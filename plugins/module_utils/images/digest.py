# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One digest for a directory's content, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path


def directory_digest(directory: Path, paths: Iterable[str], exclude: Iterable[str] = ()) -> str:
    """Digest names, executable bits and bytes of files; times, owners and order on disk do not count.

    Args:
        directory: what the paths are relative to.
        paths: files or directories below it that count; a directory counts with all that is in it.
        exclude: shell patterns of file or directory names that do not count.

    Returns:
        A SHA-256 in hexadecimal.

    Raises:
        FileNotFoundError: one of the paths does not exist.
    """
    patterns = tuple(exclude)
    files = {file for path in paths for file in _files(directory / path, patterns)}
    digest = hashlib.sha256()
    for name, file in sorted((file.relative_to(directory).as_posix(), file) for file in files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        executable = bool(file.stat().st_mode & 0o100)
        digest.update(f"{name}\0{executable:d}\0{content}\n".encode())
    return digest.hexdigest()


def _files(path: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if any(fnmatch(path.name, pattern) for pattern in patterns):
        return
    if path.is_dir():
        for entry in path.iterdir():
            yield from _files(entry, patterns)
    else:
        yield path
