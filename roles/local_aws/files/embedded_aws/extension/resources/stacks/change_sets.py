# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change sets as in CloudFormation: other outputs are a change, and a resource whose condition is false does not exist.

MiniStack looks at resources alone, and at all of them.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers

NOTHING = "didn't contain changes"


def changes_outputs(change_set: Mapping[str, Any], stack: Mapping[str, Any]) -> bool:
    """Return whether a change set was refused as empty, although the outputs of its template are others.

    Args:
        change_set: MiniStack's record of it.
        stack: MiniStack's record of its stack.
    """
    is_empty = change_set["Status"] == "FAILED" and NOTHING in change_set["StatusReason"]
    outputs = [(each.get("_template") or {}).get("Outputs") or {} for each in (change_set, stack)]
    return is_empty and change_set["ChangeSetType"] == "UPDATE" and outputs[0] != outputs[1]


def existing(template: Mapping[str, Any], conditions: Mapping[str, bool]) -> dict[str, Any]:
    """Return the resources of a template without those whose condition is false.

    Args:
        template: with its resources.
        conditions: the value of each condition.
    """
    resources = template.get("Resources") or {}
    return {name: each for name, each in resources.items() if conditions.get(each.get("Condition"), True)}


def install() -> None:
    """Compare the resources that exist in change sets, and let those be executed that change outputs alone."""
    resolve: Callable[..., dict[str, Any]] = changesets._resolve_props_for_diff

    def resolve_existing(template: dict[str, Any], params: dict[str, Any], *stack: str) -> dict[str, Any]:
        resolved = resolve(template, params, *stack)
        if not resolved:  # the template of a stack that does not exist yet
            return resolved
        return resolved | {"Resources": existing(resolved, changesets._evaluate_conditions(template, params))}

    changesets._resolve_props_for_diff = resolve_existing
    create = handlers._ACTION_HANDLERS["CreateChangeSet"]

    def create_with_outputs(params: dict[str, Any]) -> Any:
        known = set(cloudformation._change_sets)
        response = create(params)
        for name in set(cloudformation._change_sets) - known:
            record = cloudformation._change_sets[name]
            if changes_outputs(record, cloudformation._stacks.get(record["StackName"]) or {}):
                record.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")
        return response

    handlers._ACTION_HANDLERS["CreateChangeSet"] = create_with_outputs
