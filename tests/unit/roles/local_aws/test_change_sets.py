# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change sets on the embedded AWS: outputs alone are a change, and resources exist where their condition is true."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from emulators import Emulator, Stack, template

QUEUE = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}}
URL = {"Url": {"Ref": "Queue"}}
NAME = {"Name": {"Fn::GetAtt": ["Queue", "QueueName"]}}


def change_set(emulator: Emulator, stack: Stack, outputs: dict[str, Any]) -> dict[str, Any]:
    """Return a change set that gives a stack other outputs."""
    cloudformation = emulator.client("cloudformation")
    named = {"StackName": stack.name, "ChangeSetName": "outputs"}
    cloudformation.create_change_set(**named, TemplateBody=template(QUEUE, outputs), ChangeSetType="UPDATE")
    return dict(cloudformation.describe_change_set(**named))


@pytest.mark.parametrize("outputs", [{**URL, **NAME}, NAME, {}], ids=["added", "replaced", "removed"])
def test_other_outputs_are_a_change(extended: Emulator, outputs: dict[str, Any]) -> None:
    stack = extended.create(QUEUE, URL)
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    made = change_set(extended, stack, outputs)
    assert (made["Status"], made["ExecutionStatus"], made["Changes"]) == ("CREATE_COMPLETE", "AVAILABLE", [])
    extended.client("cloudformation").execute_change_set(ChangeSetName=made["ChangeSetId"])
    updated = extended.stack(stack.name)
    assert updated.status == "UPDATE_COMPLETE"
    assert updated.outputs.keys() == outputs.keys()
    assert updated.ids == stack.ids


def test_the_same_outputs_are_no_change(extended: Emulator) -> None:
    made = change_set(extended, extended.create(QUEUE, URL), URL)
    assert (made["Status"], made["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in made["StatusReason"]


def conditional(emulator: Emulator, name: str, kind: str, wanted: str) -> list[tuple[str, str]]:
    """Return what a change set does to a queue whose condition a parameter is, and to one without a condition."""
    body = {
        "Parameters": {"Wanted": {"Type": "String"}},
        "Conditions": {"IsWanted": {"Fn::Equals": [{"Ref": "Wanted"}, "yes"]}},
        "Resources": {**QUEUE, "Second": {**QUEUE["Queue"], "Condition": "IsWanted"}},
    }
    cloudformation = emulator.client("cloudformation")
    named = {"StackName": name, "ChangeSetName": f"wanted-{wanted}"}
    values = [{"ParameterKey": "Wanted", "ParameterValue": wanted}]
    cloudformation.create_change_set(**named, TemplateBody=json.dumps(body), Parameters=values, ChangeSetType=kind)
    made = cloudformation.describe_change_set(**named)
    if made["ExecutionStatus"] == "AVAILABLE":
        cloudformation.execute_change_set(**named)
        emulator.stack(name)
    changes = [each["ResourceChange"] for each in made["Changes"]]
    return [(each["Action"], each["LogicalResourceId"]) for each in changes]


def test_a_resource_exists_where_its_condition_is_true(extended: Emulator) -> None:
    """It is neither added nor removed while its condition is false; a changed condition adds or removes it."""
    name = f"stack-{uuid4().hex[:8]}"
    assert conditional(extended, name, "CREATE", "no") == [("Add", "Queue")]
    assert conditional(extended, name, "UPDATE", "yes") == [("Add", "Second")]
    assert set(extended.stack(name).ids) == {"Queue", "Second"}
    assert conditional(extended, name, "UPDATE", "never") == [("Remove", "Second")]
    assert set(extended.stack(name).ids) == {"Queue"}
    assert conditional(extended, name, "UPDATE", "no") == []
