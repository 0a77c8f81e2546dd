# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that applies a set of stacks: its options, its documentation, and its calls on an emulator of AWS."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.ecs.plugins.module_utils.cfn import runner
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.outcome import Outcome, set_result, stack_result
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import options_of
from ansible_collections.gantry.ecs.plugins.modules import cfn_stacks
from ansible_collections.gantry.ecs.tests.unit.plugins.modules.test_cfn_stack import TEMPLATE, account

__all__ = ["account"]  # a fixture
MODULE = "gantry.ecs.cfn_stacks"
BROKEN = "Parameters: {Name: {Type: String}}\nResources: {}"  # the parameter has no value
NAMES = ("network", "table", "cluster")


@pytest.fixture(autouse=True)
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve one stack after the other: moto is not thread-safe, and lists the change sets of all stacks for each."""
    monkeypatch.setattr(runner, "ThreadPoolExecutor", lambda workers, name: ThreadPoolExecutor(1))


def run(capsys: pytest.CaptureFixture[str], check: bool = False, **options: Any) -> dict[str, Any]:
    own = {"region": "eu-west-1", "_ansible_check_mode": check}
    with patch_module_args({**own, **options}), pytest.raises(SystemExit):
        cfn_stacks.main()
    return dict(json.loads(capsys.readouterr().out))


def stacks(*names: str, **options: Any) -> list[dict[str, Any]]:
    return [
        {"stack_name": name, "template_body": TEMPLATE, "parameters": {"Name": name}, **options}
        for name in names or NAMES
    ]


def test_set_is_made_then_unchanged_then_deleted(account: Any, capsys: pytest.CaptureFixture[str]) -> None:
    checked = run(capsys, check=True, stacks=stacks())
    assert checked["changed"] and checked["diff"]["prepared"].count("+ Topic") == len(NAMES)
    assert [one["status"] for one in checked["stacks"]] == [None] * len(NAMES)

    made = run(capsys, stacks=stacks())
    assert made["changed"] and [one["status"] for one in made["stacks"]] == ["CREATE_COMPLETE"] * len(NAMES)
    assert [one["stack_name"] for one in made["stacks"]] == list(NAMES) == list(made["outputs"])
    assert made["msg"].splitlines() == [f"created stack {name}: 1 added" for name in NAMES]

    again = run(capsys, stacks=stacks())
    assert (again["changed"], again["outputs"]) == (False, made["outputs"])
    settled = run(capsys, state="settled", stacks=[{"stack_name": name} for name in NAMES])
    assert (settled["changed"], settled["outputs"]) == (False, made["outputs"])

    gone = run(capsys, state="absent", stacks=[{"stack_name": name} for name in NAMES])
    assert gone["changed"] and gone["outputs"] == {name: {} for name in NAMES}
    assert account.describe_stacks()["Stacks"] == []


def test_failure_of_one_stack_keeps_the_others(account: Any, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [*stacks("network"), {"stack_name": "table", "template_body": BROKEN}, *stacks("cluster")]
    result = run(capsys, stacks=wanted)
    assert result["failed"] and result["changed"]
    assert result["msg"].startswith("cannot apply stack table (region eu-west-1): ") and "\n" not in result["msg"]
    assert [one["failed"] for one in result["stacks"]] == [False, True, False]
    assert [one["status"] for one in result["stacks"]] == ["CREATE_COMPLETE", None, "CREATE_COMPLETE"]


def test_missing_stacks_are_a_kind_of_problem(account: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, stacks=stacks("network"))
    result = run(capsys, state="settled", stacks=[{"stack_name": "network"}, {"stack_name": "table"}])
    assert result["failed"] and result["msg"].startswith("there is no stack table -> ")
    assert [one["problem"] and one["problem"]["kind"] for one in result["stacks"]] == [None, "missing"]


def test_a_stack_overrides_what_the_set_shares(account: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop, blog = {"Project": "shop", "Environment": "dev"}, {"Project": "blog", "Environment": "dev"}
    run(capsys, stacks=[*stacks("network", tags=shop), *stacks("table", tags=blog)])
    settled = [{"stack_name": "network"}, {"stack_name": "table", "owner": blog}]
    assert "failed" not in run(capsys, state="settled", owner=shop, stacks=settled)
    refused = run(capsys, state="settled", owner=shop, stacks=[{"stack_name": "network"}, {"stack_name": "table"}])
    assert refused["msg"].startswith("stack table belongs to project blog")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"stacks": []}, "stacks is empty -> name at least one stack"),
        ({"stacks": stacks("a", "b", "a")}, "stacks names a more than once -> name each stack once"),
        ({"stacks": stacks("a", colour="red")}, "Unsupported parameters for"),
        ({"stacks": [{"stack_name": "a"}]}, "stack a: state present needs template_body -> give the template's text"),
        ({"stacks": [{"template_body": TEMPLATE}]}, "missing required arguments: stack_name found in stacks"),
    ],
)
def test_invalid_sets_fail_before_any_call(
    capsys: pytest.CaptureFixture[str], options: dict[str, Any], line: str
) -> None:
    result = run(capsys, **options)
    assert result["failed"] and result["msg"].startswith(line) and "\n" not in result["msg"]


EXAMPLES = [one[MODULE] for one in yaml.safe_load(cfn_stacks.EXAMPLES)]


@pytest.mark.parametrize("options", EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples_of_the_documentation_are_valid(options: dict[str, Any]) -> None:
    result = ArgumentSpecValidator(cfn_stacks.ARGUMENT_SPEC).validate(options)
    assert result.error_messages == []
    assert len(options_of(result.validated_parameters)) == len(options["stacks"])


def test_documentation_lists_every_option_and_default() -> None:
    options = yaml.safe_load(cfn_stacks.DOCUMENTATION)["options"]
    pairs = [(options, cfn_stacks.ARGUMENT_SPEC)]
    pairs.append((options["stacks"]["suboptions"], cfn_stacks.ARGUMENT_SPEC["stacks"]["options"]))
    for documented, spec in pairs:
        assert set(documented) == set(spec)
        for name, one in spec.items():
            keys = ("type", "default", "choices", "elements", "required")
            assert {key: documented[name].get(key) for key in keys} == {key: one.get(key) for key in keys}


def test_documentation_lists_every_returned_value() -> None:
    documented = yaml.safe_load(cfn_stacks.RETURN)
    result = set_result([stack_result(Outcome(), "shop", 1.0, with_diff=True)])
    assert set(documented) == set(result) - {"changed", "failed", "warnings"}
    assert set(documented["stacks"]["contains"]) == set(result["stacks"][0])
