# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change sets on the embedded AWS: outputs alone are a change, the same template is none."""

from __future__ import annotations

from typing import Any

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
