# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults in the shape of templates, planted in good ones, by the property that has to find them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from template_case import Case

Plant = Callable[[Case], object]
SERVICE, FILES = "service-web", "file-systems"


def _at(case: Case, resource: str, component: str = SERVICE) -> dict[str, Any]:
    return case.properties(component, resource)


def _main(case: Case) -> dict[str, Any]:
    found = _at(case, "TaskDefinition")["ContainerDefinitions"][0]
    assert isinstance(found, dict)
    return found


def _parameters(case: Case) -> dict[str, Any]:
    found = case.templates[SERVICE]["Parameters"]
    assert isinstance(found, dict)
    return found


def _outputs(case: Case, component: str) -> dict[str, Any]:
    found = case.templates[component]["Outputs"]
    assert isinstance(found, dict)
    return found


def _attach_to_another_port(case: Case) -> None:
    """Lead requests past the intended port of the container, to another one that it has."""
    _main(case)["PortMappings"].append({**_main(case)["PortMappings"][0], "Name": "other", "ContainerPort": 7860})
    _at(case, "Service")["LoadBalancers"][0].update(ContainerPort=7860)
    for group in ("TargetGroup", "OtherTargetGroup"):
        _at(case, group).update(Port=7860)


def _connect(case: Case, **own: Any) -> None:
    """Give service web a name of Service Connect, with a fault."""
    name = {"PortName": "http", "ClientAliases": [{"DnsName": "web", "Port": 8000}], **own}
    _at(case, "Service").update(ServiceConnectConfiguration={"Enabled": True, "Services": [name]})


def _share_a_name(case: Case) -> None:
    _connect(case, ClientAliases=[{"DnsName": "web", "Port": 8000}] * 2)


CONTRACT_FAULTS: Mapping[str, Sequence[Plant]] = {
    "tasks_run_on_fargate": (
        lambda case: _at(case, "TaskDefinition").update(RequiresCompatibilities=["FARGATE", "EC2"]),
        lambda case: _at(case, "TaskDefinition").update(NetworkMode="host"),
        lambda case: _at(case, "TaskDefinition").update(Memory="4096"),
        lambda case: _at(case, "Service").update(LaunchType="EC2"),
        lambda case: _at(case, "Service").pop("LaunchType"),
    ),
    "health_checks_are_complete": (
        lambda case: _main(case).pop("HealthCheck"),
        lambda case: _main(case)["HealthCheck"].pop("StartPeriod"),
        lambda case: _main(case)["HealthCheck"].update(Command=["CMD-SHELL", "exit 0"]),
    ),
    "target_groups_check_health": (
        lambda case: _at(case, "TargetGroup").pop("HealthCheckPath"),
        lambda case: _at(case, "OtherTargetGroup").update(UnhealthyThresholdCount=9),
        lambda case: _at(case, "TargetGroup").pop("Protocol"),
        lambda case: _at(case, "TargetGroup").update(Matcher={"HttpCode": "200-499"}),
    ),
    "targets_reach_the_described_port": (
        _attach_to_another_port,
        lambda case: _at(case, "Service")["LoadBalancers"][0].update(ContainerPort=9000),
        lambda case: _at(case, "Service")["LoadBalancers"][0].update(ContainerName="proxy"),
        lambda case: _at(case, "Service").pop("LoadBalancers"),
    ),
    "names_of_service_connect_lead_to_ports": (
        lambda case: _connect(case, PortName="htp"),
        lambda case: _connect(case, IngressPortOverride=8000),
        _share_a_name,
    ),
    "access_points_belong_to_their_owner": (
        lambda case: _at(case, "DataAccessPoint", FILES)["PosixUser"].update(Uid="0"),
        lambda case: _at(case, "DataAccessPoint", FILES)["RootDirectory"]["CreationInfo"].update(OwnerGid="0"),
        lambda case: _at(case, "DataAccessPoint", FILES)["RootDirectory"]["CreationInfo"].update(Permissions="777"),
        lambda case: case.templates[FILES]["Resources"].pop("DataAccessPoint"),
    ),
    "logs_are_kept_as_described": (
        lambda case: _at(case, "LogGroup").update(RetentionInDays=3653),
        lambda case: _at(case, "LogGroup", "job-sum").pop("RetentionInDays"),
    ),
    "parameters_hold_no_secret": (
        lambda case: _parameters(case).update(Password={"Type": "String", "Default": "hunter2"}),
        lambda case: _parameters(case).update(Password={"Type": "String", "NoEcho": True, "Default": ""}),
        lambda case: _outputs(case, "secrets").update(
            Key={"Value": {"Fn::Sub": "{{resolve:secretsmanager:${KeySecret}}}"}}
        ),
    ),
    "nothing_is_exported": (
        lambda case: _outputs(case, "secrets")["KeyArn"].update(Export={"Name": "key"}),
        lambda case: _at(case, "Service").update(Cluster={"Fn::ImportValue": "cluster"}),
    ),
}
