# SPDX-License-Identifier: Apache-2.0
"""Runs ECS tasks by bare calls of boto3: launches them, waits until they have stopped, prints their log lines."""

from __future__ import annotations

import argparse
import time
from typing import Any

import boto3

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
MOST_OF_A_CALL = 10
POLL_S = 0.2


def run(endpoint: str, cluster: str, family: str, subnet: str, count: int) -> list[str]:
    """Run tasks of a family to their end and return their log lines.

    Args:
        endpoint: URL of AWS.
        cluster: name of the cluster.
        family: of the task definition, and name of its log group and of the prefix of its streams.
        subnet: id of the subnet.
        count: how many tasks.
    """
    ecs, logs = (boto3.client(name, endpoint_url=endpoint, region_name="us-east-1") for name in ("ecs", "logs"))
    arns: list[str] = []
    while len(arns) < count:
        launched = ecs.run_task(
            cluster=cluster,
            taskDefinition=family,
            launchType="FARGATE",
            count=min(MOST_OF_A_CALL, count - len(arns)),
            networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}},
        )
        arns += [task["taskArn"] for task in launched["tasks"]]
    running = list(arns)
    while running:
        time.sleep(POLL_S)
        described = ecs.describe_tasks(cluster=cluster, tasks=running[:100])["tasks"]
        stopped = {task["taskArn"] for task in described if task["lastStatus"] == "STOPPED"}
        running = [arn for arn in running if arn not in stopped]
    return [line for arn in arns for line in _lines(logs, family, arn.rpartition("/")[2])]


def _lines(logs: Any, family: str, task: str) -> list[str]:
    found = logs.get_log_events(logGroupName=family, logStreamName=f"{family}/job/{task}", startFromHead=True)
    return [str(event["message"]) for event in found["events"]]


def main() -> None:
    """Run the tasks that the command line names, and print their lines."""
    parser = argparse.ArgumentParser(prog="python -m bench.bare_jobs", description=__doc__)
    for name in ("endpoint", "cluster", "family", "subnet"):
        parser.add_argument(name)
    parser.add_argument("count", type=int)
    options = parser.parse_args()
    for line in run(options.endpoint, options.cluster, options.family, options.subnet, options.count):
        print(line)


if __name__ == "__main__":
    main()
