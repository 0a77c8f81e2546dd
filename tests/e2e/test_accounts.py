# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check that keeps other environments out of prod's account, also without prod's inventory: on the embedded AWS."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from emulator_env import ROOT, EmulatorEnv, Play

EMBEDDED = "000000000000"  # the account of the embedded AWS


@pytest.fixture
def inventories(tmp_path: Path) -> Path:
    """A copy of the inventories, in which prod names its account."""
    copy = tmp_path / "inventories"
    shutil.copytree(ROOT / "inventories", copy)
    (tmp_path / "files").symlink_to(ROOT / "files")
    with (copy / "prod" / "group_vars" / "prod.yml").open("a") as file:
        file.write(f'preflight_allowed_accounts: ["{EMBEDDED}"]\n')
    return copy


def as_embedded(emulator: EmulatorEnv) -> list[str]:
    """Return the arguments that point an environment of a real account at the embedded AWS."""
    environment = {
        "AWS_CONFIG_FILE": str(ROOT / "files/local-aws/config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(emulator.directory / "local-aws" / "credentials"),
    }
    endpoint = {"aws_endpoint_url": f"http://127.0.0.1:{emulator.port}", "aws_profile": "ddbload-local"}
    return ["-e", json.dumps(endpoint | {"aws_environment": environment})]


@pytest.mark.parametrize("env", ["dev", "local"])
def test_account_of_prod_is_refused_without_its_inventory(
    deployed: tuple[EmulatorEnv, Play], inventories: Path, env: str
) -> None:
    """The account of prod is refused where the inventory of prod is not loaded."""
    emulator, _first = deployed
    alone = ["-i", str(inventories / env)]
    more = as_embedded(emulator) if env == "dev" else []
    play = emulator.play("playbooks/drift.yml", *alone, *more, "-e", json.dumps({"env": env}), env=None)
    assert play.code == 2
    assert f"account {EMBEDDED}" in play.words and f"is named for prod and not for {env}" in play.words


def test_copied_inventory_without_account_is_a_warning(
    deployed: tuple[EmulatorEnv, Play], inventories: Path, tmp_path: Path
) -> None:
    emulator, _first = deployed
    copied = tmp_path / "elsewhere" / "dev"
    shutil.copytree(inventories / "dev", copied)
    play = emulator.play(
        "playbooks/drift.yml", "-i", str(copied), *as_embedded(emulator), "-e", '{"env": "dev"}', env=None
    )
    assert "[WARNING]: environment dev may use any account: preflight_allowed_accounts is empty" in play.words
    assert "There is no stack ddbload-dev-" in play.words
