# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README of the system oneshot: its links have targets, and what it names is what the files say."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from template_parser import load_file

ONESHOT = Path(__file__).parents[3] / "systems" / "oneshot"
README = (ONESHOT / "README.md").read_text()
DOCKERFILE = (ONESHOT / "image" / "Dockerfile").read_text()


def test_links_and_named_files_exist() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    files = re.findall(r"`((?:image|ci|stand_in)/[\w./-]+)`", README)
    assert links
    assert files
    assert [name for name in (*links, *files) if not (ONESHOT / name).exists()] == []


def test_build_arguments_have_the_documented_defaults() -> None:
    documented = dict(re.findall(r"^\| `([A-Z_]+)` \| `?([^|`]+?)`? \|", README, re.MULTILINE))
    arguments = {name: value.strip('"') for name, value in re.findall(r"^ARG (\w+)=(.*)$", DOCKERFILE, re.MULTILINE)}
    assert documented.keys() == arguments.keys()
    for name in ("EXECUTORS", "BASE_IMAGE", "NODE_IMAGE"):
        assert documented[name] == arguments[name]
    assert arguments["ONESHOT_COMMIT"].startswith(documented["ONESHOT_COMMIT"].rstrip("…"))


def test_the_workflows_variables_are_documented() -> None:
    texts = "".join(path.read_text() for path in (ONESHOT / "ci").glob("*.yml"))
    for name in set(re.findall(r"\bvars\.(\w+)", texts)):
        assert f"`{name}`" in README, name
    jobs = yaml.safe_load((ONESHOT / "ci" / "oneshot.yml").read_text())["jobs"]
    for environment in {job.get("environment", "build") for job in jobs.values()} | jobs.keys() - {
        "validate",
        "render",
    }:
        assert f"`{environment}`" in README, environment


def test_the_commands_parameters_are_those_of_the_template() -> None:
    (call,) = re.findall(r"--parameter-overrides (.+)", README)
    given = dict(word.split("=", 1) for word in call.split())
    parameters = load_file(ONESHOT / "ci" / "github-oidc.yaml")["Parameters"]
    assert given.keys() <= parameters.keys()
    assert {name for name, parameter in parameters.items() if "Default" not in parameter} <= given.keys()
    for name, value in given.items():
        # CloudFormation compares each element of a list.
        for each in value.split(",") if parameters[name]["Type"] == "CommaDelimitedList" else [value]:
            assert re.fullmatch(parameters[name].get("AllowedPattern", ".*"), each), name
