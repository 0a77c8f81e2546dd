# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource types of systems that MiniStack itself knows: how each is created, and how it is changed."""

from __future__ import annotations

from resource_cases import (
    CLUSTER,
    CONTAINER,
    GROUP,
    GROUP_ID,
    LOGS,
    NETWORK,
    ROLE,
    SECRET,
    SUBNET_IDS,
    TAGS,
    TOPIC,
    TRUST,
    VPC,
    Case,
    Properties,
    allow,
    attribute,
    ref,
    resource,
)

ANYWHERE = "0.0.0.0/0"
KEY: Properties = {"KeyPolicy": allow("kms:*", Principal={"AWS": "*"})}
QUEUE = {"Queue": resource("SQS::Queue")}
ROUTES = {"Routes": resource("EC2::RouteTable", VpcId=ref("Vpc"))}
GATEWAY = {"Gateway": resource("EC2::InternetGateway")}
ATTACHED = {
    "Attachment": resource("EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
}
FILES = {"Files": resource("EFS::FileSystem", Encrypted=True)}
TARGETS: Properties = {"Port": 8000, "Protocol": "HTTP", "TargetType": "ip", "VpcId": ref("Vpc")}
FORWARD = [{"Type": "forward", "TargetGroupArn": ref("Targets")}]
REFUSAL = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"}}]
BALANCER: Properties = {"Scheme": "internal", "Subnets": SUBNET_IDS, "SecurityGroups": [GROUP_ID]}
BALANCED = {
    **NETWORK,
    **GROUP,
    "Balancer": resource("ElasticLoadBalancingV2::LoadBalancer", **BALANCER),
    "Targets": resource("ElasticLoadBalancingV2::TargetGroup", **TARGETS),
}
LISTENER: Properties = {"LoadBalancerArn": ref("Balancer"), "Port": 80, "Protocol": "HTTP", "DefaultActions": FORWARD}
LISTENING = BALANCED | {"Listener": resource("ElasticLoadBalancingV2::Listener", **LISTENER)}
RULE: Properties = {
    "ListenerArn": ref("Listener"),
    "Priority": 1,
    "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}}],
    "Actions": FORWARD,
}
ZONE = {"Zone": resource("Route53::HostedZone", Name="case.example.com.")}
RECORD: Properties = {"HostedZoneId": ref("Zone"), "Name": "a.case.example.com.", "Type": "A", "TTL": "60"}
NAMES = {"Names": resource("ServiceDiscovery::PrivateDnsNamespace", Name="case.local", Vpc=ref("Vpc"))}
DISCOVERY: Properties = {
    "Name": "web",
    "NamespaceId": ref("Names"),
    "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 10}]},
}
TABLE: Properties = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}
EVENTS: Properties = {
    "EventPattern": {"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"]},
    "Targets": [{"Arn": ref("Topic"), "Id": "topic"}],
}
POLICY: Properties = {"PolicyName": "case", "PolicyDocument": allow("logs:PutLogEvents"), "Roles": [ref("Role")]}
ENDPOINT: Properties = {
    "VpcId": ref("Vpc"),
    "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.dynamodb"},
    "VpcEndpointType": "Gateway",
    "RouteTableIds": [ref("Routes")],
}
TASK: Properties = {"Cpu": "256", "Memory": "512", "NetworkMode": "awsvpc", "ContainerDefinitions": [CONTAINER]}
SERVICE: Properties = {"Cluster": ref("Cluster"), "TaskDefinition": ref("Task"), "DesiredCount": 0}

KNOWN = {
    "CertificateManager::Certificate": Case(
        {"DomainName": "a.example.com", "ValidationMethod": "DNS"},
        {"DomainName": "a.example.com", "ValidationMethod": "DNS", "Tags": TAGS},
    ),
    "CloudFormation::WaitConditionHandle": Case({}),
    "CloudWatch::Dashboard": Case({"DashboardBody": '{"widgets": []}'}, {"DashboardBody": '{"start": "-PT1H"}'}),
    "DynamoDB::Table": Case(TABLE, {**TABLE, "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True}}),
    "EC2::InternetGateway": Case({}, {"Tags": TAGS}),
    "EC2::Route": Case(
        {"RouteTableId": ref("Routes"), "DestinationCidrBlock": ANYWHERE, "GatewayId": ref("Gateway")},
        {"RouteTableId": ref("Routes"), "DestinationCidrBlock": "1.0.0.0/8", "GatewayId": ref("Gateway")},
        VPC | ROUTES | GATEWAY | ATTACHED,
    ),
    "EC2::RouteTable": Case({"VpcId": ref("Vpc")}, {"VpcId": ref("Vpc"), "Tags": TAGS}, VPC),
    "EC2::SecurityGroup": Case(
        {"GroupDescription": "case", "VpcId": ref("Vpc")},
        {
            "GroupDescription": "case",
            "VpcId": ref("Vpc"),
            "SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "CidrIp": ANYWHERE}],
        },
        VPC,
    ),
    "EC2::Subnet": Case(
        {"VpcId": ref("Vpc"), "CidrBlock": "10.0.0.0/24"},
        {"VpcId": ref("Vpc"), "CidrBlock": "10.0.0.0/24", "MapPublicIpOnLaunch": True},
        VPC,
    ),
    "EC2::SubnetRouteTableAssociation": Case(
        {"RouteTableId": ref("Routes"), "SubnetId": ref("Subneta")},
        {"RouteTableId": ref("Routes"), "SubnetId": ref("Subnetb")},
        NETWORK | ROUTES,
    ),
    "EC2::VPC": Case({"CidrBlock": "10.0.0.0/16"}, {"CidrBlock": "10.0.0.0/16", "Tags": TAGS}),
    "EC2::VPCEndpoint": Case(
        ENDPOINT,
        {**ENDPOINT, "PolicyDocument": allow("dynamodb:GetItem", Principal="*")},
        VPC | ROUTES,
    ),
    "EC2::VPCGatewayAttachment": Case({"VpcId": ref("Vpc"), "InternetGatewayId": ref("Gateway")}, needs=VPC | GATEWAY),
    "ECR::Repository": Case(
        {"ImageScanningConfiguration": {"ScanOnPush": True}}, {"ImageScanningConfiguration": {"ScanOnPush": False}}
    ),
    "ECS::Cluster": Case({}, {"ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}]}),
    "ECS::Service": Case(
        SERVICE,
        {**SERVICE, "EnableExecuteCommand": True, "HealthCheckGracePeriodSeconds": 30},
        CLUSTER | {"Task": resource("ECS::TaskDefinition", **TASK)},
    ),
    "ECS::TaskDefinition": Case(TASK, {**TASK, "Cpu": "512", "Memory": "1024"}),
    "EFS::AccessPoint": Case(
        {
            "FileSystemId": ref("Files"),
            "PosixUser": {"Uid": "1000", "Gid": "1000"},
            "RootDirectory": {"Path": "/sessions"},
        },
        needs=FILES,
    ),
    "EFS::FileSystem": Case({"Encrypted": True}, {"Encrypted": True, "ThroughputMode": "elastic"}),
    "EFS::MountTarget": Case(
        {"FileSystemId": ref("Files"), "SubnetId": ref("Subneta"), "SecurityGroups": [GROUP_ID]},
        needs=NETWORK | GROUP | FILES,
    ),
    "ElasticLoadBalancingV2::Listener": Case(LISTENER, {**LISTENER, "DefaultActions": REFUSAL}, BALANCED),
    "ElasticLoadBalancingV2::ListenerRule": Case(RULE, {**RULE, "Priority": 2}, LISTENING),
    "ElasticLoadBalancingV2::LoadBalancer": Case(
        BALANCER,
        {**BALANCER, "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "120"}]},
        NETWORK | GROUP,
    ),
    "ElasticLoadBalancingV2::TargetGroup": Case(TARGETS, {**TARGETS, "HealthCheckPath": "/health"}, VPC),
    "Events::Rule": Case(EVENTS, {**EVENTS, "State": "DISABLED"}, TOPIC),
    "IAM::ManagedPolicy": Case(
        {"PolicyDocument": allow("logs:PutLogEvents"), "Roles": [ref("Role")]},
        {"PolicyDocument": allow("logs:CreateLogStream"), "Roles": [ref("Role")]},
        ROLE,
    ),
    "IAM::Policy": Case(POLICY, {**POLICY, "PolicyDocument": allow("logs:CreateLogStream")}, ROLE),
    "IAM::Role": Case(
        {"AssumeRolePolicyDocument": TRUST},
        {
            "AssumeRolePolicyDocument": TRUST,
            "Policies": [{"PolicyName": "case", "PolicyDocument": allow("logs:PutLogEvents")}],
        },
    ),
    "KMS::Alias": Case(
        {"AliasName": "alias/case", "TargetKeyId": ref("Key")}, needs={"Key": resource("KMS::Key", **KEY)}
    ),
    "KMS::Key": Case(KEY, {**KEY, "Description": "case"}),
    "Logs::LogGroup": Case({"RetentionInDays": 30}, {"RetentionInDays": 7}),
    "Logs::MetricFilter": Case(
        {
            "LogGroupName": ref("Logs"),
            "FilterPattern": "ERROR",
            "MetricTransformations": [{"MetricName": "Errors", "MetricNamespace": "Case", "MetricValue": "1"}],
        },
        needs=LOGS,
    ),
    "Route53::HostedZone": Case({"Name": "case.example.org."}, {"Name": "case.example.org.", "HostedZoneTags": TAGS}),
    "Route53::RecordSet": Case(
        {**RECORD, "ResourceRecords": ["10.0.0.1"]}, {**RECORD, "ResourceRecords": ["10.0.0.2"]}, ZONE
    ),
    "S3::Bucket": Case({}, {"VersioningConfiguration": {"Status": "Enabled"}}),
    "SNS::Subscription": Case(
        {"TopicArn": ref("Topic"), "Protocol": "email", "Endpoint": "a@example.com"},
        {"TopicArn": ref("Topic"), "Protocol": "email", "Endpoint": "b@example.com"},
        TOPIC,
    ),
    "SNS::Topic": Case({"DisplayName": "one"}, {"DisplayName": "two"}),
    "SNS::TopicPolicy": Case(
        {
            "Topics": [ref("Topic")],
            "PolicyDocument": allow("sns:Publish", Principal={"Service": "cloudwatch.amazonaws.com"}),
        },
        needs=TOPIC,
    ),
    "SQS::Queue": Case(
        {"VisibilityTimeout": 60},
        {
            "VisibilityTimeout": 90,
            "RedrivePolicy": {"deadLetterTargetArn": attribute("Arn", "Dead"), "maxReceiveCount": 3},
        },
        {"Dead": resource("SQS::Queue")},
    ),
    "SQS::QueuePolicy": Case(
        {"Queues": [ref("Queue")], "PolicyDocument": allow("sqs:SendMessage", Principal="*")}, needs=QUEUE
    ),
    "SSM::Parameter": Case(
        {"Name": "/case/value", "Type": "String", "Value": "one"},
        {"Name": "/case/value", "Type": "String", "Value": "two"},
    ),
    "SecretsManager::Secret": Case(
        SECRET["Secret"]["Properties"], {**SECRET["Secret"]["Properties"], "Description": "case"}
    ),
    "ServiceDiscovery::HttpNamespace": Case({"Name": "case-http"}, {"Name": "case-http", "Description": "case"}),
    "ServiceDiscovery::PrivateDnsNamespace": Case(
        {"Name": "case.test", "Vpc": ref("Vpc")}, {"Name": "case.test", "Vpc": ref("Vpc"), "Description": "case"}, VPC
    ),
    "ServiceDiscovery::Service": Case(
        DISCOVERY, {**DISCOVERY, "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 20}]}}, VPC | NAMES
    ),
}
