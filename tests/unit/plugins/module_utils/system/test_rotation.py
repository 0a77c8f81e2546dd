# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How each secret of a description gets a new value, and what cannot have one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.filter.secret_rotation import secret_rotation
from system_strategies import EXISTING, filled, small


@pytest.fixture
def document() -> dict[str, Any]:
    """The small description with secrets of each kind."""
    made = filled(
        small(
            secrets={
                "given": {"arn": EXISTING},
                "made": {"generate": 32, "json_key": "client_secret"},
                "written": {},
                "kept": {},
            },
            parameters={"copy": {"secret": "made#client_secret"}, "token": {"generate": 24}, "admin": {"value": "x"}},
            jobs={
                "realm": {"setup": {"restarts": ["worker"]}, "parameters": {"renew": {"default": "false"}}},
                "other": {"setup": {}},
            },
        )
    )
    made["databases"] = {"main": {}}
    made["jobs"]["realm"]["uses"] = {"written": ["write"]}
    made["jobs"]["other"]["uses"] = {"kept": ["write"]}
    made["services"]["web"]["secrets"] = {"A": "made#client_secret", "B": "given", "C": "written", "D": "kept"}
    made["services"]["worker"]["secrets"] = {"A": "parameter:copy"}
    return made


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("key", {"kind": "value", "arn": "secrets.KeyArn", "restarts": {}}),
        (
            "made",
            {
                "kind": "generate",
                "arn": "secrets.MadeArn",
                "length": 32,
                "json_key": "client_secret",
                "copies": ["copy"],
                "restarts": {"web": "cluster", "worker": "cluster"},
            },
        ),
        ("written", {"kind": "job", "job": "realm", "arn": "", "restarts": {"worker": "cluster", "web": "cluster"}}),
        ("parameter:token", {"kind": "parameter", "parameter": "token", "arn": ""}),
        ("database:main", {"kind": "database", "database": "main", "arn": "database-main.SecretArn"}),
    ],
)
def test_a_secret_is_renewed_by_whom_the_description_says(
    document: dict[str, Any], secret: str, expected: dict[str, Any]
) -> None:
    found = secret_rotation(document, secret)
    assert found["problem"] == ""
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (
            "nope",
            "there is no secret nope -> call with -e secret=NAME, where NAME is one of key, web, given, made, written, "
            "kept, database:main, parameter:token",
        ),
        (
            "given",
            f"secret given is {EXISTING}, which this system uses and does not own -> give it a new value where it is "
            "owned, then call with -e only_restart=true",
        ),
        ("parameter:copy", "parameter copy is a copy of made -> call with -e secret=made"),
        ("parameter:admin", "the description has the value of parameter admin -> change it there, and deploy"),
        (
            "kept",
            "job other writes secret kept, and has no parameter renew, with which it would write a new value -> "
            "add it, or run the job yourself, and then call with -e only_restart=true: run-job.yml -e job=other",
        ),
    ],
)
def test_a_secret_that_cannot_be_renewed_is_one_line(document: dict[str, Any], secret: str, problem: str) -> None:
    assert secret_rotation(document, secret) == {"problem": problem}


@pytest.mark.parametrize(("secret", "restarts"), [("given", {"web": "cluster"}), ("kept", {"web": "cluster"})])
def test_a_secret_with_a_new_value_restarts_its_services(
    document: dict[str, Any], secret: str, restarts: dict[str, str]
) -> None:
    found = secret_rotation(document, secret, is_restart=True)
    assert (found["kind"], found["restarts"]) == ("restart", restarts)


@pytest.mark.parametrize("secret", ["", "database:nope", "parameter:nope"])
def test_an_unknown_secret_is_named_with_the_known_ones(document: dict[str, Any], secret: str) -> None:
    assert "where NAME is one of key, web, given" in secret_rotation(document, secret)["problem"]
