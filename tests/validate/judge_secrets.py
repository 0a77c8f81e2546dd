#!/usr/bin/env python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has checkov look for secrets in the checkout; prints a line for each, and exits with 1 at any.

It looks for what has the form of a key, a token or a password in a URL. Tests are left out, since their keys are made
up. Runs in the environment of requirements/validate.txt, without the network.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# As regular expressions on the paths.
SKIPPED = ("/tests/", "/results/", r"/\.(?!github)[a-z_-]+/", r"requirements.*[.]txt$")
# Names and digests have a high entropy, too.
ENTROPY = "CKV_SECRET_6"
ALLOWED: Mapping[str, str] = {"bench/processes.py": "a made-up key, for an emulator that checks none"}
# In two parts, so that this file holds no key itself.
PLANTED = "AKIA" + "QYLPMN5HHHFPZAM2"


def found(directory: Path) -> list[Mapping[str, Any]]:
    """Return checkov's findings below a directory.

    See https://www.checkov.io/7.Scan%20Examples/Secrets.html
    """
    checkov = Path(sys.executable).parent / "checkov"
    command = [str(checkov), "--framework", "secrets", "--enable-secret-scan-all-files", "--skip-check", ENTROPY]
    command += ["--skip-download", "--output", "json", "--directory", str(directory)]
    command += [part for path in SKIPPED for part in ("--skip-path", path)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        sys.exit(f"unreadable output of checkov: {done.stderr[-500:] or done.stdout[-500:]}")
    return list(report["results"]["failed_checks"]) if "results" in report else []


def problems(findings: list[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each finding that is not allowed, and for each allowance that allows nothing."""
    paths = {each["file_path"].lstrip("/") for each in findings}
    for each in findings:
        path = each["file_path"].lstrip("/")
        if path not in ALLOWED:
            first = each["file_line_range"][0]
            yield f"{path}:{first}: {each['check_name']} -> remove it, and replace it where it is in use"
    for path in ALLOWED.keys() - paths:
        yield f"{path} has no secret any more -> remove it from ALLOWED of tests/validate/judge_secrets.py"


def main() -> int:
    """Look for secrets; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "settings.yml").write_text(f"access_key: {PLANTED}\n", encoding="utf-8")
        if not found(Path(folder)):
            print("checkov does not find a planted key -> see its options in tests/validate/judge_secrets.py")
            return 1
    lines = list(problems(found(ROOT)))
    print("\n".join(lines) or f"checkov: no secret, {len(ALLOWED)} made-up one(s) with a reason")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
