# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For each resource type that systems need: what it depends on, how it is created, and how it is changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Properties = dict[str, Any]
Resources = dict[str, Any]
TAGS = [{"Key": "team", "Value": "red"}]
NAME = "Case"  # the resource under test


@dataclass(frozen=True)
class Case:
    """A resource type under test.

    Attributes:
        properties: of its creation.
        change: properties of its update; empty where the type has none.
        needs: the other resources of its template.
    """

    properties: Properties
    change: Properties = field(default_factory=dict)
    needs: Resources = field(default_factory=dict)


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def attribute(name: str, of: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [of, name]}


def resource(type_name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{type_name}", "Properties": properties}


def allow(action: str, **principal: Any) -> dict[str, Any]:
    resources = {} if action == "sts:AssumeRole" else {"Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **principal, **resources}]}


TRUST = allow("sts:AssumeRole", Principal={"Service": "ecs-tasks.amazonaws.com"})
ROLE = {"Role": resource("IAM::Role", AssumeRolePolicyDocument=TRUST)}
VPC = {"Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16")}
SUBNETS = {
    f"Subnet{zone}": resource(
        "EC2::Subnet", VpcId=ref("Vpc"), CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
    )
    for number, zone in enumerate("ab")
}
NETWORK = VPC | SUBNETS
SUBNET_IDS = [ref(name) for name in SUBNETS]
GROUP = {"Group": resource("EC2::SecurityGroup", GroupDescription="tasks", VpcId=ref("Vpc"))}
GROUP_ID = attribute("GroupId", "Group")
PEER = {"GroupId": GROUP_ID, "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
LOGS = {"Logs": resource("Logs::LogGroup")}
CLUSTER = {"Cluster": resource("ECS::Cluster")}
SECRET = {"Secret": resource("SecretsManager::Secret", GenerateSecretString={"PasswordLength": 20})}
TOPIC = {"Topic": resource("SNS::Topic")}
TEN_ALARM: Properties = {
    "MetricName": "Depth",
    "Namespace": "Case",
    "Statistic": "Maximum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 10,
    "ComparisonOperator": "GreaterThanThreshold",
}
MATH: list[dict[str, Any]] = [
    {
        "Id": "depth",
        "MetricStat": {"Metric": {"Namespace": "Case", "MetricName": "Depth"}, "Period": 60, "Stat": "Maximum"},
        "ReturnData": False,
    },
    {"Id": "double", "Expression": "depth * 2", "ReturnData": True},
]
MATH_ALARM = {"Metrics": MATH} | {
    name: value for name, value in TEN_ALARM.items() if name in ("EvaluationPeriods", "Threshold", "ComparisonOperator")
}
PROXY = {
    "Proxy": resource(
        "RDS::DBProxy",
        DBProxyName="case-proxy",
        EngineFamily="MYSQL",
        RoleArn=attribute("Arn", "Role"),
        VpcSubnetIds=SUBNET_IDS,
        Auth=[{"AuthScheme": "SECRETS", "SecretArn": ref("Secret")}],
    )
}
DATABASE = {
    "Databases": resource("RDS::DBSubnetGroup", DBSubnetGroupDescription="case", SubnetIds=SUBNET_IDS),
    "Database": resource(
        "RDS::DBCluster",
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword="password123",
        DBSubnetGroupName=ref("Databases"),
    ),
}
BUDGET: Properties = {
    "Budget": {
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": 100, "Unit": "USD"},
    },
    "NotificationsWithSubscribers": [
        {
            "Notification": {
                "NotificationType": "ACTUAL",
                "ComparisonOperator": "GREATER_THAN",
                "Threshold": 80,
            },
            "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "team@example.com"}],
        }
    ],
}
CONTAINER = {"Name": "main", "Image": "case", "Command": ["true"]}
SERVICE = CLUSTER | {
    "Task": resource("ECS::TaskDefinition", ContainerDefinitions=[CONTAINER]),
    "Service": resource("ECS::Service", Cluster=ref("Cluster"), TaskDefinition=ref("Task"), DesiredCount=0),
}
SCALABLE: Properties = {
    "ServiceNamespace": "ecs",
    "ScalableDimension": "ecs:service:DesiredCount",
    "ResourceId": {"Fn::Sub": "service/${Cluster}/${Service.Name}"},
    "MinCapacity": 0,
    "MaxCapacity": "4",
}
NIGHT = {
    "ScheduledActionName": "night",
    "Schedule": "cron(0 20 * * ? *)",
    "ScalableTargetAction": {"MinCapacity": "0", "MaxCapacity": 0},
}
STEP: Properties = {
    "PolicyName": "case",
    "PolicyType": "StepScaling",
    "ScalingTargetId": ref("Target"),
    "StepScalingPolicyConfiguration": {
        "AdjustmentType": "ChangeInCapacity",
        "Cooldown": "60",
        "StepAdjustments": [{"MetricIntervalLowerBound": "0", "ScalingAdjustment": "1"}],
    },
}
TRACKING: Properties = {
    "PolicyName": "case",
    "PolicyType": "TargetTrackingScaling",
    "ScalingTargetId": ref("Target"),
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 10,
        "CustomizedMetricSpecification": {
            "Metrics": [
                {
                    "Id": "depth",
                    "MetricStat": {"Metric": {"Namespace": "Case", "MetricName": "Depth"}, "Stat": "Sum"},
                    "ReturnData": False,
                },
                {"Id": "half", "Expression": "depth / 2"},
            ]
        },
    },
}

# The types that the extension adds, or creates by another way than MiniStack.
ADDED = {
    "EC2::EIP": Case({"Domain": "vpc"}, {"Domain": "vpc", "Tags": TAGS}),
    "EC2::NatGateway": Case(
        {"SubnetId": ref("Subneta"), "AllocationId": attribute("AllocationId", "Address")},
        {"SubnetId": ref("Subneta"), "AllocationId": attribute("AllocationId", "Address"), "Tags": TAGS},
        NETWORK | {"Address": resource("EC2::EIP", Domain="vpc")},
    ),
    "EC2::SecurityGroupIngress": Case(
        {**PEER, "SourceSecurityGroupId": GROUP_ID},
        {**PEER, "SourceSecurityGroupId": GROUP_ID, "FromPort": 79},
        VPC | GROUP,
    ),
    "EC2::SecurityGroupEgress": Case(
        {**PEER, "DestinationSecurityGroupId": GROUP_ID},
        {**PEER, "CidrIp": "10.0.0.0/8", "Description": "inside"},
        VPC | GROUP,
    ),
    "EC2::FlowLog": Case(
        {
            "ResourceId": ref("Vpc"),
            "ResourceType": "VPC",
            "TrafficType": "ALL",
            "LogGroupName": ref("Logs"),
            "DeliverLogsPermissionArn": attribute("Arn", "Role"),
        },
        {
            "ResourceId": ref("Vpc"),
            "ResourceType": "VPC",
            "TrafficType": "REJECT",
            "LogGroupName": ref("Logs"),
            "DeliverLogsPermissionArn": attribute("Arn", "Role"),
        },
        VPC | ROLE | LOGS,
    ),
    "ECS::ClusterCapacityProviderAssociations": Case(
        {"Cluster": ref("Cluster"), "CapacityProviders": ["FARGATE"], "DefaultCapacityProviderStrategy": []},
        {
            "Cluster": ref("Cluster"),
            "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
            "DefaultCapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT", "Weight": "1"}],
        },
        CLUSTER,
    ),
    "ApplicationAutoScaling::ScalableTarget": Case(
        {**SCALABLE, "ScheduledActions": [NIGHT]}, {**SCALABLE, "MaxCapacity": 6}, SERVICE
    ),
    "ApplicationAutoScaling::ScalingPolicy": Case(
        STEP, TRACKING, SERVICE | {"Target": resource("ApplicationAutoScaling::ScalableTarget", **SCALABLE)}
    ),
    "CloudWatch::Alarm": Case(
        {**TEN_ALARM, "AlarmActions": [ref("Topic")], "Tags": TAGS}, {**TEN_ALARM, "Threshold": 20}, TOPIC
    ),
    "CloudWatch::Alarm (metric math)": Case(MATH_ALARM, {**MATH_ALARM, "Threshold": 20}),
    "CloudWatch::CompositeAlarm": Case(
        {"AlarmRule": {"Fn::Sub": "ALARM(${Alarm})"}},
        {"AlarmRule": {"Fn::Sub": "NOT ALARM(${Alarm})"}, "Tags": TAGS},
        {"Alarm": resource("CloudWatch::Alarm", **TEN_ALARM)},
    ),
    "Budgets::Budget": Case(
        BUDGET, {**BUDGET, "Budget": {**BUDGET["Budget"], "BudgetLimit": {"Amount": "50", "Unit": "USD"}}}
    ),
    "IAM::OIDCProvider": Case(
        {"Url": "https://token.actions.githubusercontent.com", "ClientIdList": ["sts.amazonaws.com"]}
    ),
    "IAM::RolePolicy": Case(
        {"PolicyName": "case", "RoleName": ref("Role"), "PolicyDocument": allow("logs:PutLogEvents")},
        {"PolicyName": "case", "RoleName": ref("Role"), "PolicyDocument": allow("logs:CreateLogStream")},
        ROLE,
    ),
    "SecretsManager::ResourcePolicy": Case(
        {"SecretId": ref("Secret"), "ResourcePolicy": allow("secretsmanager:GetSecretValue", Principal="*")},
        {"SecretId": ref("Secret"), "ResourcePolicy": allow("secretsmanager:DescribeSecret", Principal="*")},
        SECRET,
    ),
    "RDS::DBProxy": Case(
        PROXY["Proxy"]["Properties"],
        PROXY["Proxy"]["Properties"] | {"RequireTLS": True},
        NETWORK | ROLE | SECRET,
    ),
    "RDS::DBProxyTargetGroup": Case(
        {"DBProxyName": ref("Proxy"), "TargetGroupName": "default", "DBClusterIdentifiers": [ref("Database")]},
        {
            "DBProxyName": ref("Proxy"),
            "TargetGroupName": "default",
            "DBClusterIdentifiers": [ref("Database")],
            "ConnectionPoolConfigurationInfo": {"MaxConnectionsPercent": "90"},
        },
        NETWORK | ROLE | SECRET | PROXY | DATABASE,
    ),
}
