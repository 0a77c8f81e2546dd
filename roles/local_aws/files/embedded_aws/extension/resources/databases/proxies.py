# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxies of RDS: metadata, as MiniStack's databases are.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbproxy.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbproxytargetgroup.html
"""

from __future__ import annotations

from typing import Any

from embedded_aws.extension.api import call
from embedded_aws.extension.api_shapes import request_shape, to_request
from embedded_aws.extension.resources import kind
from embedded_aws.extension.resources.kind import Kind, Made, Properties, check_names

TARGETS = ("DBClusterIdentifiers", "DBInstanceIdentifiers")


def _create_proxy(properties: Properties, _name: str) -> Made:
    request: dict[str, Any] = to_request(request_shape("rds", "CreateDBProxy"), properties)
    return _described(call("rds", "CreateDBProxy", **request)["DBProxy"])


def _update_proxy(name: str, _old: Properties, new: Properties) -> Made:
    shape = request_shape("rds", "ModifyDBProxy")
    request: dict[str, Any] = to_request(
        shape, {property_name: value for property_name, value in new.items() if property_name in shape.members}
    )
    if "VpcSecurityGroupIds" in new:
        request["SecurityGroups"] = list(new["VpcSecurityGroupIds"])
    return _described(call("rds", "ModifyDBProxy", **{**request, "DBProxyName": name})["DBProxy"])


def _delete_proxy(name: str, _properties: Properties) -> None:
    call("rds", "DeleteDBProxy", DBProxyName=name)


def _described(proxy: dict[str, Any]) -> Made:
    attributes = {"DBProxyArn": proxy["DBProxyArn"], "Endpoint": proxy["Endpoint"], "VpcId": proxy.get("VpcId", "")}
    return proxy["DBProxyName"], attributes


def _register(properties: Properties, _name: str) -> Made:
    check_names(properties, {"DBProxyName", "TargetGroupName", "ConnectionPoolConfigurationInfo", *TARGETS})
    proxy, group = properties["DBProxyName"], properties.get("TargetGroupName", "default")
    named = {name: list(properties[name]) for name in TARGETS if properties.get(name)}
    if named:
        call("rds", "RegisterDBProxyTargets", DBProxyName=proxy, TargetGroupName=group, **named)
    if "ConnectionPoolConfigurationInfo" in properties:
        pool = {"ConnectionPoolConfig": properties["ConnectionPoolConfigurationInfo"]}
        shape = request_shape("rds", "ModifyDBProxyTargetGroup")
        request = to_request(shape, {"DBProxyName": proxy, "TargetGroupName": group, **pool})
        call("rds", "ModifyDBProxyTargetGroup", **request)
    found = call("rds", "DescribeDBProxyTargetGroups", DBProxyName=proxy)["TargetGroups"][0]
    return found["TargetGroupArn"], {"TargetGroupArn": found["TargetGroupArn"]}


def _deregister(_arn: str, properties: Properties) -> None:
    named = {name: list(properties[name]) for name in TARGETS if properties.get(name)}
    if named:
        group = properties.get("TargetGroupName", "default")
        call("rds", "DeregisterDBProxyTargets", DBProxyName=properties["DBProxyName"], TargetGroupName=group, **named)


def _reregister(arn: str, old: Properties, new: Properties) -> Made:
    if any(old.get(name) != new.get(name) for name in TARGETS):
        _deregister(arn, old)
        return _register(new, "")
    return _register({name: value for name, value in new.items() if name not in TARGETS}, "")


KINDS = {
    "AWS::RDS::DBProxy": Kind(
        _create_proxy,
        _delete_proxy,
        _update_proxy,
        ("DBProxyName", "EngineFamily", "VpcSubnetIds"),
    ),
    "AWS::RDS::DBProxyTargetGroup": Kind(_register, _deregister, _reregister, ("DBProxyName", "TargetGroupName")),
}


def install() -> None:
    """Let templates have proxies of databases."""
    kind.install(KINDS)
