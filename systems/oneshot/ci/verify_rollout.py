#!/usr/bin/env python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that a service runs the image that was deployed; exits with 1 where it was rolled back, or is not healthy.

A stack can be complete although ECS rolled the service back, so this compares what runs with what was deployed. It
waits for a deployment under way. It needs boto3 and the permissions ecs:DescribeServices, ecs:DescribeTaskDefinition,
ecs:ListServiceDeployments and elasticloadbalancing:DescribeTargetHealth.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

POLL_SECONDS = 10.0
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
UNDER_WAY = {"PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"}
# The states of a deployment of ECS's older description, which emulators have alone.
STATES = {"COMPLETED": "SUCCESSFUL", "FAILED": "ROLLBACK_FAILED"}


@dataclass(frozen=True)
class Rollout:
    """What is known of a service.

    Args:
        status: the newest deployment's, a ServiceDeploymentStatus.
        reason: why it has that status, in ECS's words.
        images: the images of the task definition that the service runs.
        desired: tasks that should run.
        running: tasks that run.
        healthy: healthy targets of the load balancer; None where the service has no load balancer.
    """

    status: str
    reason: str
    images: Sequence[str]
    desired: int
    running: int
    healthy: int | None


class NoServiceError(Exception):
    """The service does not exist."""


def problem_of(rollout: Rollout, image: str) -> str | None:
    """Return what is wrong with a finished deployment, a line with its remedy; None where the image runs."""
    if rollout.status != "SUCCESSFUL":
        reason = f": {rollout.reason}" if rollout.reason else ""
        return f"the deployment is {rollout.status}{reason} -> read the events of the service, then deploy again"
    if image not in rollout.images:
        return f"the service runs {', '.join(rollout.images)}, not {image} -> read the events of the service"
    if rollout.running < rollout.desired:
        return f"{rollout.running} of {rollout.desired} tasks run -> read the reasons of the stopped tasks"
    if rollout.healthy is not None and rollout.healthy < rollout.desired:
        return f"{rollout.healthy} of {rollout.desired} targets are healthy -> read the reasons of the target's health"
    return None


def rollout_of(ecs: Any, elb: Any, cluster: str, name: str) -> Rollout:
    """Return what ECS and the load balancer know of a service.

    Args:
        ecs: a client of ECS.
        elb: a client of Elastic Load Balancing v2.
        cluster: the cluster's name.
        name: the service's name.

    Raises:
        NoServiceError: the service does not exist.
    """
    services = ecs.describe_services(cluster=cluster, services=[name])["services"]
    if not services or services[0]["status"] == "INACTIVE":
        raise NoServiceError(f"cluster {cluster} has no service {name}")
    service = services[0]
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    status, reason = _newest(ecs, cluster, service)
    return Rollout(
        status=status,
        reason=reason,
        images=[container["image"] for container in definition["containerDefinitions"]],
        desired=service["desiredCount"],
        running=service["runningCount"],
        healthy=_healthy(elb, service),
    )


def _newest(ecs: Any, cluster: str, service: Mapping[str, Any]) -> tuple[str, str]:
    """Return status and reason of the newest deployment."""
    briefs = ecs.list_service_deployments(cluster=cluster, service=service["serviceArn"]).get("serviceDeployments", [])
    if briefs:
        newest = max(briefs, key=lambda brief: brief["createdAt"])
        return newest["status"], newest.get("statusReason", "")
    primary = next(one for one in service["deployments"] if one["status"] == "PRIMARY")
    state = primary.get("rolloutState", "COMPLETED")
    return STATES.get(state, "IN_PROGRESS"), primary.get("rolloutStateReason", "")


def _healthy(elb: Any, service: Mapping[str, Any]) -> int | None:
    """Return the healthy targets of the group that has most; where traffic shifts, the other group empties."""
    groups = {
        arn
        for balancer in service.get("loadBalancers", [])
        for arn in (
            balancer.get("targetGroupArn"),
            balancer.get("advancedConfiguration", {}).get("alternateTargetGroupArn"),
        )
        if arn
    }
    counts = [
        sum(
            target["TargetHealth"]["State"] == "healthy"
            for target in elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        )
        for arn in groups
    ]
    return max(counts, default=None)


def finished(look: Callable[[], Rollout], deadline: float, poll: float) -> Rollout:
    """Look until the deployment is finished, or the deadline has passed.

    Args:
        look: returns what is known now.
        deadline: an instant of time.monotonic.
        poll: seconds between two looks.
    """
    rollout = look()
    while rollout.status in UNDER_WAY and time.monotonic() < deadline:
        time.sleep(poll)
        rollout = look()
    return rollout


def main(argv: Sequence[str] | None = None) -> int:
    """Run the check; return the exit code."""
    parser = argparse.ArgumentParser(description="Checks that a service runs the image that was deployed.")
    parser.add_argument("--cluster", required=True)
    parser.add_argument("--service", required=True)
    parser.add_argument("--image", required=True, help="the image by its digest")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds to wait for a deployment under way")
    parser.add_argument("--poll", type=float, default=POLL_SECONDS, help="seconds between two looks")
    given = parser.parse_args(argv)
    if "@sha256:" not in given.image:
        parser.error("--image needs a digest, since a tag can move")
    deadline = time.monotonic() + given.timeout
    try:
        ecs, elb = boto3.client("ecs"), boto3.client("elbv2")
        rollout = finished(lambda: rollout_of(ecs, elb, given.cluster, given.service), deadline, given.poll)
    except (BotoCoreError, ClientError, NoServiceError) as error:
        print(f"verify_rollout: {error}", file=sys.stderr)
        return 1
    if problem := problem_of(rollout, given.image):
        print(f"verify_rollout: {problem}", file=sys.stderr)
        return 1
    print(f"{given.service} runs {given.image} in {rollout.running} tasks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
