# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that a preflight accepts are those that the templates accept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.names import account_id_problems, name_problems
from cfnlint.decode import decode
from hypothesis import given
from hypothesis import strategies as st

TEMPLATES = sorted((Path(__file__).parents[5] / "files" / "cfn").glob("*.yaml"))
PARAMETERS: list[dict[str, Any]] = [(decode(str(path))[0] or {})["Parameters"] for path in TEMPLATES]
NAMES = st.text("abz09-A.", max_size=24) | st.from_regex(r"(aws|ssm|a)[a-z0-9-]{0,22}", fullmatch=True)


def takes(parameter: dict[str, Any], name: str) -> bool:
    lengths = range(parameter.get("MinLength", 0), parameter.get("MaxLength", 255) + 1)
    return bool(re.fullmatch(parameter["AllowedPattern"], name)) and len(name) in lengths


@given(project=NAMES, environment=NAMES)
def test_accepted_names_are_those_that_every_template_takes(project: str, environment: str) -> None:
    """Names without a problem are those that every template accepts."""
    taken = all(takes(each["Project"], project) and takes(each["Environment"], environment) for each in PARAMETERS)
    assert (not list(name_problems(project, environment))) == taken


@given(
    project=st.from_regex(r"[a-z][a-z0-9]{1,20}", fullmatch=True),
    environment=st.from_regex(r"[a-z][a-z0-9]{1,15}", fullmatch=True),
)
def test_combined_names_fit_every_service(project: str, environment: str) -> None:
    longest = f"{project}-{environment}-observability"
    assert len(longest) <= 64  # a role's name; a stack's, a cluster's and a table's may be longer


@pytest.mark.parametrize("table", ["ab", "a" * 256, "my table", "täble"])
def test_table_names_that_dynamodb_refuses(table: str) -> None:
    assert [each for each in name_problems("ddbload", "dev", table) if f'"{table}"' in each.what and each.remedy]


@pytest.mark.parametrize("table", ["abc", "a" * 255, "My_table-1.2", ""])
def test_a_table_that_dynamodb_takes_is_no_problem(table: str) -> None:
    assert list(name_problems("ddbload", "dev", table)) == []


def test_an_account_id_without_its_leading_zeros() -> None:
    assert list(account_id_problems(["123456789012", "012345678901"])) == []
    (line,) = [each.line() for each in account_id_problems(["123456789012", "12345678901"])]
    assert line.startswith('"12345678901" of allowed_accounts')
