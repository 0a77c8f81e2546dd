# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container engine for the tests: a running one, or Debian's own, installed and started where that is allowed.

You can run it as a program: ``python tests/containers/container_engine.py --help``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.docker import answers, docker_host

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "container-engine"  # git-ignored; kept between runs
INSTALL = "DDBLOAD_INSTALL_ENGINE"  # the value 1 allows the tests to install and start Debian's engine
BASE_IMAGE = "DDBLOAD_BASE_IMAGE"  # name of a base image that can be pulled
STARTS_WITHIN = 60.0  # seconds
STOPS_WITHIN = 30.0  # seconds
PULLS_WITHIN = 300.0  # seconds
PACKAGES = {"dockerd": "docker.io", "mmdebstrap": "mmdebstrap"}


class NoEngineError(Exception):
    """No engine is available; the message says why, and how to get one."""


@dataclass
class Engine:
    """A container engine.

    Attributes:
        host: its address, in the form of DOCKER_HOST.
        process: the engine, where this module started it.
        log: its output, where this module started it.
    """

    host: str
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None

    def docker(self, *arguments: str, timeout: float = 300, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Docker's client."""
        return subprocess.run(
            ["docker", *arguments],
            env=os.environ | {"DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=check,
        )

    def stop(self) -> None:
        """Stop the engine, where this module started it; remove unused layers, so that its directory does not grow."""
        if self.process:
            self.docker("image", "prune", "--force", check=False)
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(STOPS_WITHIN)
            shutil.rmtree(Path(self.host.removeprefix("unix://")).parent, ignore_errors=True)


def find(environ: Mapping[str, str]) -> Engine | None:
    """Return the running engine; None where no engine responds."""
    host = docker_host(environ)
    return Engine(host) if answers(host) else None


def obtain(environ: Mapping[str, str]) -> Engine:
    """Return the running engine, or install and start Debian's.

    Args:
        environ: the environment variables; INSTALL allows this function to install and start an engine.

    Raises:
        NoEngineError: no engine responds, and none may be or can be installed and started.
    """
    found = find(environ)
    if found:
        return found
    reason = f"no container engine responds on {docker_host(environ)}"
    if environ.get(INSTALL) != "1":
        raise NoEngineError(f"{reason} -> start one, name it by DOCKER_HOST, or as root on Debian set {INSTALL}=1")
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        raise NoEngineError(f"{reason}, and only root on Debian can install one -> start one, or use root on Debian")
    install()
    return start(CACHE)


def install() -> None:
    """Install Debian's engine, and the program that builds a base image without a registry.

    Raises:
        NoEngineError: Debian's packages are not available.
    """
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if missing:
        _apt_get("update", "-qq")
        _apt_get("install", "-qq", "-y", "--no-install-recommends", *missing)
    if not shutil.which("docker"):  # a separate package since Debian 13
        _apt_get("install", "-qq", "-y", "--no-install-recommends", "docker-cli")


def _apt_get(*arguments: str) -> None:
    command = ["apt-get", *arguments]
    done = subprocess.run(command, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, check=False)
    if done.returncode:
        raise NoEngineError(f"{shlex.join(command)} failed with exit code {done.returncode} -> see its output above")


def start(directory: Path, is_alone: bool = False) -> Engine:
    """Start a separate engine on its own socket.

    Args:
        directory: for its images, its log and its settings.
        is_alone: whether it runs without a network, in its own namespace; else it removes another engine's bridge.

    Raises:
        NoEngineError: it does not start, for example in a container without the permission to mount.
    """
    directory.mkdir(parents=True, exist_ok=True)
    # The socket is outside the directory, since its path may have at most 107 characters (unix(7)).
    run = Path("/run") / f"ddbload-{hashlib.sha256(str(directory).encode()).hexdigest()[:12]}"
    run.mkdir(mode=0o700, exist_ok=True)
    log = directory / "dockerd.log"
    places = ["--data-root", str(directory / "data"), "--exec-root", str(run / "exec"), "--pidfile", str(run / "pid")]
    engine = Engine(f"unix://{run / 'docker.sock'}", log=log)
    with log.open("wb") as output:
        command = ["dockerd", "--host", engine.host, *places]
        if is_alone:
            command = ["unshare", "--net", *command, "--bridge=none", "--iptables=false", "--ip6tables=false"]
        # The engine has its own session, so that Ctrl-C does not end it before the tests.
        engine.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    end = time.monotonic() + STARTS_WITHIN
    while not answers(engine.host):
        if engine.process.poll() is not None or time.monotonic() > end:
            engine.process.kill()
            lines = log.read_text(errors="replace").splitlines() or ["no output"]
            raise NoEngineError(f"dockerd does not start: {lines[-1]} -> see {log}")
        time.sleep(0.2)
    return engine


def base_image(engine: Engine, environ: Mapping[str, str]) -> str:
    """Return a base image: the named one, else one built from Debian's packages, else the Dockerfile's.

    Args:
        engine: the engine that needs the image.
        environ: the environment variables; BASE_IMAGE names an image.

    Raises:
        NoEngineError: no base image is available.
    """
    if environ.get(BASE_IMAGE):
        return environ[BASE_IMAGE]
    made = f"ddbload-base:{_suite()}"
    if _has(engine, made):
        return made
    if os.geteuid() == 0 and shutil.which("mmdebstrap"):
        engine.docker("import", str(_made_archive()), made)
        return made
    return _pulled(engine)


def _has(engine: Engine, image: str) -> bool:
    return engine.docker("image", "inspect", image, check=False).returncode == 0


def _made_archive() -> Path:
    """Return the archive of a base image, built from Debian's packages without a registry and cached."""
    archive = CACHE / f"base-{_suite()}.tar"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = archive.with_suffix(".part.tar")
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,python3-pip", _suite(), str(part)]
        done = subprocess.run(command, check=False)
        if done.returncode:
            raise NoEngineError(
                f"mmdebstrap failed with exit code {done.returncode} -> name a base image in {BASE_IMAGE}"
            )
        part.rename(archive)
    return archive


def _pulled(engine: Engine) -> str:
    """Return the base image that the Dockerfile names, pulled from its registry."""
    dockerfile = (ROOT / "loadtest_app" / "Dockerfile").read_text()
    name = re.findall(r"^ARG BASE_IMAGE=(\S+)$", dockerfile, re.MULTILINE)[0]
    if not _has(engine, name):
        done = engine.docker("pull", "--quiet", name, check=False, timeout=PULLS_WITHIN)
        if done.returncode:
            raise NoEngineError(
                f"no base image: {name} cannot be pulled ({done.stderr.strip()}) -> name one in {BASE_IMAGE}, or as "
                "root on Debian install mmdebstrap"
            )
    return str(name)


def wheelhouse(engine: Engine, image: str) -> Path:
    """Return a directory with the wheels that the load tester's lock file pins, for the Python of an image.

    This machine's pip downloads them with its settings, since a build has neither its network nor its certificates.
    """
    script = "import sys, platform; print('%d.%d' % sys.version_info[:2], platform.machine())"
    version, machine = engine.docker("run", "--rm", image, "python3", "-c", script).stdout.split()
    lock = ROOT / "loadtest_app" / "requirements.txt"
    emulator = CACHE / f"wheels-{version}-{machine}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not emulator.exists():
        part = emulator.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        platforms = [f"--platform={name}_{machine}" for name in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
        wanted = ["--require-hashes", "--only-binary=:all:", "--no-deps", f"--python-version={version}", *platforms]
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            *wanted,
            f"--dest={part}",
            f"--requirement={lock}",
        ]
        subprocess.run(command, check=True)
        part.rename(emulator)
    return emulator


def _suite() -> str:
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return release.get("VERSION_CODENAME", "stable").strip('"')


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="A container engine and a base image.")
    parser.parse_args()
    try:
        engine = obtain(os.environ | {INSTALL: "1"})
        base = base_image(engine, os.environ)
    except NoEngineError as error:
        raise SystemExit(str(error)) from error
    pid = f" (pid {engine.process.pid})" if engine.process else ""
    print(f"A container engine runs{pid}. To use it:\n  export DOCKER_HOST={engine.host}")
    print(f"  -e build_push_base_image={base} -e build_push_wheelhouse={wheelhouse(engine, base)}")


if __name__ == "__main__":
    main()
