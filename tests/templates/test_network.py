# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network, for any valid parameters: private, with the requested egress and no other."""

from __future__ import annotations

import ipaddress
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws
from template_normaliser import simplified
from template_parser import REGION, Rendered, TemplateError, render
from template_strategies import renderings

OWN = {"ExistingVpcId": "", "ExistingPrivateSubnetIds": "", "ExistingRouteTableIds": ""}
NAMES = {"Project": "ddbload", "Environment": "dev", "FlowLogKmsKeyArn": "", "PermissionsBoundaryArn": ""}
EXISTING = {"ExistingVpcId": "vpc-0123456789abcdef0", "ExistingPrivateSubnetIds": "subnet-01234567,subnet-89abcdef"}
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
WHAT_A_TASK_NEEDS = {"ecr.api", "ecr.dkr", "logs"}
MOTO_ACCOUNT = "123456789012"
EXTRA = {"ssm", "ssmmessages", "secretsmanager", "kms", "monitoring", "xray", "sts"}

# Drawing and rendering a template is slow on a busy machine.
of_any_kind = settings(max_examples=50)


def ways_out() -> st.SearchStrategy[dict[str, str]]:
    """Draw the egress parameters of a new VPC together; drawn one by one, most combinations are refused."""
    extra = st.sets(st.sampled_from(sorted(EXTRA))).map(sorted).map(",".join)
    return st.one_of(
        st.just({"Egress": "none", "NatMode": "none", "ExtraEndpoints": ""}),
        st.tuples(st.sampled_from(["single", "per_zone"]), extra).map(
            lambda drawn: {"Egress": "nat", "NatMode": drawn[0], "ExtraEndpoints": drawn[1]}
        ),
        extra.map(lambda names: {"Egress": "endpoints", "NatMode": "none", "ExtraEndpoints": names}),
    )


def ranges() -> st.SearchStrategy[str]:
    """Draw the address range of a VPC, host bits zero."""
    return st.builds(
        lambda base, prefix: str(ipaddress.ip_network((base, prefix), strict=False)),
        st.integers(0x0A000000, 0x0AFFFFFF),
        st.integers(16, 24),
    )


def networks() -> st.SearchStrategy[Rendered]:
    """Draw networks with a new VPC, of any shape."""
    return ways_out().flatmap(lambda way: renderings("network", VpcCidr=ranges(), **OWN, **NAMES, **way))


def routes_of(network: Rendered, subnet: str) -> list[dict[str, Any]]:
    """Return the routes of a subnet's own route table."""
    (table,) = {
        one["Properties"]["RouteTableId"]
        for one in network.of_type("AWS::EC2::SubnetRouteTableAssociation").values()
        if one["Properties"]["SubnetId"] == subnet
    }
    routes = [one["Properties"] for one in network.of_type("AWS::EC2::Route").values()]
    return [route for route in routes if route["RouteTableId"] == table]


def private_subnets(network: Rendered) -> list[str]:
    return str(network.outputs["PrivateSubnetIds"]).split(",")


def services(network: Rendered, kind: str) -> set[str]:
    """Return the services that have an endpoint of a type, without the prefix of their names."""
    endpoints = [one["Properties"] for one in network.of_type("AWS::EC2::VPCEndpoint").values()]
    names = [str(one["ServiceName"]) for one in endpoints if one["VpcEndpointType"] == kind]
    assert all(name.startswith("com.amazonaws.eu-west-1.") for name in names)
    assert len(names) == len(set(names))
    return {name.removeprefix("com.amazonaws.eu-west-1.") for name in names}


@of_any_kind
@given(networks())
def test_tasks_run_in_private_subnets_one_a_zone(network: Rendered) -> None:
    subnets = private_subnets(network)
    assert len(subnets) == int(network.parameters["ZoneCount"])
    assert len({network.properties(subnet)["AvailabilityZone"] for subnet in subnets}) == len(subnets)
    for subnet in subnets:
        assert not network.properties(subnet)["MapPublicIpOnLaunch"]
        assert all("GatewayId" not in route for route in routes_of(network, subnet))


@of_any_kind
@given(networks())
def test_subnets_lie_in_the_vpc_and_do_not_overlap(network: Rendered) -> None:
    whole = ipaddress.IPv4Network(network.parameters["VpcCidr"])
    cut = [
        ipaddress.IPv4Network(one["Properties"]["CidrBlock"]) for one in network.of_type("AWS::EC2::Subnet").values()
    ]
    assert all(one.subnet_of(whole) and one.prefixlen == whole.prefixlen + 3 for one in cut)
    assert len(set(cut)) == len(cut)


@pytest.mark.parametrize("zones", [1, 2, 3])
@pytest.mark.parametrize("nat", ["none", "single", "per_zone"])
def test_private_subnets_have_the_requested_egress(nat: str, zones: int) -> None:
    egress = "none" if nat == "none" else "nat"
    network = render("network", {"Environment": "dev", "ZoneCount": zones, "NatMode": nat, "Egress": egress})
    gateways = network.of_type("AWS::EC2::NatGateway")
    assert len(gateways) == {"none": 0, "single": 1, "per_zone": zones}[nat]
    assert len(network.of_type("AWS::EC2::InternetGateway")) == (0 if nat == "none" else 1)
    assert len(private_subnets(network)) == zones
    for subnet in private_subnets(network):
        routes = routes_of(network, subnet)
        assert [route["DestinationCidrBlock"] for route in routes] == ([] if nat == "none" else ["0.0.0.0/0"])
        for route in routes:
            public = gateways[route["NatGatewayId"]]["Properties"]["SubnetId"]
            assert [one.get("GatewayId") for one in routes_of(network, public)] == ["InternetGateway"]
            zone = network.properties(public)["AvailabilityZone"]
            assert nat == "single" or zone == network.properties(subnet)["AvailabilityZone"]


@of_any_kind
@given(networks())
def test_every_private_subnet_has_the_free_gateway_endpoints(network: Rendered) -> None:
    assert services(network, "Gateway") == {"dynamodb", "s3"}
    tables = {
        one["Properties"]["RouteTableId"]
        for one in network.of_type("AWS::EC2::SubnetRouteTableAssociation").values()
        if one["Properties"]["SubnetId"] in private_subnets(network)
    }
    for name in ("DynamoDbEndpoint", "S3Endpoint"):
        assert set(network.properties(name)["RouteTableIds"]) == tables


def endpoint_names(extra: set[str]) -> str:
    """Name a case the same in every process, since the order of a set differs."""
    return ",".join(sorted(extra)) or "none"


@pytest.mark.parametrize(
    "extra",
    [set(), EXTRA, *({one} for one in sorted(EXTRA)), *(EXTRA - {one} for one in sorted(EXTRA))],
    ids=endpoint_names,
)
def test_interface_endpoints_are_the_needed_and_the_named(extra: set[str]) -> None:
    network = render("network", {"Environment": "dev", "Egress": "endpoints", "ExtraEndpoints": sorted(extra)})
    assert services(network, "Interface") == WHAT_A_TASK_NEEDS | extra
    for endpoint in network.of_type("AWS::EC2::VPCEndpoint").values():
        if endpoint["Properties"]["VpcEndpointType"] == "Interface":
            assert endpoint["Properties"]["PrivateDnsEnabled"]
            assert endpoint["Properties"]["SecurityGroupIds"] == ["EndpointSecurityGroup"]
            assert endpoint["Properties"]["SubnetIds"] == private_subnets(network)


@of_any_kind
@given(networks())
def test_interface_endpoints_exist_where_they_are_named(network: Rendered) -> None:
    """Egress by endpoints has those that a task needs; beside NAT there are the named ones alone."""
    extra = {name for name in network.parameters["ExtraEndpoints"].split(",") if name}
    needed = WHAT_A_TASK_NEEDS if network.parameters["Egress"] == "endpoints" else set()
    assert services(network, "Interface") == needed | extra


def test_three_zones_have_a_gateway_each_and_an_endpoint() -> None:
    """The block of a /16 gives three private and three public subnets; STS has an interface endpoint beside NAT."""
    network = render(
        "network",
        {
            **{"Environment": "dev", "VpcCidr": "10.0.0.0/16", "ZoneCount": 3},
            **{"Egress": "nat", "NatMode": "per_zone", "ExtraEndpoints": ["sts"]},
        },
    )
    assert len(network.of_type("AWS::EC2::NatGateway")) == len(private_subnets(network)) == 3
    assert len(network.of_type("AWS::EC2::Subnet")) == 6
    assert services(network, "Interface") == {"sts"}
    assert len(network.outputs["PublicSubnetIds"].split(",")) == 3


@of_any_kind
@given(networks() | renderings("network", **EXISTING, **NAMES, Egress="endpoints", NatMode="none", FlowLogs="false"))
def test_only_tasks_reach_endpoints_and_nothing_reaches_tasks(network: Rendered) -> None:
    groups = network.of_type("AWS::EC2::SecurityGroup")
    tasks = groups.pop("TaskSecurityGroup")["Properties"]
    assert "SecurityGroupIngress" not in tasks
    assert {(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in tasks["SecurityGroupEgress"]} == {
        ("tcp", 443, 443)
    }
    is_by_endpoints = network.parameters["Egress"] == "endpoints"
    has_endpoints = is_by_endpoints or bool(network.parameters["ExtraEndpoints"])
    narrow = is_by_endpoints and network.parameters["DynamoDbPrefixListId"] != ""
    destination = {"EndpointDestinationSecurityGroup"} if narrow else set()
    assert set(groups) == ({"EndpointSecurityGroup"} | destination if has_endpoints else set())
    for name, group in groups.items():
        assert [rule["CidrIp"] for rule in group["Properties"]["SecurityGroupEgress"]] == ["127.0.0.1/32"]
        if name in destination:
            assert "SecurityGroupIngress" not in group["Properties"]
            continue
        (rule,) = group["Properties"]["SecurityGroupIngress"]
        assert (rule["SourceSecurityGroupId"], rule["FromPort"], rule["ToPort"]) == ("TaskSecurityGroup", 443, 443)
        assert "CidrIp" not in rule
    assert not network.of_type("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress")


PREFIX_LISTS = {"DynamoDbPrefixListId": "pl-02cd2c6b", "S3PrefixListId": "pl-63a5400a"}
ENDPOINT_GROUP = "EndpointDestinationSecurityGroup"
ANYWHERE = {"0.0.0.0/0"}


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"Egress": "endpoints"}, {*PREFIX_LISTS.values(), ENDPOINT_GROUP}),
        ({"Egress": "none"}, set(PREFIX_LISTS.values())),
        ({"Egress": "nat", "NatMode": "single"}, ANYWHERE),
        (EXISTING | {"Egress": "endpoints"}, {*PREFIX_LISTS.values(), ENDPOINT_GROUP}),
        # Endpoints of the existing VPC may lead to ECR.
        (EXISTING | {"Egress": "none"}, ANYWHERE),
    ],
)
def test_tasks_send_to_aws_s_lists_and_endpoints_alone(parameters: dict[str, str], wanted: set[str]) -> None:
    network = render("network", {"Environment": "dev"} | PREFIX_LISTS | parameters)
    rules = network.properties("TaskSecurityGroup")["SecurityGroupEgress"]
    named = ("CidrIp", "DestinationPrefixListId", "DestinationSecurityGroupId")
    assert {rule[name] for rule in rules for name in named if name in rule} == wanted
    for endpoint in network.of_type("AWS::EC2::VPCEndpoint").values():
        if endpoint["Properties"]["VpcEndpointType"] == "Interface":
            assert endpoint["Properties"]["SecurityGroupIds"] == ["EndpointSecurityGroup", ENDPOINT_GROUP]


# As DescribeVpcEndpointServices answered in both regions of China: https://github.com/aws/aws-cdk/pull/25333, and since
# then https://github.com/aws/aws-cdk/blob/main/packages/aws-cdk-lib/aws-ec2/lib/vpc-endpoint.ts
WITH_PREFIX_IN_CHINA = {"ecr.api", "ecr.dkr", "monitoring", "xray", "sts"}
WITHOUT_PREFIX_IN_CHINA = {"logs", "ssm", "ssmmessages", "secretsmanager", "kms", "dynamodb", "s3"}


@pytest.mark.parametrize(
    ("partition", "region"),
    [
        ("aws-cn", "cn-north-1"),
        ("aws-cn", "cn-northwest-1"),
        ("aws", "us-east-1"),
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-eusc", "eusc-de-east-1"),
    ],
)
def test_every_endpoint_has_its_service_s_name_in_the_region(partition: str, region: str) -> None:
    parameters = {"Environment": "dev", "Egress": "endpoints", "ExtraEndpoints": sorted(EXTRA)}
    network = render("network", parameters, partition=partition, region=region)
    found = {one["Properties"]["ServiceName"] for one in network.of_type("AWS::EC2::VPCEndpoint").values()}
    prefixes = dict.fromkeys(WITH_PREFIX_IN_CHINA | WITHOUT_PREFIX_IN_CHINA, "com.amazonaws")
    if partition == "aws-cn":
        prefixes |= dict.fromkeys(WITH_PREFIX_IN_CHINA, "cn.com.amazonaws")
    if partition == "aws-eusc":
        prefixes |= dict.fromkeys(["ecr.api", "ecr.dkr"], "eu.amazonaws")
    assert found == {f"{prefix}.{region}.{service}" for service, prefix in prefixes.items()}


@of_any_kind
@given(
    renderings(
        "network",
        **EXISTING,
        **NAMES,
        NatMode="none",
        FlowLogs="false",
        ExtraEndpoints="",
        ExistingRouteTableIds=st.sampled_from(["", "rtb-01234567"]),
    )
)
def test_an_existing_vpc_gets_security_groups_and_endpoints_only(network: Rendered) -> None:
    made = {resource["Type"] for resource in network.resources.values()}
    assert made <= {"AWS::EC2::SecurityGroup", "AWS::EC2::VPCEndpoint"}
    assert network.outputs["VpcId"] == EXISTING["ExistingVpcId"]
    assert network.outputs["PrivateSubnetIds"] == EXISTING["ExistingPrivateSubnetIds"]
    assert {one["Properties"]["VpcId"] for one in network.resources.values()} == {EXISTING["ExistingVpcId"]}
    assert services(network, "Interface") == (
        WHAT_A_TASK_NEEDS if network.parameters["Egress"] == "endpoints" else set()
    )
    assert services(network, "Gateway") == (
        {"dynamodb", "s3"} if network.parameters["ExistingRouteTableIds"] else set()
    )
    for endpoint in network.of_type("AWS::EC2::VPCEndpoint").values():
        # Other users of the VPC share the gateway endpoints of their route tables, so the default policies stay.
        is_interface = endpoint["Properties"]["VpcEndpointType"] == "Interface"
        assert ("PolicyDocument" in endpoint["Properties"]) == is_interface


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"Egress": "nat"}, "Egress nat needs NatMode"),
        ({"NatMode": "single"}, "NatMode must be none unless Egress is nat"),
        ({"Egress": "endpoints", "NatMode": "per_zone"}, "NatMode must be none unless Egress is nat"),
        ({"ExtraEndpoints": "ssm"}, "ExtraEndpoints need Egress endpoints or nat"),
        ({"S3PrefixListId": "pl-63a5400a"}, "DynamoDbPrefixListId and S3PrefixListId go together"),
        ({"ExistingVpcId": "vpc-01234567"}, "ExistingVpcId needs ExistingPrivateSubnetIds"),
        ({"ExistingPrivateSubnetIds": "subnet-01234567"}, "need ExistingVpcId"),
        ({"ExistingRouteTableIds": "rtb-01234567"}, "need ExistingVpcId"),
        (EXISTING | {"Egress": "nat", "NatMode": "single"}, "NatMode must be none with ExistingVpcId"),
        (EXISTING | {"FlowLogs": "true"}, "FlowLogs must be false with ExistingVpcId"),
    ],
)
def test_contradictory_parameters_are_refused_with_a_remedy(parameters: dict[str, str], said: str) -> None:
    (violation,) = render("network", {"Environment": "dev"} | parameters).violations
    assert said in violation


@pytest.mark.parametrize(
    "parameters",
    [
        {"VpcCidr": "10.0.0.0/15"},
        {"VpcCidr": "10.0.0.0/25"},
        {"VpcCidr": "10.0.256.0/20"},
        {"VpcCidr": "00.1.2.3/16"},
        {"ExtraEndpoints": "ssm,ecs"},
        {"ExtraEndpoints": "ssm, xray"},
        {"ExistingPrivateSubnetIds": "subnet-01234567,vpc-01234567"},
        {"DynamoDbPrefixListId": "com.amazonaws.eu-west-1.dynamodb"},
        {"ExistingTableName": "arn:aws:dynamodb:eu-west-1:210987654321:table/orders"},
        {"FlowLogRetentionDays": 31},
        {"FlowLogKmsKeyArn": "alias/aws/logs"},
        {"ZoneCount": 4},
    ],
)
def test_invalid_values_are_refused_before_aws_refuses_them(parameters: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match=f"parameter {next(iter(parameters))} "):
        render("network", {"Environment": "dev"} | parameters)


def test_second_emulator_creates_the_network() -> None:
    # The embedded AWS supports neither NAT gateways nor flow logs.
    session = boto3.Session("none", "none", region_name=REGION)
    with mock_aws():
        cloudformation, ec2 = session.client("cloudformation"), session.client("ec2")

        def apply(name: str, parameters: dict[str, Any]) -> dict[str, str]:
            body = simplified("network", {"Environment": name} | parameters, account=MOTO_ACCOUNT)
            cloudformation.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
            (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
            assert stack["StackStatus"] == "CREATE_COMPLETE"
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

        own = apply("own", {"ZoneCount": 3, "Egress": "nat", "NatMode": "per_zone", "FlowLogs": True})
        addresses = ec2.describe_addresses()["Addresses"]
        assert sorted(one["PublicIp"] for one in addresses) == sorted(own["NatAddresses"].split(","))
        (flow_log,) = ec2.describe_flow_logs()["FlowLogs"]
        assert (flow_log["ResourceId"], flow_log["LogGroupName"]) == (own["VpcId"], "/ddbload/own/flow-logs")

        existing = {"ExistingVpcId": own["VpcId"], "ExistingPrivateSubnetIds": own["PrivateSubnetIds"]}
        guest = apply("guest", existing | {"Egress": "endpoints", "ExtraEndpoints": ["xray"]} | PREFIX_LISTS)
        assert (guest["VpcId"], guest["PrivateSubnetIds"]) == (own["VpcId"], own["PrivateSubnetIds"])
        endpoints = [
            one for one in ec2.describe_vpc_endpoints()["VpcEndpoints"] if one["VpcEndpointType"] == "Interface"
        ]
        assert {one["ServiceName"].split(".", 3)[3] for one in endpoints} == WHAT_A_TASK_NEEDS | {"xray"}
        assert {one["VpcId"] for one in endpoints} == {own["VpcId"]}
        assert {tuple(one["SubnetIds"]) for one in endpoints} == {tuple(own["PrivateSubnetIds"].split(","))}
