# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python imports this module at its start where the Makefile puts this directory on PYTHONPATH.

A deploy starts some 150 processes that end within a second, and a process of pytest keeps what it imports. By default
the garbage collector scans their objects again and again: 10 to 25 percent of the tests' CPU time.

A module of Ansible's imports its source from a zip file, which holds no bytecode, and Python compiles each of some 90
files anew: a third of the module's CPU time. Here the bytecode of a source is kept.
"""

import _frozen_importlib_external
import _imp
import atexit
import contextlib
import gc
import marshal
import os
import zipimport

# Objects that are allocated before the collector looks for cycles; by default 700.
ALLOCATIONS = 200_000
BYTECODE = os.path.join(os.path.dirname(__file__), *("..", "..", ".build", "bytecode", "zipped"))

gc.set_threshold(ALLOCATIONS, 20, 100)
# The system takes all memory back at the end, so the collector has nothing to free.
atexit.register(gc.freeze)

compile_source = zipimport._compile_source


def kept_bytecode(pathname, source):
    """Return the code of a source from a zip file.

    Args:
        pathname: of the source, which tracebacks name.
        source: its bytes.
    """
    # The magic number is that of this version of Python.
    digest = _imp.source_hash(_frozen_importlib_external._RAW_MAGIC_NUMBER, source)
    path = os.path.join(BYTECODE, digest.hex())
    try:
        with open(path, "rb") as file:
            code = marshal.loads(file.read())
    except (OSError, EOFError, ValueError, TypeError):
        code = compile_source(pathname, source)
        with contextlib.suppress(OSError):  # another process writes it
            os.makedirs(BYTECODE, exist_ok=True)
            _frozen_importlib_external._write_atomic(path, marshal.dumps(code))
    else:
        _imp._fix_co_filename(code, pathname)
    return code


zipimport._compile_source = kept_bytecode
