# SPDX-License-Identifier: Apache-2.0
"""Puts together the root of the image: the interpreter, the libraries that it loads, and the load tester.

Runs in the build stage of the Dockerfile, by the interpreter that is to go into the image. No shell, no package manager
and nothing else of the base image is taken over. Needs Linux: what is loaded is read from /proc/self/maps.
"""

from __future__ import annotations

import argparse
import compileall
import importlib
import os
import py_compile
import re
import shutil
import socket
import ssl
import sys
import sysconfig
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

# Directories and files of the standard library that a load tester without terminal, window or compiler never needs.
LEFT_OUT = (
    "__pycache__", "config-*", "dist-packages", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages",
    "sitecustomize.py", "sqlite3", "test", "tests", "tkinter", "turtle.py", "turtledemo", "unittest", "venv", "*.a",
    "_test*", "_ctypes_test*", "_xxtestfuzz*", "xxlimited*", "xxsubtype*", "_tkinter*", "_curses*", "curses",
    "readline*", "_sqlite3*", "_dbm*", "_gdbm*", "ossaudiodev*", "_codecs_*", "nis*",
)  # fmt: skip
# Sources of compiled modules, and files that only installers read.
LEFT_OUT_OF_PACKAGES = (
    "__pycache__",
    "*.pyx",
    "*.pxd",
    "*.pyi",
    "*.c",
    "*.h",
    "direct_url.json",
    "REQUESTED",
    "RECORD",
)
# What the load tester asks AWS by botocore: the table, its settings, and credentials of every source. All other models,
# 25 MB of them, are for services that it never calls.
MODELS = {"dynamodb", "signin", "sso", "sso-oidc", "ssm", "sts"}
USER = 65532  # of a name that no host has; the task definition says the same
SHARED_OBJECT = re.compile(r"\.so(\.|$)")
# The program's header names the loader: https://refspecs.linuxfoundation.org/elf/elf.pdf, PT_INTERP
LOADER = re.compile(rb"/[\w./-]*/ld-[\w.-]+\.so[.\d]*(?=\0)")
LAUNCHER = """#!/app/bin/python
# A container's first process ignores signals that it has no handler for: one that comes now must not be lost.
import signal
import sys

for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_received: sys.exit(6))

from ddbload.cli import main

sys.exit(main())
"""


def assemble(application: Path, root: Path, epoch: int) -> None:
    """Put the root together, in three parts: what changes seldom does not have to be pushed again.

    Args:
        application: the load tester and its packages, where they are to lie in the image.
        root: where to; ``system``, ``packages`` and ``ddbload`` are made in it, to be laid over one another.
        epoch: modification time of everything, s since 1970: the same input gives the same bytes.
    """
    system, packages, own = (root / name for name in ("system", "packages", "ddbload"))
    library, location = Path(sysconfig.get_path("stdlib")).relative_to("/"), application.relative_to("/")
    _copy_tree("/" / library, system / library, LEFT_OUT)
    _copy_tree(application, packages / location, {*LEFT_OUT_OF_PACKAGES, "bin", "ddbload"})
    _copy_tree(application / "ddbload", own / location / "ddbload", {"__pycache__"})
    _trim(packages / location)
    needed = {*_loaded_files("/" / library, system), *_interpreter()}
    needed.update(path for path in map(Path, ("/etc/ld.so.cache", "/etc/os-release")) if path.exists())
    for path in sorted(needed):
        bring(path, system)
    _name_packages(needed, system)
    for part, directory in ((system, library), (packages, location)):
        _compile(part / directory, "/" / directory)
        _remove_sources(part / directory)
    _compile(own / location, "/" / location)
    _write(own / location / "bin" / "ddbload", LAUNCHER)
    (own / location / "bin" / "ddbload").chmod(0o755)
    (own / location / "bin" / "python").symlink_to(sys.executable)
    _write(system / "etc/passwd", f"root:x:0:0::/:/nologin\nddbload:x:{USER}:{USER}::/:/nologin\n")
    _write(system / "etc/group", f"root:x:0:\nddbload:x:{USER}:\n")
    _write(system / "etc/nsswitch.conf", "hosts: files dns\n")
    (system / "tmp").mkdir(exist_ok=True)
    (system / "tmp").chmod(0o1777)
    for path in (root, *root.rglob("*")):
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def bring(path: Path, root: Path) -> None:
    """Copy a file below the root, with every symbolic link on the way to it.

    Args:
        path: absolute path of the file in this system.
        root: where the image's root is made.
    """
    for part in (*reversed(path.parents), path):
        if part.is_symlink():
            link = root / part.relative_to("/")
            if not link.is_symlink():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(part.readlink())
            bring(Path(os.path.normpath(part.parent / part.readlink())) / path.relative_to(part), root)
            return
    target = root / path.relative_to("/")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def _trim(application: Path) -> None:
    for model in (application / "botocore" / "data").iterdir():
        if model.is_dir() and model.name not in MODELS:
            shutil.rmtree(model)


def _copy_tree(source: Path, target: Path, left_out: Iterable[str]) -> None:
    patterns = tuple(left_out)

    def ignored(_directory: str, names: list[str]) -> set[str]:
        return {name for name in names if any(fnmatch(name, pattern) for pattern in patterns)}

    shutil.copytree(source, target, symlinks=True, ignore=ignored)


def _loaded_files(library: Path, root: Path) -> set[Path]:
    """Return the shared objects that the image's programs and modules load."""
    extensions = root / library.relative_to("/") / "lib-dynload"
    for file in sorted(extensions.glob("*.so")):
        try:
            importlib.import_module(file.name.partition(".")[0])
        except ImportError:  # its library is not in the base image
            file.unlink()
    importlib.import_module("uvloop")
    importlib.import_module("ddbload.cli")
    ssl.create_default_context()
    socket.getaddrinfo("localhost", 80)  # some C libraries load the resolver late
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    mapped = {Path(line.split(maxsplit=5)[5]) for line in lines if line.count("/")}
    objects = {path for path in mapped if SHARED_OBJECT.search(path.name) and path.is_file()}
    inside = [library, Path(importlib.import_module("uvloop").__file__ or "/").parents[1]]
    return _with_links(path for path in objects if not any(path.is_relative_to(each) for each in inside))


def _with_links(paths: Iterable[Path]) -> set[Path]:
    """Add the links in a library's directory under which the dynamic linker looks it up."""
    found = set(paths)
    for path in tuple(found):
        neighbours = (
            entry for entry in path.parent.iterdir() if entry.is_symlink() and SHARED_OBJECT.search(entry.name)
        )
        found.update(entry for entry in neighbours if entry.resolve() == path.resolve())
    return found


def _interpreter() -> set[Path]:
    program = Path(sys.executable)
    with program.open("rb") as file:
        loader = LOADER.search(file.read(4096))
    return {program} | ({Path(os.fsdecode(loader[0]))} if loader else set())


def _compile(directory: Path, shown: Path) -> None:
    """Compile to bytecode: nothing can be compiled on a root that is read-only."""
    is_compiled = compileall.compile_dir(
        directory,
        quiet=1,
        stripdir=str(directory),
        prependdir=str(shown),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        workers=1,
    )
    if not is_compiled:
        raise SystemExit(f"{shown}: some of it cannot be compiled (see above)")


def _remove_sources(directory: Path) -> None:
    """Replace each source by its bytecode, where Python finds it too; https://peps.python.org/pep-3147/."""
    for source in sorted(directory.rglob("*.py")):
        cached = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
        cached.rename(source.with_suffix(".pyc"))
        source.unlink()
    for cache in sorted(directory.rglob("__pycache__")):
        cache.rmdir()


def _name_packages(paths: Iterable[Path], root: Path) -> None:
    """Keep the entries of Debian's package manager for the files, from which scanners read the libraries' versions.

    They look into status.d where there is no package manager:
    https://github.com/GoogleContainerTools/distroless/blob/main/PACKAGE_METADATA.md
    """
    manager = Path("/var/lib/dpkg")
    if not (manager / "status").is_file():
        return
    wanted = {name for path in paths for name in (str(path), str(path.resolve()), _before_merge(path.resolve()))}
    owners = {
        listing.stem.partition(":")[0]
        for listing in (manager / "info").glob("*.list")
        if not wanted.isdisjoint(listing.read_text(encoding="utf-8").splitlines())
    }
    for stanza in (manager / "status").read_text(encoding="utf-8").split("\n\n"):
        name = re.match(r"Package: (\S+)", stanza)
        if name and name[1] in owners:
            _write(root / "var/lib/dpkg/status.d" / name[1], stanza.strip() + "\n")
            copyright_file = Path("/usr/share/doc") / name[1] / "copyright"
            if copyright_file.is_file():
                bring(copyright_file, root)


def _before_merge(path: Path) -> str:
    """Return the name below /lib of a file below /usr/lib: packages still list some there."""
    return str(path).removeprefix("/usr")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--application", type=Path, required=True, help="the load tester and its packages")
    parser.add_argument("--root", type=Path, required=True, help="where the parts of the image's root are made")
    parser.add_argument("--epoch", type=int, default=0, help="modification time of everything, s since 1970")
    options = parser.parse_args()
    sys.path.insert(0, str(options.application))
    assemble(options.application.absolute(), options.root.absolute(), options.epoch)


if __name__ == "__main__":
    main()
