# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service and what belongs to it: its task definition, targets, alarms and scaling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.scaling import (
    SERVICE,
    owns_count,
    service_scaling,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.namespace import (
    PROXY,
    service_connect,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.security_groups import (
    group_of,
    target_port,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.target_groups import (
    OTHER_TARGET_GROUP,
    ROLLING,
    RULE,
    TARGET_GROUP,
    TEST_RULE,
    further_group,
    rules,
    shifts_traffic,
    target_groups,
    targets,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.alarms import (
    alarm_id,
    service_alarms,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Output,
    Parts,
    cluster_name,
    name_tag,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.roles import infrastructure_role
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.task_definition import (
    TASK_DEFINITION,
    Owner,
    log_configuration,
    shares,
    task_definition,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    Deployment,
    Limits,
    Sections,
    Service,
    Target,
    targets_of,
)

INFRASTRUCTURE_ROLE = "InfrastructureRole"


def owned_by_aws(service: Service, limits: Limits) -> list[str]:
    """Return the properties of a service's stack that ECS and Application Auto Scaling change: they are no drift."""
    shifted = [RULE, TEST_RULE] if shifts_traffic(service) else []
    return [
        *(f"{rule}/Actions" for rule in shifted),
        *([f"{SERVICE}/DesiredCount"] if owns_count(service, limits) else []),
    ]


def service_parts(name: str, sections: Sections) -> Parts:
    """Return the parts of a service's template."""
    service = sections["services"][name]
    groups = target_groups(service)
    resources = targets(name, sections)
    if shifts_traffic(service):
        resources[INFRASTRUCTURE_ROLE] = infrastructure_role()
    alarms = service_alarms(name, service, groups)
    resources[SERVICE] = _service(name, service, sections)
    resources.update(alarms)
    resources.update(service_scaling(name, service, sections["limits"], groups))
    outputs = {
        "ServiceName": output("The service.", {"Fn::GetAtt": [SERVICE, "Name"]}),
        "ServiceArn": output("The service's ARN.", {"Ref": SERVICE}),
    }
    return task_definition(Owner(name, service["execute_command"]), service, sections) | Parts(resources, outputs)


def _service(name: str, service: Service, sections: Sections) -> dict[str, Any]:
    force = service["deployment"].get("force")
    # ECS refuses a target group that no listener uses; where traffic shifts, the service refers to the rule.
    awaited = [] if shifts_traffic(service) else rules(service)
    connect = service_connect(name, service, sections, log_configuration(PROXY))
    return {
        "Type": "AWS::ECS::Service",
        **({"DependsOn": awaited} if awaited else {}),
        "Properties": {
            "ServiceName": sub(f"{BASE}-{name}"),
            "Cluster": cluster_name(service["cluster"]),
            "TaskDefinition": {"Ref": TASK_DEFINITION},
            **(
                {"CapacityProviderStrategy": shares(service["capacity_providers"])}
                if "capacity_providers" in service
                else {"LaunchType": "FARGATE"}
            ),
            # A count in the template would undo what Application Auto Scaling has done.
            **({} if owns_count(service, sections["limits"]) else {"DesiredCount": service["desired_count"]}),
            "DeploymentConfiguration": _deployment(service["deployment"]),
            **(
                {"ForceNewDeployment": {"EnableForceNewDeployment": True, "ForceNewDeploymentNonce": force}}
                if force
                else {}
            ),
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {
                    "AssignPublicIp": "DISABLED",
                    "Subnets": Output("network", "PrivateSubnetIds", is_list=True),
                    "SecurityGroups": [group_of("service", name)],
                }
            },
            **(_load_balancers(name, service) if "load_balancer" in service else {}),
            **({"ServiceConnectConfiguration": connect} if connect else {}),
            "EnableExecuteCommand": service["execute_command"],
            "EnableECSManagedTags": True,
            "PropagateTags": "SERVICE",
            "Tags": name_tag(name),
        },
    }


def _load_balancers(name: str, service: Service) -> Mapping[str, Any]:
    found = targets_of(service)
    return {
        "HealthCheckGracePeriodSeconds": max(each["health_check"]["grace_period"] for each in found.values()),
        "LoadBalancers": [
            {
                "ContainerName": name,
                "ContainerPort": target_port(service, target),
                "TargetGroupArn": {"Ref": further_group(each) if each else TARGET_GROUP},
                **({"AdvancedConfiguration": _shift(target)} if shifts_traffic(service) else {}),
            }
            for each, target in found.items()
        ],
    }


def _shift(target: Target) -> dict[str, Any]:
    """Return between what ECS shifts traffic."""
    return {
        "AlternateTargetGroupArn": {"Ref": OTHER_TARGET_GROUP},
        "ProductionListenerRule": {"Ref": RULE},
        "RoleArn": {"Fn::GetAtt": [INFRASTRUCTURE_ROLE, "Arn"]},
        **({"TestListenerRule": {"Ref": TEST_RULE}} if "test_listener" in target else {}),
    }


def _deployment(deployment: Deployment) -> dict[str, Any]:
    alarms = deployment.get("alarms")
    return {
        "Strategy": deployment["strategy"],
        "MinimumHealthyPercent": deployment["minimum_healthy_percent"],
        "MaximumPercent": deployment["maximum_percent"],
        **_strategy(deployment),
        **({"BakeTimeInMinutes": deployment["bake_time"]} if "bake_time" in deployment else {}),
        **(
            {"Alarms": {"AlarmNames": [{"Ref": alarm_id(kind)} for kind in alarms], "Enable": True, "Rollback": True}}
            if alarms
            else {}
        ),
        **({"LifecycleHooks": [_pause(deployment)]} if deployment.get("pause") else {}),
    }


def _strategy(deployment: Deployment) -> dict[str, Any]:
    strategy = deployment["strategy"]
    if strategy == ROLLING:
        breaker = deployment["circuit_breaker"]
        return {
            # A count fails in minutes, where the default, half of the tasks, lets a bad image start for hours.
            "DeploymentCircuitBreaker": {
                "Enable": True,
                "Rollback": breaker["rollback"],
                "ThresholdConfiguration": {"Type": "COUNT", "Value": breaker["threshold"]},
            }
        }
    linear = {"StepPercent": "step_percent", "StepBakeTimeInMinutes": "step_bake_time"}
    canary = {"CanaryPercent": "canary_percent", "CanaryBakeTimeInMinutes": "canary_bake_time"}
    section, keys = {"LINEAR": ("LinearConfiguration", linear), "CANARY": ("CanaryConfiguration", canary)}.get(
        strategy, ("", {})
    )
    written = {name: value for name, key in keys.items() if (value := deployment.get(key)) is not None}
    return {section: written} if written else {}


def _pause(deployment: Deployment) -> dict[str, Any]:
    return {
        "TargetType": "PAUSE",
        "LifecycleStages": list(deployment.get("pause", [])),
        "TimeoutConfiguration": {"TimeoutInMinutes": deployment["pause_timeout"], "Action": "ROLLBACK"},
    }
