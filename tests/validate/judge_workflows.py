#!/usr/bin/env python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has actionlint lint the named workflows; prints each finding, and exits with 1 at any.

A workflow may call another of the same directory, which actionlint looks for in .github/workflows; so each directory's
workflows are copied into a repository of their own. Runs in the environment of requirements/validate.txt, without the
network.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path


def findings(workflows: list[Path]) -> str:
    """Return actionlint's findings about workflows of one directory, with their names relative to it."""
    with tempfile.TemporaryDirectory() as root:
        copies = Path(root, ".github", "workflows")
        copies.mkdir(parents=True)
        Path(root, ".git").mkdir()
        for workflow in workflows:
            shutil.copy(workflow, copies)
        command = [str(Path(sys.executable).parent / "actionlint"), "-no-color", "-shellcheck=", "-pyflakes="]
        done = subprocess.run(
            [*command, *sorted(str(copy) for copy in copies.iterdir())],
            cwd=root,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
    return (done.stdout + done.stderr).strip() or ("" if done.returncode == 0 else f"exit code {done.returncode}")


def main() -> int:
    """Lint the workflows; return the exit code."""
    named = sorted(Path(name).resolve() for name in sys.argv[1:])
    found = {str(parent): findings(list(inside)) for parent, inside in groupby(named, lambda path: path.parent)}
    lines = [f"in {parent}: {text}" for parent, text in found.items() if text]
    print("\n".join(lines) or f"actionlint: {len(named)} workflows, no finding")
    return 1 if lines or not named else 0


if __name__ == "__main__":
    sys.exit(main())
