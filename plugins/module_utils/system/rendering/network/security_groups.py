# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups of a system, derived from who calls whom: one a node, one rule on each side of a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.namespace import called_ports
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    Output,
    Parts,
    logical_id,
    name_tag,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    LOAD_BALANCER,
    Sections,
    Service,
    Target,
    Workload,
    container_jobs,
    targets_of,
)

COMPONENT = "security-groups"
NFS = 2049
MYSQL = 3306
PUBLIC = "internet-facing"
# A network has a NAT gateway in each of three zones at most; the list has empty addresses up to three.
NAT_GATEWAYS = (1, 2, 3)
NAT_ADDRESSES = Output("network", "ZonedNatAddresses", is_list=True)
HTTPS = 443
# https://datatracker.ietf.org/doc/html/rfc1918
PRIVATE_RANGES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
# A group without an egress rule may send anywhere:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-ec2-securitygroup.html
NO_EGRESS = {"IpProtocol": "-1", "CidrIp": "127.0.0.1/32", "Description": "Nothing goes out"}
# Calls to AWS and pulls of images; a security group cannot name them.
HTTPS_EGRESS = {
    "IpProtocol": "tcp",
    "FromPort": HTTPS,
    "ToPort": HTTPS,
    "CidrIp": "0.0.0.0/0",
    "Description": "HTTPS to AWS and to registries",
}


class Node(NamedTuple):
    """What has a security group of its own, such as a service or a file_system, and its name."""

    kind: str
    name: str

    @property
    def logical_id(self) -> str:
        """Logical id of its security group, and name of the output with the group's id."""
        return logical_id(self.kind, self.name)

    @property
    def endpoints_id(self) -> str:
        """Logical id of the rule by which a service or job reaches the endpoints of AWS in the network."""
        return f"{self.logical_id}ToEndpoints"

    @property
    def text(self) -> str:
        """The node in a description of AWS, which permits no other punctuation than this."""
        return f"{self.kind.replace('_', ' ')} {self.name}"


class Call(NamedTuple):
    """One node connects to another on a port."""

    caller: Node
    callee: Node
    port: int

    @property
    def logical_id(self) -> str:
        """Start of the logical ids of both its rules."""
        return f"{self.caller.logical_id}To{self.callee.logical_id}On{self.port}"


def group_of(kind: str, name: str) -> Output:
    """Return the id of a node's security group."""
    return Output(COMPONENT, Node(kind, name).logical_id)


def nodes(sections: Sections) -> list[Node]:
    """Return what has a security group of its own."""
    return [
        *(Node("service", name) for name in sections["services"]),
        *(Node("job", name) for name in container_jobs(sections)),
        *(Node("load_balancer", name) for name in sections["load_balancers"]),
        *(Node("file_system", name) for name in sections["file_systems"]),
        *(Node("database", name) for name in sections["databases"]),
        *(Node("proxy", name) for name, database in sections["databases"].items() if database["proxy"]),
    ]


def calls(sections: Sections) -> list[Call]:
    """Return each call once, in the order of the description."""
    found = dict.fromkeys(_calls(sections))
    return list(found)


def security_groups(sections: Sections) -> Parts:
    """Return the security groups of a system, and their ids as outputs."""
    resources: dict[str, Any] = {}
    for node in nodes(sections):
        resources[node.logical_id] = _group(node, sections)
    for call in calls(sections):
        resources.update(_rules(call))
    public = public_calls(sections)
    for call in public:
        resources.update(_public_rules(call))
    is_workload = [node for node in nodes(sections) if node.kind in ("service", "job")]
    for node in is_workload:
        resources[node.endpoints_id] = _endpoint_rule(node)
    return Parts(
        resources,
        {
            node.logical_id: output(f"Security group of {node.text}.", {"Fn::GetAtt": [node.logical_id, "GroupId"]})
            for node in nodes(sections)
        },
        {**(_has_endpoints() if is_workload else {}), **(_has_addresses() if public else {})},
    )


def target_port(service: Service, target: Target) -> int:
    """Return the port of a service that a load balancer reaches."""
    return service["ports"][target.get("port") or next(iter(service["ports"]))]


def check_port(service: Service, target: Target) -> int:
    """Return the port of a service that a load balancer checks."""
    port = target["health_check"].get("port")
    return service["ports"][port] if port else target_port(service, target)


def public_calls(sections: Sections) -> list[Call]:
    """Return each call of an internet-facing load balancer; its traffic leaves the network by the NAT gateways.

    A listener that admits nobody is called by nobody: all tasks of the network have the addresses of its gateways.
    """
    found: list[Call] = []
    for caller, workload in _workloads(sections):
        for name in _called_load_balancers(workload):
            load_balancer = sections["load_balancers"][name]
            if load_balancer["scheme"] == PUBLIC:
                ports = [each["port"] for each in load_balancer["listeners"].values() if each.get("admits") != []]
                found += [Call(caller, Node("load_balancer", name), port) for port in ports]
    return found


def _calls(sections: Sections) -> Iterator[Call]:
    for name, service in sections["services"].items():
        for target in targets_of(service).values():
            for port in (target_port(service, target), check_port(service, target)):
                yield Call(Node("load_balancer", target["name"]), Node("service", name), port)
    for caller, workload in _workloads(sections):
        for name in _called_load_balancers(workload):
            load_balancer = sections["load_balancers"][name]
            if load_balancer["scheme"] != PUBLIC:
                callee = Node("load_balancer", name)
                yield from (Call(caller, callee, each["port"]) for each in load_balancer["listeners"].values())
        for called in workload["calls"]:
            if not called.startswith(LOAD_BALANCER):
                ports = called_ports(called, sections["services"][called])
                yield from (Call(caller, Node("service", called), port) for port in ports)
        yield from (Call(caller, Node("file_system", name), NFS) for name in workload["mounts"].values())
        used = [name for name, words in workload["uses"].items() if "connect" in words]
        yield from (Call(caller, _front_of(name, sections), MYSQL) for name in used)
    for name, database in sections["databases"].items():
        if database["proxy"]:
            yield Call(Node("proxy", name), Node("database", name), MYSQL)


def _front_of(name: str, sections: Sections) -> Node:
    """Return what tasks connect to when they use a database."""
    return Node("proxy" if sections["databases"][name]["proxy"] else "database", name)


def _workloads(sections: Sections) -> Iterator[tuple[Node, Workload]]:
    for name, service in sections["services"].items():
        yield Node("service", name), service
    for name, job in container_jobs(sections).items():
        yield Node("job", name), job


def _called_load_balancers(workload: Workload) -> list[str]:
    return [each.removeprefix(LOAD_BALANCER) for each in workload["calls"] if each.startswith(LOAD_BALANCER)]


def _group(node: Node, sections: Sections) -> dict[str, Any]:
    is_workload = node.kind in ("service", "job")
    return {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "GroupDescription": node.text,
            "VpcId": Output("network", "VpcId"),
            **({"SecurityGroupIngress": _admitted(node, sections)} if node.kind == "load_balancer" else {}),
            "SecurityGroupEgress": [HTTPS_EGRESS if is_workload else NO_EGRESS],
            "Tags": name_tag(node.name),
        },
    }


def _admitted(node: Node, sections: Sections) -> list[dict[str, Any]]:
    load_balancer = sections["load_balancers"][node.name]
    return [
        {
            "IpProtocol": "tcp",
            "FromPort": listener["port"],
            "ToPort": listener["port"],
            "CidrIp": cidr,
            "Description": f"Listener {name}",
        }
        for name, listener in load_balancer["listeners"].items()
        for cidr in listener.get("admits", load_balancer.get("admits", PRIVATE_RANGES))
    ]


def _rules(call: Call) -> Mapping[str, Any]:
    """Return both rules of a call; they are resources of their own, since groups may call each other."""
    base = call.logical_id
    ports = {"IpProtocol": "tcp", "FromPort": call.port, "ToPort": call.port}
    caller = {"Fn::GetAtt": [call.caller.logical_id, "GroupId"]}
    callee = {"Fn::GetAtt": [call.callee.logical_id, "GroupId"]}
    return {
        f"{base}Ingress": {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {
                "GroupId": callee,
                **ports,
                "SourceSecurityGroupId": caller,
                "Description": f"From {call.caller.text}",
            },
        },
        f"{base}Egress": {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                "GroupId": caller,
                **ports,
                "DestinationSecurityGroupId": callee,
                "Description": f"To {call.callee.text}",
            },
        },
    }


def _public_rules(call: Call) -> Mapping[str, Any]:
    """Return the rules of a call that goes over the internet: from each NAT gateway, and to anywhere on its port.

    The rules of one port are the same for all callers. HTTPS goes anywhere already.
    """
    ports = {"IpProtocol": "tcp", "FromPort": call.port, "ToPort": call.port}
    resources: dict[str, Any] = {
        f"{call.callee.logical_id}FromNat{number}On{call.port}": {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Condition": f"HasNat{number}",
            "Properties": {
                "GroupId": {"Fn::GetAtt": [call.callee.logical_id, "GroupId"]},
                **ports,
                "CidrIp": sub("${Address}/32", Address=_address(number)),
                "Description": f"From NAT gateway {number}",
            },
        }
        for number in NAT_GATEWAYS
    }
    if call.port != HTTPS:
        resources[f"{call.logical_id}Egress"] = {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                "GroupId": {"Fn::GetAtt": [call.caller.logical_id, "GroupId"]},
                **ports,
                "CidrIp": "0.0.0.0/0",
                "Description": f"To {call.callee.text}",
            },
        }
    return resources


def _address(number: int) -> dict[str, Any]:
    return {"Fn::Select": [number - 1, NAT_ADDRESSES]}


def _has_addresses() -> dict[str, Any]:
    return {f"HasNat{number}": {"Fn::Not": [{"Fn::Equals": [_address(number), ""]}]} for number in NAT_GATEWAYS}


def _endpoint_rule(node: Node) -> dict[str, Any]:
    return {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Condition": "HasEndpoints",
        "Properties": {
            "GroupId": Output("network", "EndpointSecurityGroupId", is_optional=True),
            "IpProtocol": "tcp",
            "FromPort": HTTPS,
            "ToPort": HTTPS,
            "SourceSecurityGroupId": {"Fn::GetAtt": [node.logical_id, "GroupId"]},
            "Description": f"From {node.text}",
        },
    }


def _has_endpoints() -> dict[str, Any]:
    group = Output("network", "EndpointSecurityGroupId", is_optional=True)
    return {"HasEndpoints": {"Fn::Not": [{"Fn::Equals": [group, ""]}]}}
