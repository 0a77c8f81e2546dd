# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogEvent
from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveFeed, LiveReader
from hypothesis import given
from hypothesis import strategies as st


def event(message: str, timestamp: int = 1) -> LogEvent:
    return {"timestamp": timestamp, "message": message}


def report_everything(feed: LiveFeed) -> None:
    feed.status("a", "RUNNING", 3.2, {"pull": 1.5})
    feed.log("a", [event("one", 7), event("two", 8)])
    feed.tick(4.0, {"RUNNING": 1}, 1)
    feed.note("stopping the tasks")


@contextmanager
def disk_with_room_for(size: int) -> Iterator[None]:
    """Let no file of this process become larger than ``size`` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_records_have_the_documented_fields(tmp_path: Path) -> None:
    live = str(tmp_path / "live")
    report_everything(LiveFeed(live, None))
    assert LiveReader(live).read() == [
        {"kind": "status", "task_id": "a", "status": "RUNNING", "elapsed_s": 3.2, "timings": {"pull": 1.5}},
        {"kind": "log", "task_id": "a", "timestamp": 7, "message": "one"},
        {"kind": "log", "task_id": "a", "timestamp": 8, "message": "two"},
        {"kind": "tick", "elapsed_s": 4.0, "states": {"RUNNING": 1}, "wanted": 1},
        {"kind": "note", "text": "stopping the tasks"},
    ]


def test_a_feed_without_files_writes_nothing() -> None:
    feed = LiveFeed(None, None)
    report_everything(feed)
    feed.close()
    assert feed.problem is None


def test_messages_after_the_end_are_dropped(tmp_path: Path) -> None:
    feed = LiveFeed(str(tmp_path / "live"), str(tmp_path / "log"))
    feed.close()
    report_everything(feed)
    feed.close()
    assert LiveReader(str(tmp_path / "live")).read() == []
    assert feed.problem is None


# Any text that JSON can carry, halves of surrogate pairs too.
MESSAGES = st.text(st.characters() | st.sampled_from("\r\n\x1b\u2028\ud800"))


@given(messages=st.lists(MESSAGES))
def test_line_arrives_unchanged_and_is_one_line_of_the_file(messages: list[str]) -> None:
    """Any line arrives unchanged and is one line of the log file."""
    with TemporaryDirectory() as folder:
        live, log = Path(folder, "live"), Path(folder, "log")
        feed = LiveFeed(str(live), str(log))
        feed.log("a", map(event, messages))
        feed.close()
        assert [record["message"] for record in LiveReader(str(live)).read()] == messages
        content = log.read_bytes()
        assert content.count(b"\n") == len(messages)
        assert b"\r" not in content
        assert not content or content.endswith(b"\n")
        assert feed.problem is None


def test_a_log_line_keeps_all_but_its_newlines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    LiveFeed(None, str(log)).log("a", [event('{"k": "v\u2028"}\n'), event("1\r\n2\r3\n4"), event("")])
    assert log.read_text(encoding="utf-8").split("\n") == ['{"k": "v\u2028"}', "1 2 3 4", "", ""]


def test_log_file_is_made_with_folders_for_its_owner_only(tmp_path: Path) -> None:
    """The log file is made with its folders, for its owner only."""
    log = tmp_path / "new" / "folder" / "log"
    LiveFeed(None, str(log)).log("a", [event("one")])
    assert log.read_text(encoding="utf-8") == "one\n"
    assert log.stat().st_mode & 0o077 == 0


def test_earlier_log_file_is_replaced_by_the_first_line(tmp_path: Path) -> None:
    """A log file of an earlier call is replaced once a line comes."""
    log = tmp_path / "log"
    log.write_text("before\n", encoding="utf-8")
    feed = LiveFeed(None, str(log))
    assert log.read_text(encoding="utf-8") == "before\n"
    for message in ("one", "two"):
        feed.log("a", [event(message)])
    feed.close()
    assert log.read_text(encoding="utf-8") == "one\ntwo\n"


@pytest.mark.parametrize("path", ["", "file/below", "nul\0"], ids=["a folder", "below a file", "no path at all"])
def test_unopenable_log_file_is_reported_and_harms_nothing(tmp_path: Path, path: str) -> None:
    """A log file that cannot be opened is reported at once, and the call goes on."""
    (tmp_path / "file").touch()
    live = str(tmp_path / "live")
    feed = LiveFeed(live, f"{tmp_path}/{path}")
    assert feed.problem and f"cannot write log_file {tmp_path}/{path}: " in feed.problem.line()
    assert "missing" not in feed.problem.line()
    report_everything(feed)
    feed.close()
    assert feed.problem and "2 line(s) are missing" in feed.problem.line()
    assert feed.problem and feed.problem.remedy
    assert len(LiveReader(live).read()) == 5


def test_a_live_file_that_cannot_be_opened_is_ignored(tmp_path: Path) -> None:
    feed = LiveFeed(str(tmp_path), str(tmp_path / "log"))
    report_everything(feed)
    feed.close()
    assert (tmp_path / "log").read_text(encoding="utf-8") == "one\ntwo\n"
    assert feed.problem is None


def test_a_full_disk_is_reported_and_later_lines_are_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    feed = LiveFeed(None, str(log))
    with disk_with_room_for(10):
        feed.log("a", [event("one"), event("too long for it"), event("nor this")])
    feed.log("a", [event("two"), event("three")])
    feed.close()
    assert log.read_text(encoding="utf-8").split("\n") == ["one", "too lo", "two", "three", ""]
    assert feed.problem and "2 line(s) are missing" in feed.problem.line()


def test_the_reader_skips_lines_that_a_full_disk_cut(tmp_path: Path) -> None:
    live = str(tmp_path / "live")
    feed, reader = LiveFeed(live, None), LiveReader(live)
    with disk_with_room_for(40):
        feed.note("short")
        feed.note("x" * 40)
    assert reader.read() == [{"kind": "note", "text": "short"}]
    feed.note("again")
    assert reader.read() == [{"kind": "note", "text": "again"}]


def test_a_missing_file_has_no_records(tmp_path: Path) -> None:
    live = str(tmp_path / "live")
    reader = LiveReader(live)
    assert reader.read() == []
    LiveFeed(live, None).note("now")
    assert reader.read() == [{"kind": "note", "text": "now"}]
    assert reader.read() == []


GARBAGE = st.sampled_from([b"", b"{", b"[]", b'"text"', b'{"kind": 1}', b'{"text": "x"}', b"\xff\xfe", b"null"])


@given(data=st.data(), notes=st.lists(st.text() | GARBAGE, max_size=8))
def test_records_come_once_and_whole_despite_cut_writes(data: st.DataObject, notes: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        live = Path(folder, "live")
        feed = LiveFeed(str(live), None)
        for note in notes:
            if isinstance(note, str):
                feed.note(note)
            else:
                with live.open("ab") as file:
                    file.write(note + b"\n")
        content = live.read_bytes()
        cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))
        live.write_bytes(b"")
        reader, seen = LiveReader(str(live)), []
        for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
            with live.open("ab") as file:
                file.write(content[start:end])
            seen += reader.read()
            assert len(seen) <= content[:end].count(b"\n")
        assert [record["text"] for record in seen] == [note for note in notes if isinstance(note, str)]


@pytest.mark.parametrize("has_target", [True, False])
def test_a_link_at_the_log_file_s_path_is_not_followed(tmp_path: Path, has_target: bool) -> None:
    target, link = tmp_path / "victim", tmp_path / "log"
    if has_target:
        target.write_text("precious")
    link.symlink_to(target)
    feed = LiveFeed(None, str(link))
    feed.log("t", [{"timestamp": 1, "message": "line"}])
    feed.close()
    assert feed.problem and feed.problem.what.startswith(
        f"cannot write log_file {link}: it is a symbolic link, and links are not followed"
    )
    assert target.exists() == has_target and (not has_target or target.read_text() == "precious")


def test_the_folders_of_a_log_file_are_for_its_owner_only(tmp_path: Path) -> None:
    LiveFeed(None, str(tmp_path / "one" / "two" / "log")).close()
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("one", "one/two")]
    assert modes == [0o700, 0o700]
