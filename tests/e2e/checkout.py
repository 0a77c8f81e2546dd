# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the files under version control, as a clone has them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from emulator_env import ROOT


def copy_checkout(directory: Path) -> Path:
    """Copy the files under version control into a directory, and return it."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, directory / name, follow_symlinks=False)
    return directory


def install_packages(directory: Path) -> None:
    """Let a copy use the Python packages of this checkout, so that nothing is downloaded."""
    (directory / ".venv").symlink_to(ROOT / ".venv")
    # make installs a list again that is newer than its mark.
    for path in (*(directory / "requirements").glob("*.txt"), directory / "loadtest_app" / "pyproject.toml"):
        os.utime(path, (0, 0))
