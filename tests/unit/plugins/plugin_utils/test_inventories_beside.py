# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of other environments, read from the inventories beside the loaded one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.gantry.ecs.plugins.plugin_utils.inventories_beside import accounts_beside


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def inventory(folder: Path, environment: str, variables: str = "", file: str = "", hosts: str = "") -> Path:
    own = folder / environment
    path = own / (file or f"group_vars/{environment}.yml")
    path.parent.mkdir(parents=True)
    path.write_text(variables)
    (own / "hosts.yml").write_text(hosts or f"{environment}: {{hosts: {{aws-{environment}: {{}}}}}}")
    return own


@pytest.mark.parametrize("file", ["", "group_vars/prod.yaml", "group_vars/prod", "group_vars/prod/accounts.yml"])
def test_accounts_of_another_inventory_are_read_from_any_file(tmp_path: Path, file: str) -> None:
    """The accounts of another inventory are read from any file that may hold them."""
    dev = inventory(tmp_path, "dev")
    inventory(tmp_path, "prod", 'preflight_allowed_accounts: ["123456789012", 210987654321]', file)
    assert accounts_beside(dev, read) == ({"prod": ["123456789012", "210987654321"]}, [])


@pytest.mark.parametrize(
    "hosts",
    [
        'prod: {vars: {preflight_allowed_accounts: ["1"]}, hosts: {aws-prod: }}',
        'prod: {hosts: {aws-prod: {preflight_allowed_accounts: ["1"]}}}',
        'all: {children: {prod: {vars: {preflight_allowed_accounts: ["1"]}}}}',
    ],
)
def test_accounts_in_the_hosts_file_are_read(tmp_path: Path, hosts: str) -> None:
    dev = inventory(tmp_path, "dev")
    inventory(tmp_path, "prod", hosts=hosts)
    assert accounts_beside(dev, read) == ({"prod": ["1"]}, [])


@pytest.mark.parametrize("variables", ["preflight_allowed_accounts: '{{ accounts }}'", "a: [", "- 1"])
def test_an_unreadable_inventory_is_one_line(tmp_path: Path, variables: str) -> None:
    dev = inventory(tmp_path, "dev")
    inventory(tmp_path, "prod", variables)
    accounts, (line,) = accounts_beside(dev, read)
    assert accounts == {}
    assert line.startswith(f"{tmp_path}/prod: ") and "\n" not in line


def test_a_folder_that_is_no_inventory_is_skipped(tmp_path: Path) -> None:
    dev = inventory(tmp_path, "dev")
    (tmp_path / "other" / "group_vars").mkdir(parents=True)
    (tmp_path / "other" / "group_vars" / "prod.yml").write_text('preflight_allowed_accounts: ["1"]')
    assert accounts_beside(dev, read) == ({}, [])


def test_the_inventories_of_the_collection_can_all_be_read() -> None:
    inventories = Path(__file__).parents[4] / "inventories"
    assert accounts_beside(inventories / "dev", read) == ({}, [])
