# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the statements of files/iam to IAM policies; pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_resources import Names, kinds, resource_values

Values = Mapping[str, "str | Sequence[str]"]
Statement = dict[str, Any]

PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
# The quota of a customer managed policy, without white space:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MOST_CHARACTERS = 6_144
# CloudFormation names a role by stack, logical id and a random suffix, and shortens them to IAM's 64 characters. The
# documentation does not say how; of the stack's name, observed role names keep this many characters.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
KEPT_CHARACTERS = 24
# Services whose service-linked roles AWS makes at their first use, by what needs them.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
LINKED_ROLES = {
    "": ("ecs",),
    "Table": ("contributorinsights.dynamodb", "dynamodb.application-autoscaling"),
    "Databases": ("rds",),
    "FileSystems": ("elasticfilesystem",),
    "LoadBalancers": ("elasticloadbalancing",),
    "Scaling": ("ecs.application-autoscaling",),
}
# Values from which others are made, and which no statement names.
INTERMEDIATE = {
    "ExperimentStacks",
    "InfrastructureStacks",
    "JobStacks",
    "ProxyStacks",
    "RuleStacks",
    "ScheduledStacks",
    "SetupStacks",
    "UsedKeys",
    "UsedParameters",
    "UsedRepositories",
    "UsedSecrets",
}


class IamPolicyError(Exception):
    """The statements cannot be rendered.

    Args:
        problem: the error, and what to change.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


def policy_documents(name: str, statements: Sequence[Mapping[str, Any]], values: Values) -> dict[str, dict[str, Any]]:
    """Render statements to one policy, or to several where one would exceed IAM's quota.

    Args:
        name: the policy's name, such as "ddbload-dev-deployer".
        statements: the statements of a file in files/iam: with placeholders ``${Name}``, and with ``OnlyWith`` or
            ``OnlyWithout`` where a statement depends on whether a value, or each of several, is empty.
        values: by placeholder; a list replaces a whole string, or its element of a list.

    Returns:
        Policy documents by name; the names of several end in -1, -2 and so on.

    Raises:
        IamPolicyError: a placeholder has no value, or a statement alone is too large.
    """
    parts: list[list[Statement]] = [[]]
    for statement in rendered_statements(statements, values):
        if size(document([statement])) > MOST_CHARACTERS:
            what = f"statement {statement['Sid']} of policy {name} has more than {MOST_CHARACTERS:,} characters"
            raise IamPolicyError(Problem("size", what, "name fewer keys, or split the statement in two"))
        if parts[-1] and size(document([*parts[-1], statement])) > MOST_CHARACTERS:
            parts.append([])
        parts[-1].append(statement)
    if len(parts) == 1:
        return {name: document(parts[0])}
    return {f"{name}-{number}": document(part) for number, part in enumerate(parts, start=1)}


def rendered_statements(statements: Sequence[Mapping[str, Any]], values: Values) -> list[Statement]:
    """Replace the placeholders of statements, leave out those whose condition is not met, and join those of one Sid.

    Raises:
        IamPolicyError: a placeholder has no value, or statements of one Sid differ in more than their actions.
    """
    found: dict[str, Statement] = {}
    for one in statements:
        if not _is_wanted(one, values):
            continue
        made = {key: _filled(part, values) for key, part in one.items() if key not in ("OnlyWith", "OnlyWithout")}
        before = found.pop(made["Sid"], None)
        found[made["Sid"]] = _joined(before, made) if before else made
    return list(found.values())


def _joined(one: Statement, other: Statement) -> Statement:
    if {**one, "Action": other["Action"]} != other:
        what = f"statements {one['Sid']} have different resources or conditions"
        raise IamPolicyError(Problem("statement", what, "give one of them another Sid"))
    return {**other, "Action": sorted({*_names(one["Action"]), *_names(other["Action"])})}


def document(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return the policy document of statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def size(policy: Mapping[str, Any]) -> int:
    """Return a policy's number of characters without white space, as IAM counts them."""
    return len(json.dumps(policy, separators=(",", ":")))


def policy_values(
    *,
    project: str,
    environment: str,
    components: Sequence[str],
    account: str,
    region: str,
    partition: str,
    service_role_arn: str = "",
    table_name: str = "",
    permissions_boundary_arns: Sequence[str] = (),
    key_arns: Sequence[str] = (),
    secret_arns: Sequence[str] = (),
    secret_parameter_arns: Sequence[str] = (),
    repository_arns: Sequence[str] = (),
    results_bucket: str = "",
    results_prefix: str = "",
    description: Mapping[str, Any] | None = None,
) -> dict[str, str | list[str]]:
    """Return the values of the placeholders in files/iam.

    Args:
        project: such as "ddbload".
        environment: such as "dev".
        components: the components of the system, one stack each; their order does not count.
        account: the account's 12 digits.
        region: such as "eu-west-1".
        partition: "aws", "aws-cn" or "aws-us-gov".
        service_role_arn: ARN of CloudFormation's service role; empty for <project>-<environment>-cloudformation.
        table_name: name of an existing table to use in addition to the stack's; empty for none.
        permissions_boundary_arns: ARNs of the permissions boundaries of the stacks' roles. In this list and in the
            others, empty ARNs do not count.
        key_arns: ARNs of the KMS keys that the stacks use and do not create.
        secret_arns: ARNs of the task's secrets.
        secret_parameter_arns: ARNs of the SSM parameters that the task gets as secrets.
        repository_arns: ARNs of the ECR repositories from which the task pulls, in addition to the stack's.
        results_bucket: name of the bucket to which the results of runs are uploaded; empty for none.
        results_prefix: what the keys of its objects begin with, before the environment.
        description: of the system, for what its rendered stacks create and use; None for a system without these.

    Returns:
        Values by placeholder.

    Raises:
        IamPolicyError: the account does not have 12 digits.
    """
    if not re.fullmatch(r"[0-9]{12}", account):
        remedy = "name it with -e policies_account_id=, or as the first of preflight_allowed_accounts"
        raise IamPolicyError(Problem("account", f'account "{account}" is not 12 digits', remedy))
    base = f"{project}-{environment}"
    here = f"{region}:{account}"
    stacks = [f"{base}-{component}" for component in sorted(set(components))]
    names = Names(project, environment, account, region, partition)
    found = resource_values(description, names)
    has: dict[str, str | list[str]] = {**kinds(description, components), **found}
    tables = [f"arn:{partition}:dynamodb:{here}:table/{name}" for name in dict.fromkeys([base, table_name]) if name]
    return {
        "Project": project,
        "Environment": environment,
        "Base": base,
        "Account": account,
        "Region": region,
        "Partition": partition,
        "ServiceRole": service_role_arn or f"arn:{partition}:iam::{account}:role/{base}-cloudformation",
        "Stacks": [f"arn:{partition}:cloudformation:{here}:stack/{stack}/*" for stack in stacks],
        "Tables": tables,
        "TablesAndIndexes": [arn for table in tables for arn in (table, f"{table}/index/*")],
        "Repositories": _given(
            [f"arn:{partition}:ecr:{here}:repository/{base}", *found["UsedRepositories"], *repository_arns]
        ),
        "Roles": _given([_roles(partition, account, stack) for stack in stacks]),
        "TaskRoles": _roles(partition, account, f"{base}-task"),
        "JobRoles": _given([_roles(partition, account, f"{base}-{each}") for each in found["JobStacks"]]),
        "SetupRoles": _given([_roles(partition, account, f"{base}-{each}") for each in found["SetupStacks"]]),
        "InfrastructureRoles": _given(
            [_roles(partition, account, f"{base}-{each}") for each in found["InfrastructureStacks"]]
        ),
        "ProxyRoles": _given([_roles(partition, account, f"{base}-{each}") for each in found["ProxyStacks"]]),
        "ScheduleRoles": _given([_roles(partition, account, f"{base}-{each}") for each in found["ScheduledStacks"]]),
        "ExperimentRoles": _given([_roles(partition, account, f"{base}-{each}") for each in found["ExperimentStacks"]]),
        "Schedules": [
            _made(partition, f"scheduler:{here}:schedule/default/{base}-{each}") for each in found["ScheduledStacks"]
        ],
        "Rules": [_made(partition, f"events:{here}:rule/{base}-{each}") for each in found["RuleStacks"]],
        "ResultObjects": [
            f"arn:{partition}:s3:::{'/'.join(filter(None, (results_bucket, results_prefix.strip('/'), environment)))}/*"
        ]
        if results_bucket
        else [],
        "PermissionsBoundaryArns": _given(permissions_boundary_arns),
        "KeyArns": _given([*key_arns, *found["UsedKeys"]]),
        "SecretArns": _given([*secret_arns, *found["Secrets"], *found["UsedSecrets"]]),
        "SecretParameterArns": _given([*secret_parameter_arns, *found["UsedParameters"]]),
        **{name: value for name, value in has.items() if name not in INTERMEDIATE},
        "ServiceLinkedRoles": sorted(
            f"{service}.amazonaws.com"
            for name, services in LINKED_ROLES.items()
            if not name or has[name]
            for service in services
        ),
    }


def _roles(partition: str, account: str, stack: str) -> str:
    return f"arn:{partition}:iam::{account}:role/{f'{stack}-'[:KEPT_CHARACTERS]}*"


def _made(partition: str, end: str) -> str:
    """Return the pattern of an ARN whose name CloudFormation makes of the stack's, as that of a role."""
    kind, _slash, stack = end.rpartition("/")
    return f"arn:{partition}:{kind}/{f'{stack}-'[:KEPT_CHARACTERS]}*"


def _given(arns: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(arn for arn in arns if arn))


def _is_wanted(statement: Mapping[str, Any], values: Values) -> bool:
    wanted, unwanted = (_names(statement.get(key, [])) for key in ("OnlyWith", "OnlyWithout"))
    return (not wanted or any(_value(name, values) for name in wanted)) and not any(
        _value(name, values) for name in unwanted
    )


def _names(part: str | Sequence[str]) -> Sequence[str]:
    return [part] if isinstance(part, str) else part


def _value(name: str, values: Values) -> str | Sequence[str]:
    if name not in values:
        raise IamPolicyError(Problem("value", f"${{{name}}} has no value", f"use one of {', '.join(sorted(values))}"))
    return values[name]


def _filled(part: Any, values: Values) -> Any:
    if isinstance(part, Mapping):
        return {key: _filled(one, values) for key, one in part.items()}
    if isinstance(part, str):
        whole = PLACEHOLDER.fullmatch(part)
        if whole:
            found = _value(whole[1], values)
            return found if isinstance(found, str) else list(found)
        return PLACEHOLDER.sub(lambda match: str(_value(match[1], values)), part)
    if isinstance(part, Sequence):
        filled = [_filled(one, values) for one in part]
        return [each for one in filled for each in (one if isinstance(one, list) else [one])]
    return part
