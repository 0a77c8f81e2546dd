# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service-linked roles: found, made."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import ClientError


def find_role(iam: Any, service: str) -> str:
    """Return the name of a service's service-linked role; empty where the account has none.

    By its path: the name is the service's own matter, and its letter case differs.

    Args:
        iam: a boto3 IAM client.
        service: such as "ecs.amazonaws.com".

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: IAM refused, or was out of reach.
        See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html
    """
    roles = iam.list_roles(PathPrefix=f"/aws-service-role/{service}/")["Roles"]
    return str(roles[0]["RoleName"]) if roles else ""


def create_role(iam: Any, service: str) -> str:
    """Make a service's service-linked role, and return its name; one that came in the meantime is as good.

    Args:
        iam: a boto3 IAM client.
        service: such as "ecs.amazonaws.com".

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: IAM refused, or was out of reach.
        See https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html
    """
    try:
        return str(iam.create_service_linked_role(AWSServiceName=service)["Role"]["RoleName"])
    except ClientError:
        # Another deploy may have made it; by what code IAM refuses a second one, its reference does not say.
        if came := find_role(iam, service):
            return came
        raise
