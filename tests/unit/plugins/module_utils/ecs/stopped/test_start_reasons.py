# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.reasons import rule_for
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.start_reasons import (
    NEEDS_RULES,
    PLACE_RULES,
    ROLE_RULES,
)

ECR = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
INIT = "ResourceInitializationError: "
FETCH = INIT + "unable to pull secrets or registry auth: "
ROLE = "arn:aws:sts::111122223333:assumed-role/exec/1"
OCI = "CannotStartContainerError: Error response from daemon: failed to create task for container: failed to create "
OCI += "shim task: OCI runtime create failed: runc create failed: unable to start container process: "

# What is said of tasks that cannot start; the kind of it, and a word of the remedy.
WORDINGS = [
    # Secrets and the registry's login
    (
        "network",
        "secretsmanager",
        FETCH + "The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and "
        'Amazon ECR. Check your task network configuration. RequestError: send request failed caused by: Post "https://'
        'api.ecr.us-east-1.amazonaws.com/": dial tcp 52.46.1.1:443: i/o timeout',
    ),
    (
        "network",
        "ssm",
        FETCH
        + "execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried "
        "5 time(s): RequestCanceled: request context canceled caused by: context deadline exceeded",
    ),
    (
        "network",
        "secretsmanager",
        FETCH + "unable to retrieve secret from asm: operation error Secrets Manager: GetSecretValue, https response "
        "error StatusCode: 0, RequestID: , canceled",
    ),
    (
        "permission",
        "secretsmanager:GetSecretValue",
        FETCH
        + "execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 "
        f"time(s): failed to fetch secret x from secrets manager: AccessDeniedException: User: {ROLE} is not "
        "authorized to perform: secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:1:secret:logger-1",
    ),
    (
        "permission",
        "kms:Decrypt",
        FETCH + "AccessDeniedException: Access to KMS is not allowed. The ciphertext refers to a customer key: not "
        "authorized to perform: kms:Decrypt",
    ),
    (
        "permission",
        "kms:Decrypt",
        FETCH + "unable to retrieve secrets from ssm: KMS.DisabledException: key is disabled",
    ),
    (
        "secrets",
        "valueFrom",
        "ResourceNotFoundException: The task can't retrieve the secret with ARN 'arn:x' from AWS Secrets Manager. "
        "Check whether the secret exists in the specified Region.",
    ),
    ("secrets", "valueFrom", FETCH + "unable to retrieve secrets from ssm: invalid ssm parameters: /app/x"),
    ("secrets", "JSON", FETCH + "retrieved secret from Secrets Manager did not contain json key password"),
    ("secrets", "JSON", FETCH + "invalid character 'p' in literal true (expecting 'r')"),
    (
        "secrets",
        "execution role",
        FETCH
        + "execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried "
        "3 time(s)",
    ),
    # The log
    (
        "log_driver",
        "awslogs-create-group",
        INIT
        + "failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log "
        "stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1",
    ),
    ("log_driver", "awslogs-group", INIT + "failed to validate logger args: cannot find the log group"),
    ("log_driver", "awslogs-region", INIT + "failed to validate logger args: awslogs-region is required"),
    (
        "log_driver",
        "logConfiguration",
        "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create",
    ),
    (
        "network",
        "logs",
        INIT
        + "failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task "
        "definition. There is a connection issue between the task and Amazon CloudWatch. Check your network "
        "configuration. : signal: killed",
    ),
    (
        "permission",
        "logs:CreateLogStream",
        INIT
        + "failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log "
        f"stream: AccessDeniedException: User: {ROLE} is not authorized to perform: logs:CreateLogStream on x",
    ),
    # Files
    (
        "network",
        "S3's gateway",
        INIT + "failed to download env files: file download command: non empty error stream: "
        "RequestCanceled: request context canceled",
    ),
    (
        "permission",
        "s3:GetObject",
        INIT + "failed to download env files: service call has been retried 1 time(s): operation "
        "error S3: HeadObject, https response error StatusCode: 403, api error Forbidden: Forbidden.",
    ),
    ("secrets", "environmentFiles", INIT + "failed to download env files: file x not found"),
    (
        "network",
        "2049",
        INIT + 'failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve "fs-1'
        '.efs.us-east-1.amazonaws.com" - check that your file system ID is correct',
    ),
    (
        "network",
        "2049",
        INIT + "failed to invoke EFS utils commands to set up EFS volumes: mount.nfs4: mount system call failed",
    ),
    (
        "permission",
        "ClientMount",
        INIT + "failed to invoke EFS utils commands to set up EFS volumes: stderr: b'mount.nfs4: "
        "access denied by server while mounting 127.0.0.1:/'",
    ),
    # Place and network
    (
        "network",
        "larger subnet",
        "Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-1': "
        "InsufficientFreeAddressesInSubnet",
    ),
    (
        "network",
        "free addresses",
        "Unexpected EC2 error while attempting to Create Network Interface with public IP "
        "assignment enabled in subnet 'subnet-1'",
    ),
    (
        "network",
        "security groups",
        "Unexpected EC2 error while attempting to Create Network Interface: InvalidGroup.NotFound",
    ),
    ("network", "run it again", "Timeout waiting for network interface provisioning to complete."),
    ("network", "interfaces", "Unable to attach network interface to unused device index"),
    (
        "permission",
        "service-linked-role",
        "Unexpected EC2 error while attempting to Create Network Interface: AuthFailure",
    ),
    ("quota", "higher quota", "Rate limit exceeded while attempting to Create Network Interface"),
    ("quota", "higher quota", "You've reached the limit on the number of vCPUs you can run concurrently"),
    ("quota", "higher quota", "The requested CPU configuration is above your limit"),
    ("quota", "higher quota", INIT + "Unable to launch instance(s) for capacity provider p. VcpuLimitExceeded: more"),
    (
        "capacity",
        "more zones",
        "Capacity is unavailable at this time. Please try again later or in a different availability zone",
    ),
    ("capacity", "later", INIT + "Unable to launch instance(s) for capacity provider p. UnfulfillableCapacity: Unable"),
    ("capacity", "add instances", "TaskFailedToStart: RESOURCE:MEMORY"),
    ("capacity", "add instances", "TaskFailedToStart: RESOURCE:ENI"),
    ("capacity", "add instances", "TaskFailedToStart: EMPTY CAPACITY PROVIDER"),
    ("capacity", "add instances", "TaskFailedToStart: NO ACTIVE INSTANCES"),
    ("capacity", "agents are connected", "TaskFailedToStart: AGENT"),
    ("capacity", "network mode", "TaskFailedToStart: ATTRIBUTE"),
    ("capacity", "placementConstraints", "TaskFailedToStart: MemberOf placement constraint unsatisfied"),
    ("capacity", "hostPort", OCI + "Bind for 0.0.0.0:80 failed: port is already allocated"),
    (
        "never_started",
        "launch_type",
        "The selected task definition is not compatible with the selected compute strategy",
    ),
    (
        "permission",
        "trust policies",
        "ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided for this "
        "task. Please verify that the role being passed has the proper trust relationship and permissions",
    ),
    ("permission", "AWS Support", "unable to place a task because your account is currently blocked."),
]


@pytest.mark.parametrize(("kind", "remedy", "reason"), WORDINGS, ids=[reason[-48:] for *others, reason in WORDINGS])
def test_a_wording_has_its_kind_and_remedy(kind: str, remedy: str, reason: str) -> None:
    rule = rule_for([reason])
    assert rule is not None and (rule.kind, remedy in rule.remedy) == (kind, True), rule


def test_every_rule_is_the_one_for_some_wording() -> None:
    used = {rule_for([reason]) for *others, reason in WORDINGS}
    assert [rule for rule in (*ROLE_RULES, *NEEDS_RULES, *PLACE_RULES) if rule not in used] == []
