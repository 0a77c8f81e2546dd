# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.image_reasons import IMAGE_RULES
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.reasons import rule_for

ECR = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
PULL = "CannotPullContainerError: "
INIT = "ResourceInitializationError: "
ROLE = "arn:aws:sts::111122223333:assumed-role/exec/1"
UNRESOLVED = f"{PULL}pull image manifest has been retried 5 time(s): failed to resolve ref {ECR}/app:1: "
OCI = "CannotStartContainerError: Error response from daemon: failed to create task for container: failed to create "
OCI += "shim task: OCI runtime create failed: runc create failed: unable to start container process: "

# What is said of images that cannot be pulled; the kind of it, and a word of the remedy.
WORDINGS = [
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
    ("image", "mend its name", f"{PULL}Unable to pull: invalid reference format"),
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


@pytest.mark.parametrize(("kind", "remedy", "reason"), WORDINGS, ids=[reason[-48:] for *others, reason in WORDINGS])
def test_a_wording_has_its_kind_and_remedy(kind: str, remedy: str, reason: str) -> None:
    rule = rule_for([reason])
    assert rule is not None and (rule.kind, remedy in rule.remedy) == (kind, True), rule


def test_every_rule_is_the_one_for_some_wording() -> None:
    used = {rule_for([reason]) for *others, reason in WORDINGS}
    assert [rule for rule in IMAGE_RULES if rule not in used] == []


def test_one_reason_has_to_match_all_of_a_rule() -> None:
    rule = rule_for(["CannotPullContainerError: something new", "AccessDenied by something else"])
    assert rule is not None and rule.kind == "image"
