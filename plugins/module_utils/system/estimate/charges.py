# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the resources of a template cost while they exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.fargate import counted
from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.prices import (
    ALARM_METRIC,
    CAPACITY_UNIT,
    DASHBOARD,
    HOSTED_ZONE,
    KEY,
    LOAD_BALANCER,
    PAID_ROTATIONS,
    PROXY_UNIT,
    PROXY_UNITS,
    PUBLIC_ADDRESS,
    SECRET,
    Price,
)

# Alarms that target tracking keeps for a policy, one for each direction:
# https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
ALARMS_OF_TRACKING = 2
TRACKING = "TargetTrackingScalingPolicyConfiguration"

Properties = Mapping[str, Any]


class Charge(NamedTuple):
    """What a number of equal resources costs; USD a month.

    Attributes:
        noun: the resource, in the singular.
        number: how many there are.
        least: their cost at the least capacity.
        most: their cost at the most capacity.
    """

    noun: str
    number: int
    least: float
    most: float

    @property
    def words(self) -> str:
        """Number and noun, such as 3 NAT gateways."""
        return counted(self.number, self.noun)


def fixed(price: Price, number: int = 1) -> Charge:
    """Return the charge of resources that cost the same at any load."""
    return Charge(price.noun, number, price.month * number, price.month * number)


def summed(charges: Iterable[Charge]) -> list[Charge]:
    """Return one charge for each noun, in the order in which they come first."""
    found: dict[str, Charge] = {}
    for each in charges:
        other = found.get(each.noun, Charge(each.noun, 0, 0.0, 0.0))
        found[each.noun] = Charge(
            each.noun, other.number + each.number, other.least + each.least, other.most + each.most
        )
    return [each for each in found.values() if each.number]


def resource_charges(resources: Mapping[str, Properties], zones: int) -> Iterator[Charge]:
    """Yield the charges of a template's resources, without tasks.

    Args:
        resources: by logical id, with Type and Properties.
        zones: the zones of the network.
    """
    capacity = next(_of(resources, "AWS::RDS::DBCluster"), {}).get("ServerlessV2ScalingConfiguration", {})
    instances = list(_of(resources, "AWS::RDS::DBInstance"))
    for _each in instances if capacity else ():
        yield _capacity(capacity["MinCapacity"], capacity["MaxCapacity"])
    for _each in _of(resources, "AWS::RDS::DBProxy"):
        yield _proxy(capacity, len(instances))
    for properties in _of(resources, "AWS::ElasticLoadBalancingV2::LoadBalancer"):
        yield fixed(LOAD_BALANCER)
        if properties.get("Scheme") == "internet-facing":
            yield fixed(PUBLIC_ADDRESS, zones)
    for type_name, charge in CHARGES.items():
        for properties in _of(resources, type_name):
            yield charge(properties)


def _of(resources: Mapping[str, Properties], type_name: str) -> Iterator[Properties]:
    return (each["Properties"] for each in resources.values() if each["Type"] == type_name)


def _capacity(smallest: float, largest: float) -> Charge:
    noun = f"Aurora instance of {smallest:g} to {largest:g} capacity units"
    return Charge(noun, 1, CAPACITY_UNIT.month * smallest, CAPACITY_UNIT.month * largest)


def _proxy(capacity: Properties, instances: int) -> Charge:
    least, most = (max(PROXY_UNITS, capacity.get(end, 0) * instances) for end in ("MinCapacity", "MaxCapacity"))
    return Charge("database proxy", 1, PROXY_UNIT.month * least, PROXY_UNIT.month * most)


def _key(properties: Properties) -> Charge:
    rotations = PAID_ROTATIONS if properties.get("EnableKeyRotation") else 0
    return Charge(KEY.noun, 1, KEY.month, KEY.month * (1 + rotations))


def _alarm(properties: Properties) -> Charge:
    return fixed(ALARM_METRIC, _metrics(properties))


def _tracking(properties: Properties) -> Charge:
    if TRACKING not in properties:
        return fixed(ALARM_METRIC, 0)
    custom = properties[TRACKING].get("CustomizedMetricSpecification", {})
    return fixed(ALARM_METRIC, ALARMS_OF_TRACKING * _metrics(custom))


def _metrics(properties: Properties) -> int:
    """Return the metrics of an alarm, of which each is paid; expressions are not."""
    return sum("MetricStat" in each for each in properties.get("Metrics", [])) or 1


CHARGES: Mapping[str, Callable[[Properties], Charge]] = {
    "AWS::KMS::Key": _key,
    "AWS::SecretsManager::Secret": lambda properties: fixed(SECRET),
    "AWS::Route53::HostedZone": lambda properties: fixed(HOSTED_ZONE),
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::ApplicationAutoScaling::ScalingPolicy": _tracking,
    "AWS::CloudWatch::Dashboard": lambda properties: fixed(DASHBOARD),
}
