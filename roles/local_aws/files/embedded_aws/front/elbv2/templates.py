# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ELBv2's types in CloudFormation on MiniStack: refusals, and what MiniStack drops of a template.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ElasticLoadBalancingV2.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services.cloudformation import provisioners

from embedded_aws.front import envoy
from embedded_aws.front.elbv2 import parameters, query
from embedded_aws.front.elbv2.service import Service, missing_certificates
from embedded_aws.front.model import Record

BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"


def install(service: Service) -> None:
    """Let the properties arrive, or fail the resource."""
    _keep_actions()
    _keep_conditions()
    for type_name in parameters.TYPES:
        handlers = provisioners._RESOURCE_HANDLERS[type_name]
        handlers.update(_checked(type_name, handlers["create"], handlers["update"], handlers["delete"], service))


def check(type_name: str, properties: Mapping[str, Any]) -> None:
    """Refuse what has no effect here.

    Raises:
        ValueError: the template uses it; the message shows no value.
    """
    refused = parameters.unknown_properties(type_name, properties)
    refused += parameters.refused_values(parameters.TYPES[type_name], properties)
    if refused:
        raise ValueError(parameters.refusal(dict.fromkeys(refused)))
    arns = [one["CertificateArn"] for one in properties.get("Certificates") or []]
    if missing := missing_certificates(arns):
        raise ValueError(f"Certificate '{missing[0]}' not found")


def _checked(type_name: str, make: Any, change: Any, remove: Any, service: Service) -> dict[str, Any]:
    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        check(type_name, properties)
        if type_name == BALANCER and not service.front.is_installed:
            raise ValueError(envoy.MISSING)
        arn, attributes = make(logical_id, properties, stack_name)
        if type_name == BALANCER:
            attributes["DNSName"] = service.set_address(arn)
        service.follow()
        return arn, attributes

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, *logical_id: Any) -> Any:
        check(type_name, new)
        arn, attributes = change(physical_id, old, new, stack_name, *logical_id)
        if type_name == BALANCER and arn != physical_id:
            attributes["DNSName"] = service.set_address(arn)
        service.follow()
        return arn, attributes

    def delete(*given: Any) -> Any:
        removed = remove(*given)
        service.front.follow_deletion()
        return removed

    return {"create": create, "update": update, "delete": delete}


def _keep_actions() -> None:
    convert = provisioners._elbv2_listener_actions

    def convert_all(properties: Mapping[str, Any], *load_balancer: Any, prop: str = "DefaultActions") -> list[Record]:
        given = [action for action in properties.get(prop) or [] if isinstance(action, dict)]
        found = []
        for entry, action in zip(convert(properties, *load_balancer, prop=prop), given, strict=True):
            config = action.get("ForwardConfig")
            found.append(query.with_forward(entry | ({"ForwardConfig": _numbered(config)} if config else {})))
        return found

    provisioners._elbv2_listener_actions = convert_all


def _keep_conditions() -> None:
    convert = provisioners._flatten_listener_rule_conditions

    def convert_all(given: list[Record]) -> list[Record]:
        return [
            {"Field": "query-string", "Values": [], "QueryStringConfig": condition["QueryStringConfig"]}
            if condition.get("Field") == "query-string"
            else converted
            for condition, converted in zip(given or [], convert(given), strict=True)
        ]

    provisioners._flatten_listener_rule_conditions = convert_all


def _numbered(config: Record) -> Record:
    """Return a ForwardConfig of a template with numbers and truth values, which may be strings there."""
    groups = [
        {"TargetGroupArn": group["TargetGroupArn"], "Weight": int(group.get("Weight", 1))}
        for group in config.get("TargetGroups", [])
    ]
    stickiness = config.get("TargetGroupStickinessConfig") or {}
    enabled = str(stickiness.get("Enabled", False)).lower() == "true"
    return {"TargetGroups": groups, "TargetGroupStickinessConfig": stickiness | {"Enabled": enabled}}
