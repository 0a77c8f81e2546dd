# SPDX-License-Identifier: Apache-2.0
"""Files that a user names: regular ones alone, of a size that memory can hold; no message shows what is in them."""

from __future__ import annotations

import errno
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


def write_text(path: Path, text: str, errors: str = "strict") -> None:
    """Write a regular file whole or not at all, in UTF-8; a link is followed, and stays.

    Raises:
        OSError: it cannot be written, or a folder, device, pipe or socket has that name, which is left as it is.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"it is {_kind(mode)}: name a regular file")
    scratch = target.with_name(target.name + ".tmp")
    # Whoever may write into the folder could have put a link or a pipe of that name there.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(scratch, flags, 0o666), "w", encoding="utf-8", errors=errors, newline="\n") as file:
        file.write(text)
    scratch.replace(target)


def _kind(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a device, pipe or socket"


def _content(path: Path, descriptor: int, largest: int) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise FileError(f"cannot read {path}: it is {_kind(found.st_mode)}: name a regular file")
    if found.st_size > largest:
        raise FileError(
            f"cannot read {path}: it has {found.st_size:,} bytes, {largest:,} are allowed: name a smaller file"
        )
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(found.st_size)
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
