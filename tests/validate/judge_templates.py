#!/usr/bin/env python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has checkov lint the named templates; prints a line for each finding, and exits with 1 at any.

A suppression, in a resource's Metadata, counts only with its reason. Runs in the environment of
requirements/validate.txt, without the network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

REASON_WORDS = 4  # "not needed" is no reason


def judged(templates: list[str]) -> Mapping[str, Any]:
    """Return checkov's report on the templates.

    See https://www.checkov.io/2.Basics/CLI%20Command%20Reference.html
    """
    checkov = Path(sys.executable).parent / "checkov"
    # Without a key of its vendor's service it sends no data; these two variables stop its check for updates.
    command = [str(checkov), "--framework", "cloudformation", "--skip-download", "--skip-results-upload"]
    command += ["--output", "json", *(part for template in templates for part in ("--file", template))]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        sys.exit(f"unreadable output of checkov: {done.stderr[-500:] or done.stdout[-500:]}")
    return report if isinstance(report, dict) else {}


def problems(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each finding."""
    results = report["results"]
    for path in results.get("parsing_errors", []):
        yield f"{path}: checkov cannot read it -> fix the template"
    for check in results["failed_checks"]:
        yield f"{_location(check)}: {check['check_id']} {check['check_name']} -> fix it, or suppress it with the reason"
    for check in results["skipped_checks"]:
        reason = str(check["check_result"].get("suppress_comment") or "")
        if len(reason.split()) < REASON_WORDS:
            yield f'{_location(check)}: {check["check_id"]} is suppressed without a reason ("{reason}") -> give it one'


def _location(check: Mapping[str, Any]) -> str:
    first, _last = check["file_line_range"]
    return f"{check['file_path'].lstrip('/')}:{first} {check['resource']}"


def main() -> int:
    """Lint the templates; return the exit code."""
    report = judged(sys.argv[1:])
    lines = list(problems(report))
    summary = report["summary"]
    print("\n".join(lines) or f"checkov: {summary['passed']} passed, {summary['skipped']} suppressed with a reason")
    return 1 if lines or not summary["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
