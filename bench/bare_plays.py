# SPDX-License-Identifier: Apache-2.0
"""The calls that preflight, or a deploy with nothing to do, has to make to AWS, by bare boto3 and without a check."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3

from bench.processes import ROOT

CHANGE_SET = "bench"
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html
AT_REST = ("CREATE_COMPLETE", "FAILED")
POLL_S = 0.2


def preflight(client: Callable[[str], Any]) -> None:
    """Make the calls of a preflight before a deploy, without those for quotas.

    Args:
        client: returns the client of a service.
    """
    client("sts").get_caller_identity()
    client("ec2").describe_regions(AllRegions=True)
    client("ec2").describe_availability_zones()
    client("iam").list_roles(PathPrefix="/aws-service-role/")
    client("ec2").describe_vpcs()


def deploy(client: Callable[[str], Any], base: str) -> None:
    """Make the calls of a deploy of the load test that has nothing to do.

    Args:
        client: returns the client of a service.
        base: first part of the names of the stacks and of the repository, ``project-environment``.

    Raises:
        LookupError: no stack has this name, or the repository has no image.
    """
    preflight(client)
    client("ec2").describe_managed_prefix_lists()
    stacks = [stack for stack in client("cloudformation").describe_stacks()["Stacks"] if _is_of(stack, base)]
    if not stacks:
        raise LookupError(f"there is no stack {base}-*")
    for stack in stacks:
        template = (ROOT / "files" / "cfn" / f"{stack['StackName'].removeprefix(f'{base}-')}.yaml").read_text()
        _compare(client("cloudformation"), stack, template)
    image = client("ecr").describe_images(repositoryName=base)["imageDetails"][0]
    client("ecr").batch_get_image(repositoryName=base, imageIds=[{"imageDigest": image["imageDigest"]}])


def _is_of(stack: dict[str, Any], base: str) -> bool:
    return str(stack["StackName"]).startswith(f"{base}-")


def _compare(cloudformation: Any, stack: dict[str, Any], template: str) -> None:
    """Compare a stack with a template, by a change set that is deleted again."""
    names = {"StackName": stack["StackName"], "ChangeSetName": CHANGE_SET}
    cloudformation.create_change_set(
        **names,
        TemplateBody=template,
        Parameters=stack["Parameters"],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Tags=stack["Tags"],
    )
    while cloudformation.describe_change_set(**names)["Status"] not in AT_REST:
        time.sleep(POLL_S)
    cloudformation.delete_change_set(**names)


def main() -> None:
    """Make the calls that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m bench.bare_plays", description=__doc__)
    parser.add_argument("endpoint")
    parser.add_argument("base")
    parser.add_argument("play", choices=("preflight", "deploy"))
    options = parser.parse_args()
    session = boto3.Session(region_name="us-east-1")

    @cache
    def client(service: str) -> Any:
        return session.client(service, endpoint_url=options.endpoint)

    if options.play == "preflight":
        preflight(client)
    else:
        deploy(client, options.base)


if __name__ == "__main__":
    main()
