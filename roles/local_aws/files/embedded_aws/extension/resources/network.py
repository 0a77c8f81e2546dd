# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2's types that MiniStack lacks: elastic addresses, NAT gateways, rules of security groups, flow logs.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_EC2.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedded_aws.extension.api import call
from embedded_aws.extension.api_shapes import PropertyError, request_shape, to_request
from embedded_aws.extension.resources import kind
from embedded_aws.extension.resources.kind import Kind, Made, Properties, check_names

# The other end of a rule: its property, by direction, and the member of the API's permission.
PEERS = {
    "Ingress": {
        "SourceSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
        "SourcePrefixListId": ("PrefixListIds", "PrefixListId"),
    },
    "Egress": {
        "DestinationSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
        "DestinationPrefixListId": ("PrefixListIds", "PrefixListId"),
    },
}
BLOCKS = {"CidrIp": ("IpRanges", "CidrIp"), "CidrIpv6": ("Ipv6Ranges", "CidrIpv6")}
PORTS = ("FromPort", "ToPort")


def permission(direction: str, properties: Properties) -> dict[str, Any]:
    """Return the permission of EC2's API that a rule of a template means.

    Args:
        direction: Ingress or Egress.
        properties: of AWS::EC2::SecurityGroupIngress or -Egress.

    Raises:
        PropertyError: a property is unknown, or it does not name exactly one other end.
    """
    peers = PEERS[direction] | BLOCKS
    check_names(properties, {"GroupId", "IpProtocol", "Description", *PORTS, *peers})
    named = [name for name in peers if name in properties]
    if len(named) != 1:
        raise PropertyError(f"a rule has one of {', '.join(sorted(peers))} -> write exactly one")
    member, key = peers[named[0]]
    described = {"Description": str(properties["Description"])} if "Description" in properties else {}
    ports = {name: int(properties[name]) for name in PORTS if name in properties}
    peer = {key: str(properties[named[0]]), **described}
    return {"IpProtocol": str(properties["IpProtocol"]), **ports, member: [peer]}


def _rule(direction: str) -> Kind:
    def create(properties: Properties, _name: str) -> Made:
        rules = [permission(direction, properties)]
        operation = f"AuthorizeSecurityGroup{direction}"
        made = call("ec2", operation, GroupId=properties["GroupId"], IpPermissions=rules)
        rule_id = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return rule_id, {"Id": rule_id}

    def delete(physical_id: str, properties: Properties) -> None:
        rules = [permission(direction, properties)]
        call("ec2", f"RevokeSecurityGroup{direction}", GroupId=properties["GroupId"], IpPermissions=rules)

    return Kind(create, delete)


def _tagged(operation: str, resource: str, properties: Properties, **renamed: str) -> dict[str, Any]:
    """Return a request of EC2's API, in which tags have a form of their own."""
    given = {renamed.get(name, name): value for name, value in properties.items() if name != "Tags"}
    request: dict[str, Any] = to_request(request_shape("ec2", operation), given)
    if tags := properties.get("Tags"):
        request["TagSpecifications"] = [{"ResourceType": resource, "Tags": list(tags)}]
    return request


def _set_tags(resource_id: str, old: Properties, new: Properties) -> None:
    kept = {tag["Key"] for tag in new.get("Tags") or []}
    if gone := [{"Key": tag["Key"]} for tag in old.get("Tags") or [] if tag["Key"] not in kept]:
        call("ec2", "DeleteTags", Resources=[resource_id], Tags=gone)
    if kept:
        call("ec2", "CreateTags", Resources=[resource_id], Tags=list(new["Tags"]))


def _create_address(properties: Properties, _name: str) -> Made:
    made = call("ec2", "AllocateAddress", **_tagged("AllocateAddress", "elastic-ip", properties))
    return made["PublicIp"], {"AllocationId": made["AllocationId"], "PublicIp": made["PublicIp"]}


def _allocation(public_ip: str) -> str:
    return str(call("ec2", "DescribeAddresses", PublicIps=[public_ip])["Addresses"][0]["AllocationId"])


def _update_address(public_ip: str, old: Properties, new: Properties) -> Made:
    allocation = _allocation(public_ip)
    _set_tags(allocation, old, new)
    return public_ip, {"AllocationId": allocation, "PublicIp": public_ip}


def _delete_address(public_ip: str, _properties: Properties) -> None:
    call("ec2", "ReleaseAddress", AllocationId=_allocation(public_ip))


def _create_gateway(properties: Properties, _name: str) -> Made:
    made = call("ec2", "CreateNatGateway", **_tagged("CreateNatGateway", "natgateway", properties))
    gateway = made["NatGateway"]["NatGatewayId"]
    return gateway, {"NatGatewayId": gateway}


def _update_gateway(gateway: str, old: Properties, new: Properties) -> Made:
    _set_tags(gateway, old, new)
    return gateway, {"NatGatewayId": gateway}


def _delete_gateway(gateway: str, _properties: Properties) -> None:
    call("ec2", "DeleteNatGateway", NatGatewayId=gateway)


def _create_flow_log(properties: Properties, _name: str) -> Made:
    given: Mapping[str, Any] = {**properties, "ResourceId": [properties.get("ResourceId")]}
    made = call("ec2", "CreateFlowLogs", **_tagged("CreateFlowLogs", "vpc-flow-log", given, ResourceId="ResourceIds"))
    flow_log = made["FlowLogIds"][0]
    return flow_log, {"Id": flow_log}


def _update_flow_log(flow_log: str, old: Properties, new: Properties) -> Made:
    _set_tags(flow_log, old, new)
    return flow_log, {"Id": flow_log}


def _delete_flow_log(flow_log: str, _properties: Properties) -> None:
    call("ec2", "DeleteFlowLogs", FlowLogIds=[flow_log])


KINDS = {
    "AWS::EC2::EIP": Kind(
        _create_address,
        _delete_address,
        _update_address,
        ("Address", "Domain", "InstanceId", "IpamPoolId", "NetworkBorderGroup", "PublicIpv4Pool", "TransferAddress"),
    ),
    "AWS::EC2::FlowLog": Kind(
        _create_flow_log,
        _delete_flow_log,
        _update_flow_log,
        (
            *("DeliverLogsPermissionArn", "LogDestination", "LogDestinationType", "LogFormat", "LogGroupName"),
            *("MaxAggregationInterval", "ResourceId", "ResourceType", "TrafficType"),
        ),
    ),
    "AWS::EC2::NatGateway": Kind(
        _create_gateway,
        _delete_gateway,
        _update_gateway,
        ("AllocationId", "ConnectivityType", "PrivateIpAddress", "SubnetId"),
    ),
    "AWS::EC2::SecurityGroupEgress": _rule("Egress"),
    "AWS::EC2::SecurityGroupIngress": _rule("Ingress"),
}


def install() -> None:
    """Let templates have these types."""
    kind.install(KINDS)
