# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process engine: the part of the Docker Engine API that an emulated ECS calls, with processes for containers.

Each "container" is a child process of this machine in a process group and a scratch folder of its own; bubblewrap
gives it the host names and file systems that it needs. Nothing isolates it: no file system, no network, no user. It is
there so that an ECS task can be tried on a machine without a container engine. API: https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import stat
import sys
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from embedded_aws.engine.addresses import Addresses
from embedded_aws.engine.engine import SHUTDOWN_GRACE, Engine
from embedded_aws.engine.registry import Registry
from embedded_aws.engine.sandbox import Sandbox
from embedded_aws.guard.keys import Keys


def private_folder(folder: Path) -> None:
    """Make a folder that only this user may enter; SystemExit where another user was there first."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = folder.lstat()
    if known.st_uid != os.getuid() or not stat.S_ISDIR(known.st_mode):
        sys.exit(
            f"{folder} is not a folder of this user, others could reach the engine: remove it, or use another port"
        )
    folder.chmod(0o700)


def main() -> None:
    """Serve until SIGTERM or SIGINT, then end every process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--socket", required=True, type=Path, help="UNIX socket to listen on, in a folder of its own")
    parser.add_argument(
        "--registry", required=True, help="URL of the emulator, whose registry says which images there are"
    )
    parser.add_argument(
        "--credentials", required=True, type=Path, help="credentials file that holds the emulator's key"
    )
    parser.add_argument(
        "--program",
        action="append",
        default=[],
        help="what tasks may run, by the first word of their command; may recur",
    )
    options = parser.parse_args()
    keys = Keys.read(options.credentials)
    private_folder(options.socket.parent)
    options.socket.unlink(missing_ok=True)  # left by an engine that was killed
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(options.socket))
    listener.listen()
    mine = options.socket.stat().st_ino
    # The load tester is installed beside the interpreter that runs this.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    print(f"Process engine on {options.socket}: tasks run as processes of this user, nothing isolates them", flush=True)
    addresses = Addresses(urlsplit(options.registry).port or 0)
    sandbox = Sandbox.probe()
    if sandbox.problem:
        print(sandbox.problem, flush=True)
    application = Engine(Registry(options.registry, keys), path, options.program, addresses, sandbox).application()
    web.run_app(application, sock=listener, print=None, access_log=None, shutdown_timeout=SHUTDOWN_GRACE)
    # A later engine may have replaced the socket.
    with contextlib.suppress(OSError):
        if options.socket.stat().st_ino == mine:
            options.socket.unlink()
            options.socket.parent.rmdir()


if __name__ == "__main__":
    main()
