# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether AWS accepts the resource names that a project, an environment and a table lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

# The patterns of the templates' parameters, which a test compares: short enough for every name that combines both,
# and an ECR repository's name has no two hyphens in a row, and none at its end.
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
NAME_RULE = "lower-case letters and digits, with single hyphens between them and a letter first"
PROJECT_LENGTH, ENVIRONMENT_LENGTH = range(2, 22), range(2, 17)
# https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
RESERVED = re.compile(r"aws|ssm", re.IGNORECASE)
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html
ACCOUNT = re.compile(r"[0-9]{12}")
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
TABLE, TABLE_RULE = re.compile(r"[a-zA-Z0-9_.-]{3,255}"), "3 to 255 letters, digits, _, - and ."


def name_problems(project: str, environment: str, table_name: str = "") -> Iterator[Problem]:
    """Return the problems of the names.

    Args:
        project: the first part of every name.
        environment: follows it.
        table_name: of an existing table; empty where the table is named after project and environment.
    """
    if not NAME.fullmatch(project) or len(project) not in PROJECT_LENGTH:
        yield Problem("name", f'the project\'s name "{project}" is not {_rule(PROJECT_LENGTH)}', "fix ddbload_project")
    if RESERVED.match(project):
        yield Problem(
            "name",
            f'the project\'s name "{project}" begins with {project[:3]}, SSM refuses parameters under /{project}/',
            "fix ddbload_project",
        )
    if not NAME.fullmatch(environment) or len(environment) not in ENVIRONMENT_LENGTH:
        yield Problem(
            "name",
            f'the environment\'s name "{environment}" is not {_rule(ENVIRONMENT_LENGTH)}',
            "rename its folder, group and variables in inventories/",
        )
    if table_name and not TABLE.fullmatch(table_name):
        yield Problem("name", f'the table\'s name "{table_name}" is not {TABLE_RULE}', "fix the name of the table")


def account_id_problems(accounts: Sequence[str]) -> Iterator[Problem]:
    """Yield a problem for each value that cannot be an account's id.

    Args:
        accounts: ids as the inventory has them. Unquoted, YAML takes them for numbers and drops leading zeros.
    """
    for account in accounts:
        if not ACCOUNT.fullmatch(account):
            yield Problem(
                "name", f'"{account}" of allowed_accounts is no account id of 12 digits', "write the digits in quotes"
            )


def _rule(length: range) -> str:
    return f"{length.start} to {length.stop - 1} {NAME_RULE}"
