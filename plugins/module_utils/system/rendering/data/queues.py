# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQS queues of a system.

Logical ids and outputs end in what they are, so that no name in a description gives one of another name, or that of a
parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.kept import KEPT
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Parts,
    logical_id,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.runbooks import with_runbook
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Queue, Sections

QUEUES = "queues"
SECONDS_A_DAY = 86_400


def queues(sections: Sections) -> Parts:
    """Return the SQS queues, each with a dead-letter queue, and alarms on both."""
    found = Parts()
    for name, queue in sections["queues"].items():
        found |= _queue(name, queue)
    return found


def _queue(name: str, queue: Queue) -> Parts:
    resource, dead = f"{logical_id(name)}Queue", f"{logical_id(name)}DeadLetters"
    return Parts(
        {
            resource: {
                "Type": "AWS::SQS::Queue",
                **KEPT,
                "Properties": {
                    "QueueName": sub(f"{BASE}-{name}"),
                    "SqsManagedSseEnabled": True,
                    "VisibilityTimeout": queue["visibility_timeout"],
                    "MessageRetentionPeriod": queue["retention_days"] * SECONDS_A_DAY,
                    "RedrivePolicy": {
                        "deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]},
                        "maxReceiveCount": queue["max_receives"],
                    },
                },
            },
            dead: {
                "Type": "AWS::SQS::Queue",
                **KEPT,
                "Properties": {
                    "QueueName": sub(f"{BASE}-{name}-dead-letters"),
                    "SqsManagedSseEnabled": True,
                    # The longest that SQS keeps a message, so that you find it after a holiday.
                    "MessageRetentionPeriod": 14 * SECONDS_A_DAY,
                },
            },
            f"{logical_id(name)}AgeAlarm": queue_alarm(
                name,
                "age",
                f"The oldest message of queue {name} waits for more than {queue['max_age']} seconds",
                resource,
                {"MetricName": "ApproximateAgeOfOldestMessage", "Threshold": queue["max_age"]},
            ),
            f"{dead}Alarm": queue_alarm(
                name,
                "dead-letters",
                f"The dead-letter queue of {name} has messages",
                dead,
                {"MetricName": "ApproximateNumberOfMessagesVisible", "Threshold": 0},
            ),
        },
        {
            f"{resource}Url": output(f"URL of queue {name}.", {"Ref": resource}),
            f"{resource}Arn": output(f"ARN of queue {name}.", {"Fn::GetAtt": [resource, "Arn"]}),
            f"{resource}Name": output(f"Name of queue {name}.", {"Fn::GetAtt": [resource, "QueueName"]}),
            f"{dead}Url": output(f"URL of the dead-letter queue of {name}.", {"Ref": dead}),
        },
    )


def queue_alarm(name: str, kind: str, description: str, queue: str, metric: Mapping[str, Any]) -> dict[str, Any]:
    """Return an alarm on a metric of a queue.

    Args:
        name: of what the alarm is about; the alarm's name is that and its kind.
        kind: of the alarm, which names its runbook.
        description: what the alarm means.
        queue: logical id of the queue.
        metric: name of the metric, and the threshold.
    """
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": sub(f"{BASE}-{name}-{kind}"),
            "AlarmDescription": with_runbook(kind, description),
            "Namespace": "AWS/SQS",
            "Statistic": "Maximum",
            "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}],
            "Period": 60,
            "EvaluationPeriods": 5,
            "ComparisonOperator": "GreaterThanThreshold",
            # SQS sends no metrics of a queue that has been idle for six hours.
            "TreatMissingData": "notBreaching",
            **metric,
        },
    }
