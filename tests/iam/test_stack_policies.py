# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded AWS creates task roles with the policies of the task's template, and no wider ones."""

from __future__ import annotations

from typing import Any

import pytest
from iam_simulator import ACCOUNT, REGION, IamSimulator
from template_parser import load, policies, render, template_path

OPERATIONS = load("task")["Parameters"]["Operations"]["Default"].split(",")


def policies_of_the_stack(aws: IamSimulator, parameters: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the policy documents of the task role by name, from a stack with these parameters."""
    cloudformation, iam = aws.owner().client("cloudformation"), aws.owner().client("iam")
    stack = f"ddbload-{parameters['Environment']}-task"
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=template_path("task").read_text(),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    resource = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId="TaskRole")
    role = resource["StackResourceDetail"]["PhysicalResourceId"]
    return {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }


@pytest.mark.parametrize("number", range(len(OPERATIONS) + 1))
def test_stack_grants_the_actions_of_its_operations_only(aws: IamSimulator, number: int) -> None:
    # The last case has every operation.
    operations = OPERATIONS[number : number + 1] or OPERATIONS
    parameters = aws.task_parameters() | {"Environment": f"one-{number}", "Operations": ",".join(operations)}
    meant = {
        policy.name: policy.document
        for policy in policies(render("task", parameters, region=REGION, account=ACCOUNT))
        if policy.resource == "TaskRole" and policy.kind == "identity"
    }
    assert policies_of_the_stack(aws, parameters) == meant
