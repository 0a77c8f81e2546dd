# SPDX-License-Identifier: Apache-2.0
"""Files that a user names: regular ones alone, of a size that memory can hold; no message shows what is in them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MEGABYTE = 1 << 20
# What is read by line or event; as much of it stands in memory at once.
LARGEST_BYTES = 2048 * MEGABYTE


class FileError(ValueError):
    """A file that is not read; the text says which, why, and what to name instead."""


def read_text(path: Path, largest: int = LARGEST_BYTES, errors: str = "strict") -> str:
    """Return the text of a regular file.

    No more is read than the file says to hold: that is nothing of what a kernel makes up as it is read, such as
    /proc/self/environ.

    Args:
        path: the file; a link is followed.
        largest: bytes that it may have.
        errors: what becomes of bytes that are no UTF-8, as in ``bytes.decode``; a byte order mark is left out.

    Raises:
        FileError: it cannot be read, is no regular file, is too large, or is no UTF-8.
    """
    try:
        # A pipe without a writer must not hold the process up.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        data = _content(path, descriptor, largest)
    finally:
        os.close(descriptor)
    try:
        return data.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise FileError(f"cannot read {path}: byte {error.start:,} is no UTF-8: save it as UTF-8") from None


def _content(path: Path, descriptor: int, largest: int) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a device, pipe or socket"
        raise FileError(f"cannot read {path}: it is {kind}: name a regular file")
    if found.st_size > largest:
        raise FileError(
            f"cannot read {path}: it has {found.st_size:,} bytes, {largest:,} are allowed: name a smaller file"
        )
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(found.st_size)
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
