# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An experiment of AWS Fault Injection Service that stops one task of a service; an account runs it, no emulator.

https://docs.aws.amazon.com/fis/latest/userguide/experiment-templates.html
"""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.alarms import alarm_id
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Parts,
    cluster_name,
    name_tag,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.roles import experiment_role
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections

EXPERIMENT, ROLE, LOG_GROUP = "ExperimentTemplate", "ExperimentRole", "ExperimentLogGroup"
TARGET = "Tasks"


def fault_injection(name: str, sections: Sections) -> Parts:
    """Return the experiment of a service, with its role and its log group; nothing where it is switched off."""
    if not sections["observability"]["fault_injection"]:
        return Parts()
    service = sections["services"][name]
    # Errors that users see end the experiment, or else tasks that have no CPU left.
    alarm = alarm_id("errors" if "load_balancer" in service else "cpu")
    return Parts(
        {
            LOG_GROUP: {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {
                    "LogGroupName": sub("/${Project}/${Environment}/" + f"{name}/experiments"),
                    "RetentionInDays": service["log_retention_days"],
                },
            },
            ROLE: experiment_role(cluster_name(service["cluster"])),
            EXPERIMENT: {"Type": "AWS::FIS::ExperimentTemplate", "Properties": _template(name, alarm)},
        },
        {"ExperimentTemplateId": output("The experiment that stops a task.", {"Fn::GetAtt": [EXPERIMENT, "Id"]})},
    )


def _template(name: str, alarm: str) -> dict[str, Any]:
    return {
        "Description": f"Stops one task of service {name}; ECS starts another",
        "RoleArn": {"Fn::GetAtt": [ROLE, "Arn"]},
        "StopConditions": [{"Source": "aws:cloudwatch:alarm", "Value": {"Fn::GetAtt": [alarm, "Arn"]}}],
        "Targets": {
            TARGET: {
                "ResourceType": "aws:ecs:task",
                # ECS copies the service's tags to its tasks.
                "ResourceTags": {
                    "Project": {"Ref": "Project"},
                    "Environment": {"Ref": "Environment"},
                    "Name": sub(f"{BASE}-{name}"),
                },
                "SelectionMode": "COUNT(1)",
            }
        },
        # https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html#stop-task
        "Actions": {"StopTask": {"ActionId": "aws:ecs:stop-task", "Targets": {TARGET: TARGET}}},
        "ExperimentOptions": {"AccountTargeting": "single-account", "EmptyTargetResolutionMode": "fail"},
        "LogConfiguration": {
            "LogSchemaVersion": 2,
            "CloudWatchLogsConfiguration": {"LogGroupArn": {"Fn::GetAtt": [LOG_GROUP, "Arn"]}},
        },
        "Tags": {each["Key"]: each["Value"] for each in name_tag(name)},
    }
