# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and folders that only this user may read: another user's are neither read nor written, links not followed."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

FILE_MODE, FOLDER_MODE = 0o600, 0o700
OTHER_FOLDER = "choose another folder: -e local_aws_directory=PATH"


class ForeignFileError(ProblemError, OSError):
    """A file or folder is not this user's own."""


def own_folder(folder: Path) -> None:
    """Create a folder, or check that the existing one is this user's, and close it to other users.

    Raises:
        ForeignFileError: it is another user's, or a link that another user made.
        OSError: it cannot be made.
    """
    # A user with write access to a parent could replace this folder, and mkdir's mode does not apply to parents.
    for missing in reversed([parent for parent in folder.parents if not parent.exists()]):
        missing.mkdir(mode=FOLDER_MODE, exist_ok=True)
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    check_folder(folder)
    folder.chmod(FOLDER_MODE)


def check_folder(folder: Path) -> None:
    """Raise ForeignFileError where a folder is another user's; a missing one passes."""
    with suppress(FileNotFoundError):
        for known in (folder.lstat(), folder.stat()):
            if known.st_uid != os.geteuid():
                what = f"{folder} belongs to another user (uid {known.st_uid})"
                raise ForeignFileError(Problem("foreign", what, OTHER_FOLDER))


def open_for_appending(path: Path) -> IO[bytes]:
    """Open this user's file for appending; create it if it is missing.

    Raises:
        ForeignFileError: it is a link, another user's, or no file.
    """
    descriptor = _open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.fchmod(descriptor, FILE_MODE)
    return os.fdopen(descriptor, "ab")


def read_text(path: Path) -> str:
    """Return the text of this user's file.

    Raises:
        ForeignFileError: it is a link, another user's, or no file.
        FileNotFoundError: it is missing.
        ValueError: it is no text.
    """
    with os.fdopen(_open(path, os.O_RDONLY), encoding="utf-8") as file:
        return file.read()


def write_text(path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner only; its folder has to belong to the user."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _open(path: Path, flags: int) -> int:
    try:
        # Without O_NONBLOCK, open blocks on a pipe of that name.
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        if path.is_symlink():
            raise ForeignFileError(Problem("foreign", f"{path} is a link", "remove it")) from error
        raise
    known = os.fstat(descriptor)
    if known.st_uid == os.geteuid() and stat.S_ISREG(known.st_mode):
        return descriptor
    os.close(descriptor)
    raise ForeignFileError(Problem("foreign", f"{path} is no file of this user's", "remove it"))
