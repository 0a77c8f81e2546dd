# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Native blue/green deployments on the embedded AWS: traffic shifts as a whole, and goes back for an alarm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from embedded_aws.extension.services.rollout import Move, Rollout, bake_minutes, next_move, refusal
from emulators import Emulator
from hypothesis import given
from hypothesis import strategies as st
from known_cases import LISTENING, RULE, TARGETS
from resource_cases import ROLE, attribute, ref, resource
from services import STEADY, Service, running_service
from waiting import waited

NETWORK = {
    **LISTENING,
    **ROLE,
    "Green": resource("ElasticLoadBalancingV2::TargetGroup", **TARGETS),
    "Rule": resource("ElasticLoadBalancingV2::ListenerRule", **RULE),
}
ROLLOUTS = st.builds(
    Rollout,
    baked_s=st.one_of(st.none(), st.floats(0, 100)),
    bake_s=st.floats(0, 100),
    alarms=st.frozensets(st.sampled_from("ab")),
    returning=st.booleans(),
)


@dataclass(frozen=True)
class Front:
    """Two target groups and the rule between them."""

    emulator: Emulator
    blue: str
    green: str
    rule: str
    role: str

    @property
    def elbv2(self) -> Any:
        return self.emulator.client("elbv2")

    def targets(self, group: str) -> set[str]:
        found = self.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return {target["Target"]["Id"] for target in found}

    def serves(self) -> str:
        """Return the target group that has all of the traffic."""
        [action] = self.elbv2.describe_rules(RuleArns=[self.rule])["Rules"][0]["Actions"]
        groups = action.get("ForwardConfig", {}).get("TargetGroups") or [
            {"TargetGroupArn": action["TargetGroupArn"], "Weight": 100}
        ]
        [only] = [group["TargetGroupArn"] for group in groups if group.get("Weight", 1)]
        return str(only)

    def balancer(self) -> dict[str, Any]:
        shift = {"alternateTargetGroupArn": self.green, "productionListenerRule": self.rule, "roleArn": self.role}
        named = {"containerName": "main", "containerPort": 8000, "targetGroupArn": self.blue}
        return {**named, "advancedConfiguration": shift}


@pytest.fixture(scope="module")
def front(extended: Emulator) -> Front:
    outputs = {"Blue": ref("Targets"), "Green": ref("Green"), "Rule": ref("Rule"), "Role": attribute("Arn", "Role")}
    stack = extended.create(NETWORK, outputs)
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    found = stack.outputs
    return Front(extended, found["Blue"], found["Green"], found["Rule"], found["Role"])


def configuration(**more: Any) -> dict[str, Any]:
    return {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, **more}


def newest(service: Service) -> dict[str, Any]:
    return service.deployments()[0]


def test_traffic_shifts_when_all_new_tasks_run(front: Front) -> None:
    """The old tasks go on beside the new ones for the bake time, and the groups take turns."""
    settings = {"desiredCount": 2, "loadBalancers": [front.balancer()]}
    with running_service(front.emulator, STEADY, **settings, deploymentConfiguration=configuration()) as service:
        assert service.steady()[0]["status"] == "SUCCESSFUL"
        assert front.serves() == front.blue
        assert (len(front.targets(front.blue)), len(front.targets(front.green))) == (2, 0)
        service.update(forceNewDeployment=True, deploymentConfiguration=configuration(bakeTimeInMinutes=1))
        assert front.serves() == front.blue
        waited(lambda: newest(service).get("lifecycleStage") == "BAKE_TIME")
        assert newest(service)["status"] == "IN_PROGRESS"
        target = newest(service)["targetServiceRevision"]
        assert target["requestedProductionTrafficWeight"] == 100
        assert front.serves() == front.green
        ecs = front.emulator.client("ecs")
        (revision,) = ecs.describe_service_revisions(serviceRevisionArns=[target["arn"]])["serviceRevisions"]
        resolved = {"targetGroupArn": front.green, "productionListenerRule": front.rule}
        assert revision["resolvedConfiguration"]["loadBalancers"] == [resolved]
        assert (len(front.targets(front.blue)), len(front.targets(front.green))) == (2, 2)
        assert service.steady()[0]["status"] == "SUCCESSFUL"
        waited(lambda: not front.targets(front.blue))
        assert len(front.targets(front.green)) == 2
        service.update(forceNewDeployment=True, deploymentConfiguration=configuration())
        service.steady()
        assert front.serves() == front.blue
        waited(lambda: not front.targets(front.green))


def test_an_alarm_in_the_bake_time_takes_the_traffic_back(front: Front) -> None:
    cloudwatch, name = front.emulator.client("cloudwatch"), f"alarm-{uuid4().hex[:8]}"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=name,
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    watched = {"alarms": {"alarmNames": [name], "enable": True, "rollback": True}}
    settings = {"loadBalancers": [front.balancer()], "deploymentConfiguration": configuration(**watched)}
    with running_service(front.emulator, STEADY, **settings) as service:
        service.steady()
        served, before = front.serves(), waited(service.running)
        service.update(forceNewDeployment=True, deploymentConfiguration=configuration(bakeTimeInMinutes=9, **watched))
        waited(lambda: newest(service).get("lifecycleStage") == "BAKE_TIME")
        assert front.serves() != served
        cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "Errors", "Value": 1}])
        assert service.steady()[0]["status"] == "ROLLBACK_SUCCESSFUL"
        assert name in newest(service)["statusReason"]
        assert front.serves() == served
        waited(lambda: service.running() == before)
    cloudwatch.delete_alarms(AlarmNames=[name])


@given(rollout=ROLLOUTS)
def test_a_deployment_is_complete_only_after_its_bake_time(rollout: Rollout) -> None:
    move = next_move(rollout)
    if move is Move.COMPLETE:
        assert rollout.baked_s is not None and (rollout.returning or rollout.baked_s >= rollout.bake_s)
    if rollout.alarms and not rollout.returning:
        assert move is Move.FAIL
    if rollout.returning:
        assert move in (Move.SHIFT, Move.COMPLETE)


@pytest.mark.parametrize(
    ("settings", "minutes"), [({}, 0), ({"strategy": "BLUE_GREEN"}, 15), ({"bakeTimeInMinutes": 3}, 3), (None, 0)]
)
def test_a_bake_time_has_a_default(settings: dict[str, Any] | None, minutes: float) -> None:
    assert bake_minutes(settings) == minutes


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"strategy": "CANARY"}, "strategy: the embedded AWS knows ROLLING and BLUE_GREEN"),
        ({"lifecycleHooks": [{"targetType": "PAUSE"}]}, "lifecycleHooks: the embedded AWS calls no hooks"),
    ],
)
def test_what_no_deployment_does_here_is_refused(settings: dict[str, Any], expected: str) -> None:
    assert refusal(settings).startswith(expected)
