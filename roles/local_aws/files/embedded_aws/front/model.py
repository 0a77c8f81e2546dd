# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of ELBv2 that Envoy is configured from, in the form of ELBv2's Describe responses.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Record = dict[str, Any]


class Target(NamedTuple):
    """A registered target: an IP address and a port."""

    id: str
    port: int


class Address(NamedTuple):
    """Where a listener listens on this machine."""

    host: str
    port: int


@dataclass(frozen=True)
class Certificate:
    """The files of a listener's certificate and of its private key."""

    chain: str
    key: str


@dataclass(frozen=True)
class Timeouts:
    """Timeouts of a client alias in seconds; 0 is none. The second is that of a request, and has no effect on TCP."""

    idle: int
    request: int


@dataclass(frozen=True)
class Endpoint:
    """A client alias of Service Connect: a name and a port, behind which are the tasks of services.

    Attributes:
        name: for Envoy.
        address: where clients reach it.
        protocol: ``http``, ``http2`` or ``grpc``; empty for TCP.
        timeouts: of connections and requests.
        targets: the tasks that get requests.
        draining: the tasks that only end those in progress.
    """

    name: str
    address: Address
    protocol: str
    timeouts: Timeouts
    targets: tuple[Target, ...] = ()
    draining: tuple[Target, ...] = ()


@dataclass(frozen=True)
class Description:
    """What ELBv2 describes, and the client aliases of Service Connect.

    Attributes:
        load_balancers: as DescribeLoadBalancers returns them.
        listeners: as DescribeListeners returns them, of all load balancers.
        rules: as DescribeRules returns them, by the ARN of their listener.
        target_groups: as DescribeTargetGroups returns them.
        targets: the registered targets, by the ARN of their target group.
        draining: the targets that are being deregistered, by the ARN of their target group.
        attributes: key and value of each attribute, by the ARN of a load balancer, a listener or a target group.
        endpoints: the client aliases of Service Connect.
    """

    load_balancers: list[Record] = field(default_factory=list)
    listeners: list[Record] = field(default_factory=list)
    rules: Mapping[str, list[Record]] = field(default_factory=dict)
    target_groups: list[Record] = field(default_factory=list)
    targets: Mapping[str, list[Target]] = field(default_factory=dict)
    draining: Mapping[str, list[Target]] = field(default_factory=dict)
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    endpoints: Sequence[Endpoint] = ()

    def attribute(self, arn: str, key: str, default: str) -> str:
        """Return the value of an attribute, or its default."""
        return self.attributes.get(arn, {}).get(key, default)

    def listeners_of(self, load_balancer: Record) -> list[Record]:
        """Return the listeners of a load balancer, by port."""
        arn = load_balancer["LoadBalancerArn"]
        return sorted(
            (one for one in self.listeners if one["LoadBalancerArn"] == arn), key=lambda one: int(one["Port"])
        )

    def served(self) -> list[tuple[Record, Record]]:
        """Return each load balancer with each of its listeners, in a fixed order."""
        balancers = sorted(self.load_balancers, key=lambda one: str(one["LoadBalancerArn"]))
        return [(balancer, listener) for balancer in balancers for listener in self.listeners_of(balancer)]

    def rules_of(self, listener: Record) -> list[Record]:
        """Return the rules of a listener in the order of their evaluation, the default rule last.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
        """
        return sorted(self.rules.get(listener["ListenerArn"], []), key=_priority)

    def used_groups(self) -> list[Record]:
        """Return the target groups that a rule forwards to, whatever the weight, by ARN."""
        used = {
            arn
            for _balancer, listener in self.served()
            for rule in self.rules_of(listener)
            for action in rule["Actions"]
            for arn, _weight in forwards(action)
        }
        groups = [group for group in self.target_groups if group["TargetGroupArn"] in used]
        return sorted(groups, key=lambda one: str(one["TargetGroupArn"]))


def forwards(action: Record) -> list[tuple[str, int]]:
    """Return the ARN and the weight of each target group that an action forwards to."""
    if action["Type"] != "forward":
        return []
    groups = action.get("ForwardConfig", {}).get("TargetGroups") or []
    if not groups:
        return [(action["TargetGroupArn"], 1)] if action.get("TargetGroupArn") else []
    return [(group["TargetGroupArn"], int(group.get("Weight", 1))) for group in groups]


def resource_name(arn: str) -> str:
    """Return a name for Envoy, from the part of an ARN behind its type, such as ``web-0123456789abcdef``."""
    return arn.rpartition(":")[2].partition("/")[2].replace("/", "-")


def _priority(rule: Record) -> tuple[int, int]:
    priority = str(rule["Priority"])
    return (1, 0) if priority == "default" else (0, int(priority))
