# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an image is what it has to be: by its labels, by a build, by a signature, by what ran before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline
from ansible_collections.gantry.ecs.plugins.module_utils.images.content import (
    ImageContent,
    build_problem,
    content_of_inspection,
    label_problem,
)
from ansible_collections.gantry.ecs.plugins.module_utils.images.deployed import was_deployed
from ansible_collections.gantry.ecs.plugins.module_utils.images.signature import signature_problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem


class Wanted(NamedTuple):
    """The required properties of an image; an empty one is not checked.

    Args:
        repository: the repository's name.
        digest: the image's.
        tags: the image's.
        sha256: digest of the source; None where it is not known any more.
        built: what an engine says of the image as built again, one a platform.
        signing_profile_arn: whose signature it has to have.
        task_family: family of task definitions of which a revision has to name it.
        region: for the commands of the remedy.
    """

    repository: str
    digest: str
    tags: Sequence[str]
    sha256: str | None
    built: Sequence[Mapping[str, Any]]
    signing_profile_arn: str
    task_family: str
    region: str


class Origin(NamedTuple):
    """The first criterion that the image fails, None where it meets all, and those that it meets, a line each."""

    problem: Problem | None
    checked: list[str]


def check_origin(
    clients: Callable[[str], Any], wanted: Wanted, contents: Sequence[ImageContent], seconds: float
) -> Origin:
    """Compare an image with what it has to be; the first that does not fit ends it.

    Args:
        clients: returns the boto3 client of a service.
        wanted: what it has to be.
        contents: its content.
        seconds: how long a signature that is being made is waited for.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: AWS refused, or was out of reach.
    """
    checked: list[str] = []
    if problem := label_problem(contents, wanted.tags, wanted.sha256):
        return Origin(_untrusted(wanted, problem), checked)
    checked.append("its labels name " + ("this source" if wanted.sha256 else "its tag"))
    if wanted.built:
        if problem := build_problem(contents, [content_of_inspection(one) for one in wanted.built]):
            return Origin(_untrusted(wanted, problem), checked)
        checked.append("its layers are those of a build here")
    if profile := wanted.signing_profile_arn:
        if problem := signature_problem(clients("ecr"), wanted.repository, wanted.digest, profile, Deadline(seconds)):
            return Origin(_untrusted(wanted, problem), checked)
        checked.append(f"it is signed by {profile}")
    if family := wanted.task_family:
        if not was_deployed(clients("ecs"), family, wanted.digest):
            return Origin(
                _untrusted(
                    wanted, Problem("deployed", f"no revision of task definition {family} names it: it never ran here")
                ),
                checked,
            )
        checked.append(f"a revision of task definition {family} names it")
    return Origin(None, checked)


def _untrusted(wanted: Wanted, problem: Problem) -> Problem:
    tag = wanted.tags[0] if wanted.tags else ""
    name = f"imageTag={tag}" if tag else f"imageDigest={wanted.digest}"
    remedy = (
        "see who pushed it: aws cloudtrail lookup-events --lookup-attributes "
        f"AttributeKey=EventName,AttributeValue=PutImage --region {wanted.region}; then delete it: aws ecr "
        f"batch-delete-image --repository-name {wanted.repository} --image-ids {name} --region {wanted.region}"
    )
    untrusted = problem.within(f"image {wanted.repository}:{tag} ({wanted.digest}) is not trusted")
    return untrusted._replace(remedy=remedy)
