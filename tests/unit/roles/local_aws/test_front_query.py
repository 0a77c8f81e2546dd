# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters and texts of ELBv2's Query API: what is taken exists in the API, and the rest is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import botocore.session
import pytest
from botocore.model import Shape
from embedded_aws.front.elbv2 import parameters, query
from embedded_aws.front.health import FAILED, HEALTHY
from embedded_aws.front.model import Target

ARN = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/web/1"


def leaves(shape: Shape, prefix: str = "") -> Iterator[str]:
    """Yield the names of a shape's values, without the numbers of lists."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():  # type: ignore[attr-defined]
            yield from leaves(member, f"{prefix}.{name}" if prefix else name)
    elif shape.type_name == "list":
        yield from leaves(shape.member, prefix)  # type: ignore[attr-defined]
    else:
        yield prefix


@pytest.mark.parametrize("operation", parameters.OPERATIONS)
def test_each_parameter_exists_in_the_api(operation: str) -> None:
    model = botocore.session.get_session().get_service_model("elbv2").operation_model(operation)
    assert set(parameters.OPERATIONS[operation]) - set(leaves(model.input_shape)) == set()


@pytest.mark.parametrize(
    ("names", "unknown"),
    [
        (["Action", "Version", "Port", "DefaultActions.member.1.Type"], []),
        (["AlpnPolicy.member.1", "MutualAuthentication.Mode"], ["AlpnPolicy", "MutualAuthentication.Mode"]),
        (["DefaultActions.member.12.AuthenticateOidcConfig.Issuer"], ["DefaultActions.AuthenticateOidcConfig.Issuer"]),
    ],
)
def test_unknown_parameter_is_named_without_its_number(names: list[str], unknown: list[str]) -> None:
    assert parameters.unknown("CreateListener", names) == unknown
    assert parameters.unknown("DescribeListeners", names) == []


def test_unknown_property_of_a_template_is_named() -> None:
    listener = "AWS::ElasticLoadBalancingV2::Listener"
    known = {"Port": 80, "DefaultActions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"Weight": 1}]}}]}
    assert parameters.unknown_properties(listener, known) == []
    other = known | {"ListenerAttributes": [{"Key": "a", "Value": "b"}], "AlpnPolicy": ["HTTP2Only"]}
    assert parameters.unknown_properties(listener, other) == [
        "AlpnPolicy",
        "ListenerAttributes.Key",
        "ListenerAttributes.Value",
    ]


def test_https_listener_needs_a_certificate() -> None:
    https = {"Protocol": "HTTPS", "DefaultActions": []}
    assert parameters.refused_values("CreateListener", https) == ["Protocol HTTPS without Certificates"]
    assert parameters.refused_values("CreateListener", https | {"Certificates": ["arn"]}) == []
    assert parameters.refused_values("CreateListener", {"Protocol": "TLS"}) == ["Protocol"]


@pytest.mark.parametrize(
    ("operation", "given", "refused"),
    [
        ("CreateLoadBalancer", {"Type": "network"}, ["Type"]),
        ("CreateLoadBalancer", {"IpAddressType": "dualstack"}, ["IpAddressType"]),
        ("CreateLoadBalancer", {"Type": "application", "IpAddressType": "ipv4"}, []),
        ("CreateTargetGroup", {"Protocol": "HTTP", "TargetType": "ip"}, []),
        ("CreateTargetGroup", {"Protocol": "HTTP", "TargetType": "ip", "IpAddressType": "ipv6"}, ["IpAddressType"]),
        ("CreateTargetGroup", {"Protocol": "HTTP"}, ["TargetType"]),
    ],
)
def test_value_that_is_not_followed_is_refused(operation: str, given: dict[str, Any], refused: list[str]) -> None:
    assert parameters.refused_values(operation, given) == refused


def test_forward_config_of_a_request() -> None:
    base = "Actions.member.2.ForwardConfig"
    given: dict[str, Any] = {
        f"{base}.TargetGroups.member.1.TargetGroupArn": [ARN],
        f"{base}.TargetGroups.member.1.Weight": ["0"],
        f"{base}.TargetGroups.member.2.TargetGroupArn": f"{ARN}2",
    }
    groups = [{"TargetGroupArn": ARN, "Weight": 0}, {"TargetGroupArn": f"{ARN}2", "Weight": 1}]
    expected = {"TargetGroups": groups, "TargetGroupStickinessConfig": {"Enabled": False}}
    assert query.forward_config(given, "Actions.member.2") == expected
    assert query.forward_config(given, "Actions.member.1") == {}


def test_forward_action_is_described_as_by_elbv2() -> None:
    """One target group is described by its ARN and by a ForwardConfig; several only by the latter."""
    one = query.with_forward({"Type": "forward", "TargetGroupArn": ARN})
    assert one["TargetGroupArn"] == ARN
    assert one["ForwardConfig"]["TargetGroups"] == [{"TargetGroupArn": ARN, "Weight": 1}]
    groups = [{"TargetGroupArn": name, "Weight": 1} for name in (ARN, f"{ARN}2")]
    several = {"Type": "forward", "TargetGroupArn": ARN, "ForwardConfig": {"TargetGroups": groups}}
    assert "TargetGroupArn" not in query.with_forward(several)
    fixed = {"Type": "fixed-response"}
    assert query.with_forward(fixed) == fixed


def test_text_of_a_response_is_escaped() -> None:
    def render(action: dict[str, Any]) -> str:
        return f"<member><Body>{action['FixedResponseConfig']['MessageBody']}</Body></member>"

    action = {"Type": "fixed-response", "FixedResponseConfig": {"MessageBody": "<b>&</b>"}}
    assert ElementTree.fromstring(query.action_xml(render, action)).findtext("Body") == "<b>&</b>"


def test_target_health_has_a_reason_unless_it_is_healthy() -> None:
    text = query.health_xml([(Target("127.77.0.1", 80), HEALTHY), (Target("127.77.0.2", 81), FAILED)])
    first, second = ElementTree.fromstring(text)
    assert (first.findtext("TargetHealth/State"), first.findtext("TargetHealth/Reason")) == ("healthy", None)
    assert second.findtext("TargetHealth/Reason") == "Target.FailedHealthChecks"
    assert second.findtext("Target/Port") == "81"
