# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.images.login import read_config, with_login, write_config
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.text("abcdefghij.:-0123456789", min_size=1)
SECRETS = st.text(st.characters(codec="utf-8"), min_size=1)


@given(NAMES, NAMES.filter(lambda name: ":" not in name), SECRETS, st.dictionaries(NAMES, st.just({"auth": "x"})))
def test_a_login_is_written_and_the_others_stay(
    registry: str, username: str, password: str, others: dict[str, dict[str, str]]
) -> None:
    made = with_login({"auths": others, "psFormat": "x"}, registry, username, password)
    assert base64.b64decode(made["auths"][registry]["auth"]).decode() == f"{username}:{password}"
    assert {name: login for name, login in made["auths"].items() if name != registry} == {
        name: login for name, login in others.items() if name != registry
    }
    assert made["psFormat"] == "x"
    assert "credHelpers" not in made


@pytest.mark.parametrize("config", [{"credsStore": "desktop"}, {"credHelpers": {"registry": "ecr-login", "b": "c"}}])
def test_a_helper_does_not_hide_the_login(config: dict[str, object]) -> None:
    made = with_login(config, "registry", "AWS", "secret")
    assert made["credHelpers"]["registry"] == ""
    assert made.get("credsStore") == config.get("credsStore")
    assert made["credHelpers"].get("b") == ("c" if "credHelpers" in config else None)


@pytest.mark.parametrize("config", [{"auths": None}, {"credHelpers": None, "credsStore": "desktop"}])
def test_null_counts_as_an_empty_object(config: dict[str, object]) -> None:
    made = with_login(config, "registry", "AWS", "secret")
    assert list(made["auths"]) == ["registry"]
    assert made.get("credHelpers") == ({"registry": ""} if "credsStore" in config else None)


@pytest.mark.parametrize("name", ["auths", "credHelpers"])
def test_a_document_that_is_no_object_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} in config.json is not a JSON object$"):
        with_login({name: ["x"]}, "registry", "AWS", "secret")


def test_only_the_owner_may_read_the_file_also_an_older_one(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "config.json").chmod(0o644)
    write_config(tmp_path, {"auths": {}})
    assert stat.S_IMODE((tmp_path / "config.json").stat().st_mode) == 0o600
    assert read_config(tmp_path) == {"auths": {}}


def test_missing_file_is_empty_and_a_broken_one_an_error(tmp_path: Path) -> None:
    """Without a file there are no logins, and a broken file is an error."""
    assert read_config(tmp_path) == {}
    (tmp_path / "config.json").write_text(json.dumps(["x"]))
    with pytest.raises(ValueError, match="not a JSON object"):
        read_config(tmp_path)
