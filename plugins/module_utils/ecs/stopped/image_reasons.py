# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ECS says of an image that it could not pull.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
"""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.rule import (
    ABSENT,
    DENIED,
    UNREACHABLE,
    WAY_OUT,
    Rule,
)

PULL = (
    r"CannotPull|pull image|pull the image|pull (?!secret|registry).{0,200} repository|ref pull|pull command"
    r"|pulling image|resolve ref"
)
OUTSIDE_AWS = r"docker\.(io|com)|ghcr\.io|quay\.io|public\.ecr\.aws|gcr\.io|pkg\.dev|mcr\.microsoft"

# What cannot be reached comes before what is not there: a registry out of reach is told as an image not resolved.
IMAGE_RULES = (
    Rule(
        "architecture",
        (
            r"descriptor matching platform|no matching manifest for|no match for platform|exec format error"
            r"|operating sys.* cannot be used",
        ),
        "the image is for another architecture",
        "build it for the task's (docker build --platform), or mend runtimePlatform of the task definition",
    ),
    Rule(
        "quota",
        (r"toomanyrequests|pull rate limit",),
        "the registry limits how often an image is pulled",
        "keep the image in ECR, by a pull-through cache for one, or log in: repositoryCredentials",
    ),
    Rule(
        "permission",
        (PULL, r"(layer-bucket|httpReade?r?Seeker).*\b403\b"),
        "the image's layers may not be read",
        "let the policy of S3's gateway endpoint read ECR's bucket: arn:aws:s3:::prod-<region>-starport-layer-bucket/*",
    ),
    Rule(
        "permission",
        (PULL, rf"{DENIED}|no basic auth"),
        "the image may not be pulled",
        "let the execution role pull: AmazonECSTaskExecutionRolePolicy; in another account the repository's policy too",
    ),
    Rule(
        "permission",
        (PULL, r"\b401\b|unauthorized|authentication required|oauth token"),
        "the image's registry asks for a login",
        "give the container repositoryCredentials, or keep the image in ECR",
    ),
    Rule(
        "network",
        (PULL, UNREACHABLE, OUTSIDE_AWS),
        "the image's registry could not be reached",
        "give the subnet a way to the internet: a NAT gateway, or assign_public_ip: true; or keep the image in ECR",
    ),
    Rule(
        "network",
        (PULL, rf"{UNREACHABLE}|API error \(500\)|nil pointer dereference|httpReade?r?Seeker|image conf|\bEOF\b"),
        "the image's registry could not be reached",
        WAY_OUT,
    ),
    Rule(
        "image",
        (PULL, r"access denied|access to the resource is denied"),
        "the image does not exist, or its registry asks for a login",
        "push it, mend its name in the task definition, or give the container repositoryCredentials",
    ),
    Rule(
        "image",
        (PULL, rf"{ABSENT}|image exists"),
        "the image does not exist",
        "push it, or mend its name and tag in the task definition",
    ),
    Rule(
        "image",
        (PULL, r"invalid reference|diffIDs|media ?type|compression|failed to register layer|verification failed"),
        "the image cannot be used",
        "mend its name, or build and push it anew",
    ),
    Rule(
        "image",
        (PULL,),
        "the image could not be pulled",
        "check the image's name, the execution role, and the subnet's way to the registry",
    ),
    Rule("image", (r"No such image",), "the image does not exist", "push it, or mend its name and tag"),
)
