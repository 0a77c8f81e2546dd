# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The templates in files/cfn/<system>/ are what the descriptions render to, and cfn-lint accepts them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from rendered import ROOT, SYSTEMS, rendered

# Values of an environment whose jobs run by themselves, and the templates that they change.
AUTOMATED = {
    "jobs": {
        "prompt": {
            "parameters": {"prompt": {"required": False, "default": "Summarize the day"}},
            "queue": {"mode": "workers"},
            "schedule": {"expression": "cron(0 6 ? * MON-FRI *)", "timezone": "Europe/Berlin"},
        }
    }
}
ALTERED = {"oneshot": (AUTOMATED, {"job-prompt.yaml", "service-prompt-workers.yaml"}), "mcp_gateway": ({}, set())}


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_templates_are_current(system: str) -> None:
    """`make render` writes them; a review sees what a change of a description does to an account."""
    files = rendered(system)
    assert {
        path: path.read_text(encoding="utf-8") for path in (ROOT / "files" / "cfn" / system).glob("*.yaml")
    } == files


@pytest.mark.parametrize("system", SYSTEMS)
def test_cfn_lint_accepts_the_templates(system: str, tmp_path: Path) -> None:
    """The templates, and those of a job that has workers and a schedule."""
    paths = [str(path) for path in rendered(system)]
    values, changed = ALTERED[system]
    for path, text in rendered(system, values).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            (tmp_path / path.name).write_text(text, encoding="utf-8")
    assert {path.name for path in tmp_path.iterdir()} >= changed
    paths += [str(path) for path in tmp_path.iterdir()]
    assert_linted(paths)


def test_cfn_lint_accepts_host_names(tmp_path: Path) -> None:
    """Those of oneshot, whose files have no domain, and no call that leaves the network."""
    site = {
        "scheme": "internet-facing",
        "host": "shop",
        "admits": ["0.0.0.0/0"],
        "listeners": {"http": {"port": 80, "redirect_to": 443}, "https": {"port": 443, "protocol": "HTTPS"}},
    }
    ui = {
        "deployment": {"strategy": "ROLLING", "alarms": []},
        "targets": {"site": {"name": "site"}},
        "calls": ["load_balancer:site"],
    }
    values = {"domain": {"zone": "example.com"}, "load_balancers": {"site": site}, "services": {"ui": ui}}
    names = ("domain", "certificates", "load-balancer-site", "records", "service-ui", "security-groups")
    for path, text in rendered("oneshot", values).items():
        if path.stem in names:
            (tmp_path / path.name).write_text(text, encoding="utf-8")
    assert {path.stem for path in tmp_path.iterdir()} == {*names}
    assert_linted([str(path) for path in tmp_path.iterdir()])


def test_cfn_lint_accepts_the_experiments(tmp_path: Path) -> None:
    """They are off by default, so that no file of files/cfn has them."""
    [text] = [
        each
        for path, each in rendered("oneshot", {"observability": {"fault_injection": True}}).items()
        if path.stem == "service-ui"
    ]
    assert "AWS::FIS::ExperimentTemplate" in text
    template = tmp_path / "service-ui.yaml"
    template.write_text(text, encoding="utf-8")
    assert_linted([str(template)])


def assert_linted(paths: list[str]) -> None:
    """Check that cfn-lint has nothing to say about templates."""
    command = [Path(sys.executable).parent / "cfn-lint", "--non-zero-exit-code", "warning", "--", *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stdout) == (0, "")
