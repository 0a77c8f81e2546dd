# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults planted in good templates, by the property that has to find them; a linter finds few of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from template_case import Case

Plant = Callable[[Case], object]
SERVICE, GROUPS = "service-web", "security-groups"
WORKERS, SCHEDULED = "service-mail-workers", "job-mail"
RULES = ("ServiceWebToFileSystemDataOn2049Egress", "LoadBalancerMainToServiceWebOn8000Ingress")


def _resources(case: Case, component: str = SERVICE) -> dict[str, Any]:
    found = case.templates[component]["Resources"]
    assert isinstance(found, dict)
    return found


def _at(case: Case, resource: str, component: str = SERVICE) -> dict[str, Any]:
    return case.properties(component, resource)


def _target(case: Case) -> dict[str, Any]:
    found = _at(case, "Service")["LoadBalancers"][0]
    assert isinstance(found, dict)
    return found


def _main(case: Case) -> dict[str, Any]:
    found = _at(case, "TaskDefinition")["ContainerDefinitions"][0]
    assert isinstance(found, dict)
    return found


def _configuration(case: Case, component: str = SERVICE) -> dict[str, Any]:
    found = _at(case, "Service", component)["DeploymentConfiguration"]
    assert isinstance(found, dict)
    return found


def _statements(case: Case, role: str, component: str = SERVICE) -> list[dict[str, Any]]:
    found = _at(case, role, component)["Policies"][0]["PolicyDocument"]["Statement"]
    assert isinstance(found, list)
    return found


def _tracking(case: Case) -> dict[str, Any]:
    found = _at(case, "BacklogPolicy", WORKERS)["TargetTrackingScalingPolicyConfiguration"]
    assert isinstance(found, dict)
    return found


def _worker(case: Case) -> dict[str, Any]:
    found = _at(case, "TaskDefinition", WORKERS)["ContainerDefinitions"][0]
    assert isinstance(found, dict)
    return found


def _schedule(case: Case) -> dict[str, Any]:
    found = _at(case, "Schedule", SCHEDULED)["Target"]
    assert isinstance(found, dict)
    return found


def _allow(action: str, resource: Any) -> dict[str, Any]:
    return {"Sid": "Planted", "Effect": "Allow", "Action": [action], "Resource": resource}


def _same_priority(case: Case) -> None:
    """Give the production rule a twin: as if two services had the same rank."""
    _resources(case)["Twin"] = {**_resources(case)["ListenerRule"]}


def _public_rule(case: Case) -> None:
    ingress = {"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "GroupId": "sg-1"}
    _resources(case, GROUPS)["Open"] = {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": ingress}


FAULTS: Mapping[str, Sequence[Plant]] = {
    "references_resolve": (
        lambda case: _at(case, "Service").update(Cluster={"Ref": "Klaster"}),
        lambda case: _at(case, "Service").update(ServiceName={"Fn::Sub": "${Projekt}-web"}),
        lambda case: _resources(case)["Service"].update(DependsOn=["ListenerRulez"]),
        lambda case: _resources(case)["Service"].update(Condition="HasNothing"),
        lambda case: _at(case, "Service").update(ServiceName={"Fn::Sub": ["web", {"Unused": "x"}]}),
    ),
    "parameters_are_used": (
        lambda case: case.templates[SERVICE]["Parameters"].update(Unused={"Type": "String"}),
        lambda case: case.templates[SERVICE]["Conditions"].update(IsUnused={"Fn::Equals": ["a", "b"]}),
    ),
    "outputs_taken_exist": (
        lambda case: case.takes[SERVICE].update(ClusterClusterName="cluster.KlusterName"),
        lambda case: case.takes[SERVICE].pop("ClusterClusterName"),
        lambda case: case.takes[SERVICE].update(Undeclared="cluster.ClusterName"),
        lambda case: case.templates[SERVICE]["Parameters"]["ClusterClusterName"].update(Default=""),
        lambda case: case.templates["load-balancer-main"]["Outputs"].pop("ListenerHttpArn"),
    ),
    "logical_ids_are_unique": (
        lambda case: _resources(case).update({"A-b": _resources(case)["LogGroup"]}),
        lambda case: _resources(case, "queues").update(Project=_resources(case, "queues")["WorkQueue"]),
        lambda case: _resources(case, "queues").pop("WorkAgeAlarm"),
    ),
    "resources_need_no_circle": (
        lambda case: _at(case, "ErrorsAlarm").update(Dimensions=[{"Name": "x", "Value": {"Ref": "Service"}}]),
    ),
    "names_carry_project_and_environment": (
        lambda case: _at(case, "Service").update(ServiceName="web"),
        lambda case: _at(case, "CpuAlarm").update(AlarmName=_at(case, "MemoryAlarm")["AlarmName"]),
        lambda case: _at(case, "WorkQueue", "queues").update(
            QueueName={"Fn::Sub": "${Project}-${Environment}-" + "q" * 43}
        ),
        lambda case: _at(case, "CpuAlarm").update(
            AlarmName={"Fn::Sub": "${Project}-${Environment}-${Service.Name}-cpu"}
        ),
    ),
    "templates_are_within_the_limits": (
        lambda case: _main(case).update(Command=["x" * 51_200]),
        lambda case: _resources(case).update(
            {f"Copy{number}": {"Type": "A", "Properties": {}} for number in range(500)}
        ),
    ),
    "alarms_treat_missing_data": (lambda case: _at(case, "CpuAlarm").pop("TreatMissingData"),),
    "logs_are_kept_for_a_time": (
        lambda case: _at(case, "LogGroup").pop("RetentionInDays"),
        lambda case: _main(case).pop("LogConfiguration"),
    ),
    "capacities_are_in_order": (
        lambda case: _at(case, "ScalableTarget", "service-worker").update(MinCapacity=9),
        lambda case: _at(case, "Cluster", "database-main")["ServerlessV2ScalingConfiguration"].update(MinCapacity=300),
    ),
    "security_groups_admit_calls_only": (
        lambda case: _resources(case, GROUPS).pop(RULES[0]),
        lambda case: _resources(case, GROUPS).pop(RULES[1]),
        lambda case: _resources(case, GROUPS).update(Twice=_resources(case, GROUPS)[RULES[1]]),
        lambda case: _at(case, RULES[1], GROUPS).update(ToPort=9000),
        lambda case: _resources(case, GROUPS).pop("JobSumToEndpoints"),
        lambda case: case.templates[GROUPS]["Outputs"].pop("ServiceWorker"),
    ),
    "open_ranges_are_those_of_listeners": (
        _public_rule,
        lambda case: _at(case, "LoadBalancerMain", GROUPS)["SecurityGroupIngress"][0].update(CidrIp="0.0.0.0/0"),
        lambda case: _at(case, "ServiceWeb", GROUPS).pop("SecurityGroupEgress"),
    ),
    "execution_roles_read_own_secrets": (
        lambda case: _statements(case, "ExecutionRole").append(
            _allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:::secret:other")
        ),
        lambda case: _statements(case, "ExecutionRole").pop(),
    ),
    "task_roles_reach_what_is_used": (
        lambda case: _statements(case, "TaskRole").append(_allow("dynamodb:PutItem", "arn:aws:dynamodb:::table/x")),
        lambda case: _statements(case, "TaskRole").pop(),
        lambda case: _statements(case, "TaskRole", "service-worker")[0]["Action"].append("sqs:SendMessage"),
        lambda case: _statements(case, "TaskRole")[-1].pop("Condition"),
    ),
    "no_role_has_every_resource": (
        lambda case: _statements(case, "TaskRole").append(_allow("sqs:SendMessage", "*")),
        lambda case: _statements(case, "TaskRole").append(_allow("iam:PassRole", "arn:aws:iam::1:role/x")),
        lambda case: _statements(case, "TaskRole")[0].update(Action=["elasticfilesystem:*"]),
        lambda case: _statements(case, "ScheduleRole", SCHEDULED)[2].pop("Condition"),
        lambda case: _at(case, "TaskRole").pop("PermissionsBoundary"),
        lambda case: _at(case, "TaskRole")["AssumeRolePolicyDocument"]["Statement"][0].pop("Condition"),
    ),
    "secrets_stay_out_of_environment": (
        lambda case: _main(case)["Environment"].append({"Name": "KEY", "Value": "plain"}),
        lambda case: _main(case)["Environment"].append({"Name": "ARN", "Value": {"Ref": "SecretsKeyArn"}}),
        lambda case: _main(case).pop("Secrets"),
    ),
    "traffic_shifts_between_two_groups": (
        lambda case: _target(case).pop("AdvancedConfiguration"),
        lambda case: _resources(case).pop("OtherTargetGroup"),
        lambda case: _resources(case).pop("InfrastructureRole"),
        lambda case: _target(case)["AdvancedConfiguration"].update(AlternateTargetGroupArn={"Ref": "TargetGroup"}),
        lambda case: _target(case)["AdvancedConfiguration"].pop("TestListenerRule"),
        lambda case: _target(case)["AdvancedConfiguration"].update(ProductionListenerRule={"Ref": "TargetGroup"}),
        lambda case: _at(case, "ListenerRule")["Actions"][0]["ForwardConfig"]["TargetGroups"].pop(),
    ),
    "counts_are_left_to_autoscaling": (
        lambda case: _at(case, "Service", "service-worker").update(DesiredCount=1),
        lambda case: _at(case, "Service").pop("DesiredCount"),
        lambda case: _resources(case, "service-worker").pop("ScalableTarget"),
    ),
    "circuit_breakers_count": (
        lambda case: _configuration(case, "service-worker").pop("DeploymentCircuitBreaker"),
        lambda case: _configuration(case, "service-worker")["DeploymentCircuitBreaker"].update(Enable=False),
        lambda case: _configuration(case).update(
            DeploymentCircuitBreaker=_configuration(case, "service-worker")["DeploymentCircuitBreaker"]
        ),
    ),
    "priorities_are_unique": (_same_priority, lambda case: _at(case, "ListenerRule").update(Priority=50_001)),
    "targets_are_addresses": (
        lambda case: _at(case, "TargetGroup").update(TargetType="instance"),
        lambda case: _at(case, "TaskDefinition").update(NetworkMode="bridge"),
    ),
    "services_name_containers_and_ports": (
        lambda case: _target(case).update(ContainerName="wep"),
        lambda case: _target(case).update(ContainerPort=8001),
        lambda case: _at(case, "TargetGroup").update(Port=8001),
    ),
    "containers_fit_together": (
        lambda case: _at(case, "TaskDefinition").pop("Volumes"),
        lambda case: _main(case).update(DependsOn=[{"ContainerName": "proxy", "Condition": "START"}]),
        lambda case: _at(case, "TaskDefinition")["ContainerDefinitions"].append(_main(case)),
        lambda case: _main(case).update(Memory=512),
        lambda case: _main(case).update(Essential=False),
    ),
    "alarms_of_deployments_exist": (
        lambda case: _configuration(case)["Alarms"].update(AlarmNames=[{"Ref": "LatencyAlarm"}]),
        lambda case: _configuration(case).pop("Alarms"),
        lambda case: _configuration(case)["Alarms"].update(Rollback=False),
    ),
    "strategies_have_their_settings": (
        lambda case: _configuration(case).update(Strategy="ROLLING"),
        lambda case: _configuration(case).update(CanaryConfiguration={"CanaryPercent": 5}),
        lambda case: _configuration(case).update(BakeTimeInMinutes=1),
        lambda case: _configuration(case).update(LifecycleHooks=[{"LifecycleStages": ["POST_SCALE_UP"]}]),
    ),
    "nothing_is_public": (
        lambda case: _at(case, "Service")["NetworkConfiguration"]["AwsvpcConfiguration"].update(
            AssignPublicIp="ENABLED"
        ),
        lambda case: _at(case, "LoadBalancer", "load-balancer-main").update(Scheme="internet-facing"),
    ),
    "data_is_encrypted": (
        lambda case: _at(case, "DataFileSystem", "file-systems").pop("Encrypted"),
        lambda case: _at(case, "WorkQueue", "queues").pop("SqsManagedSseEnabled"),
        lambda case: _at(case, "TaskDefinition")["Volumes"][0]["EFSVolumeConfiguration"].pop("TransitEncryption"),
    ),
    "workers_scale_on_their_queue_from_zero": (
        lambda case: _at(case, "ScalableTarget", WORKERS).update(MinCapacity=1),
        lambda case: _at(case, "ScalableTarget", WORKERS).update(MaxCapacity=5),
        lambda case: _resources(case, WORKERS).pop("FirstTaskPolicy"),
        lambda case: _tracking(case).update(TargetValue=7),
        lambda case: _tracking(case)["CustomizedMetricSpecification"]["Metrics"][1]["MetricStat"]["Metric"].update(
            Dimensions=[{"Name": "QueueName", "Value": {"Ref": "QueuesWorkQueueName"}}]
        ),
        lambda case: _at(case, "FirstTaskAlarm", WORKERS).update(AlarmActions=[{"Ref": "BacklogPolicy"}]),
    ),
    "workers_run_the_command_of_their_job": (
        lambda case: _worker(case).update(Command=["mail"]),
        lambda case: _worker(case).update(EntryPoint=["sh", "-c"]),
        lambda case: _worker(case)["Environment"].pop(1),
        lambda case: _worker(case)["Environment"].pop(2),
        lambda case: _statements(case, "TaskRole", WORKERS).pop(),
    ),
    "schedules_start_their_job_alone": (
        lambda case: _resources(case, SCHEDULED).pop("Schedule"),
        lambda case: _at(case, "Schedule", SCHEDULED).update(State="DISABLED"),
        lambda case: _schedule(case)["EcsParameters"].update(TaskDefinitionArn="arn:aws:ecs:::task-definition/x"),
        lambda case: _schedule(case)["DeadLetterConfig"].update(Arn="arn:aws:sqs:::x"),
        lambda case: _statements(case, "ScheduleRole", SCHEDULED).append(_allow("ecs:RunTask", "*")),
        lambda case: _schedule(case).update(Input='{"containerOverrides": [{"name": "x"}]}'),
    ),
    "data_is_kept": (
        lambda case: _resources(case, "file-systems")["DataFileSystem"].update(DeletionPolicy="Delete"),
        lambda case: _resources(case, "queues")["WorkDeadLetters"].pop("DeletionPolicy"),
        lambda case: _resources(case, "secrets")["KeySecret"].update(UpdateReplacePolicy="Delete"),
        lambda case: _resources(case)["LogGroup"].update(
            DeletionPolicy="RetainExceptOnCreate", UpdateReplacePolicy="Retain"
        ),
    ),
}
