# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECS's reasons for a failure before the containers run: secrets, logs, volumes, network, capacity.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/failed-to-start-error.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
"""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.rule import ABSENT, DENIED, UNREACHABLE, Rule
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

FETCH = r"pull secrets|retrieve (the )?secret|registry auth|fetch(ing)? secret|Secrets Manager|Parameter Store"
LOG = r"logger|logging driver|log ?group|log stream|awslogs|logs:Create|CloudWatch"
ENVIRONMENT_FILES = r"env(ironment)? ?(variable)? ?files?"
FILE_SYSTEM = r"\bEFS\b|mount\.nfs|\bFSx\b|amazon-efs"
NETWORK_INTERFACE = r"network interface|network namespace|InvalidSubnet|InvalidGroup|(?<!RESOURCE:)\bENI\b"
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html
WAY_TO_SECRETS = (
    "give the subnet a way out: a NAT gateway, the endpoints ecr.api, ecr.dkr, logs, S3's gateway and ssm or "
    "secretsmanager, or in a public subnet assign_public_ip: true"
)
WAY_TO_LOGS = (
    "give the subnet a way to CloudWatch Logs: a NAT gateway, the endpoint logs, or in a public subnet "
    "assign_public_ip: true"
)
WAY_TO_FILES = (
    "give the subnet a way to S3: a NAT gateway, S3's gateway endpoint, or in a public subnet assign_public_ip: true"
)
SERVICE_LINKED_ROLE = "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com"

ROLE_RULES = (
    Rule(
        (r"\bKMS\b|kms:Decrypt", rf"{DENIED}|disabled|pending|DecryptionFailure|NotFoundException"),
        Problem(
            "permission",
            "a KMS key may not be used",
            "let the execution role use kms:Decrypt with the key, and see that the key is enabled",
        ),
    ),
    Rule(
        (r"unable to assume|trust relationship",),
        Problem(
            "permission",
            "a role may not be used",
            "let ecs-tasks.amazonaws.com assume the task's roles: fix their trust policies, or their ARNs",
        ),
    ),
    Rule((r"account.*\bblocked\b",), Problem("permission", "AWS has blocked the account", "ask AWS Support")),
)

NEEDS_RULES = (
    Rule(
        (ENVIRONMENT_FILES, UNREACHABLE), Problem("network", "the environment files could not be reached", WAY_TO_FILES)
    ),
    Rule(
        (ENVIRONMENT_FILES, DENIED),
        Problem(
            "permission",
            "the environment files may not be read, or do not exist",
            "let the execution role s3:GetObject and s3:GetBucketLocation, and check environmentFiles",
        ),
    ),
    Rule(
        (ENVIRONMENT_FILES,),
        Problem("secrets", "the environment files could not be read", "check environmentFiles in S3"),
    ),
    Rule(
        (FETCH, UNREACHABLE), Problem("network", "secrets or the registry's login could not be reached", WAY_TO_SECRETS)
    ),
    Rule(
        (FETCH, DENIED),
        Problem(
            "permission",
            "the execution role may not read what the task needs",
            "allow it what the reason names: ssm:GetParameters, secretsmanager:GetSecretValue or "
            "ecr:GetAuthorizationToken",
        ),
    ),
    Rule(
        (FETCH, r"json key|invalid character|end of JSON|unmarshal"),
        Problem(
            "secrets",
            "a secret has another form than the task definition expects",
            "fix the secret's JSON, or valueFrom in the task definition",
        ),
    ),
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    Rule(
        (FETCH, r"can.?t find the specified secret value"),
        Problem(
            "secrets",
            "a secret has no value",
            "put one: aws secretsmanager put-secret-value; or fix stage and version of valueFrom in the task "
            "definition",
        ),
    ),
    Rule(
        (FETCH, rf"{ABSENT}|invalid (ssm )?parameters|exists"),
        Problem(
            "secrets",
            "a secret or parameter does not exist",
            "create it, or fix valueFrom in the task definition: its name, ARN and region",
        ),
    ),
    Rule(
        (FETCH,),
        Problem(
            "secrets",
            "secrets or the registry's login could not be fetched",
            f"check that they exist and what the execution role may; {WAY_TO_SECRETS}",
        ),
    ),
    Rule((LOG, UNREACHABLE), Problem("network", "CloudWatch Logs could not be reached", WAY_TO_LOGS)),
    Rule(
        (LOG, DENIED),
        Problem(
            "permission",
            "the log may not be written",
            "let the execution role logs:CreateLogStream and logs:PutLogEvents, and logs:CreateLogGroup to make "
            "the group",
        ),
    ),
    Rule(
        (LOG, ABSENT),
        Problem(
            "log_driver",
            "the log group does not exist",
            "create it, fix awslogs-group in the task definition, or set awslogs-create-group",
        ),
    ),
    Rule(
        (LOG, r"Error|failed|cannot|unable"),
        Problem(
            "log_driver",
            "the log driver could not start",
            "fix logConfiguration of the task definition: awslogs-group, awslogs-region and awslogs-stream-prefix",
        ),
    ),
    Rule(
        (FILE_SYSTEM, rf"{DENIED}|(access|permission) denied"),
        Problem(
            "permission",
            "a file system may not be mounted",
            "let the task role elasticfilesystem:ClientMount, and check the access point and the file system's policy",
        ),
    ),
    Rule(
        (FILE_SYSTEM,),
        Problem(
            "network",
            "a file system could not be mounted",
            "give each zone a mount target that lets the tasks in by port 2049, and the VPC DNS hostnames",
        ),
    ),
)

PLACE_RULES = (
    Rule(
        (r"free addresses|InsufficientFreeAddresses",),
        Problem(
            "network",
            "the subnet has no free address",
            "name a larger subnet in network_configuration, or run fewer tasks",
        ),
    ),
    Rule(
        (NETWORK_INTERFACE, DENIED),
        Problem(
            "permission",
            "ECS may not make a network interface",
            f"make its role where it is missing: {SERVICE_LINKED_ROLE}; else run it again",
        ),
    ),
    Rule(
        (r"above your limit|LimitExceeded|reached the limit|rate limit exceeded",),
        Problem(
            "quota",
            "a limit of the account is reached",
            "run fewer tasks, or request a higher quota: Service Quotas, AWS Fargate, Amazon EC2 or Amazon VPC",
        ),
    ),
    Rule(
        (NETWORK_INTERFACE, r"time.?out|timed out|InternalError"),
        Problem("network", "the network interface came too late", "a fault of AWS: run it again"),
    ),
    Rule(
        (NETWORK_INTERFACE,),
        Problem(
            "network",
            "no network interface could be made",
            "check the subnet's free addresses, the security groups, and how many interfaces account and "
            "instance may have",
        ),
    ),
    Rule(
        (r"capacity is unavailable|Insufficient ?(Instance)?Capacity|UnfulfillableCapacity|unable to launch instance",),
        Problem(
            "capacity",
            "AWS has no capacity",
            "try again later, name subnets of more zones, or use spot_fallback: true with FARGATE_SPOT",
        ),
    ),
    Rule(
        (r"RESOURCE:|EMPTY CAPACITY PROVIDER|NO ACTIVE INSTANCES|(?-i:\bAGENT\b)",),
        Problem(
            "capacity",
            "the cluster's instances have no room",
            "add instances, larger ones, or lower the task's cpu and memory; check that their ECS agents are connected",
        ),
    ),
    Rule(
        (r"(?-i:\bATTRIBUTE\b|\bLOCATION\b)|placement constraint",),
        Problem(
            "capacity",
            "no instance of the cluster fits",
            "fix the task definition's network mode, architecture or placementConstraints; name subnets of their zones",
        ),
    ),
    Rule(
        (r"already allocated|address already in use",),
        Problem(
            "capacity",
            "a port of the instance is taken",
            "let hostPort be 0, use network mode awsvpc, or add instances",
        ),
    ),
    Rule(
        (r"not compatible with the selected compute",),
        Problem(
            "never_started",
            "the task definition does not fit where it is launched",
            "fix launch_type or capacity_provider_strategy, or requiresCompatibilities of the task definition",
        ),
    ),
)
