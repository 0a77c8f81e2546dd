# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that detects drift: its options and its result."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.drift.detection import DriftTimeoutError
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.drift.differences import stack_drift
from ansible_collections.gantry.ecs.plugins.modules import cfn_drift_info
from botocore.exceptions import ClientError

OPTIONS = {"region": "eu-west-1", "access_key": "testing-key", "secret_key": "testing-secret", "stack_names": ["a"]}
Found = tuple[list[dict[str, Any]], list[str]]


def summed(status: str = "IN_SYNC", detection: str = "DETECTION_COMPLETE") -> dict[str, Any]:
    stack = {"name": "a", "id": "arn:a", "parent": None, "detection": detection, "reason": "", "resources": []}
    found = {
        "LogicalResourceId": "Table",
        "ResourceType": "AWS::DynamoDB::Table",
        "StackResourceDriftStatus": status,
        "PropertyDifferences": [
            {"PropertyPath": "/P", "ExpectedValue": "1", "ActualValue": "2", "DifferenceType": "NOT_EQUAL"}
        ],
    }
    return stack_drift(stack, [found])


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)

    def run_module(found: Found | Exception, **options: Any) -> dict[str, Any]:
        def detect(_detector: Any, *_requested: Any) -> Found:
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(cfn_drift_info.DriftDetector, "detect", detect)
        with patch_module_args(OPTIONS | options), pytest.raises(SystemExit):
            cfn_drift_info.main()
        return dict(json.loads(capsys.readouterr().out))

    return run_module


@pytest.mark.parametrize(
    ("found", "drifted", "complete"),
    [
        (([summed()], []), False, True),
        (([summed("MODIFIED")], []), True, True),
        (([summed("UNKNOWN", "DETECTION_FAILED")], []), False, False),
        (([summed()], ["b"]), False, False),
        (([], ["a"]), False, False),
    ],
)
def test_missing_or_unknown_never_counts_as_in_sync(
    run: Callable[..., dict[str, Any]], found: Found, drifted: bool, complete: bool
) -> None:
    result = run(found)
    assert (result["drifted"], result["complete"], result["changed"]) == (drifted, complete, False)
    assert result["missing"] == found[1]
    assert [line for line in result["lines"] if line.endswith(": this stack is missing")] == [
        f"{name}: this stack is missing" for name in found[1]
    ]


def test_check_mode_detects_drift_too(run: Callable[..., dict[str, Any]]) -> None:
    assert run(([summed("MODIFIED")], []), _ansible_check_mode=True)["drifted"]


def test_a_refusal_and_a_timeout_are_one_line(run: Callable[..., dict[str, Any]]) -> None:
    message = "User: arn:aws:iam::1:user/u is not authorized to perform: cloudformation:DetectStackDrift"
    refused = run(ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "DetectStackDrift"))
    assert refused["failed"]
    assert refused["msg"].startswith("cannot detect drift (region eu-west-1): ")
    assert refused["msg"].endswith("-> let the caller do it: allow cloudformation:DetectStackDrift")
    late = run(DriftTimeoutError("a, b"), wait_timeout=7)
    assert late["msg"] == "cannot detect drift: not done in 7 s: a, b -> try again, with a higher wait_timeout"


def test_documentation_lists_every_returned_value(run: Callable[..., dict[str, Any]]) -> None:
    documented = yaml.safe_load(cfn_drift_info.RETURN)
    result = run(([summed("MODIFIED")], []))
    assert set(documented) == set(result) - {"changed", "failed", "invocation"}
    stack, contained = result["stacks"][0], documented["stacks"]["contains"]
    assert set(contained) == set(stack)
    assert set(contained["drifted"]["contains"]) == set(stack["drifted"][0])
    difference = stack["drifted"][0]["differences"][0]
    assert set(contained["drifted"]["contains"]["differences"]["contains"]) == set(difference)
