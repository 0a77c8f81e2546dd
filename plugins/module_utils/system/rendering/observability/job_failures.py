# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of jobs that fail: a rule and an alarm for each job, and a queue that keeps what ECS says of each failed task.

ECS forgets a stopped task after an hour, and CloudWatch has no metric of exit codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Output,
    Parts,
    cluster_name,
    logical_id,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.roles import ECS_ARN
from ansible_collections.gantry.ecs.plugins.module_utils.system.runbooks import with_runbook
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Job, Sections, container_jobs

COMPONENT = "job-failures"
QUEUE, POLICY = "FailuresQueue", "FailuresQueuePolicy"
# The longest that SQS keeps a message.
RETENTION = 14 * 86_400  # seconds
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
FAILED_STARTS = ("TaskFailedToStart", "SpotInterruption", "TerminationNotice")


def failure_rule(job: str) -> Output:
    """Return the name of the rule that matches the failed runs of a job."""
    return Output(COMPONENT, f"{logical_id(job)}FailureRuleName")


def job_failures(sections: Sections) -> Parts:
    """Return the rules, the alarms and the queue; nothing without jobs that are tasks."""
    jobs = container_jobs(sections)
    found = Parts(_queue([logical_id(name) for name in sorted(jobs)])) if jobs else Parts()
    for name, job in jobs.items():
        found |= _job(name, job)
    return found


def _queue(jobs: list[str]) -> Mapping[str, Any]:
    rules = [{"Fn::GetAtt": [f"{job}FailureRule", "Arn"]} for job in jobs]
    statement = {
        "Sid": "LetTheRulesSend",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [QUEUE, "Arn"]},
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
        "Condition": {"ArnEquals": {"aws:SourceArn": rules}},
    }
    return {
        QUEUE: {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                # No queue of a description has an underscore.
                "QueueName": sub(f"{BASE}-failed_runs"),
                "SqsManagedSseEnabled": True,
                "MessageRetentionPeriod": RETENTION,
            },
        },
        POLICY: {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": QUEUE}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            },
        },
    }


def _job(name: str, job: Job) -> Parts:
    rule = f"{logical_id(name)}FailureRule"
    return Parts(
        {
            rule: {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "Description": f"Matches runs of job {name} that fail",
                    "EventPattern": _pattern(name, job),
                    "Targets": [{"Id": "queue", "Arn": {"Fn::GetAtt": [QUEUE, "Arn"]}}],
                },
            },
            f"{logical_id(name)}FailedAlarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "AlarmName": sub(f"{BASE}-{name}-failed"),
                    "AlarmDescription": with_runbook("failed", f"A run of job {name} failed"),
                    "Namespace": "AWS/Events",
                    "MetricName": "MatchedEvents",
                    "Dimensions": [{"Name": "RuleName", "Value": {"Ref": rule}}],
                    "Statistic": "Sum",
                    "Period": 60,
                    "EvaluationPeriods": 1,
                    "Threshold": 0,
                    "ComparisonOperator": "GreaterThanThreshold",
                    # EventBridge sends no value while no event matches.
                    "TreatMissingData": "notBreaching",
                },
            },
        },
        {f"{rule}Name": output(f"The rule that matches failed runs of job {name}.", {"Ref": rule})},
    )


def _pattern(name: str, job: Job) -> dict[str, Any]:
    """Return the pattern of the events of failed tasks.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
    """
    cluster = {"Cluster": cluster_name(job["cluster"])}
    exits = {"name": [name], "exitCode": [{"anything-but": list(job["success_exit_codes"])}]}
    return {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {
            "clusterArn": [sub(f"{ECS_ARN}:cluster/${{Cluster}}", **cluster)],
            "taskDefinitionArn": [{"prefix": sub(f"{ECS_ARN}:task-definition/{BASE}-{name}:")}],
            "lastStatus": ["STOPPED"],
            # Only the main container: ECS kills a sidecar when the main container ends.
            "$or": [{"stopCode": list(FAILED_STARTS)}, {"containers": exits}],
        },
    }
