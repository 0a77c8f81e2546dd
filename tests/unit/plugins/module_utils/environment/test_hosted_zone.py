# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosted zones: found by stack or tags, data where others have records in them, removed with their records."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.deletion import refused, remnants
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names
from ansible_collections.gantry.ecs.plugins.module_utils.environment.removal import ResourceRemoval
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.environment.builder import Builder, Clients

HOST, VALIDATION = "shop.example.com", "_1a2b.shop.example.com"


@pytest.fixture
def shop(clients: Clients) -> Builder:
    """Project shop, environment dev, with a domain."""
    return Builder(clients, Names("shop", "dev", ["domain", "records"]))


def zones(builder: Builder) -> list[Resource]:
    return [each for each in builder.find() if each["kind"] == "hosted_zone"]


def left_behind(builder: Builder) -> str:
    """Create a zone as a deleted stack of the environment leaves it; returns its id."""
    client = builder.clients("route53")
    config = {"Comment": f"{builder.names.base}: host names of load balancers", "PrivateZone": False}
    zone = client.create_hosted_zone(Name="example.com", CallerReference=builder.names.base, HostedZoneConfig=config)
    id_ = str(zone["HostedZone"]["Id"]).rpartition("/")[2]
    tags = builder.tags()
    client.change_tags_for_resource(ResourceType="hostedzone", ResourceId=id_, AddTags=tags)
    return id_


def record(builder: Builder, zone: str, name: str, value: str, type_: str = "CNAME") -> None:
    values = {"TTL": 300, "ResourceRecords": [{"Value": value}]}
    change = {"Action": "UPSERT", "ResourceRecordSet": {"Name": name, "Type": type_, **values}}
    builder.clients("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})


def protections(builder: Builder) -> Sequence[str]:
    (found,) = zones(builder)
    return list(found["protections"])


def test_a_zone_with_validation_records_is_no_data(shop: Builder) -> None:
    """Certificates leave their records in it; the next deploy writes new ones."""
    id_ = left_behind(shop)
    record(shop, id_, VALIDATION, "_2b1a.acm-validations.aws.")
    (found,) = zones(shop)
    assert (found["name"], found["id"], found["protections"]) == ("example.com", id_, [])
    assert "1 record(s), 0 of others" in found["line"]
    assert remnants([found], []) == [found]


@pytest.mark.parametrize(("name", "type_"), [("mail.example.com", "CNAME"), ("sub.example.com", "NS")])
def test_a_zone_with_records_of_others_is_refused(shop: Builder, name: str, type_: str) -> None:
    record(shop, left_behind(shop), name, "elsewhere.example.org.", type_)
    (found,) = zones(shop)
    assert found["protections"] == ["irreplaceable", "left_behind"]
    assert refused([found], []) == [found]


def test_the_records_of_the_stacks_are_no_data(shop: Builder) -> None:
    zone = {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": "example.com."}}
    shop.stack("domain", {"Zone": zone})
    (created,) = zones(shop)
    assert (created["stack"], created["protections"]) == ("shop-dev-domain", [])
    alias = {"HostedZoneId": created["id"], "Name": HOST, "Type": "A", "TTL": "60", "ResourceRecords": ["192.0.2.1"]}
    record(shop, created["id"], HOST, "192.0.2.1", "A")
    assert protections(shop) == ["irreplaceable"]
    shop.stack("records", {"Site": {"Type": "AWS::Route53::RecordSet", "Properties": alias}})
    assert protections(shop) == []


def test_a_zone_of_another_environment_is_not_found(clients: Clients) -> None:
    """Its comment starts alike; the tags decide."""
    own, neighbour = Builder(clients, Names("a", "b-c", ["domain"])), Builder(clients, Names("a-b", "c", ["domain"]))
    left_behind(neighbour)
    assert zones(own) == []
    assert len(zones(neighbour)) == 1


def test_a_zone_is_removed_with_its_records(shop: Builder) -> None:
    """Route 53 deletes an empty zone only."""
    id_ = left_behind(shop)
    record(shop, id_, VALIDATION, "_2b1a.acm-validations.aws.")
    record(shop, id_, "mail.example.com", "elsewhere.example.org.")
    assert ResourceRemoval(shop.clients, timeout=5).remove("hosted_zone", id_)
    assert zones(shop) == []
    assert not ResourceRemoval(shop.clients, timeout=5).remove("hosted_zone", id_)
