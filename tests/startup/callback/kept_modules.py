# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback plugin: the calls of ansible-playbook share the zip files of modules.

Ansible parses some 90 files to find what it has to put into a module's zip file, which takes a quarter of a CPU second.
It keeps the zip file until ansible-playbook ends. Here it finds those of earlier calls.

Ansible keeps no bytecode of a collection, and compiles its plugins in each worker process. Here it finds the bytecode
of earlier processes.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from types import CodeType

import ansible
from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible.utils.collection_loader import _collection_finder

DOCUMENTATION = """
name: kept_modules
type: aggregate
short_description: Keeps the zip files of modules
description: Keeps the zip files of modules for the next call of ansible-playbook.
requirements: [enable in configuration]
"""

KEPT = Path(__file__).parents[3] / ".build" / "modules"
# Ansible's name of the directory with zip files, below the temporary directory of a call.
CACHE = "ansiballz_cache"


def sources() -> list[Path]:
    """Return the files that go into the zip files of modules, or that change together with those that do."""
    import ansible_collections.amazon.aws as amazon
    import ansible_collections.gantry.ecs as collection

    plugins = Path(next(iter(collection.__path__))) / "plugins"
    own = [file for folder in ("modules", "module_utils") for file in (plugins / folder).rglob("*.py")]
    return [Path(ansible.__file__), Path(next(iter(amazon.__path__))) / "MANIFEST.json", *sorted(own)]


def fingerprint(files: list[Path]) -> str:
    """Return a digest that differs where one of the files differs."""
    digest = sha256()
    for file in files:
        found = file.stat()
        digest.update(f"{file} {found.st_size} {found.st_mtime_ns} {found.st_ino}\n".encode())
    return digest.hexdigest()


class CallbackModule(CallbackBase):
    """Links Ansible's directory of zip files to that of these sources."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kept_modules"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        try:
            # Debian's Python has a module of this name too.
            from sitecustomize import kept_bytecode

            kept = KEPT / fingerprint(sources())
        except ImportError:  # a call without a collection, or without tests/startup on its path, keeps nothing
            return
        kept.mkdir(parents=True, exist_ok=True)
        (Path(constants.DEFAULT_LOCAL_TMP) / CACHE).symlink_to(kept)

        def compiled(source: bytes, filename: str, **_as_always: object) -> CodeType:
            code: CodeType = kept_bytecode(filename, source)
            return code

        # Shadows the built-in function in that module, which always passes the same settings.
        _collection_finder.compile = compiled
