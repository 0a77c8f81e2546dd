# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stacks with a description's names: created, unchanged, deleted, and TLS by the host name while they exist."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.removal import ResourceRemoval
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from botocore.exceptions import ClientError
from embedded import Embedded, embedded_aws
from emulators import Stack
from names_faults import NAMED
from system_strategies import filled, small
from waiting import waited

NAMES = ("domain", "certificates", "load-balancer-site", "records")
HOST, OTHER = "shop.us-east-1.example.com", "other.us-east-1.example.com"
BASE = {"Project": "shop", "Environment": "dev"}
NETWORK = {
    "network": {"PublicSubnetIds": "subnet-0a,subnet-0b", "VpcId": "vpc-0a"},
    "security-groups": {"LoadBalancerSite": "sg-0a"},
}


@pytest.fixture(scope="module")
def embedded() -> Iterator[Embedded]:
    with embedded_aws() as started:
        yield started


@pytest.fixture(scope="module")
def stacks(embedded: Embedded) -> dict[str, Stack]:
    """Return the stacks, created in the order in which they take outputs of each other."""
    outputs: dict[str, Mapping[str, str]] = dict(NETWORK)
    found = {}
    for name in NAMES:
        request = applied(name, outputs)
        embedded.client("cloudformation").create_stack(**request)
        found[name] = embedded.stack(request["StackName"])
        assert found[name].status == "CREATE_COMPLETE", found[name].reasons
        outputs[name] = found[name].outputs
    return found


def applied(name: str, outputs: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return the request that creates or updates a stack."""
    rendered = parse(filled(small(**NAMED))).components[name].rendered
    assert rendered
    values = {**BASE}
    for parameter, reference in rendered.takes.items():
        component, _dot, output = reference.partition(".")
        values[parameter] = outputs[component][output]
    return {
        "StackName": f"shop-dev-{name}",
        "TemplateBody": json.dumps(rendered.template),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
    }


def names_served(authority: str, url: str, name: str) -> set[str]:
    """Return the names of the certificate of a listener, which is verified for a name."""
    context = ssl.create_default_context(cafile=authority)
    address = (urlsplit(url).hostname, urlsplit(url).port or 443)
    with socket.create_connection(address, timeout=5) as raw, context.wrap_socket(raw, server_hostname=name) as secure:
        return {value for _kind, value in (secure.getpeercert() or {}).get("subjectAltName", ())}


def test_a_load_balancer_has_its_host_name(embedded: Embedded, stacks: dict[str, Stack]) -> None:
    outputs = stacks["load-balancer-site"].outputs
    assert (outputs["HostName"], outputs["Url"]) == (HOST, f"https://{HOST}")
    zone = stacks["domain"].outputs["ZoneId"]
    assert stacks["domain"].outputs["NameServers"].count(",") >= 1
    found = embedded.client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    (alias,) = [each for each in found if each["Type"] == "A"]
    assert (alias["Name"], alias["AliasTarget"]["DNSName"]) == (f"{HOST}.", f"{outputs['DnsName']}.")


def test_its_listeners_have_the_certificate(embedded: Embedded, stacks: dict[str, Stack]) -> None:
    """The authority of the embedded AWS verifies it for the host name, and for no other name."""
    arn = stacks["load-balancer-site"].outputs["Arn"]
    urls = waited(lambda: embedded.urls(arn.split("/")[-2]))
    known = embedded.settings.folder.load_balancers()
    authority = next(iter(known.values()))["certificate_authority"]
    for port in ("443", "8443"):
        assert HOST in names_served(authority, urls[port], HOST)
        with pytest.raises(ssl.SSLCertVerificationError):
            names_served(authority, urls[port], OTHER)


def test_the_same_templates_change_nothing(embedded: Embedded, stacks: dict[str, Stack]) -> None:
    outputs = {**NETWORK, **{name: each.outputs for name, each in stacks.items()}}
    for name in NAMES:
        with pytest.raises(ClientError, match="No updates are to be performed"):
            embedded.client("cloudformation").update_stack(**applied(name, outputs))


def test_a_deletion_leaves_the_zone_until_it_is_removed(embedded: Embedded, stacks: dict[str, Stack]) -> None:
    """The certificate leaves its validation record; Route 53 deletes an empty zone only."""
    for name in reversed(NAMES):
        assert embedded.delete(stacks[name]) == "DELETE_COMPLETE"
    zone, client = stacks["domain"].outputs["ZoneId"], embedded.client("route53")
    types = {each["Type"] for each in client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]}
    assert types == {"NS", "SOA", "CNAME"}
    with pytest.raises(client.exceptions.HostedZoneNotEmpty):
        client.delete_hosted_zone(Id=zone)
    assert ResourceRemoval(embedded.client, timeout=5).remove("hosted_zone", zone)
    assert client.list_hosted_zones()["HostedZones"] == []
