# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps prod's account out of other environments, whatever inventory is loaded: on the embedded AWS."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from playground import ROOT, Place

EMBEDDED = "000000000000"  # the account that the embedded AWS says it is


@pytest.fixture
def inventories(tmp_path: Path) -> Path:
    """A copy of the inventories in which prod names its account."""
    copy = tmp_path / "inventories"
    shutil.copytree(ROOT / "inventories", copy)
    (tmp_path / "files").symlink_to(ROOT / "files")
    with (copy / "prod" / "group_vars" / "prod.yml").open("a") as file:
        file.write(f'preflight_allowed_accounts: ["{EMBEDDED}"]\n')
    return copy


def as_embedded(place: Place) -> list[str]:
    """Return what points an environment of a real account at the embedded AWS."""
    environment = {
        "AWS_CONFIG_FILE": str(ROOT / "files/local-aws/config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(place.directory / "local-aws" / "credentials"),
    }
    endpoint = {"aws_endpoint_url": f"http://127.0.0.1:{place.port}", "aws_profile": "ddbload-local"}
    return ["-e", json.dumps(endpoint | {"aws_environment": environment})]


@pytest.mark.parametrize("env", ["dev", "local"])
def test_prod_s_account_is_refused_where_its_inventory_is_not_loaded(place: Place, inventories: Path, env: str) -> None:
    assert place.play("playbooks/local-aws.yml").code == 0
    alone = ["-i", str(inventories / env)]
    more = as_embedded(place) if env == "dev" else []
    play = place.play("playbooks/drift.yml", *alone, *more, "-e", json.dumps({"env": env}), env=None)
    assert play.code == 2
    assert f"account {EMBEDDED}" in play.words and f"is named for prod and not for {env}" in play.words


def test_a_copied_inventory_that_names_no_account_is_warned_of(place: Place, inventories: Path, tmp_path: Path) -> None:
    assert place.play("playbooks/local-aws.yml").code == 0
    copied = tmp_path / "elsewhere" / "dev"
    shutil.copytree(inventories / "dev", copied)
    play = place.play("playbooks/drift.yml", "-i", str(copied), *as_embedded(place), "-e", '{"env": "dev"}', env=None)
    assert "[WARNING]: no account is named that dev may use (allowed_accounts), so that it takes any" in play.words
    assert "There is no stack ddbload-dev-" in play.words
