# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The permissions of scopes.yml, and the file that the job writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mcp_gateway_jobs import realm, registration, scopes
from mcp_gateway_stand_in.scopes import Call, Scopes, ScopesError, read_scopes, scopes_of

FILE = read_scopes(scopes.FILE)
DOCUMENT = yaml.safe_load(scopes.FILE.read_text())
GROUPS = json.loads(realm.FILE.read_text())["groups"]
CALLS = st.builds(
    Call, st.text(max_size=8), st.sampled_from(["initialize", "tools/list", "tools/call"]), st.text(max_size=8)
)


def test_each_mapping_names_a_group_and_scopes_that_exist() -> None:
    assert set(FILE.groups) <= set(GROUPS)
    named = {scope for found in FILE.groups.values() for scope in found}
    assert named == set(FILE.permissions) == set(DOCUMENT) - {"group_mappings"}


def test_each_server_of_the_scopes_is_registered() -> None:
    servers = {one["path"].strip("/") for one in json.loads(registration.FILE.read_text())["servers"]}
    named = {one.server for found in FILE.permissions.values() for one in found}
    assert named == servers | {"*", "api"}


@given(CALLS, st.sets(st.sampled_from(sorted({*GROUPS} - {*FILE.groups})) | st.just("unknown")))
def test_a_group_without_mapping_has_no_permission(call: Call, groups: set[str]) -> None:
    assert FILE.of(groups) == []
    assert not FILE.allow(FILE.of(groups), call)
    assert not FILE.allow_server(FILE.of(groups), call.server)


@given(CALLS)
def test_an_administrator_has_every_permission(call: Call) -> None:
    assert FILE.allow(FILE.of(["registry-admins"]), call)


@given(CALLS, st.sampled_from(sorted(FILE.permissions)))
def test_more_scopes_never_allow_less(call: Call, scope: str) -> None:
    for other in FILE.permissions:
        assert FILE.allow([scope, other], call) >= FILE.allow([scope], call)


def test_reading_does_not_allow_tools() -> None:
    read = ["mcp-servers-unrestricted/read"]
    assert FILE.allow(read, Call("currenttime", "tools/list"))
    assert not FILE.allow(read, Call("currenttime", "tools/call", "current_time_by_timezone"))


@pytest.mark.parametrize(
    ("groups", "call", "allowed"),
    [
        (["registry-users-lob1"], Call("currenttime", "tools/call", "current_time_by_timezone"), True),
        (["registry-users-lob1"], Call("currenttime", "tools/call", "time_zone_names"), False),
        (["registry-users-lob1"], Call("currenttime", "tools/call", "*"), False),
        (["registry-users-lob1"], Call("currenttime", "resources/list"), False),
        (["registry-users-lob1"], Call("realserverfaketools", "initialize"), False),
        (["registry-users-lob1"], Call("", "initialize"), False),
        (["registry-users-lob1", "registry-users-lob2"], Call("realserverfaketools", "initialize"), True),
        (["mcp-servers-unrestricted", "a2a-agent-admin"], Call("currenttime", "tools/call", "any"), True),
    ],
)
def test_a_scope_allows_what_it_names(groups: list[str], call: Call, allowed: bool) -> None:
    assert FILE.allow(FILE.of(groups), call) == allowed


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (None, "group_mappings"),
        ([], "group_mappings"),
        ({"group_mappings": []}, "group_mappings"),
        ({"group_mappings": {"a": 1}}, "group_mappings.a is not a list of texts"),
        ({"group_mappings": {}, "a": {}}, "a is not a list of mappings"),
        ({"group_mappings": {}, "a": [{"server": "s", "tools": [1]}]}, "a.tools is not a list of texts"),
    ],
)
def test_a_wrong_file_is_named(document: Any, reason: str) -> None:
    with pytest.raises(ScopesError, match=reason):
        scopes_of(document)


def test_the_originals_other_sections_are_no_permissions() -> None:
    document = {"group_mappings": {"g": "s"}, "UI-Scopes": {"s": {"list_agents": ["all"]}}, "s": [{"agents": {}}]}
    found = scopes_of(document)
    assert found == Scopes({"g": ["s"]}, {"s": []})


def test_before_the_job_nobody_has_a_scope(tmp_path: Path) -> None:
    assert read_scopes(tmp_path / "none.yml") == Scopes()
    (tmp_path / "wrong.yml").write_text("a: [")
    with pytest.raises(ScopesError):
        read_scopes(tmp_path / "wrong.yml")
