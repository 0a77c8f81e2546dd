# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of tasks: each task has one of its own, and tasks on one port do not meet."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import closing
from itertools import islice
from typing import Any

import pytest
from embedded_aws.engine import addresses
from embedded_aws.engine.addresses import HOSTS, SUBNETS, AddressError, Addresses, candidates
from emulators import IMAGE, Emulator
from hypothesis import given
from hypothesis import strategies as st
from waiting import waited

PORT = 8080
# Listens on one port of its own address, and answers each connection with that address.
SERVER = f"""
import os, socket
listener = socket.create_server((os.environ["TASK_ADDRESS"], {PORT}))
while True:
    connection, _peer = listener.accept()
    connection.sendall(os.environ["TASK_ADDRESS"].encode())
    connection.close()
"""


@given(start=st.integers(0, 65535), seen=st.integers(1, 700))
def test_candidates_are_hosts_and_differ(start: int, seen: int) -> None:
    """Every candidate is a host's address of the network, and none recurs before all have been given."""
    found = list(islice(candidates(start), seen))
    assert len(set(found)) == seen
    network = ipaddress.ip_network("127.77.0.0/16")
    assert all(ipaddress.ip_address(address) in network for address in found)
    assert all(address.rpartition(".")[2] not in ("0", "255") for address in found)


def test_candidates_recur_after_all_of_them() -> None:
    found = list(islice(candidates(7), SUBNETS * HOSTS + 1))
    assert len(set(found)) == SUBNETS * HOSTS
    assert found[0] == found[-1]


def test_a_task_keeps_its_address_until_release() -> None:
    own = Addresses(46400)
    first = own.of("a")
    assert own.of("a") == first
    assert own.of("b") != first
    own.release("a")
    own.release("a")
    assert own.of("c") not in (first, own.of("b"))


def test_two_engines_give_out_different_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with the same start: an address that one has is skipped by the other, until it is released."""
    monkeypatch.setattr(addresses, "SUBNETS", 1)
    monkeypatch.setattr(addresses, "HOSTS", 3)
    monkeypatch.setattr(addresses, "NETWORK", "127.76")
    one, other = Addresses(0), Addresses(0)
    given_out = {one.of("a"), other.of("a"), other.of("b")}
    assert given_out == {"127.76.0.1", "127.76.0.2", "127.76.0.3"}
    with pytest.raises(AddressError, match=r"no address of 127\.76\.0\.0/16 is free -> stop some of the running tasks"):
        one.of("c")
    other.release("b")
    assert one.of("c") in given_out


def service() -> dict[str, Any]:
    container = {
        "Name": "web",
        "Image": IMAGE,
        "Command": ["python", "-c", SERVER],
        "PortMappings": [{"ContainerPort": PORT}],
    }
    vpc, subnet = {"Ref": "Vpc"}, {"Ref": "Subnet"}
    group = {"Port": PORT, "Protocol": "HTTP", "TargetType": "ip", "VpcId": vpc}
    target = {"ContainerName": "web", "ContainerPort": PORT, "TargetGroupArn": {"Ref": "Group"}}
    return {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": vpc, "CidrBlock": "10.0.0.0/24"}},
        "Group": {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": group},
        "Cluster": {"Type": "AWS::ECS::Cluster"},
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {"NetworkMode": "awsvpc", "ContainerDefinitions": [container]},
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "Properties": {
                "Cluster": {"Ref": "Cluster"},
                "TaskDefinition": {"Ref": "Task"},
                "DesiredCount": 2,
                "LoadBalancers": [target],
                "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": [subnet]}},
            },
        },
    }


def test_tasks_of_a_service_listen_on_addresses_of_their_own(extended: Emulator) -> None:
    """Two tasks on one port; ECS describes their addresses, and registers them in the target group."""
    stack = extended.create(service(), {"Group": {"Ref": "Group"}})
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    ecs = extended.client("ecs")
    arns = ecs.list_tasks(cluster=stack.ids["Cluster"])["taskArns"]
    tasks = ecs.describe_tasks(cluster=stack.ids["Cluster"], tasks=arns)["tasks"]
    found = set()
    for task in tasks:
        [attachment] = task["attachments"]
        details = {detail["name"]: detail["value"] for detail in attachment["details"]}
        assert details["subnetId"] == stack.ids["Subnet"]
        [interface] = task["containers"][0]["networkInterfaces"]
        address = details["privateIPv4Address"]
        assert interface == {"attachmentId": attachment["id"], "privateIpv4Address": address}
        found.add(address)
    assert len(found) == 2
    assert {waited(lambda at=address: _greeting(at)) for address in found} == found
    health = extended.client("elbv2").describe_target_health(TargetGroupArn=stack.outputs["Group"])
    targets = {(each["Target"]["Id"], each["Target"]["Port"]) for each in health["TargetHealthDescriptions"]}
    assert targets == {(address, PORT) for address in found}
    extended.delete(stack)


def _greeting(address: str) -> str:
    """Return what a task says; empty as long as it does not listen."""
    try:
        with closing(socket.create_connection((address, PORT), 10)) as connection:
            return connection.recv(100).decode()
    except ConnectionRefusedError:
        return ""
