# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that only this user may read: created with that mode; another user's files and links are refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import private_files
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.private_files import ForeignFileError

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED WITH ANOTHER USER'S FILES: it takes root")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_and_its_files_are_this_users_own(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    private_files.own_folder(folder)
    private_files.write_text(folder / "text", "one")
    private_files.write_text(folder / "text", "two")
    for word in (b"a", b"b"):
        with private_files.open_for_appending(folder / "log") as log:
            log.write(word)
    assert private_files.read_text(folder / "text") == "two"
    assert (folder / "log").read_bytes() == b"ab"
    assert [mode(path) for path in (folder, folder / "text", folder / "log")] == [0o700, 0o600, 0o600]
    assert sorted(path.name for path in folder.iterdir()) == ["log", "text"]


def test_no_created_parent_is_writable_by_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        private_files.own_folder(tmp_path / "one" / "two" / "three")
    finally:
        os.umask(before)
    assert [mode(tmp_path / path) for path in ("one", "one/two", "one/two/three")] == [0o700] * 3


def test_open_modes_of_an_earlier_version_are_narrowed(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("old\n")
    (tmp_path / "log").chmod(0o644)
    tmp_path.chmod(0o755)
    private_files.own_folder(tmp_path)
    private_files.open_for_appending(tmp_path / "log").close()
    assert mode(tmp_path) == 0o700 and mode(tmp_path / "log") == 0o600
    assert (tmp_path / "log").read_text() == "old\n"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_is_neither_read_nor_written(tmp_path: Path, is_there: bool) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    if is_there:
        victim.write_text("kept")
    link.symlink_to(victim)
    for call in (private_files.open_for_appending, private_files.read_text):
        with pytest.raises(ForeignFileError, match="link is a link -> remove it"):
            call(link)
    private_files.write_text(link, "mine")
    (tmp_path / "link.new").symlink_to(victim)
    private_files.write_text(link, "mine")
    assert not link.is_symlink() and link.read_text() == "mine"
    assert victim.exists() == is_there and (not is_there or victim.read_text() == "kept")


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ForeignFileError, match="is no file of this user's"):
        private_files.read_text(tmp_path / "pipe")


@as_root
def test_another_users_folder_and_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("theirs")
    os.chown(tmp_path / "file", NOBODY, NOBODY)
    for call in (private_files.open_for_appending, private_files.read_text):
        with pytest.raises(ForeignFileError, match="is no file of this user's"):
            call(tmp_path / "file")
    theirs, link = tmp_path / "theirs", tmp_path / "link"
    theirs.mkdir()
    link.symlink_to(tmp_path)
    os.chown(theirs, NOBODY, NOBODY)
    os.lchown(link, NOBODY, NOBODY)
    for folder in (theirs, link):
        for call in (private_files.own_folder, private_files.check_folder):
            with pytest.raises(ForeignFileError, match=rf"belongs to another user \(uid {NOBODY}\) -> .*local_aws"):
                call(folder)
    assert (tmp_path / "file").read_text() == "theirs"


def test_a_missing_folder_is_accepted_and_not_created(tmp_path: Path) -> None:
    private_files.check_folder(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
