# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task definition of a service or a job, with its log group and its roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.file_systems import FILE_SYSTEMS
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.queues import QUEUES
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import (
    database_output,
    reference,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.secrets import secret_arn
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.references import substituted
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Output,
    Parts,
    logical_id,
    output,
    output_named,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.roles import (
    IMAGE,
    execution_role,
    task_role,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    Container,
    HealthCheck,
    Sections,
    Share,
    Sidecar,
    Workload,
)

LOG_GROUP, TASK_ROLE, EXECUTION_ROLE, TASK_DEFINITION = "LogGroup", "TaskRole", "ExecutionRole", "TaskDefinition"
TRACING = "tracing"
# MiB; a sidecar that traces takes no more from the task.
TRACING_MEMORY = 256
# https://aws-otel.github.io/docs/setup/ecs/config-through-ssm and the collector's own reference.
COLLECTOR = """\
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:4317"}
      http: {endpoint: "127.0.0.1:4318"}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 200}
  batch: {timeout: 1s, send_batch_size: 50}
exporters:
  awsxray: {}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [awsxray]}
"""


class Owner(NamedTuple):
    """Whose task definition it is.

    Attributes:
        name: of the service or the job; also that of its container.
        is_executing: whether ECS Exec may run commands in a task.
    """

    name: str
    is_executing: bool = False


def task_definition(owner: Owner, workload: Workload, sections: Sections) -> Parts:
    """Return the task definition, log group and roles of a workload."""
    volumes = _volumes(owner, workload)
    return Parts(
        {
            LOG_GROUP: {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {
                    "LogGroupName": sub("/${Project}/${Environment}/" + owner.name),
                    "RetentionInDays": workload["log_retention_days"],
                },
            },
            EXECUTION_ROLE: execution_role(workload, sections, LOG_GROUP),
            TASK_ROLE: _traced(task_role(workload, sections, owner.is_executing), workload),
            TASK_DEFINITION: {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {
                    "Family": sub(f"{BASE}-{owner.name}"),
                    "RequiresCompatibilities": ["FARGATE"],
                    "NetworkMode": "awsvpc",
                    "Cpu": str(workload["cpu"]),
                    "Memory": str(workload["memory"]),
                    "RuntimePlatform": {
                        "CpuArchitecture": workload["architecture"],
                        "OperatingSystemFamily": "LINUX",
                    },
                    **(
                        {"EphemeralStorage": {"SizeInGiB": workload["ephemeral_storage"]}}
                        if "ephemeral_storage" in workload
                        else {}
                    ),
                    "TaskRoleArn": {"Fn::GetAtt": [TASK_ROLE, "Arn"]},
                    "ExecutionRoleArn": {"Fn::GetAtt": [EXECUTION_ROLE, "Arn"]},
                    "ContainerDefinitions": _containers(owner, workload, sections),
                    **({"Volumes": volumes} if volumes else {}),
                },
            },
        },
        {
            "TaskDefinitionArn": output("The task definition, with its revision.", {"Ref": TASK_DEFINITION}),
            "LogGroupName": output("Where the log lines go.", {"Ref": LOG_GROUP}),
            "ContainerName": output("The main container.", owner.name),
            "TaskRoleArn": output("The role of the tasks' own calls.", {"Fn::GetAtt": [TASK_ROLE, "Arn"]}),
        },
    )


def _containers(owner: Owner, workload: Workload, sections: Sections) -> list[dict[str, Any]]:
    waits = [{"ContainerName": name, "Condition": _condition(each)} for name, each in workload["sidecars"].items()]
    if TRACING in workload:
        waits.append({"ContainerName": TRACING, "Condition": "START"})
    main = {
        **_container(owner.name, workload, sections, is_essential=True, mounts=workload["mounts"]),
        "Environment": _environment(workload, sections),
        **({"PortMappings": _ports(workload["ports"])} if workload["ports"] else {}),
        **({"DependsOn": waits} if waits else {}),
    }
    if owner.is_executing:
        # The agent of ECS Exec has to write into the container:
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
        main["ReadonlyRootFilesystem"] = False
    return [
        main,
        *(_sidecar(name, each, sections) for name, each in workload["sidecars"].items()),
        *([_collector(workload["tracing"]["image"])] if TRACING in workload else []),
    ]


def _container(
    name: str, container: Container, sections: Sections, is_essential: bool, mounts: Mapping[str, str]
) -> dict[str, Any]:
    image = container.get("image", IMAGE)
    points = _mount_points({**mounts, **_scratch(name, container)})
    secrets = [
        {"Name": variable, "ValueFrom": _value_from(text, sections)} for variable, text in container["secrets"].items()
    ]
    return {
        "Name": name,
        "Image": output_named(image) or image,
        "Essential": is_essential,
        **({"EntryPoint": list(container["entry_point"])} if container["entry_point"] else {}),
        **({"Command": list(container["command"])} if container["command"] else {}),
        **({"User": container["user"]} if "user" in container else {}),
        "ReadonlyRootFilesystem": container["read_only"],
        **({"MountPoints": points} if points else {}),
        # Reaps what a program leaves behind, and hands signals on.
        "LinuxParameters": {"InitProcessEnabled": True},
        "StopTimeout": container["stop_timeout"],
        "Environment": _variables(container["environment"]),
        **({"Secrets": secrets} if secrets else {}),
        **({"HealthCheck": _health_check(container["health_check"])} if "health_check" in container else {}),
        "LogConfiguration": log_configuration(name),
    }


def _sidecar(name: str, sidecar: Sidecar, sections: Sections) -> dict[str, Any]:
    memory = {"Memory": sidecar["memory"]} if "memory" in sidecar else {}
    return {**_container(name, sidecar, sections, is_essential=sidecar["essential"], mounts={}), **memory}


def _collector(image: str) -> dict[str, Any]:
    """Return the collector of traces; it is not essential, so the task goes on without it."""
    return {
        "Name": TRACING,
        "Image": output_named(image) or image,
        "Essential": False,
        "Command": ["--config=env:AOT_CONFIG_CONTENT"],
        "ReadonlyRootFilesystem": True,
        "LinuxParameters": {"InitProcessEnabled": True},
        "Memory": TRACING_MEMORY,
        "Environment": [
            {"Name": "AOT_CONFIG_CONTENT", "Value": COLLECTOR},
            {"Name": "AWS_REGION", "Value": {"Ref": "AWS::Region"}},
        ],
        "LogConfiguration": log_configuration(TRACING),
    }


def _traced(role: dict[str, Any], workload: Workload) -> dict[str, Any]:
    if TRACING not in workload:
        return role
    # https://docs.aws.amazon.com/aws-managed-policies/latest/reference/AWSXRayDaemonWriteAccess.html
    policy = sub("arn:${AWS::Partition}:iam::aws:policy/AWSXRayDaemonWriteAccess")
    return {**role, "Properties": {**role["Properties"], "ManagedPolicyArns": [policy]}}


def _environment(workload: Workload, sections: Sections) -> list[dict[str, Any]]:
    """Return the variables of the main container: yours, and those that are derived."""
    return _variables({**derived_variables(workload, sections), **workload["environment"]})


def derived_variables(workload: Workload, sections: Sections) -> dict[str, Any]:
    """Return the region, and the addresses of what a main container uses, by variable."""
    found: dict[str, Any] = {"AWS_REGION": {"Ref": "AWS::Region"}}
    for name in workload["uses"]:
        variable = name.upper().replace("-", "_")
        if name in sections["queues"]:
            found[f"{variable}_QUEUE_URL"] = Output(QUEUES, f"{logical_id(name)}QueueUrl")
        elif name in sections["secrets"]:
            found[f"{variable}_SECRET_ARN"] = secret_arn(name, sections["secrets"][name])
        elif name in sections["databases"]:
            found[f"{variable}_DATABASE_HOST"] = database_output(name, "Endpoint")
            found[f"{variable}_DATABASE_PORT"] = database_output(name, "Port")
            found[f"{variable}_DATABASE_NAME"] = database_output(name, "DatabaseName")
        else:
            found[f"{variable}_TABLE_NAME"] = Output(name, "TableName")
    if TRACING in workload:
        found["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:4318"
    return found


def _variables(environment: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"Name": name, "Value": _text(environment[name])} for name in sorted(environment)]


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return substituted(str(value)) if isinstance(value, (int, float, str)) else value


def _value_from(text: str, sections: Sections) -> Any:
    named = reference(text)
    arn = named.arn(sections)
    # The form is that of https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    return sub("${Secret}:" + named.key + "::", Secret=arn) if named.key else arn


def _ports(ports: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"Name": name, "ContainerPort": port, "Protocol": "tcp"} for name, port in ports.items()]


def _mount_points(mounts: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"ContainerPath": path, "SourceVolume": name, "ReadOnly": False} for path, name in mounts.items()]


def _scratch(name: str, container: Container) -> dict[str, str]:
    """Return the volumes of a container's scratch directories by path; no file system has a name with _."""
    return {path: f"scratch_{name}_{number}" for number, path in enumerate(container["scratch"], start=1)}


def _volumes(owner: Owner, workload: Workload) -> list[dict[str, Any]]:
    """Return the file systems that a task mounts, and a volume of its own disk for each scratch directory.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html
    """
    containers: Mapping[str, Container] = {owner.name: workload, **workload["sidecars"]}
    scratch = [volume for name, each in containers.items() for volume in _scratch(name, each).values()]
    return [*({"Name": volume} for volume in scratch), *_file_system_volumes(workload)]


def _file_system_volumes(workload: Workload) -> list[dict[str, Any]]:
    return [
        {
            "Name": name,
            "EFSVolumeConfiguration": {
                "FilesystemId": Output(FILE_SYSTEMS, f"{logical_id(name)}FileSystemId"),
                "TransitEncryption": "ENABLED",
                "AuthorizationConfig": {
                    "AccessPointId": Output(FILE_SYSTEMS, f"{logical_id(name)}AccessPointId"),
                    "IAM": "ENABLED",
                },
            },
        }
        for name in dict.fromkeys(workload["mounts"].values())
    ]


def _health_check(check: HealthCheck) -> dict[str, Any]:
    return {
        "Command": ["CMD", *check["command"]],
        "Interval": check["interval"],
        "Timeout": check["timeout"],
        "Retries": check["retries"],
        "StartPeriod": check["start_period"],
    }


def _condition(sidecar: Sidecar) -> str:
    return "HEALTHY" if "health_check" in sidecar else "START"


def log_configuration(name: str) -> dict[str, Any]:
    """Return the log configuration of a container: its workload's log group, with its name as prefix of the streams."""
    options: Mapping[str, Any] = {
        "awslogs-group": {"Ref": LOG_GROUP},
        "awslogs-region": {"Ref": "AWS::Region"},
        "awslogs-stream-prefix": name,
        # A slow CloudWatch Logs loses lines rather than blocking the container:
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
        "mode": "non-blocking",
        "max-buffer-size": "4m",
    }
    return {"LogDriver": "awslogs", "Options": options}


def shares(capacity_providers: Mapping[str, Share]) -> Sequence[dict[str, Any]]:
    """Return the strategy of a service's capacity providers."""
    return [
        {"CapacityProvider": name, "Base": share["base"], "Weight": share["weight"]}
        for name, share in capacity_providers.items()
    ]
