# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a container at paths of its own: what bubblewrap is called with, and what tasks see and do in it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from embedded_aws.engine import sandbox
from embedded_aws.engine.container import Container
from embedded_aws.engine.sandbox import HOSTS, Bind, Sandbox, is_below, missing_above, program_pid, replaced
from waiting import waited

WORKS = Sandbox.probe()


def run(tmp_path: Path, binds: list[Bind], *argv: str, end: Any = None) -> Container:
    """Run a container to its end, or until ``end`` has ended it."""

    async def life() -> Container:
        environment = {"PATH": os.environ["PATH"], "TMP": str(tmp_path)}
        container = Container("1", "a", "image", list(argv), environment, {}, "127.77.0.1", "", WORKS, binds)
        await container.start()
        if end:
            await end(container)
        await asyncio.wait_for(container.wait(), 20)
        return container

    return asyncio.run(life())


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended may wait for its parent as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def lines(container: Container) -> list[str]:
    return [line.decode().rstrip("\n") for _stream, line in container.lines]


def test_bubblewrap_works_on_this_machine() -> None:
    assert (WORKS.problem, WORKS.program is not None) == ("", True)


@pytest.mark.parametrize("text", ["a:/b", "/a:b", "/a", "/a:/b/../c", "volume:/b:ro"])
def test_an_invalid_bind_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid bind"):
        Bind.parse(text)


def test_a_bind_is_read() -> None:
    assert Bind.parse("/a:/b/") == Bind("/a", "/b", read_only=False)
    assert Bind.parse("/a:/b:ro,z") == Bind("/a", "/b", read_only=True)


def test_a_missing_path_replaces_the_lowest_folder_above(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    binds = [Bind("/x", str(tmp_path / name), read_only=False) for name in ("there", "missing/below", "missing")]
    assert missing_above(binds[:1]) == []
    assert missing_above(binds[1:2]) == [str(tmp_path)]
    # The second path is below a mount point that bubblewrap fills itself.
    assert missing_above([binds[0], Bind("/x", str(tmp_path / "there" / "inner"), read_only=False)]) == []
    options = replaced(str(tmp_path))
    assert options[:4] == ["--perms", f"{tmp_path.stat().st_mode & 0o7777:04o}", "--tmpfs", str(tmp_path)]
    assert options[4:] == [
        *("--symlink", "there", str(tmp_path / "link")),
        *("--dev-bind-try", str(tmp_path / "there"), str(tmp_path / "there")),
    ]


def test_paths_below_a_folder() -> None:
    assert is_below("/data/tool", "/data")
    assert not is_below("/database", "/data")
    assert not is_below("python3", "/data")


@pytest.mark.parametrize(("info", "pid"), [('{"child-pid": 7}', 7), ("", None), ("{}", None), ('{"child', None)])
def test_the_pid_that_bubblewrap_writes(info: str, pid: int | None) -> None:
    assert program_pid(info) == pid


def test_a_mount_at_a_new_path_leaves_the_machine_as_it_is(tmp_path: Path) -> None:
    """The container writes to its mount and to the machine; the machine gets no new path."""
    source, target, hosts = tmp_path / "source", f"/mount-of-{tmp_path.name}/inner", tmp_path / "hosts"
    source.mkdir()
    hosts.write_text("127.255.0.9 only.here\n")
    script = f'echo in > {target}/file; echo out > "$TMP/outside"; ls {target}; readlink -f /bin/sh; cat {HOSTS}'
    binds = [Bind(str(hosts), HOSTS, read_only=True), Bind(str(source), target, read_only=False)]
    ended = run(tmp_path, binds, "sh", "-c", script)
    assert ended.exit_code == 0
    assert lines(ended) == ["file", str(Path("/bin/sh").resolve()), "127.255.0.9 only.here"]
    assert ((source / "file").read_text(), (tmp_path / "outside").read_text()) == ("in\n", "out\n")
    assert not Path(target).parent.exists()


def test_a_read_only_mount_refuses_writes(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.255.0.9 only.here\n")
    script = f"cat {HOSTS}; echo more >> {HOSTS} || exit 7"
    ended = run(tmp_path, [Bind(str(hosts), HOSTS, read_only=True)], "sh", "-c", script)
    assert (ended.exit_code, lines(ended)[0]) == (7, "127.255.0.9 only.here")
    assert hosts.read_text() == "127.255.0.9 only.here\n"


HANDLER = """
import os, signal, time
def end(number, _frame):
    os.write(1, f"got {signal.Signals(number).name}\\n".encode())
    os._exit(3)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(60)
"""


def test_sigterm_reaches_the_program_and_its_exit_code_counts(tmp_path: Path) -> None:
    async def end(container: Container) -> None:
        async for _line in container.output(follow=True):
            break
        await container.stop(10)

    binds = [Bind(str(tmp_path), "/mount-of-signals", read_only=False)]
    ended = run(tmp_path, binds, sys.executable, "-c", HANDLER, end=end)
    assert (ended.exit_code, lines(ended)) == (3, ["ready", "got SIGTERM"])


def test_a_kill_leaves_no_process(tmp_path: Path) -> None:
    """A program that ignores SIGTERM is killed with what it has started; 137 is the code of a container's SIGKILL."""
    script = 'trap "" TERM; sleep 600 & echo $$ $!; while true; do sleep 0.05; done'
    found: list[int] = []

    async def end(container: Container) -> None:
        async for _stream, line in container.output(follow=True):
            found.extend(map(int, line.split()))
            break
        assert container.process is not None
        assert container.details()["State"]["Pid"] == found[0] != container.process.pid
        found.append(container.process.pid)
        await container.stop(0.2)

    ended = run(tmp_path, [Bind(str(tmp_path), "/mount-of-kills", read_only=False)], "sh", "-c", script, end=end)
    assert ended.exit_code == 128 + signal.SIGKILL
    waited(lambda: not any(map(is_alive, found)), 10)


def test_a_missing_program_is_no_exit_code(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run(tmp_path, [Bind(str(tmp_path), "/mount", read_only=False)], "no-such-program")


def test_a_program_of_a_mount_runs(tmp_path: Path) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\nexit 5\n")
    program.chmod(0o755)
    assert (
        run(tmp_path, [Bind(str(tmp_path), "/mount-of-tools", read_only=True)], "/mount-of-tools/tool").exit_code == 5
    )


def test_the_end_of_the_engine_ends_a_container_with_binds(tmp_path: Path) -> None:
    """Even by SIGKILL, unlike a plain process."""
    engine = f"""
import asyncio, os
from embedded_aws.engine.container import Container
from embedded_aws.engine.sandbox import Bind, Sandbox
async def main():
    binds = [Bind({str(tmp_path)!r}, "/mount-of-ends", read_only=False)]
    environment = {{"PATH": os.environ["PATH"]}}
    argv = ["sh", "-c", "echo started; exec sleep 600"]
    container = Container("1", "a", "image", argv, environment, {{}}, "", "", Sandbox.probe(), binds)
    await container.start()
    async for line in container.output(follow=True):
        break
    print(container.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with subprocess.Popen(
        [sys.executable, "-c", engine], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert is_alive(pid)
        process.kill()
    waited(lambda: not is_alive(pid), 10)


def test_without_bubblewrap_a_task_has_no_mounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that needs host names does not start, and says what to install."""
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: None)
    missing = Sandbox.probe()
    assert missing.problem.startswith("host names and file systems of tasks need bubblewrap -> ")
    volume, hosts = Bind("/a", "/data", read_only=False), Bind("/b", HOSTS, read_only=True)
    assert missing.accepted([volume]) == []
    with pytest.raises(OSError, match="need bubblewrap"):
        missing.accepted([volume, hosts])
    assert WORKS.accepted([volume, hosts]) == [volume, hosts]


def test_a_bubblewrap_that_does_not_work_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: str(broken))
    problem = Sandbox.probe().problem
    assert f"{broken} does not work (bwrap: setting up uid map: Permission denied) -> allow" in problem
    assert "\n" not in problem


def test_another_system_than_linux_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "need Linux -> " in Sandbox.probe().problem
