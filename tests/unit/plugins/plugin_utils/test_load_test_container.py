# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of role load_test: the container's overrides, and the options of the merge."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.filter.load_test_container import FilterModule
from ansible_collections.gantry.ecs.plugins.filter.merge_options import merge_options

container = FilterModule().filters()["load_test_container"]
CONTROL = {"table": "shop-control", "tasks": 3, "start": "all", "ready_timeout": 480}


def test_a_scenario_excludes_the_path_in_ssm() -> None:
    """The container gets the scenario only, and the command of the task definition."""
    assert container({}, "r", "t", 60, scenario="{}", settings_path="/shop/dev") == {
        "environment": {"DDBLOAD_RUN_ID": "r", "DDBLOAD_TABLE": "t", "DDBLOAD_SCENARIO": "{}"},
        "command": [],
    }


def test_table_and_deadline_outrank_those_in_ssm() -> None:
    """Without a scenario the container gets the path, and options for the table and the deadline."""
    assert container({}, "r", "t", 60, settings_path="/shop/dev") == {
        "environment": {"DDBLOAD_RUN_ID": "r", "DDBLOAD_TABLE": "t", "DDBLOAD_SSM_PATH": "/shop/dev"},
        "command": ["ddbload", "run", "--set", "deadline=60", "--table=t"],
    }


@pytest.mark.parametrize("scenario", ["", "{}"])
def test_a_command_of_the_user_is_kept(scenario: str) -> None:
    assert container({}, "r", "t", 60, scenario, "/p", ["ddbload", "--version"])["command"] == ["ddbload", "--version"]


def test_variables_of_the_run_outrank_the_user_s() -> None:
    """Additional variables stay, but cannot move the run to another table."""
    given = {"AWS_PROFILE": "dev", "DDBLOAD_TABLE": "other"}
    found = container(given, "r", "t", 60, "{}")["environment"]
    assert (found["AWS_PROFILE"], found["DDBLOAD_TABLE"]) == ("dev", "t")
    assert given["DDBLOAD_TABLE"] == "other"


def test_tasks_with_a_control_table_get_its_settings_as_text() -> None:
    """ECS accepts texts only as values of environment variables."""
    found: dict[str, Any] = container({}, "r", "t", 60, "{}", control=CONTROL)["environment"]
    assert "which this image does not know" in found.pop("DDBLOAD_SEGMENT")
    assert {
        name: found[name] for name in found if name not in ("DDBLOAD_RUN_ID", "DDBLOAD_TABLE", "DDBLOAD_SCENARIO")
    } == {
        "DDBLOAD_CONTROL_TABLE": "shop-control",
        "DDBLOAD_TASKS": "3",
        "DDBLOAD_START": "all",
        "DDBLOAD_READY_TIMEOUT": "480",
    }


def test_the_merge_gets_known_exit_codes_and_costs() -> None:
    """A task without an exit code has no option for it; 0 is a code."""
    tasks = [
        {"task_id": "a", "exit_code": 0, "cost": {"usd": 0.5}},
        {"task_id": "b", "exit_code": None, "cost": {"usd": 0.0}},
        {"task_id": "c", "exit_code": 3, "cost": None},
    ]
    codes = ["--exit-code", "a=0", "--exit-code", "c=3"]
    assert merge_options(tasks) == [*codes, "--task-cost", "a=0.5", "--task-cost", "b=0.0"]
    assert merge_options([]) == []
