# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the embedded AWS makes of the cluster's template: the policies that the template means, and no wider ones."""

from __future__ import annotations

from typing import Any

import pytest
from judging_aws import ACCOUNT, REGION, JudgingAws
from reading import load, policies, render, template_path

OPERATIONS = load("cluster")["Parameters"]["Operations"]["Default"].split(",")


def policies_of_the_stack(aws: JudgingAws, parameters: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the documents of the task role's policies by name, as a stack of these parameters makes them."""
    cloudformation, iam = aws.owner().client("cloudformation"), aws.owner().client("iam")
    stack = f"ddbload-{parameters['Environment']}-cluster"
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=template_path("cluster").read_text(),
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
def test_a_stack_grants_what_its_operations_name_and_no_more(aws: JudgingAws, number: int) -> None:
    # The last one has all of them.
    operations = OPERATIONS[number : number + 1] or OPERATIONS
    parameters = aws.cluster_parameters() | {"Environment": f"one-{number}", "Operations": ",".join(operations)}
    meant = {
        policy.name: policy.document
        for policy in policies(render("cluster", parameters, region=REGION, account=ACCOUNT))
        if policy.resource == "TaskRole" and policy.kind == "identity"
    }
    assert policies_of_the_stack(aws, parameters) == meant
