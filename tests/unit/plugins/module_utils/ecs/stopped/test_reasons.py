# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for the reasons of ECS, each with messages of ECS, its agents and the container runtimes."""

from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.reasons import RULES, problem_for

ECR = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
PULL = "CannotPullContainerError: "
INIT = "ResourceInitializationError: "
FETCH = INIT + "unable to pull secrets or registry auth: "
ROLE = "arn:aws:sts::111122223333:assumed-role/exec/1"
UNRESOLVED = f"{PULL}pull image manifest has been retried 5 time(s): failed to resolve ref {ECR}/app:1: "
OCI = "CannotStartContainerError: Error response from daemon: failed to create task for container: failed to create "
OCI += "shim task: OCI runtime create failed: runc create failed: unable to start container process: "

# The kind, a word of the remedy, and the reason.
START = [
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
    (
        "secrets",
        "put-secret-value",
        FETCH + "unable to retrieve secret from asm: failed to fetch secret arn:x from secrets manager: "
        "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: "
        "AWSCURRENT",
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
    # Placement and network
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
IMAGES = [
    ("image", "push it", UNRESOLVED + f"{ECR}/app:1: not found"),
    ("image", "push it", f"{PULL}API error (404): repository {ECR}/app not found"),
    (
        "image",
        "push it",
        f"{PULL}Error response from daemon: manifest for {ECR}/app:1 not found: manifest unknown: ...",
    ),
    (
        "image",
        "push it",
        f"{PULL}ref pull has been retried 1 time(s): RepositoryNotFoundException: The repository does",
    ),
    ("image", "push it", INIT + "unable to pull image: 404 Client Error: Not Found"),
    ("image", "push it", "CannotCreateContainerError: Error response from daemon: No such image: app:1"),
    (
        "image",
        "repositoryCredentials",
        f"{PULL}The task can\u2019t pull the image. Check whether the image exists. Error response from daemon: pull "
        "access denied for app, repository does not exist or may require 'docker login': denied: requested access to "
        "the resource is denied",
    ),
    ("image", "fix its name", f"{PULL}Unable to pull: invalid reference format"),
    ("image", "anew", f"{PULL}ref pull has been retried 1 time(s): number of layers and diffIDs don't match: 3 != 15"),
    ("image", "execution role", f"{PULL}ref pull has been retried 1 time(s): something new"),
    (
        "architecture",
        "--platform",
        f"{PULL}pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching "
        "platform 'linux/amd64'",
    ),
    ("architecture", "--platform", f"{PULL}no matching manifest for linux/arm64/v8 in the manifest list entries"),
    ("architecture", "--platform", OCI + 'exec: "/run.sh": exec format error: unknown'),
    ("quota", "in ECR", f"{PULL}ERROR: toomanyrequests: Too Many Requests."),
    ("quota", "in ECR", f"{PULL}You have reached your pull rate limit. You may increase the limit by authenticating"),
    ("disk", "ephemeral_storage", f"{PULL}write /var/lib/docker/tmp/GetImageBlob111111111: no space left on device"),
    (
        "permission",
        "AmazonECSTaskExecutionRolePolicy",
        f"{PULL}The task can\u2019t pull the image. Check that the role has the permissions to pull images from the "
        f"registry. Error response from daemon: pull access denied for {ECR}/app, repository does not exist or may "
        f"require 'docker login': denied: User: {ROLE} is not authorized to perform: ecr:BatchGetImage on resource: x",
    ),
    ("permission", "AmazonECSTaskExecutionRolePolicy", f"{PULL}AccessDeniedException: no"),
    ("permission", "execution role", f"{PULL}API error (500): Get https://{ECR}/v2/: no basic auth credentials"),
    (
        "permission",
        "repositoryCredentials",
        f"{PULL}failed to authorize: failed to fetch oauth token: 401 Unauthorized",
    ),
    (
        "permission",
        "starport-layer-bucket",
        f"{PULL}ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: unexpected status "
        "code https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/1: 403 Forbidden",
    ),
    (
        "network",
        "ecr.dkr",
        UNRESOLVED + f'failed to do request: Head "https://{ECR}/v2/": dial tcp 10.0.1.2:443: i/o timeout',
    ),
    (
        "network",
        "a NAT gateway",
        f"{PULL}The task cannot pull 'app' from the Amazon ECR repository '{ECR}/app'. There is a connection issue "
        "between the task and Amazon ECR. Check your task network configuration.",
    ),
    (
        "network",
        "ecr.api",
        f"{PULL}The task can\u2019t pull the image. Check your network configuration. Error response",
    ),
    (
        "network",
        "ecr.api",
        f"{PULL}API error (500): Get https://{ECR}/v2/: net/http: request canceled while waiting for connection",
    ),
    ("network", "ecr.api", f"{PULL}context canceled"),
    (
        "network",
        "S3's gateway",
        f"{PULL}ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: failed open",
    ),
    (
        "network",
        "ecr.api",
        f"{PULL}pull command failed: panic: runtime error: invalid memory address or nil pointer dereference",
    ),
    ("network", "ecr.api", f"{PULL}error pulling image configuration: download failed"),
    (
        "network",
        "way to the internet",
        f"{PULL}pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/busybox:1: failed to "
        'do request: Head "https://registry-1.docker.io/v2/busybox/manifests/1": dial tcp 44.2.6.7:443: i/o timeout',
    ),
]
ENDS = [
    (
        "disk",
        "ephemeral_storage",
        "CannotCreateContainerError: API error (500): devmapper: Thin Pool has 4350 free data",
    ),
    # The container
    ("memory", "raise the memory", "OutOfMemoryError: Container killed due to memory usage"),
    ("memory", "raise the memory", "OutOfMemory: container killed due to high memory usage"),
    ("memory", "raise the memory", OCI + "container init was OOM-killed (memory limit too low?): unknown"),
    (
        "command",
        "of the service or job",
        "ResourceInitializationError: unable to pull image or start container: 400 Client Error: no command specified",
    ),
    (
        "command",
        "of the service or job",
        "CannotCreateContainerError: Error response from daemon: No command specified",
    ),
    ("command", "fix command", OCI + 'exec: "node index.js": executable file not found in $PATH: unknown'),
    ("command", "in the image", OCI + 'exec: "/run.sh": stat /run.sh: no such file or directory: unknown'),
    ("command", "executable", OCI + 'exec: "/run.sh": permission denied: unknown'),
    (
        "command",
        "in the image",
        f"CannotStartContainerError: {INIT}failed to create new container runtime task: OCI runtime create failed: "
        'starting container process caused: exec: "/run.sh": stat /run.sh...no such file or direct...',
    ),
    (
        "never_started",
        "startTimeout",
        "DockerTimeoutError: Could not transition to started; timed out after waiting 3m0s",
    ),
    (
        "never_started",
        "startTimeout",
        "ContainerRuntimeTimeoutError: Could not transition to running; timed out after 1m",
    ),
    ("never_started", "ulimits", "CannotCreateContainerError: API error (500): Conflict"),
    ("never_started", "ulimits", "CannotStartContainerError: failed to get container status: x"),
    ("never_started", "volumes", "CannotCreateVolumeError: Cannot create volume"),
    ("never_started", "run it again", "ContainerRuntimeError: failed to create container IO set"),
    ("never_started", "run it again", "InternalError: unexpected"),
    ("never_started", "run it again", "Timeout waiting for EphemeralStorage provisioning to complete."),
    ("never_started", "execution role", INIT + "failed to do something new"),
    # The end of the container
    ("spot", "FARGATE", "Your Spot Task was interrupted."),
    ("health", "healthCheck", "Task failed container health checks"),
    ("health", "healthCheck", "Task failed ELB health checks in (target-group arn:x)"),
    ("retired", "run it again", "ECS is performing maintenance on the underlying infrastructure hosting the task"),
    ("retired", "run it again", "Host EC2 (instance i-1) terminated."),
    ("retired", "run it again", "Container instance deregistration forced by user"),
    ("stopped", "service", "Scaling activity initiated by (deployment ecs-svc/1)"),
    ("stopped", "", "Task stopped by user"),
    ("unknown", "load of the instance", "CannotInspectContainerError: Could not transition to inspecting"),
    ("unknown", "load of the instance", "CannotStopContainerError: failed sending SIGTERM to container: x"),
    ("unknown", "look at its log", "ECS does not know the task any more"),
    (
        "never_started",
        "names first",
        "dependency graph: container ordering dependency [app] for target [x] has failed",
    ),
]
WORDINGS = [*START, *IMAGES, *ENDS]


@pytest.mark.parametrize(("kind", "remedy", "reason"), WORDINGS, ids=[reason[-48:] for *others, reason in WORDINGS])
def test_reason_maps_to_kind_and_remedy(kind: str, remedy: str, reason: str) -> None:
    problem = problem_for([reason])
    assert problem is not None and (problem.kind, remedy in problem.remedy) == (kind, True), problem


def test_every_rule_applies_to_some_wording() -> None:
    used = {problem_for([reason]) for *others, reason in WORDINGS}
    assert [rule for rule in RULES if rule.problem not in used] == []


def test_one_reason_must_match_the_whole_rule() -> None:
    problem = problem_for(["CannotPullContainerError: something new", "AccessDenied by something else"])
    assert problem is not None and problem.kind == "image"


@pytest.mark.parametrize("reasons", [[], [""], ["Essential container in task exited"], ["something new"]])
def test_unknown_reason_matches_no_rule(reasons: list[str]) -> None:
    assert problem_for(reasons) is None
