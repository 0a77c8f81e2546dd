# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows run pinned code with the least permissions, and steps that install packages see no secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
# Commands that run third-party code, or build a program that does.
INSTALLS = re.compile(r"\b(pip|pipx|uv|npm|apt|apt-get|dnf|curl|wget|make|galaxy (collection|role) install|build)\b")
# The write permissions that a job may have, by workflow and job.
WRITING = {("release", "attest"): {"id-token", "attestations"}}

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(path.read_text())["jobs"])


def steps(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each step of a workflow with the name of its job."""
    for name, job in jobs(path).items():
        for step in job.get("steps", []):
            yield name, step


def test_there_are_workflows() -> None:
    assert {path.stem for path in WORKFLOWS} == {"ci", "release"}


@each_workflow
def test_every_action_is_pinned_by_commit_and_named_by_version(path: Path) -> None:
    used = re.findall(r"^\s*(?:- )?uses: (.+)$", path.read_text(), re.MULTILINE)
    assert used
    foreign = [one for one in used if not one.startswith("./")]
    pinned = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [one for one in foreign if not pinned.fullmatch(one)] == []


def test_one_action_is_pinned_the_same_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, pin in re.findall(r"uses: ([\w./-]+)@(.+)$", path.read_text(), re.MULTILINE):
            pins.setdefault(action, set()).add(pin)
    assert pins
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


@each_workflow
def test_only_jobs_have_the_permissions_that_they_name(path: Path) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] == {}
    for name, job in jobs(path).items():
        assert isinstance(job.get("permissions"), dict), name
        writing = {right for right, level in job["permissions"].items() if level == "write"}
        assert writing == WRITING.get((path.stem, name), set()), name


@each_workflow
def test_no_step_that_installs_or_fetches_sees_a_secret(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    outside = {key: value for key, value in document.items() if key != "jobs"}
    assert "secrets." not in json.dumps(outside, default=str)
    for name, job in jobs(path).items():
        whole_job = {key: value for key, value in job.items() if key != "steps"}
        assert "secrets" not in json.dumps(whole_job), name
    for name, step in steps(path):
        if "secrets." in json.dumps(step):
            assert "uses" not in step, name
            assert not INSTALLS.search(step["run"]), (name, step["run"])


def test_artefacts_are_attested_before_publishing() -> None:
    release = jobs(ROOT / ".github" / "workflows" / "release.yml")
    (attest,) = [
        name
        for name, job in release.items()
        if any("attest-build-provenance" in step.get("uses", "") for step in job.get("steps", []))
    ]
    (publish,) = [name for name, job in release.items() if "secrets." in json.dumps(job)]
    assert attest in release[publish]["needs"]
    # Code of the checkout must not run with the permission to attest.
    assert not any("run" in step or "checkout" in step["uses"] for step in release[attest]["steps"])


@each_workflow
def test_no_credentials_stay_in_a_checkout(path: Path) -> None:
    checkouts = [step for _job, step in steps(path) if "actions/checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
