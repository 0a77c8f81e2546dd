# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built collection: what is in it, and that it works from an empty folder with no checkout."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from newcomer import Newcomer, Workplace
from playground import ROOT

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


def test_it_holds_nothing_that_git_does_not_know(files: set[str]) -> None:
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
def test_it_holds_what_galaxy_and_its_users_look_for(files: set[str], name: str) -> None:
    assert name in files


def test_every_plugin_role_playbook_and_template_is_in_it(files: set[str]) -> None:
    rooms = ("plugins/", "roles/", "files/", "playbooks/", "inventories/", "meta/")
    ours = {name for name in files_of_git() if name.startswith(rooms)}
    assert ours - files == {"playbooks/validate.yml"}


def test_every_playbook_has_a_name_that_an_installed_collection_can_be_called_with(files: set[str]) -> None:
    names = {Path(name).stem for name in files if name.startswith("playbooks/")}
    assert {name.replace("-", "_") for name in names} <= names


def test_the_artefact_depends_on_what_a_checkout_installs() -> None:
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
def test_ansible_doc_shows_everything_that_is_installed(newcomer: Newcomer, kind: str) -> None:
    place = {"module": "plugins/modules/*.py", "filter": "plugins/filter/*.py", "role": "roles/*"}[kind]
    names = sorted(f"gantry.ecs.{path.stem}" for path in newcomer.collection.glob(place))
    assert names
    done = newcomer.call("doc", "--json", "--type", kind, *names)
    assert done.code == 0
    shown = json.loads(done.output[done.output.index("{") :])
    assert sorted(shown) == names
    assert all(entry.get("doc") or entry.get("entry_points") for entry in shown.values())


def test_a_place_is_built_from_an_empty_folder(deployed: Workplace) -> None:
    assert list(deployed.folder.iterdir()) == []


def test_a_test_runs_from_an_empty_folder_and_leaves_its_results_there(deployed: Workplace) -> None:
    run = deployed.play("gantry.ecs.run_test", load_test_scenario=SCENARIO, load_test_run_id="first")
    assert run.code == 0
    assert "verdict: PASSED (exit code 0)" in run.output
    results = deployed.folder / "results" / "local" / "first"
    assert json.loads((results / "results.json").read_text())["operations"]["put"]["ok"] == 225
    assert (results / "report.html").is_file()


def test_the_load_tester_that_ran_was_the_artefacts(newcomer: Newcomer) -> None:
    where = newcomer.run("-c", "import ddbload; print(ddbload.__file__)")
    assert Path(where.output.strip()).is_relative_to(newcomer.python.parents[1])
