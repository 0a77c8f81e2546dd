# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Autoscaling on the embedded AWS: services follow the backlog of real queues."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from emulators import Emulator
from services import STEADY, Service, running_service
from waiting import waited

SQS = "AWS/SQS"
VISIBLE, FLYING = "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"


def metric(name: str, namespace: str, metric_name: str, **dimensions: str) -> dict[str, Any]:
    found = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    named = {"Namespace": namespace, "MetricName": metric_name, "Dimensions": found}
    return {"Id": name, "MetricStat": {"Metric": named, "Stat": "Sum"}, "ReturnData": False}


def backlog(queue: str, service: Service) -> dict[str, Any]:
    """Return a target of ten messages a task, of those that wait and those that are worked on."""
    at = {"ClusterName": service.name, "ServiceName": service.name}
    expression = "(visible + flying) / IF(running > 0, running, 1)"
    queries = [
        metric("visible", SQS, VISIBLE, QueueName=queue),
        metric("flying", SQS, FLYING, QueueName=queue),
        metric("running", "ECS/ContainerInsights", "RunningTaskCount", **at),
        {"Id": "backlog", "Expression": expression, "ReturnData": True},
    ]
    cooldowns = {"ScaleOutCooldown": 0, "ScaleInCooldown": 0}
    return {"TargetValue": 10, **cooldowns, "CustomizedMetricSpecification": {"Metrics": queries}}


class Scaled:
    """A service without tasks, a queue, and a scalable target of up to four tasks."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.sqs = service.emulator.client("sqs")
        self.api = service.emulator.client("application-autoscaling")
        self.queue = f"queue-{uuid4().hex[:8]}"
        self.url = self.sqs.create_queue(QueueName=self.queue)["QueueUrl"]
        self.target = {
            "ServiceNamespace": "ecs",
            "ResourceId": f"service/{service.name}/{service.name}",
            "ScalableDimension": "ecs:service:DesiredCount",
        }
        self.api.register_scalable_target(**self.target, MinCapacity=0, MaxCapacity=4)

    def put(self, **policy: Any) -> str:
        return str(self.api.put_scaling_policy(**self.target, PolicyName="backlog", **policy)["PolicyARN"])

    def track(self) -> None:
        configuration = backlog(self.queue, self.service)
        self.put(PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=configuration)

    def send(self, count: int) -> None:
        for start in range(0, count, 10):
            entries = [{"Id": str(each), "MessageBody": "job"} for each in range(start, min(count, start + 10))]
            self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def desired(self) -> int:
        return int(self.service.describe()["desiredCount"])

    def activities(self) -> list[dict[str, Any]]:
        return list(
            self.api.describe_scaling_activities(ServiceNamespace="ecs", ResourceId=self.target["ResourceId"])[
                "ScalingActivities"
            ]
        )


@pytest.fixture
def scaled(extended: Emulator) -> Iterator[Scaled]:
    with running_service(extended, STEADY, desiredCount=0) as service:
        found = Scaled(service)
        yield found
        found.api.deregister_scalable_target(**found.target)


def test_a_backlog_scales_out_from_zero_and_back(scaled: Scaled) -> None:
    # the whole backlog first: a look between two batches would find fewer messages
    scaled.send(25)
    scaled.track()
    waited(lambda: scaled.desired() == 3)
    waited(lambda: len(scaled.service.running()) == 3)
    assert scaled.desired() == 3
    scaled.sqs.purge_queue(QueueUrl=scaled.url)
    waited(lambda: scaled.desired() == 0)
    newest, *_rest, oldest = waited(lambda: len(found := scaled.activities()) > 1 and found)
    assert oldest["Description"] == "Setting desired count to 3."
    assert newest["Description"] == "Setting desired count to 0."
    assert newest["StatusCode"] == "Successful"
    assert "policy backlog: its metric is 0, its target 10" in newest["Cause"]


def test_a_backlog_scales_no_further_than_its_target(scaled: Scaled) -> None:
    scaled.track()
    scaled.send(100)
    waited(lambda: scaled.desired() == 4)
    scaled.api.register_scalable_target(**scaled.target, MaxCapacity=2)
    waited(lambda: scaled.desired() == 2)


def test_messages_in_flight_count(scaled: Scaled) -> None:
    """A message that a task works on keeps the task, though none is visible."""
    scaled.track()
    scaled.send(1)
    waited(lambda: scaled.desired() == 1)
    [message] = scaled.sqs.receive_message(QueueUrl=scaled.url, VisibilityTimeout=600)["Messages"]
    cloudwatch = scaled.service.emulator.client("cloudwatch")
    at = [{"Name": "QueueName", "Value": scaled.queue}]

    def flying() -> Any:
        now = time.time()
        found = cloudwatch.get_metric_statistics(
            Namespace=SQS,
            MetricName=FLYING,
            Dimensions=at,
            StartTime=now - 60,
            EndTime=now + 60,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        return found and max(point["Maximum"] for point in found) == 1.0

    waited(flying)
    assert scaled.desired() == 1
    scaled.sqs.delete_message(QueueUrl=scaled.url, ReceiptHandle=message["ReceiptHandle"])
    waited(lambda: scaled.desired() == 0)


def test_a_step_policy_follows_its_alarm(scaled: Scaled) -> None:
    step = {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 2}
    configuration = {"AdjustmentType": "ExactCapacity", "StepAdjustments": [step], "Cooldown": 0}
    arn = scaled.put(PolicyType="StepScaling", StepScalingPolicyConfiguration=configuration)
    cloudwatch = scaled.service.emulator.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=scaled.queue,
        AlarmActions=[arn],
        Namespace=SQS,
        MetricName=VISIBLE,
        Dimensions=[{"Name": "QueueName", "Value": scaled.queue}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    scaled.send(1)
    waited(lambda: scaled.desired() == 2)
    assert (
        waited(scaled.activities)[0]["Cause"] == f"monitor alarm {scaled.queue} in state ALARM triggered policy backlog"
    )
    cloudwatch.delete_alarms(AlarmNames=[scaled.queue])


def test_an_alarm_leaves_its_state_by_time(extended: Emulator) -> None:
    """An alarm over one datapoint is OK again once its period has passed, without another datapoint."""
    cloudwatch, name = extended.client("cloudwatch"), f"alarm-{uuid4().hex[:8]}"

    def state() -> str:
        return str(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])

    cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "Errors", "Value": 3}])
    double = {"Id": "double", "Expression": "errors * 2"}
    errors = metric("errors", name, "Errors")
    errors["MetricStat"]["Period"] = 60
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Metrics=[errors, double],
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    waited(lambda: state() == "ALARM")
    waited(lambda: state() == "OK")
    cloudwatch.delete_alarms(AlarmNames=[name])


def test_what_is_only_kept_is_said(scaled: Scaled) -> None:
    predefined = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    configuration = {"TargetValue": 60, "PredefinedMetricSpecification": predefined}
    scaled.put(PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=configuration)
    action = {"ScheduledActionName": "night", "Schedule": "cron(0 20 * * ? *)"}
    night = {"MinCapacity": 0, "MaxCapacity": 0}
    scaled.api.put_scheduled_action(**scaled.target, **action, ScalableTargetAction=night)
    causes = {each["Cause"] for each in scaled.activities() if each["StatusCode"] == "Unfulfilled"}
    assert causes == {
        "policy backlog is kept only: the embedded AWS measures no ECSServiceAverageCPUUtilization",
        "scheduled action night is kept only: the embedded AWS carries out no schedule",
    }
    [found] = scaled.api.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]
    assert found["Schedule"] == action["Schedule"]
    scaled.api.delete_scheduled_action(**scaled.target, ScheduledActionName="night")
    assert scaled.api.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"] == []


def test_targets_and_policies_are_described_and_removed(scaled: Scaled) -> None:
    scaled.track()
    [target] = scaled.api.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[scaled.target["ResourceId"]])[
        "ScalableTargets"
    ]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 4)
    named = {"ServiceNamespace": "ecs", "ResourceId": scaled.target["ResourceId"]}
    [policy] = scaled.api.describe_scaling_policies(**named)["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 10
    scaled.api.delete_scaling_policy(**scaled.target, PolicyName="backlog")
    assert scaled.api.describe_scaling_policies(**named)["ScalingPolicies"] == []
    with pytest.raises(ClientError, match="ObjectNotFoundException"):
        scaled.api.delete_scaling_policy(**scaled.target, PolicyName="backlog")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"PolicyType": "PredictiveScaling"}, "the embedded AWS forecasts nothing"),
        ({"PolicyType": "StepScaling"}, "StepScalingPolicyConfiguration is missing"),
    ],
)
def test_a_policy_that_is_not_evaluated_is_refused(scaled: Scaled, policy: dict[str, Any], expected: str) -> None:
    with pytest.raises(ClientError, match=expected):
        scaled.put(**policy)


def test_a_metric_that_is_not_evaluated_is_refused(scaled: Scaled) -> None:
    configuration = backlog(scaled.queue, scaled.service)
    configuration["CustomizedMetricSpecification"]["Metrics"][-1]["Expression"] = "RATE(visible)"
    with pytest.raises(ClientError, match="the function RATE is not evaluated by the embedded AWS"):
        scaled.put(PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=configuration)
    with pytest.raises(ClientError, match="ECS service doesn't exist"):
        scaled.api.register_scalable_target(
            **{**scaled.target, "ResourceId": "service/no/such"}, MinCapacity=0, MaxCapacity=1
        )
