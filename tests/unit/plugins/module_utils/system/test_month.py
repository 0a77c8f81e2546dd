# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a system costs a month. The expected figures are from AWS's pages of prices, reckoned by hand."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.filter.system_costs import system_costs
from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate import prices
from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.charges import CHARGES, resource_charges
from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.month import estimate, night_share
from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.network import network_charges
from hypothesis import given, settings
from hypothesis import strategies as st
from system_strategies import drawn_systems, filled, small
from template_case import case_of
from template_parser import ROOT, render

BY_INSTANCE = {"AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::RDS::DBProxy"}
KNOWN = {*CHARGES, *prices.BY_USE, *prices.FREE, *BY_INSTANCE}
NAT = {"network_egress": "nat", "network_nat_mode": "per_zone", "network_zone_count": 3}
DATABASE = {
    "Cluster": {
        "Type": "AWS::RDS::DBCluster",
        "Properties": {"ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 2}},
    },
    "Instance": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBInstanceClass": "db.serverless"}},
    "Proxy": {"Type": "AWS::RDS::DBProxy", "Properties": {}},
}
arguments = st.one_of(
    st.just({"network_egress": "none", "network_nat_mode": "none"}),
    st.sampled_from(("single", "per_zone")).map(lambda mode: {"network_egress": "nat", "network_nat_mode": mode}),
    st.lists(st.sampled_from(("ssm", "kms", "sts")), unique=True).map(
        lambda names: {"network_egress": "endpoints", "network_extra_endpoints": names}
    ),
).flatmap(lambda drawn: st.sampled_from((1, 2, 3)).map(lambda zones: {**drawn, "network_zone_count": zones}))


def by_noun(resources: dict[str, Any], zones: int = 3) -> dict[str, tuple[float, float]]:
    """Return the least and the most cost of resources by noun, to the cent."""
    return {each.noun: (round(each.least, 2), round(each.most, 2)) for each in resource_charges(resources, zones)}


def test_a_database_costs_its_capacity_and_its_proxy() -> None:
    """0.5 and 2 units x 0.12 x 730 are 43.80 and 175.20; 8 units of a proxy x 0.015 x 730 are 87.60."""
    assert by_noun(DATABASE) == {
        "Aurora instance of 0.5 to 2 capacity units": (43.8, 175.2),
        "database proxy": (87.6, 87.6),
    }


def test_a_proxy_costs_the_capacity_of_its_instances() -> None:
    """Two instances of 16 units at most: 32 x 0.015 x 730 is 350.40."""
    capacity = {"ServerlessV2ScalingConfiguration": {"MinCapacity": 1, "MaxCapacity": 16}}
    cluster = {"Type": "AWS::RDS::DBCluster", "Properties": capacity}
    assert by_noun({**DATABASE, "Cluster": cluster, "Other": DATABASE["Instance"]})["database proxy"] == (87.6, 350.4)


def test_the_first_two_rotations_of_a_key_cost_as_much_as_a_key() -> None:
    keys = {
        name: {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": rotates}}
        for name, rotates in (("a", True), ("b", False))
    }
    assert [(each.least, each.most) for each in resource_charges(keys, 1)] == [(1, 3), (1, 1)]


def test_a_public_load_balancer_costs_an_address_a_zone() -> None:
    """0.0225 x 730 is 16.43, and 3 x 0.005 x 730 is 10.95."""
    own = {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"Scheme": "internet-facing"}}
    assert by_noun({"a": own}) == {"load balancer": (16.43, 16.43), "public IPv4 address": (10.95, 10.95)}


def test_an_alarm_costs_each_of_its_metrics() -> None:
    metrics = [{"Id": "a", "MetricStat": {}}, {"Id": "b", "MetricStat": {}}, {"Id": "c", "Expression": "a/b"}]
    policy: dict[str, Any] = {"TargetTrackingScalingPolicyConfiguration": {"PredefinedMetricSpecification": {}}}
    resources = {
        "Plain": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "x"}},
        "Two": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": metrics}},
        "Tracking": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": policy},
        "Step": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": {}},
    }
    assert sum(each.number for each in resource_charges(resources, 1)) == 1 + 2 + 2 + 0


@settings(max_examples=100, deadline=None)
@given(arguments)
def test_the_network_costs_what_its_template_creates(drawn: dict[str, Any]) -> None:
    network = render(
        "network",
        {
            "Environment": "dev",
            "ZoneCount": drawn["network_zone_count"],
            "Egress": drawn["network_egress"],
            "NatMode": drawn.get("network_nat_mode", "none"),
            "ExtraEndpoints": ",".join(drawn.get("network_extra_endpoints", [])),
        },
    )
    endpoints = [each["Properties"] for each in network.of_type("AWS::EC2::VPCEndpoint").values()]
    subnets = sum(len(each["SubnetIds"]) for each in endpoints if each["VpcEndpointType"] == "Interface")
    charged = {each.noun: each.number for each in network_charges(drawn) if each.number}
    assert charged == {
        noun: number
        for noun, number in (
            ("NAT gateway", len(network.of_type("AWS::EC2::NatGateway"))),
            ("public IPv4 address", len(network.of_type("AWS::EC2::EIP"))),
            ("zonal interface endpoint", subnets),
        )
        if number
    }


def test_an_existing_network_costs_its_endpoints_alone() -> None:
    own = {"network_existing_private_subnet_ids": ["subnet-1", "subnet-2"], "network_egress": "endpoints"}
    assert [each.number for each in network_charges(own) if each.number] == [2 * 3]
    assert not any(each.number for each in network_charges({**own, "network_egress": "nat"}))


@settings(max_examples=100, deadline=None)
@given(drawn_systems(), arguments)
def test_every_resource_has_a_price_or_is_free(description: dict[str, Any], drawn: dict[str, Any]) -> None:
    case = case_of(description)
    types = {each["Type"] for template in case.templates.values() for each in template["Resources"].values()}
    assert types - KNOWN == set()
    found = estimate(description, drawn)
    assert all(0 <= each.least <= each.most for each in found.charges)
    words = " ".join(found.not_counted)
    assert all((each in types) <= (text in words) for each, (text, _page) in prices.BY_USE.items())


@settings(max_examples=100, deadline=None)
@given(drawn_systems())
def test_the_lines_of_components_are_the_total(description: dict[str, Any]) -> None:
    found = estimate(description, NAT)
    listed = [each for charges in found.components.values() for each in charges]
    assert sum(each.least for each in found.charges) == pytest.approx(sum(each.least for each in listed + found.tasks))
    assert {"network", *(f"load-balancer-{each}" for each in description["load_balancers"])} <= found.lines().keys()


def test_tasks_are_not_paid_while_they_are_off() -> None:
    assert night_share({"night_off": "20:00-06:30"}) == 10.5 / 24
    assert night_share({}) == 0
    own = {"services": {"web": {"desired_count": 2}}}
    awake, asleep = (
        estimate(filled(small(**own, limits=limits)), {}).tasks[0].least
        for limits in ({}, {"night_off": "20:00-08:00"})
    )
    assert asleep == pytest.approx(awake / 2)


def test_a_budget_below_the_least_cost_is_named() -> None:
    """A budget stops nothing, so that the estimate names it and the deploy goes on."""
    costs = system_costs(filled(small(limits={"monthly_budget_usd": 5})), NAT)
    assert costs["over_budget"].startswith("limits.monthly_budget_usd is 5, and the system costs $")
    assert " a month at least -> raise it" in costs["over_budget"]
    assert system_costs(filled(small(limits={"monthly_budget_usd": 5000})), NAT)["over_budget"] == ""


def test_arguments_of_the_description_win() -> None:
    own = {"components": {"network": {"arguments": {"network_nat_mode": "single"}}}}
    assert system_costs(filled(small(**own)), NAT)["components"]["network"].startswith("network: 1 NAT gateway")


def test_the_page_about_costs_lists_each_price() -> None:
    page = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    listed = [each for each in vars(prices).values() if isinstance(each, prices.Price)]
    assert len(listed) == 11
    for price in listed:
        [row] = [line for line in rows if line.startswith(f"| {price.noun} |")]
        assert f"| ${price.month:.2f} |" in row
        assert f"({price.page})" in row
    for words, link in prices.BY_USE.values():
        assert [line for line in rows if line.startswith(f"| {words} |") and f"({link})" in line]
