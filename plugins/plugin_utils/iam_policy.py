# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM policies made of statements with placeholders: pure functions from files/iam to documents that IAM takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

Values = Mapping[str, "str | Sequence[str]"]
Statement = dict[str, Any]

PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
# Characters of a customer managed policy, white space not counted:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MOST_CHARACTERS = 6_144
COMPONENTS = ("network", "registry", "table", "cluster", "observability")
# Of a stack's name, where CloudFormation names a role: it shortens stack and logical id until both and a random end fit
# into IAM's 64 characters. It does not say how far, and this is what its role names have been seen to keep.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
MOST_KEPT = 24


class IamPolicyError(Exception):
    """The statements cannot be rendered; the message says what to change."""


def policy_documents(name: str, statements: Sequence[Mapping[str, Any]], values: Values) -> dict[str, dict[str, Any]]:
    """Render statements, as one policy or as several where IAM takes no policy of their size.

    Args:
        name: of the policy, such as "ddbload-dev-deployer".
        statements: as files/iam holds them: IAM's, with ``${Name}`` for what is filled in, and ``OnlyWith`` or
            ``OnlyWithout`` where a statement depends on whether a value is empty.
        values: by placeholder; a list takes the place of a whole string.

    Returns:
        Documents by the policy's name; where there are several, the names end in -1, -2 and so on.

    Raises:
        IamPolicyError: a placeholder has no value, or a statement alone is too large.
    """
    parts: list[list[Statement]] = [[]]
    for statement in rendered_statements(statements, values):
        if size(document([statement])) > MOST_CHARACTERS:
            raise IamPolicyError(
                f"statement {statement['Sid']} of policy {name} alone has more than {MOST_CHARACTERS:,} characters "
                "-> name fewer keys, or make two statements of it"
            )
        if parts[-1] and size(document([*parts[-1], statement])) > MOST_CHARACTERS:
            parts.append([])
        parts[-1].append(statement)
    if len(parts) == 1:
        return {name: document(parts[0])}
    return {f"{name}-{number}": document(part) for number, part in enumerate(parts, start=1)}


def rendered_statements(statements: Sequence[Mapping[str, Any]], values: Values) -> list[Statement]:
    """Fill statements in, and leave out those that the values leave out.

    Raises:
        IamPolicyError: a placeholder has no value.
    """
    return [
        {key: _filled(part, values) for key, part in one.items() if key not in ("OnlyWith", "OnlyWithout")}
        for one in statements
        if _stands(one, values)
    ]


def document(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return the policy of some statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def size(policy: Mapping[str, Any]) -> int:
    """Count a policy's characters as IAM does, without white space between them."""
    return len(json.dumps(policy, separators=(",", ":")))


def policy_values(
    *,
    project: str,
    environment: str,
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
) -> dict[str, str | list[str]]:
    """Work out what files/iam leaves open.

    Args:
        project: such as "ddbload".
        environment: such as "dev".
        account: the account's 12 digits.
        region: such as "eu-west-1".
        partition: "aws", "aws-cn" or "aws-us-gov".
        service_role_arn: of the role with which CloudFormation acts; empty for <project>-<environment>-cloudformation.
        table_name: of a table that exists already; empty for the stack's own alone.
        permissions_boundary_arns: of the policies that bound the stacks' roles. Of this and of the rest, empty ARNs do
            not count.
        key_arns: of the KMS keys that the stacks use beside their own.
        secret_arns: of the secrets that the task gets.
        secret_parameter_arns: of the SSM parameters that the task gets as its secrets.
        repository_arns: of the ECR repositories that the task pulls from beside the stack's.

    Returns:
        Values by placeholder.

    Raises:
        IamPolicyError: the account is none.
    """
    if not re.fullmatch(r"[0-9]{12}", account):
        raise IamPolicyError(
            f'account "{account}" is not 12 digits -> name it with -e policies_account_id=, or as the first of '
            "preflight_allowed_accounts"
        )
    base = f"{project}-{environment}"
    here = f"{region}:{account}"
    tables = [f"arn:{partition}:dynamodb:{here}:table/{name}" for name in dict.fromkeys([base, table_name]) if name]
    return {
        "Project": project,
        "Environment": environment,
        "Base": base,
        "Account": account,
        "Region": region,
        "Partition": partition,
        "ServiceRole": service_role_arn or f"arn:{partition}:iam::{account}:role/{base}-cloudformation",
        "Stacks": [f"arn:{partition}:cloudformation:{here}:stack/{base}-{one}/*" for one in COMPONENTS],
        "Tables": tables,
        "TablesAndIndexes": [arn for table in tables for arn in (table, f"{table}/index/*")],
        "Repositories": [f"arn:{partition}:ecr:{here}:repository/{base}", *_given(repository_arns)],
        "Roles": [_roles(partition, account, f"{base}-{one}") for one in ("cluster", "network")],
        "ClusterRoles": _roles(partition, account, f"{base}-cluster"),
        "PermissionsBoundaryArns": _given(permissions_boundary_arns),
        "KeyArns": _given(key_arns),
        "SecretArns": _given(secret_arns),
        "SecretParameterArns": _given(secret_parameter_arns),
    }


def _roles(partition: str, account: str, stack: str) -> str:
    return f"arn:{partition}:iam::{account}:role/{f'{stack}-'[:MOST_KEPT]}*"


def _given(arns: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(arn for arn in arns if arn))


def _stands(statement: Mapping[str, Any], values: Values) -> bool:
    wanted, unwanted = statement.get("OnlyWith"), statement.get("OnlyWithout")
    return bool(wanted is None or _value(wanted, values)) and not (unwanted and _value(unwanted, values))


def _value(name: str, values: Values) -> str | Sequence[str]:
    if name not in values:
        raise IamPolicyError(f"${{{name}}} has no value -> take one of {', '.join(sorted(values))}")
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
        return [_filled(one, values) for one in part]
    return part
