# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scalable targets and scaling policies of templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-applicationautoscaling-scalabletarget.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-applicationautoscaling-scalingpolicy.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedded_aws.extension.api import call
from embedded_aws.extension.api_shapes import PropertyError, request_shape, to_request
from embedded_aws.extension.resources import kind
from embedded_aws.extension.resources.kind import Kind, Made, Properties

SERVICE = "application-autoscaling"
KEY = ("ResourceId", "ScalableDimension", "ServiceNamespace")


def policy_request(properties: Properties) -> dict[str, Any]:
    """Return the request of PutScalingPolicy that a template's properties mean.

    Raises:
        PropertyError: a property is unknown, of another type, or missing, or ScalingTargetId is no scalable target.
    """
    given = dict(properties)
    if "ScalingTargetId" in given:
        parts = str(given.pop("ScalingTargetId")).split("|")
        if len(parts) != len(KEY):
            raise PropertyError("ScalingTargetId is no scalable target -> write Ref and the target's logical id")
        given |= dict(zip(KEY, parts, strict=True))
    request: dict[str, Any] = to_request(request_shape(SERVICE, "PutScalingPolicy"), given)
    return request


def _key(request: Mapping[str, Any]) -> dict[str, str]:
    return {name: request[name] for name in KEY}


def _register(properties: Properties, _name: str) -> Made:
    given = {name: value for name, value in properties.items() if name not in ("ScheduledActions", "Tags")}
    request = to_request(request_shape(SERVICE, "RegisterScalableTarget"), given)
    call(SERVICE, "RegisterScalableTarget", **request)
    shape = request_shape(SERVICE, "PutScheduledAction")
    for action in properties.get("ScheduledActions") or []:
        call(SERVICE, "PutScheduledAction", **to_request(shape, {**action, **_key(request)}))
    physical_id = "|".join(request[name] for name in KEY)
    return physical_id, {"Id": physical_id}


def _reregister(_physical_id: str, old: Properties, new: Properties) -> Made:
    kept = {action["ScheduledActionName"] for action in new.get("ScheduledActions") or []}
    for action in old.get("ScheduledActions") or []:
        if action["ScheduledActionName"] not in kept:
            call(SERVICE, "DeleteScheduledAction", ScheduledActionName=action["ScheduledActionName"], **_key(old))
    return _register(new, "")


def _deregister(_physical_id: str, properties: Properties) -> None:
    call(SERVICE, "DeregisterScalableTarget", **_key(properties))


def _put(properties: Properties, _name: str) -> Made:
    arn = call(SERVICE, "PutScalingPolicy", **policy_request(properties))["PolicyARN"]
    return arn, {"Arn": arn}


def _delete(_arn: str, properties: Properties) -> None:
    request = policy_request(properties)
    call(SERVICE, "DeleteScalingPolicy", PolicyName=request["PolicyName"], **_key(request))


KINDS = {
    "AWS::ApplicationAutoScaling::ScalableTarget": Kind(_register, _deregister, _reregister, KEY),
    "AWS::ApplicationAutoScaling::ScalingPolicy": Kind(
        _put, _delete, lambda _, __, new: _put(new, ""), ("PolicyName", "ScalingTargetId", *KEY)
    ),
}


def install() -> None:
    """Let templates have these types."""
    kind.install(KINDS)
