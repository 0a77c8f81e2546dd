# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner and the content of a table that runs write to and that no stack of the environment created."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code, explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import outputs_of, parameters_of
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import STACK_TAG, Names
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.names import TABLE
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.own_stack import own_stack
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line

COMPONENT = "table"
# Common keys of the tags that name a team's environments and projects, in lower case.
ENVIRONMENT_TAGS, PROJECT_TAGS = ("environment", "env", "stage"), ("project",)
# What DescribeTable counts is up to six hours old:
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
COUNTED = "as DynamoDB counted them within the last six hours"


def check_table(
    client: Callable[..., Any], params: Mapping[str, Any], region: str, findings: Findings
) -> dict[str, Any] | None:
    """Check that a table from outside the environment does not seem to belong to others.

    Args:
        client: gives a boto3 client of a service.
        params: the module's parameters.
        region: where the table is.
        findings: takes what is wrong.

    Returns:
        The facts of the table, see `table_facts`; None where the table does not exist, or where the environment's own
        stack created it.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: CloudFormation refused, or was out of reach.
    """
    names = Names(params["project"], params["environment"], [COMPONENT])
    name = params["table_name"] or ""
    if not TABLE.fullmatch(name) if name else not params["table_of_stack"]:
        return None
    try:
        passed, is_made = _passed(client("cloudformation"), names)
    except (BotoCoreError, ClientError):
        if not name:
            raise
        passed, is_made = "", False  # a table of unknown owner is checked
    name = name or passed
    if not name or (is_made and name == passed):
        return None
    is_confirmed = params["confirmed_table"] == name
    try:
        table, tags = _described(client("dynamodb"), name)
    except (BotoCoreError, ClientError) as error:
        if error_code(error) == "ResourceNotFoundException":
            findings.problems.append(
                Problem(
                    "table",
                    f"table {name} does not exist in {region}",
                    "make it, or fix its name (table_existing_name, or load_test_table_name)",
                )
            )
        elif is_confirmed:
            findings.warnings.append(explain(error, "not checked", f"table {name}"))
        else:
            problem = explain(error, f"table {name} cannot be looked at", f"region {region}")
            if problem.remedy:
                remedy = f"{problem.remedy}; or add -e confirm_table={name}, if you know what is in it"
            else:
                remedy = f"add -e confirm_table={name}, if you know what is in it"
            findings.problems.append(problem._replace(remedy=remedy))
        return None
    facts = table_facts(table, tags, names)
    if facts["marks"] and not is_confirmed:
        findings.problems.append(
            Problem(
                "table",
                f"table {name} seems to belong to others: {', '.join(facts['marks'])}; it holds {facts['content']}",
                "a run writes to it, and may overwrite and delete items: if that is meant, "
                f"add -e confirm_table={name}",
            )
        )
    else:
        findings.checked.append(f"table {name}")
    return facts


def table_facts(table: Mapping[str, Any], tags: Mapping[str, str], names: Names) -> dict[str, Any]:
    """Return the facts of a table.

    Args:
        table: its description, as DescribeTable returns it.
        tags: its tags.
        names: of the environment.

    Returns:
        ``name``, ``item_count``, ``size_bytes`` (both up to six hours old), ``tags``, ``marks`` (signs of another
        owner, a phrase each), ``content`` (how much is in it, in words) and ``line``, all of it for a person.
    """
    count, size = int(table.get("ItemCount") or 0), int(table.get("TableSizeBytes") or 0)
    content = f"about {count:,} items, {size:,} bytes, {COUNTED}"
    tag_texts = ", ".join(f"{key}={value}" for key, value in sorted(tags.items())) or "none"
    marks = list(marks_of(table, tags, names))
    return {
        "name": table["TableName"],
        "item_count": count,
        "size_bytes": size,
        "tags": dict(tags),
        "marks": marks,
        "content": content,
        "line": one_line(
            f"table {table['TableName']}, which no stack of this environment created: {content}; tags: {tag_texts}"
            + (f"; {', '.join(marks)}" if marks else "")
        ),
    }


def marks_of(table: Mapping[str, Any], tags: Mapping[str, str], names: Names) -> Iterator[str]:
    """Return the signs that a table belongs to others, a phrase each; none for one that the environment's stack left.

    Args:
        table: its description, as DescribeTable returns it.
        tags: its tags.
        names: of the environment.
    """
    if names.owns(tags):
        return
    if stack := tags.get(STACK_TAG):
        yield one_line(f"stack {stack} created it")
    own = dict.fromkeys(PROJECT_TAGS, names.project) | dict.fromkeys(ENVIRONMENT_TAGS, names.environment)
    for key, value in sorted(tags.items()):
        if value and value.lower() != own.get(key.lower(), value.lower()):
            yield one_line(f"its tag {key} is {value}")
    if table.get("DeletionProtectionEnabled"):
        yield "deletion protection is on"
    if replicas := [str(each.get("RegionName")) for each in table.get("Replicas") or []]:
        yield f"it has replicas in {', '.join(sorted(replicas))}"
    if (table.get("StreamSpecification") or {}).get("StreamEnabled"):
        yield "its stream is on, and hands each write on"


def _passed(cloudformation: Any, names: Names) -> tuple[str, bool]:
    """Return the name of the table that the table's stack passes on, empty for none, and whether that stack made it."""
    described = own_stack(cloudformation, names.project, names.environment, COMPONENT)
    if described is None:
        return "", False
    return outputs_of(described).get("TableName", ""), not parameters_of(described).get("ExistingTableName")


def _described(dynamodb: Any, name: str) -> tuple[Mapping[str, Any], dict[str, str]]:
    table = dynamodb.describe_table(TableName=name)["Table"]
    pages = dynamodb.get_paginator("list_tags_of_resource").paginate(ResourceArn=table["TableArn"])
    return table, tag_map([tag for page in pages for tag in page["Tags"]])
