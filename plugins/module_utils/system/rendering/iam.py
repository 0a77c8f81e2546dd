# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An IAM role and a statement of its policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import NO_VALUE


def role(description: str, service: str, statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a role that a service of AWS assumes for this account alone.

    Args:
        description: what the role is for.
        service: the service's principal, such as ecs-tasks.amazonaws.com.
        statements: what the role permits.
    """
    policy = {"PolicyName": "permissions", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Description": description,
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": service},
                        "Action": "sts:AssumeRole",
                        # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
                        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
                    }
                ],
            },
            "PermissionsBoundary": {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, NO_VALUE]},
            **({"Policies": [policy]} if statements else {}),
        },
    }


def allow(sid: str, actions: Sequence[str], resource: Any, **more: Any) -> dict[str, Any]:
    """Return a statement that allows actions on a resource, or on each of several; ``more`` is its condition."""
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(set(actions)), "Resource": resource, **more}
