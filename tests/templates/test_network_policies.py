# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what in the network: the flow logs' role, and what the gateway endpoints let pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from drawing import renderings
from hypothesis import given, settings
from reading import ACCOUNT, Rendered, policies, render

IN_ITS_OWN_VPC = {
    "VpcCidr": "10.64.0.0/20",
    "ExistingVpcId": "",
    "ExistingPrivateSubnetIds": "",
    "ExistingRouteTableIds": "",
    "Egress": "none",
    "NatMode": "none",
    "ExtraEndpoints": "",
}
# Drawing and reading a template takes its time on a busy machine.
of_any_kind = settings(max_examples=50)


@of_any_kind
@given(renderings("network", **IN_ITS_OWN_VPC))
def test_flow_logs_are_written_by_a_role_that_can_do_nothing_else(network: Rendered) -> None:
    logged = network.parameters["FlowLogs"] == "true"
    assert bool(network.of_type("AWS::EC2::FlowLog")) == logged
    assert bool(network.of_type("AWS::IAM::Role")) == logged
    for role in network.of_type("AWS::IAM::Role").values():
        boundary = network.parameters["PermissionsBoundaryArn"]
        assert role["Properties"].get("PermissionsBoundary", "") == boundary
    group = f"/{network.parameters['Project']}/{network.parameters['Environment']}/flow-logs"
    for policy in policies(network):
        for statement in policy.statements:
            if policy.kind == "identity":
                assert statement["Resource"] == f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{group}:*"
                # A delivery that comes late would make the group again that a teardown has removed.
                assert "logs:CreateLogGroup" not in statement["Action"]
            if policy.kind == "trust":
                assert statement["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
                assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


def endpoint_statements(network: Rendered) -> Iterator[dict[str, Any]]:
    for policy in policies(network):
        if policy.resource in ("DynamoDbEndpoint", "S3Endpoint"):
            yield from policy.statements


def test_the_dynamodb_endpoint_lets_pass_whatever_the_task_role_may_do() -> None:
    allowed = next(one for one in endpoint_statements(render("network", {"Environment": "dev"})))
    cluster = render(
        "cluster",
        {
            "Environment": "dev",
            "TableName": "ddbload-dev",
            "TableArn": "arn:aws:dynamodb:eu-west-1:210987654321:table/ddbload-dev",
            "RepositoryArn": "arn:aws:ecr:eu-west-1:210987654321:repository/ddbload-dev",
            "ImageUri": "210987654321.dkr.ecr.eu-west-1.amazonaws.com/ddbload-dev:0.1.0-3f2a",
        },
    )
    asked = {
        action
        for policy in policies(cluster)
        for statement in policy.statements
        if policy.resource == "TaskRole" and policy.kind == "identity"
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.startswith("dynamodb:")
    }
    assert asked
    assert asked <= set(allowed["Action"])


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
def test_the_gateway_endpoints_lead_to_this_account_s_tables_and_to_ecr_s_layers_only(partition: str) -> None:
    network = render(
        "network", {"Environment": "dev"}, partition=partition, region="xx-north-1", account="123456789012"
    )
    tables, layers = endpoint_statements(network)
    assert tables["Resource"] == f"arn:{partition}:dynamodb:xx-north-1:123456789012:table/*"
    assert tables["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}
    assert (layers["Action"], layers["Resource"]) == (
        "s3:GetObject",
        f"arn:{partition}:s3:::prod-xx-north-1-starport-layer-bucket/*",
    )
