# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of the network: the flow logs' role, and the calls that the gateway endpoints allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from template_parser import ACCOUNT, Rendered, policies, render
from template_strategies import renderings

IN_ITS_OWN_VPC = {
    "VpcCidr": "10.64.0.0/20",
    "ExistingVpcId": "",
    "ExistingPrivateSubnetIds": "",
    "ExistingRouteTableIds": "",
    "Egress": "none",
    "NatMode": "none",
    "ExtraEndpoints": "",
}
# Drawing and rendering a template is slow on a busy machine.
of_any_kind = settings(max_examples=50)


@of_any_kind
@given(renderings("network", **IN_ITS_OWN_VPC))
def test_the_role_of_flow_logs_writes_them_only(network: Rendered) -> None:
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
                # A late delivery must not create again a log group that a teardown has deleted.
                assert "logs:CreateLogGroup" not in statement["Action"]
            if policy.kind == "trust":
                assert statement["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
                assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


GATEWAYS = ("DynamoDbEndpoint", "S3Endpoint")
EXTRA = ["kms", "monitoring", "secretsmanager", "ssm", "ssmmessages", "sts", "xray"]
# Every optional feature of a task: a shell, a trace, a secret, keys.
ALL_OF_A_TASK = {
    "Environment": "dev",
    "TableName": "ddbload-dev",
    "TableArn": f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/ddbload-dev",
    "RepositoryArn": f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/ddbload-dev",
    "ImageUri": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/ddbload-dev:0.1.0-3f2a",
    "ExecLogGroupArn": f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/ddbload/dev/exec:*",
    "ExecKeyArn": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/5d2c0a6f",
    "TracingSidecarImage": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/adot:1",
    "TracingRepositoryArn": f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/adot",
    "SecretEnvironmentName": "TOKEN",
    "SecretKeyArn": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/5d2c0a6f",
}
SECRETS = [
    {"SecretArn": f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:token-a1b2c3"},
    {"SecretParameterArn": f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/ddbload/dev/token"},
]


def endpoint_statements(network: Rendered, *endpoints: str) -> Iterator[dict[str, Any]]:
    for policy in policies(network):
        if policy.kind == "resource" and policy.resource in (endpoints or GATEWAYS):
            yield from policy.statements


def actions(statement: dict[str, Any]) -> set[str]:
    found = statement["Action"]
    return {found} if isinstance(found, str) else set(found)


def allowed_of_a_task(resource: str) -> set[str]:
    """Return the actions that a statement of a task's role allows."""
    return {
        action
        for secret in SECRETS
        for policy in policies(render("task", ALL_OF_A_TASK | secret))
        if policy.resource == resource and policy.kind == "identity"
        for statement in policy.statements
        for action in actions(statement)
    }


@pytest.fixture(scope="module")
def with_endpoints() -> Rendered:
    return render("network", {"Environment": "dev", "Egress": "endpoints", "ExtraEndpoints": EXTRA})


def test_endpoints_allow_every_permission_of_the_task_roles(with_endpoints: Rendered) -> None:
    needed = allowed_of_a_task("TaskRole") | allowed_of_a_task("ExecutionRole")
    assert len(needed) > 20
    names = [name for name in with_endpoints.of_type("AWS::EC2::VPCEndpoint") if name != "S3Endpoint"]
    passing = {action for one in endpoint_statements(with_endpoints, *names) for action in actions(one)}
    assert needed - passing == set()


def test_endpoints_deny_credentials_of_other_accounts(with_endpoints: Rendered) -> None:
    for name in with_endpoints.of_type("AWS::EC2::VPCEndpoint"):
        statements = list(endpoint_statements(with_endpoints, name))
        assert statements, name
        if name != "S3Endpoint":  # ECR, not this account, signs the URLs of layers
            assert all(one["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}} for one in statements), (
                name
            )


def test_nothing_goes_to_another_account_s_logs_or_registry(with_endpoints: Rendered) -> None:
    (logs,) = endpoint_statements(with_endpoints, "LogsEndpoint")
    assert logs["Resource"] == f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:*"
    for name in ("EcrApiEndpoint", "EcrDockerEndpoint"):
        login, pull = endpoint_statements(with_endpoints, name)
        # The action has no resource, so a condition on an ARN or aws:ResourceAccount denies it.
        assert (login["Action"], login["Resource"]) == ("ecr:GetAuthorizationToken", "*")
        assert pull["Resource"] == f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/*"
        assert not any(action.startswith(("ecr:Put", "ecr:Initiate", "ecr:Upload")) for action in actions(pull))


@pytest.mark.parametrize(
    ("existing", "table"), [("", "ddbload-dev"), ("orders", "orders")], ids=["its own", "an existing"]
)
@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_gateway_endpoints_lead_to_one_table_and_ecr_s_layers(partition: str, existing: str, table: str) -> None:
    network = render(
        "network",
        {"Environment": "dev", "ExistingTableName": existing},
        partition=partition,
        region="xx-north-1",
        account="123456789012",
    )
    tables, layers = endpoint_statements(network)
    arn = f"arn:{partition}:dynamodb:xx-north-1:123456789012:table/{table}"
    control = f"arn:{partition}:dynamodb:xx-north-1:123456789012:table/ddbload-dev-control"
    assert tables["Resource"] == [arn, f"{arn}/index/*", control]
    assert tables["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}
    assert (layers["Action"], layers["Resource"]) == (
        "s3:GetObject",
        f"arn:{partition}:s3:::prod-xx-north-1-starport-layer-bucket/*",
    )
