# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to an environment, by its names and tags: pure functions over what AWS's services describe.

A thing is a dict: ``kind``, ``name``, ``id`` (what a call that removes it needs), ``stack`` (that holds it, or null),
``state`` (or null), ``protections`` (any of `PROTECTIONS`) and ``line``, which tells it to a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import (
    is_protected,
    outputs_of,
    parameters_of,
)

# What keeps a thing from being deleted, and how a line says it.
PROTECTIONS = {
    "termination_protection": "termination protection is on",
    "deletion_protection": "deletion protection is on",
    "retained": "its stack keeps it when it is deleted",
    "left_behind": "kept when its stack was deleted",
    "by_hand": "no stack made it",
    "protected_stack": "its stack is protected",
}
# What somebody wanted kept, or put there, needs a second word before it goes.
DATA_KINDS = ("table", "repository", "log_group", "ssm_parameter", "task_definition")
DATA_PROTECTIONS = ("deletion_protection", "retained", "left_behind", "by_hand", "protected_stack")
# A parameter of a stack that begins so decides whether its data stays when the stack is deleted.
RETAIN_PREFIX = "Retain"
# The tags that CloudFormation sets, and that stay on a resource which outlives its stack:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-add-tags.html
STACK_TAG = "aws:cloudformation:stack-name"


@dataclass(frozen=True)
class Names:
    """The names in an environment: all that is looked for goes by them.

    Args:
        project: such as "ddbload".
        environment: such as "dev".
        components: what the stacks are, such as "table".
    """

    project: str
    environment: str
    components: Sequence[str]

    @property
    def base(self) -> str:
        """The name of table, repository, cluster and family of task definitions."""
        return f"{self.project}-{self.environment}"

    @property
    def stacks(self) -> list[str]:
        """The names of the stacks."""
        return [f"{self.base}-{component}" for component in self.components]

    @property
    def path(self) -> str:
        """The path below which log groups and SSM parameters lie."""
        return f"/{self.project}/{self.environment}"

    @property
    def insights(self) -> str:
        """The path of the log groups that Container Insights makes by itself.

        See https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html
        """
        return f"/aws/ecs/containerinsights/{self.base}"

    @property
    def service_log_groups(self) -> list[str]:
        """The log groups that a service makes for the environment's own cluster, and tags with nothing."""
        return [f"{self.insights}/performance"]

    @property
    def owner(self) -> dict[str, str]:
        """What the environment's stacks, and the tags of what they made, say of whose they are."""
        return {"Project": self.project, "Environment": self.environment}

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Tell by its tags whether one of the environment's stacks made a thing.

        The stack's name alone does not tell: project "a" with environment "b-c" has the same ones as "a-b" with "c".
        What has no tags Project and Environment was made before stacks had any.
        """
        return tags.get(STACK_TAG) in self.stacks and not self.disowns(tags)

    def disowns(self, tags: Mapping[str, str]) -> bool:
        """Tell by its tags whether a thing is another project's or environment's."""
        return any(tags.get(key, value) != value for key, value in self.owner.items())


def stack_thing(stack: Mapping[str, Any]) -> dict[str, Any]:
    """Take a stack of DescribeStacks apart; it carries its ``parameters`` and ``outputs`` (dicts) besides."""
    found = thing(
        "stack",
        stack["StackName"],
        stack["StackId"],
        state=stack["StackStatus"],
        protections=["termination_protection"] if is_protected(stack) else [],
    )
    return found | {"parameters": parameters_of(stack), "outputs": outputs_of(stack)}


def table_thing(table: Mapping[str, Any], stack: Mapping[str, Any] | None) -> dict[str, Any]:
    """Take a table of DescribeTable apart.

    Args:
        table: its description.
        stack: the stack that holds it, as `stack_thing` returns it; None where it outlived its stack.
    """
    protections = ["deletion_protection"] if table.get("DeletionProtectionEnabled") else []
    # AWS counts them about every six hours.
    counted = f"about {table.get('ItemCount', 0):,} items, {table.get('TableSizeBytes', 0):,} bytes"
    return thing(
        "table",
        table["TableName"],
        table["TableName"],
        stack=_name(stack),
        state=table.get("TableStatus"),
        protections=protections + _keeping(stack),
        detail=counted,
    )


def repository_thing(name: str, images: int, stack: Mapping[str, Any] | None) -> dict[str, Any]:
    """Describe a repository.

    Args:
        name: of the repository.
        images: how many it holds.
        stack: the stack that holds it, as `stack_thing` returns it; None where it outlived its stack.
    """
    return thing(
        "repository",
        name,
        name,
        stack=_name(stack),
        protections=_keeping(stack),
        detail=f"{images} image(s)",
    )


def thing(
    kind: str,
    name: str,
    id_: str,
    stack: str | None = None,
    state: str | None = None,
    protections: Sequence[str] = (),
    detail: str = "",
) -> dict[str, Any]:
    """Describe a thing, with its line: "kind name (state, detail; what protects it)"."""
    told = ", ".join(part for part in (state, detail) if part)
    kept = ", ".join(PROTECTIONS[each] for each in protections)
    inner = "; ".join(part for part in (told, kept) if part)
    return {
        "kind": kind,
        "name": name,
        "id": id_,
        "stack": stack,
        "state": state,
        "protections": list(protections),
        "line": f"{kind.replace('_', ' ')} {name}" + (f" ({inner})" if inner else ""),
    }


def log_group_thing(group: Mapping[str, Any], stack: Mapping[str, Any] | None, is_by_hand: bool) -> dict[str, Any]:
    """Take a log group of DescribeLogGroups apart.

    Args:
        group: its description.
        stack: the stack that holds it, as `stack_thing` returns it; None where none does.
        is_by_hand: whether neither a stack of the environment's nor a service made it.
    """
    protections = ["by_hand"] if is_by_hand else []
    if stack and stack["protections"]:
        protections.append("protected_stack")  # logs that were to be kept for a year go with their stack
    name, size = group["logGroupName"], f"{group.get('storedBytes', 0):,} bytes"
    return thing("log_group", name, name, stack=_name(stack), protections=protections, detail=size)


def protected_data(things: Iterable[Mapping[str, Any]]) -> list[str]:
    """List the names of the things of `DATA_KINDS` that somebody wanted kept, or put there by hand, each once."""
    kept = [each for each in things if each["kind"] in DATA_KINDS]
    return sorted({each["name"] for each in kept if not set(DATA_PROTECTIONS).isdisjoint(each["protections"])})


def foreign_table(things: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the name of the table that an environment only uses: its table stack passes it on, and holds none."""
    found = list(things)
    own = {each["name"] for each in found if each["kind"] == "table"}
    passed = [each["outputs"].get("TableName") for each in found if each["kind"] == "stack"]
    return next((name for name in passed if name and name not in own), None)


def _name(stack: Mapping[str, Any] | None) -> str | None:
    return stack["name"] if stack else None


def _keeping(stack: Mapping[str, Any] | None) -> list[str]:
    if stack is None:
        return ["left_behind"]
    values = [value for key, value in stack["parameters"].items() if key.startswith(RETAIN_PREFIX)]
    return ["retained"] if "true" in values else []
