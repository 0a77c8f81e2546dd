# SPDX-License-Identifier: Apache-2.0
"""Files that a user names: regular ones alone, of a size that memory can hold; no message shows their contents."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

MEGABYTE = 1 << 20
# The limit of files whose text is in memory at once.
LARGEST_BYTES = 2048 * MEGABYTE
# The limit of files that are read line by line: the events of a thousand tasks of an hour.
LARGEST_LINES_BYTES = 16384 * MEGABYTE


class FileError(ValueError):
    """A file that is not read; the text says which, why, and what to name instead."""


def read_text(path: Path, largest: int = LARGEST_BYTES, errors: str = "strict") -> str:
    """Return the text of a regular file.

    No more bytes are read than the file's size, which is 0 for files that the kernel generates, for example
    /proc/self/environ.

    Args:
        path: the file; a link is followed.
        largest: bytes that it may have.
        errors: what becomes of bytes that are no UTF-8, as in ``bytes.decode``; a byte order mark is left out.

    Raises:
        FileError: it cannot be read, is no regular file, is too large, or is no UTF-8.
    """
    descriptor = _open(path)
    try:
        data = _content(path, descriptor, largest)
    finally:
        os.close(descriptor)
    try:
        return data.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise FileError(f"cannot read {path}: byte {error.start:,} is no UTF-8: save it as UTF-8") from None


def read_lines(path: Path, largest: int = LARGEST_LINES_BYTES) -> Iterator[str]:
    """Yield the lines of a regular file, one in memory at a time; bytes that are no UTF-8 are replaced.

    Args:
        path: the file; a link is followed.
        largest: bytes that it may have.

    Raises:
        FileError: it cannot be read, is no regular file, or is too large.
    """
    descriptor = _open(path)
    try:
        size = _size(path, descriptor, largest)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            first = True
            while size > 0 and (line := file.readline(size)):
                size -= len(line)
                yield line.decode("utf-8-sig" if first else "utf-8", "replace").removesuffix("\n")
                first = False
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str, errors: str = "strict") -> None:
    """Write a regular file whole or not at all, in UTF-8; a link is followed, and stays.

    Raises:
        OSError: it cannot be written, or a directory, device, pipe or socket has that name, which is left unchanged.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"it is {_kind(mode)}: name a regular file")
    scratch = target.with_name(target.name + ".tmp")
    # Other users of the directory may have created a link or a pipe of that name.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(scratch, flags, 0o666)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors=errors, newline="\n") as file:
            file.write(text)
        scratch.replace(target)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def write_stream(stream: IO[str], text: str) -> None:
    """Write and flush a text; a reader that has closed its end of the pipe is no error."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # The buffer is dropped, since Python would end with exit code 120.
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _kind(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a device, pipe or socket"


def _open(path: Path) -> int:
    try:
        # A pipe without a writer must not hold the process up.
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _size(path: Path, descriptor: int, largest: int) -> int:
    """Return the bytes of a file that may be read."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise FileError(f"cannot read {path}: it is {_kind(found.st_mode)}: name a regular file")
    if found.st_size > largest:
        raise FileError(
            f"cannot read {path}: it has {found.st_size:,} bytes, {largest:,} are allowed: name a smaller file"
        )
    return found.st_size


def _content(path: Path, descriptor: int, largest: int) -> bytes:
    size = _size(path, descriptor, largest)
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(size)
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
