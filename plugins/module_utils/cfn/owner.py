# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner of a stack: names alone do not identify it, since "a" and "b-c" make the same ones as "a-b" and "c"."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import StackState, parameters_of, state_of
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

# The parameters of every template, and the tags that role stack sets on every stack.
OWNER_KEYS = ("Project", "Environment")
# ListStacks returns such a stack for 90 days:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStacks.html
DELETED = "DELETE_COMPLETE"


def owner_of(described: Mapping[str, Any]) -> dict[str, str]:
    """Return the project and the environment that a stack says it belongs to.

    Args:
        described: the stack as DescribeStacks describes it.

    Returns:
        The values of `OWNER_KEYS`, as far as there are any: of its parameters, which only an update of the stack
        changes, else of its tags.
    """
    found = tag_map(described.get("Tags") or []) | parameters_of(described)
    return {key: str(found[key]) for key in OWNER_KEYS if found.get(key)}


def foreign_owner(described: Mapping[str, Any] | None, owner: Mapping[str, str] | None) -> str:
    """Name the owner of a stack that belongs to another project or environment.

    Args:
        described: the stack as DescribeStacks describes it; None where there is none.
        owner: values by key of `OWNER_KEYS`; empty accepts any stack.

    Returns:
        An owner, for example "project a-b, environment c"; empty where the stack is the owner's, or does not exist.
    """
    if not described or not owner:
        return ""
    found = owner_of(described)
    # DescribeStacks returns neither tags nor parameters of a stack that a change set made and that is still empty.
    if not found and state_of(described) is StackState.REVIEW:
        return ""
    if all(found.get(key) == value for key, value in owner.items()):
        return ""
    return owner_text(found) or "an unknown owner: neither its parameters nor its tags name a Project and Environment"


def check_owner(described: Mapping[str, Any] | None, owner: Mapping[str, str] | None) -> None:
    """Check that a stack does not belong to another owner.

    Args:
        described: the stack as DescribeStacks describes it; None where there is none.
        owner: values by key of `OWNER_KEYS`; empty accepts any stack.

    Raises:
        StackRequestError: it does; the problem names the owner.
    """
    if described and owner and (other := foreign_owner(described, owner)):
        raise StackRequestError(
            Problem(
                "owner",
                f"stack {described['StackName']} belongs to {other}, and you call for {owner_text(owner)}",
                "choose another ddbload_project, or another name for the environment",
            )
        )


def owned_stacks(
    cloudformation: Any, prefix: str, owner: Mapping[str, str], apart_from: Container[str] = ()
) -> Iterator[Mapping[str, Any]]:
    """Yield the stacks of an owner as DescribeStacks describes them, nested and deleted ones left out.

    Args:
        cloudformation: a boto3 CloudFormation client.
        prefix: of their names.
        owner: values by key of `OWNER_KEYS`.
        apart_from: names that are left out.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: a request failed.
    """
    for page in cloudformation.get_paginator("list_stacks").paginate():
        for each in page["StackSummaries"]:
            name = each["StackName"]
            if not name.startswith(prefix) or each.get("ParentId") or name in apart_from:
                continue
            if each["StackStatus"] == DELETED:
                continue
            # By its id, a stack that was deleted in the meantime is described too.
            described: Mapping[str, Any] = cloudformation.describe_stacks(StackName=each["StackId"])["Stacks"][0]
            if described["StackStatus"] != DELETED and owner_of(described) == owner:
                yield described


def owner_text(owner: Mapping[str, str]) -> str:
    """Write an owner for a person: "project a, environment b"."""
    return ", ".join(f"{key.lower()} {owner[key]}" for key in OWNER_KEYS if owner.get(key))
