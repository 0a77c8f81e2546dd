# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List prices of what costs money while it exists, and of what is paid by use: on demand, us-east-1, USD.

The date of all is that of the prices of Fargate. Each price has AWS's page that lists it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.fargate import MONTH


class Price(NamedTuple):
    """A price of what exists.

    Attributes:
        noun: what has the price, in the singular.
        month: USD for one of it, for a month of 730 hours.
        page: AWS's page of prices.
    """

    noun: str
    month: float
    page: str


VPC, AURORA = "https://aws.amazon.com/vpc/pricing/", "https://aws.amazon.com/rds/aurora/pricing/"
PRIVATE_LINK, EFS = "https://aws.amazon.com/privatelink/pricing/", "https://aws.amazon.com/efs/pricing/"
ELASTIC_LOAD_BALANCING = "https://aws.amazon.com/elasticloadbalancing/pricing/"
CLOUDWATCH, SQS = "https://aws.amazon.com/cloudwatch/pricing/", "https://aws.amazon.com/sqs/pricing/"

NAT_GATEWAY = Price("NAT gateway", 0.045 * MONTH, VPC)
PUBLIC_ADDRESS = Price("public IPv4 address", 0.005 * MONTH, VPC)
ENDPOINT = Price("zonal interface endpoint", 0.01 * MONTH, PRIVATE_LINK)
LOAD_BALANCER = Price("load balancer", 0.0225 * MONTH, ELASTIC_LOAD_BALANCING)
CAPACITY_UNIT = Price("Aurora capacity unit", 0.12 * MONTH, AURORA)
# Of a target that is Aurora Serverless v2; at least PROXY_UNITS of them are paid for each proxy.
PROXY_UNIT = Price("Aurora capacity unit behind a proxy", 0.015 * MONTH, "https://aws.amazon.com/rds/proxy/pricing/")
PROXY_UNITS = 8
KEY = Price("KMS key", 1.0, "https://aws.amazon.com/kms/pricing/")
# The first two rotations of a key raise its price by that of a key each; later ones are free.
PAID_ROTATIONS = 2
SECRET = Price("secret", 0.4, "https://aws.amazon.com/secrets-manager/pricing/")
HOSTED_ZONE = Price("hosted zone", 0.5, "https://aws.amazon.com/route53/pricing/")
ALARM_METRIC = Price("alarm metric", 0.1, CLOUDWATCH)
DASHBOARD = Price("dashboard", 3.0, CLOUDWATCH)
# Free in an account each month.
FREE_ALARM_METRICS, FREE_DASHBOARDS = 10, 3

# What is paid by use, by the type of the resource: words for it, and the page.
BY_USE: Mapping[str, tuple[str, str]] = {
    "AWS::EC2::NatGateway": ("traffic through NAT gateways, $0.045 a GB", VPC),
    "AWS::EC2::VPCEndpoint": ("traffic through interface endpoints, $0.01 a GB", PRIVATE_LINK),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        "load balancer capacity units, $0.008 an hour each",
        ELASTIC_LOAD_BALANCING,
    ),
    "AWS::RDS::DBCluster": ("Aurora's storage, $0.10 a GB, and requests to it, $0.20 a million", AURORA),
    "AWS::EFS::FileSystem": ("files in EFS, $0.30 a GB, and their backups, $0.05 a GB", EFS),
    "AWS::Logs::LogGroup": ("logs, $0.50 a GB written and $0.03 a GB kept", CLOUDWATCH),
    "AWS::SQS::Queue": ("requests to SQS, $0.40 a million after the first", SQS),
    "AWS::FIS::ExperimentTemplate": (
        "experiments, $0.10 a minute of an action",
        "https://aws.amazon.com/fis/pricing/",
    ),
}
# Without a price of its own, by the service and the resource.
FREE = frozenset(
    {
        *(f"AWS::ApplicationAutoScaling::{name}" for name in ("ScalableTarget", "ScalingPolicy")),
        *(f"AWS::EC2::{name}" for name in ("SecurityGroup", "SecurityGroupEgress", "SecurityGroupIngress")),
        *(f"AWS::ECS::{name}" for name in ("Service", "TaskDefinition")),
        *(f"AWS::EFS::{name}" for name in ("AccessPoint", "MountTarget")),
        *(f"AWS::ElasticLoadBalancingV2::{name}" for name in ("Listener", "ListenerRule", "TargetGroup")),
        *(f"AWS::RDS::{name}" for name in ("DBSubnetGroup", "DBClusterParameterGroup", "DBProxyTargetGroup")),
        *("AWS::Budgets::Budget", "AWS::Events::Rule", "AWS::IAM::Role", "AWS::Scheduler::Schedule"),
        # A public certificate, and queries for an alias of a load balancer:
        # https://aws.amazon.com/certificate-manager/pricing/, https://aws.amazon.com/route53/pricing/
        *("AWS::CertificateManager::Certificate", "AWS::Route53::RecordSet"),
        *("AWS::KMS::Alias", "AWS::SecretsManager::SecretTargetAttachment"),
        # Where Service Connect uses it: https://aws.amazon.com/cloud-map/pricing/
        "AWS::ServiceDiscovery::HttpNamespace",
        "AWS::SQS::QueuePolicy",
    }
)
