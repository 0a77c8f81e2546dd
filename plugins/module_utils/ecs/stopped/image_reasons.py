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
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

PULL = (
    r"CannotPull|pull image|pull the image|pull (?!secret|registry).{0,200} repository|ref pull|pull command"
    r"|pulling image|resolve ref"
)
OUTSIDE_AWS = r"docker\.(io|com)|ghcr\.io|quay\.io|public\.ecr\.aws|gcr\.io|pkg\.dev|mcr\.microsoft"

# Network errors come before missing images: ECS reports an unreachable registry as an unresolved image.
IMAGE_RULES = (
    # An emulator reports all that keeps a container from starting as a failed pull.
    Rule(
        (r"no command specified",),
        Problem(
            "command",
            "neither the image nor the task definition has a command",
            "write command of the service or job; with env=local it starts with a program of this machine",
        ),
    ),
    Rule(
        (
            r"descriptor matching platform|no matching manifest for|no match for platform|exec format error"
            r"|operating sys.* cannot be used",
        ),
        Problem(
            "architecture",
            "the image is for another architecture",
            "build it for the task's (docker build --platform), or fix runtimePlatform of the task definition",
        ),
    ),
    Rule(
        (r"toomanyrequests|pull rate limit",),
        Problem(
            "quota",
            "the registry limits how often an image is pulled",
            "keep the image in ECR, by a pull-through cache for one, or log in: repositoryCredentials",
        ),
    ),
    Rule(
        (PULL, r"(layer-bucket|httpReade?r?Seeker).*\b403\b"),
        Problem(
            "permission",
            "the image's layers may not be read",
            "let the policy of S3's gateway endpoint read ECR's bucket: "
            "arn:aws:s3:::prod-<region>-starport-layer-bucket/*",
        ),
    ),
    Rule(
        (PULL, rf"{DENIED}|no basic auth"),
        Problem(
            "permission",
            "the image may not be pulled",
            "let the execution role pull: AmazonECSTaskExecutionRolePolicy; in another account the repository's "
            "policy too",
        ),
    ),
    Rule(
        (PULL, r"\b401\b|unauthorized|authentication required|oauth token"),
        Problem(
            "permission",
            "the image's registry requires a login",
            "give the container repositoryCredentials, or keep the image in ECR",
        ),
    ),
    Rule(
        (PULL, UNREACHABLE, OUTSIDE_AWS),
        Problem(
            "network",
            "the image's registry could not be reached",
            "give the subnet a way to the internet: a NAT gateway, or assign_public_ip: true; or keep the image in ECR",
        ),
    ),
    Rule(
        (PULL, rf"{UNREACHABLE}|API error \(500\)|nil pointer dereference|httpReade?r?Seeker|image conf|\bEOF\b"),
        Problem("network", "the image's registry could not be reached", WAY_OUT),
    ),
    Rule(
        (PULL, r"access denied|access to the resource is denied"),
        Problem(
            "image",
            "the image does not exist, or its registry requires a login",
            "push it, fix its name in the task definition, or give the container repositoryCredentials",
        ),
    ),
    Rule(
        (PULL, rf"{ABSENT}|image exists"),
        Problem("image", "the image does not exist", "push it, or fix its name and tag in the task definition"),
    ),
    Rule(
        (PULL, r"invalid reference|diffIDs|media ?type|compression|failed to register layer|verification failed"),
        Problem("image", "the image cannot be used", "fix its name, or build and push it anew"),
    ),
    Rule(
        (PULL,),
        Problem(
            "image",
            "the image could not be pulled",
            "check the image's name, the execution role, and the subnet's way to the registry",
        ),
    ),
    Rule((r"No such image",), Problem("image", "the image does not exist", "push it, or fix its name and tag")),
)
