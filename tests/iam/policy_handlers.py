# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The permissions that CloudFormation's resource types name for their handlers, and those that no template needs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from iam_simulator import REGION

# Actions of resource handlers that the templates do not need, by the property that would need them.
NOT_ASKED_FOR = {
    "an address that is transferred, or a VPC's tenancy": "ec2:AcceptAddressTransfer ec2:ModifyVpcTenancy",
    "encryption control of a VPC": "ec2:CreateVpcEncryptionControl",
    "a private NAT gateway": "ec2:AssignPrivateNatGatewayAddress ec2:UnassignPrivateNatGatewayAddress",
    "a VPN gateway": "ec2:AttachVpnGateway ec2:DetachVpnGateway",
    "an endpoint of a lattice, or in another region": "vpc-lattice:CreateServiceNetworkVpcEndpointAssociation "
    "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation vpce:AllowMultiRegion",
    "scheduled scaling": "application-autoscaling:PutScheduledAction application-autoscaling:DeleteScheduledAction",
    "scaling of Lambda": "lambda:GetProvisionedConcurrencyConfig lambda:PutProvisionedConcurrencyConfig "
    "lambda:DeleteProvisionedConcurrencyConfig",
    "an import of a table": "dynamodb:DescribeImport dynamodb:ImportTable s3:GetObject s3:GetObjectMetadata "
    "s3:ListBucket logs:CreateLogStream logs:DescribeLogStreams logs:PutLogEvents",
    "a stream into Kinesis": "dynamodb:EnableKinesisStreamingDestination dynamodb:DisableKinesisStreamingDestination "
    "dynamodb:UpdateKinesisStreamingDestination kinesis:DescribeStream kinesis:PutRecords",
    "a policy of the table": "dynamodb:PutResourcePolicy dynamodb:DeleteResourcePolicy",
    "a replica of the table": "dynamodb:CreateTableReplica dynamodb:AssociateTableReplica dynamodb:Scan "
    "dynamodb:Query dynamodb:UpdateItem dynamodb:PutItem dynamodb:GetItem dynamodb:DeleteItem dynamodb:BatchWriteItem",
    "flow logs into S3 or of an autoscaling group": "s3:GetBucketPolicy s3:PutBucketPolicy autoscaling:DescribeTags",
    "account settings of ECS": "ecs:PutAccountSetting ecs:PutAccountSettingDefault",
    "a role without its boundary": "iam:DeleteRolePermissionsBoundary",
    "policies and delivery of a log group": "logs:PutDataProtectionPolicy logs:DeleteDataProtectionPolicy "
    "logs:PutIndexPolicy logs:DeleteIndexPolicy logs:PutResourcePolicy logs:DeleteResourcePolicy "
    "logs:PutBearerTokenAuthentication logs:PutLogGroupDeletionProtection s3:REST.PUT.OBJECT "
    "firehose:TagDeliveryStream",
    "data protection of the topic": "sns:PutDataProtectionPolicy",
    "a shared billing view": "billing:GetBillingViewData",
}
# The same, of types that only descriptions have.
NOT_ASKED_FOR_BY_DESCRIPTIONS = {
    "replicas of a secret": "secretsmanager:ReplicateSecretToRegions secretsmanager:RemoveRegionsFromReplication",
    "replication, policies and protection of a file system": "elasticfilesystem:CreateReplicationConfiguration "
    "elasticfilesystem:DeleteReplicationConfiguration elasticfilesystem:PutFileSystemPolicy "
    "elasticfilesystem:DeleteFileSystemPolicy elasticfilesystem:UpdateFileSystemProtection "
    "elasticfilesystem:UpdateFileSystem",
    "a key of its own of a file system": "kms:CreateGrant kms:DescribeKey kms:GenerateDataKeyWithoutPlaintext",
    "login at a listener": "cognito-idp:DescribeUserPoolClient",
    "addresses and reserved capacity of a load balancer": "ec2:DescribeIpamPools "
    "elasticloadbalancing:ModifyCapacityReservation elasticloadbalancing:ModifyIpPools "
    "elasticloadbalancing:SetIpAddressType",
    "certificates of a private authority": "acm-pca:IssueCertificate acm-pca:GetCertificate",
    "logs, features and networks of a hosted zone": "route53:CreateQueryLoggingConfig "
    "route53:DeleteQueryLoggingConfig route53:UpdateHostedZoneFeatures route53:AssociateVPCWithHostedZone "
    "route53:DisassociateVPCFromHostedZone",
    "replicas, roles, restored copies and the data API of a database": "rds:AddRoleToDBCluster "
    "rds:RemoveRoleFromDBCluster rds:AddRoleToDBInstance rds:RemoveRoleFromDBInstance rds:CreateDBInstanceReadReplica "
    "rds:PromoteReadReplica rds:CreateDBSnapshot rds:DisableHttpEndpoint rds:EnableHttpEndpoint "
    "rds:RemoveFromGlobalCluster rds:RestoreDBClusterFromSnapshot rds:RestoreDBClusterToPointInTime "
    "rds:RestoreDBInstanceFromDBSnapshot rds:RestoreDBInstanceToPointInTime "
    "rds:StartDBInstanceAutomatedBackupsReplication rds:StopDBInstanceAutomatedBackupsReplication",
    "a monitoring role of a database": "iam:ListRoles",
    "the login of another kind of database": "docdb-elastic:GetCluster redshift-serverless:GetNamespace "
    "redshift-serverless:ListWorkgroups redshift:DescribeClusters",
    "targets that a template names": "elasticloadbalancing:RegisterTargets elasticloadbalancing:DeregisterTargets",
}
OF_DESCRIPTIONS = set(" ".join(NOT_ASKED_FOR_BY_DESCRIPTIONS.values()).split())
EXCUSED = set(" ".join([*NOT_ASKED_FOR.values(), *NOT_ASKED_FOR_BY_DESCRIPTIONS.values()]).split())
# Actions of the service role that no resource handler names, by the reason for the grant.
BEYOND_HANDLERS = {
    "ec2:DescribeAvailabilityZones": "Fn::GetAZs of the network's template",
    "kms:GenerateDataKey*": "a table with a key of its own, "
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html",
}
# The same, for types that only descriptions have: https://docs.aws.amazon.com/efs/latest/ug/API_CreateMountTarget.html
BEYOND_FOR_DESCRIPTIONS = {
    "ec2:CreateNetworkInterface": "a mount target",
    "ec2:DeleteNetworkInterface": "a mount target that goes",
    "ec2:ModifyNetworkInterfaceAttribute": "other security groups of a mount target",
}


@cache
def _handlers(type_: str) -> dict[str, Any]:
    found: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema.get("handlers", {})
    return found


def handler_permissions(types: Iterable[str], *kinds: str) -> set[str]:
    """Return the permissions that resource types name for their handlers of some kinds, such as create."""
    return {
        permission
        for type_ in types
        for kind in set(kinds) & _handlers(type_).keys()
        for permission in _handlers(type_)[kind]["permissions"]
    }
