# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built collection: its files, and that it works from an empty directory without a checkout."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from emulator_env import ROOT
from fresh_install import FreshInstall, Workplace

SCENARIO = {
    "plan": {"type": "constant_rate", "rate": 100, "duration": 3},
    "mix": {"put": 3, "get": 1},
    "thresholds": ["failed == 0"],
}


def files_of_git() -> set[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    return set(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0"))


@pytest.fixture(scope="module")
def files(artefact: Path) -> set[str]:
    with tarfile.open(artefact) as archive:
        return {member.name for member in archive.getmembers() if member.isfile()}


def test_artefact_holds_only_files_under_version_control(files: set[str]) -> None:
    assert files - files_of_git() == {"MANIFEST.json", "FILES.json"}


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "COPYING",
        "CHANGELOG.md",
        "meta/runtime.yml",
        "meta/execution-environment.yml",
        "requirements/local.txt",
        "loadtest_app/LICENSE",
    ],
)
def test_artefact_holds_the_files_that_galaxy_requires(files: set[str], name: str) -> None:
    assert name in files


def test_artefact_has_all_plugins_roles_and_templates(files: set[str]) -> None:
    directories = ("plugins/", "roles/", "files/", "playbooks/", "inventories/", "meta/")
    expected = {name for name in files_of_git() if name.startswith(directories)}
    assert expected - files == {"playbooks/validate.yml"}


def test_every_playbook_can_be_called_by_collection_name(files: set[str]) -> None:
    """Every playbook of the installed collection can be run by its full name."""
    names = {Path(name).stem for name in files if name.startswith("playbooks/")}
    assert {name.replace("-", "_") for name in names} <= names


def test_artefact_has_the_dependencies_of_a_checkout() -> None:
    depends = yaml.safe_load((ROOT / "galaxy.yml").read_text())["dependencies"]
    installs = yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]
    assert depends == {collection["name"]: collection["version"] for collection in installs}


def test_the_execution_environment_is_built_of_this_version() -> None:
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    definition = yaml.safe_load((ROOT / "execution-environment.yml").read_text())
    file = f"gantry-ecs-{version}.tar.gz"
    assert definition["dependencies"]["galaxy"]["collections"][0] == {"name": f"artefact/{file}", "type": "file"}
    assert definition["additional_build_files"][0] == {"src": f".build/galaxy/{file}", "dest": "artefact"}


@pytest.mark.parametrize("kind", ["module", "filter", "role"])
def test_ansible_doc_shows_everything_that_is_installed(fresh_install: FreshInstall, kind: str) -> None:
    place = {"module": "plugins/modules/*.py", "filter": "plugins/filter/*.py", "role": "roles/*"}[kind]
    names = sorted(f"gantry.ecs.{path.stem}" for path in fresh_install.collection.glob(place))
    assert names
    done = fresh_install.call("doc", "--json", "--type", kind, *names)
    assert done.code == 0
    shown = json.loads(done.output[done.output.index("{") :])
    assert sorted(shown) == names
    assert all(entry.get("doc") or entry.get("entry_points") for entry in shown.values())


def test_deploy_works_from_an_empty_directory(deployed: Workplace) -> None:
    assert list(deployed.folder.iterdir()) == []


def test_load_test_runs_from_an_empty_directory(deployed: Workplace) -> None:
    """A load test runs from an empty directory and writes its results there."""
    run = deployed.play("gantry.ecs.run_test", load_test_scenario=SCENARIO, load_test_run_id="first")
    assert run.code == 0
    assert "verdict: PASSED (exit code 0)" in run.output
    results = deployed.folder / "results" / "local" / "first"
    assert json.loads((results / "results.json").read_text())["operations"]["put"]["ok"] == 225
    assert (results / "report.html").is_file()


def test_run_uses_the_load_tester_of_the_artefact(fresh_install: FreshInstall) -> None:
    where = fresh_install.run("-c", "import ddbload; print(ddbload.__file__)")
    assert Path(where.output.strip()).is_relative_to(fresh_install.python.parents[1])
