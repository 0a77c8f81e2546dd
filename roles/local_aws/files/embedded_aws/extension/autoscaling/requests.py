# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests of Application Auto Scaling, a service that MiniStack lacks.

https://docs.aws.amazon.com/autoscaling/application/APIReference/Welcome.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from ministack import app
from ministack.core import responses, router
from ministack.services import ecs

from embedded_aws.extension.autoscaling import records
from embedded_aws.extension.autoscaling.records import Document, public
from embedded_aws.extension.metrics import expression
from embedded_aws.extension.metrics.expression import ExpressionError

SERVICE, TARGET = "application-autoscaling", "AnyScaleFrontendService"
DIMENSION = "ecs:service:DesiredCount"
TRACKING, STEP = "TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration"
LINKED_ROLE = "AWSServiceRoleForApplicationAutoScaling_ECSService"


class ScalingError(ValueError):
    """A request that is refused.

    Attributes:
        code: of AWS.
    """

    def __init__(self, message: str, code: str = "ValidationException") -> None:
        super().__init__(message)
        self.code = code


def register_target(request: Document) -> Document:
    """RegisterScalableTarget: a new one, or a change of one."""
    if request["ServiceNamespace"] != "ecs" or request["ScalableDimension"] != DIMENSION:
        raise ScalingError(f"the embedded AWS scales services of ECS only -> ecs and {DIMENSION}")
    if ecs._services.get(records.service_key(request["ResourceId"])) is None:
        raise ScalingError(f"ECS service doesn't exist: {request['ResourceId']}")
    key = records.target_key(request)
    known = records.targets.get(key) or {
        "ScalableTargetARN": f"{_arn('application-autoscaling')}:scalable-target/{uuid4().hex[:24]}",
        "RoleARN": f"arn:aws:iam::{responses.get_account_id()}:role/aws-service-role/"
        f"ecs.application-autoscaling.amazonaws.com/{LINKED_ROLE}",
        "CreationTime": time.time(),
    }
    target = {**known, **{name: value for name, value in request.items() if name != "Tags"}}
    if missing := [name for name in ("MinCapacity", "MaxCapacity") if name not in target]:
        raise ScalingError(f"{missing[0]} is required for a new scalable target")
    if target["MinCapacity"] > target["MaxCapacity"]:
        raise ScalingError("Maximum capacity cannot be less than minimum capacity")
    records.targets[key] = target
    return {"ScalableTargetARN": target["ScalableTargetARN"]}


def deregister_target(request: Document) -> Document:
    """DeregisterScalableTarget: its policies and scheduled actions go with it."""
    key = _known_target(request)
    del records.targets[key]
    for store in (records.policies, records.actions):
        for name in [name for name in list(store) if name[:3] == key]:
            del store[name]
    return {}


def put_policy(request: Document) -> Document:
    """PutScalingPolicy: a policy that is not evaluated here is kept, and an activity says so."""
    key = (*_known_target(request), request["PolicyName"])
    known = records.policies.get(key) or {
        "PolicyARN": f"{_arn('autoscaling')}:scalingPolicy:{uuid4()}:resource/ecs/{request['ResourceId']}"
        f":policyName/{request['PolicyName']}",
        "CreationTime": time.time(),
    }
    kind = request.get("PolicyType") or known.get("PolicyType") or "StepScaling"
    if kind == "PredictiveScaling":
        raise ScalingError("the embedded AWS forecasts nothing -> write TargetTrackingScaling or StepScaling")
    policy = {**known, **request, "PolicyType": kind, "Alarms": []}
    if (STEP if kind == "StepScaling" else TRACKING) not in policy:
        raise ScalingError(f"{STEP if kind == 'StepScaling' else TRACKING} is missing")
    tracking = policy.get(TRACKING) or {}
    try:
        if "Metrics" in (specification := tracking.get("CustomizedMetricSpecification") or {}):
            expression.check(specification["Metrics"])
    except ExpressionError as error:
        raise ScalingError(str(error)) from error
    records.policies[key] = policy
    if metric := (tracking.get("PredefinedMetricSpecification") or {}).get("PredefinedMetricType"):
        cause = f"policy {request['PolicyName']} is kept only: the embedded AWS measures no {metric}"
        records.note(request, "Not scaling.", cause, status="Unfulfilled")
    return {"PolicyARN": policy["PolicyARN"], "Alarms": []}


def delete_policy(request: Document) -> Document:
    """DeleteScalingPolicy."""
    return _deleted(records.policies, request, request["PolicyName"])


def put_action(request: Document) -> Document:
    """PutScheduledAction: kept, and an activity says that nothing carries it out."""
    name = request["ScheduledActionName"]
    key = (*_known_target(request), name)
    arn = f"{_arn('autoscaling')}:scheduledAction:{uuid4()}:resource/ecs/{request['ResourceId']}"
    known = records.actions.get(key) or {
        "ScheduledActionARN": f"{arn}:scheduledActionName/{name}",
        "CreationTime": time.time(),
    }
    records.actions[key] = {**known, **request}
    cause = f"scheduled action {name} is kept only: the embedded AWS carries out no schedule"
    records.note(request, "Not scaling.", cause, status="Unfulfilled")
    return {}


def delete_action(request: Document) -> Document:
    """DeleteScheduledAction."""
    return _deleted(records.actions, request, request["ScheduledActionName"])


def describe_targets(request: Document) -> Document:
    """DescribeScalableTargets."""
    ids = request.get("ResourceIds")
    found = [each for each in _matching(records.targets, request) if not ids or each["ResourceId"] in ids]
    return {"ScalableTargets": found}


def describe_policies(request: Document) -> Document:
    """DescribeScalingPolicies."""
    return {"ScalingPolicies": _named(records.policies, request, "PolicyName", "PolicyNames")}


def describe_actions(request: Document) -> Document:
    """DescribeScheduledActions."""
    return {"ScheduledActions": _named(records.actions, request, "ScheduledActionName", "ScheduledActionNames")}


def describe_activities(request: Document) -> Document:
    """DescribeScalingActivities: the newest first."""
    found = _matching(records.activities, request)
    return {"ScalingActivities": sorted(found, key=lambda each: float(each["StartTime"]), reverse=True)}


def list_tags(_request: Document) -> Document:
    """ListTagsForResource: scalable targets keep none."""
    return {"Tags": {}}


OPERATIONS: dict[str, Callable[[Document], Document]] = {
    "DeleteScalingPolicy": delete_policy,
    "DeleteScheduledAction": delete_action,
    "DeregisterScalableTarget": deregister_target,
    "DescribeScalableTargets": describe_targets,
    "DescribeScalingActivities": describe_activities,
    "DescribeScalingPolicies": describe_policies,
    "DescribeScheduledActions": describe_actions,
    "ListTagsForResource": list_tags,
    "PutScalingPolicy": put_policy,
    "PutScheduledAction": put_action,
    "RegisterScalableTarget": register_target,
}


async def handle_request(
    _method: str, _path: str, headers: Mapping[str, str], body: bytes, _query: Any
) -> tuple[int, dict[str, str], bytes]:
    """Return the response to a request, as MiniStack's services do."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        if operation not in OPERATIONS:
            raise ScalingError(f"the embedded AWS has no {operation}", "UnknownOperationException")
        document, status = OPERATIONS[operation](json.loads(body or b"{}")), 200
    except KeyError as error:
        document, status = {"__type": "ValidationException", "message": f"{error.args[0]} is missing"}, 400
    except ScalingError as error:
        document, status = {"__type": error.code, "message": str(error)}, 400
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(document).encode()


def install() -> None:
    """Let MiniStack serve Application Auto Scaling."""
    router.SERVICE_PATTERNS[SERVICE] = {"target_prefixes": [TARGET], "host_patterns": [], "credential_scope": SERVICE}
    app.SERVICE_HANDLERS[SERVICE] = handle_request


def _arn(service: str) -> str:
    return f"arn:aws:{service}:{responses.get_region()}:{responses.get_account_id()}"


def _known_target(request: Document) -> tuple[str, str, str]:
    key = records.target_key(request)
    if key not in records.targets:
        message = f"No scalable target registered for service namespace: {key[0]}, resource ID: {key[1]}"
        raise ScalingError(f"{message}, scalable dimension: {key[2]}", "ObjectNotFoundException")
    return key


def _deleted(store: Any, request: Document, name: str) -> Document:
    key = (*records.target_key(request), name)
    if key not in store:
        raise ScalingError(f"Nothing found with the name {name}", "ObjectNotFoundException")
    del store[key]
    return {}


def _matching(store: Any, request: Document) -> list[Document]:
    wanted = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    return [public(each) for each in store.values() if all(request.get(name) in (None, each[name]) for name in wanted)]


def _named(store: Any, request: Document, member: str, names: str) -> list[Document]:
    wanted = request.get(names)
    return [each for each in _matching(store, request) if not wanted or each[member] in wanted]
