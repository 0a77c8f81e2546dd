# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks variables of the playbooks: their names, their values, and the scenario in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ddbload import cli
from fences import ROOT
from variables import specifications

# Variables of playbooks and inventories beside those of the roles; docs/variables.md describes each.
COMMON: dict[str, dict[str, Any]] = {
    "env": {"type": "str", "choices": sorted(path.name for path in (ROOT / "inventories").iterdir())},
    "system": {"type": "str"},
    "job": {"type": "str"},
    "run_id": {"type": "str"},
    "from_queue": {"type": "bool"},
    "setup": {"type": "str"},
    "secret": {"type": "str"},
    "secret_file": {"type": "path"},
    "only_restart": {"type": "bool"},
    "experiment": {"type": "str"},
    "service": {"type": "str"},
    "chaos_pause": {"type": "float"},
    "chaos_timeout": {"type": "int"},
    "aws_region": {"type": "str"},
    "aws_profile": {"type": "str"},
    "aws_endpoint_url": {"type": "str"},
    "aws_environment": {"type": "dict"},
    "ddbload_project": {"type": "str"},
    "deploy_role_arn": {"type": "str"},
    "local_aws_enabled": {"type": "bool"},
    "local_task_engine": {"type": "str", "choices": ["auto", "docker", "process"]},
    "baseline": {"type": "list", "elements": "str"},
    "confirm": {"type": "str"},
    "confirm_data": {"type": "str"},
    "confirm_table": {"type": "str"},
    "image_tag": {"type": "str"},
}
SCENARIO = "load_test_scenario"


@cache
def known() -> dict[str, dict[str, Any]]:
    """Return the specification of each variable, with none of them required."""
    found = dict(COMMON)
    for document in specifications().values():
        for name, option in document["options"].items():
            found[name] = {key: value for key, value in option.items() if key not in ("required", "default")}
    return found


def problems(given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with variables; an empty list where they are valid."""
    unknown = [f"{name} is no variable" for name in given.keys() - known().keys()]
    rest = {name: value for name, value in given.items() if name in known()}
    wrong = ArgumentSpecValidator({name: known()[name] for name in rest}).validate(rest).error_messages
    return unknown + wrong + (scenario_problems(rest[SCENARIO]) if SCENARIO in rest else [])


def scenario_problems(scenario: Mapping[str, Any], directory: Path = ROOT) -> list[str]:
    """Return what ``ddbload validate`` reports about a scenario whose files are in a directory."""
    said = StringIO()
    with chdir(directory), redirect_stderr(said):
        code = cli.main(["validate", "--scenario", json.dumps(scenario)])
    return said.getvalue().splitlines() or ([f"exit code {code}"] if code else [])
