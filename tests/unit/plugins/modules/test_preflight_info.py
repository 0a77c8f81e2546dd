# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module preflight_info: its defaults, and its result where AWS rejects the credentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.ecs.plugins.modules import preflight_info

ROLES = Path(__file__).parents[4] / "roles"


def defaults(role: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text()))


@pytest.mark.parametrize(("option", "role", "prefix"), [("network", "network", "network_"), ("task", "task", "task_")])
def test_the_defaults_are_those_of_the_role(option: str, role: str, prefix: str) -> None:
    # A play without the role has none of its defaults.
    own, known = preflight_info.ARGUMENT_SPEC[option]["options"], defaults(role)
    compared = {name: spec.get("default") or "" for name, spec in own.items() if f"{prefix}{name}" in known}
    assert compared
    assert compared == {name: known[f"{prefix}{name}"] or "" for name in compared}


def test_the_count_of_tasks_is_that_of_the_load_test() -> None:
    count = preflight_info.ARGUMENT_SPEC["task"]["options"]["count"]["default"]
    assert count == defaults("load_test")["load_test_task_count"]


def test_an_unknown_profile_is_a_finding_and_no_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    given = {"project": "ddbload", "environment": "dev", "region": "eu-west-1", "profile": "nobody"}
    with patch_module_args(given), pytest.raises(SystemExit) as ended:
        preflight_info.main()
    result = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    (line,) = result["problems"]
    assert "profile nobody" in line and "set AWS_PROFILE to a profile of ~/.aws/config" in line
    assert (result["account_id"], result["changed"]) == ("", False)
    assert "deprecations" not in result
