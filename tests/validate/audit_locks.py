#!/usr/bin/env python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has pip-audit look up the pins of the named locks; prints each known vulnerability, and exits with 1 at any.

A failed lookup is reported and is no failure, since the database is on the network. Runs in the environment of
requirements/validate.txt. Debian's packages are not covered: the registry scans a pushed image for these.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def audited(lock: str) -> tuple[Sequence[Mapping[str, Any]], str]:
    """Return pip-audit's findings for each package, or the reason why it has none."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json"]
    done = subprocess.run(
        [*command, "--progress-spinner", "off", "--requirement", lock],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    try:
        return json.loads(done.stdout)["dependencies"], ""
    except (ValueError, KeyError):
        return [], (done.stderr.strip().splitlines() or ["no output from pip-audit"])[-1]


def problems(packages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each known vulnerability of a package."""
    return [
        f"{package['name']} {package['version']}: {found['id']} -> take {', '.join(found['fix_versions']) or 'another'}"
        for package in packages
        for found in package.get("vulns", [])
    ]


def main() -> None:
    """Audit the locks whose paths are the arguments."""
    lines: list[str] = []
    for lock in sys.argv[1:]:
        packages, failure = audited(lock)
        missed = [package for package in packages if "skip_reason" in package]
        lines += [f"{Path(lock)}: {line}" for line in problems(packages)]
        if failure:
            print(f"{lock}: NOT AUDITED: {failure}")
        else:
            print(f"{lock}: {len(packages) - len(missed)} of {len(packages)} packages were looked up")
        if missed:
            print(f"{lock}: NOT AUDITED: {len(missed)} packages, the first because: {missed[0]['skip_reason']}")
    print(*lines, sep="\n", end="\n" if lines else "")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
