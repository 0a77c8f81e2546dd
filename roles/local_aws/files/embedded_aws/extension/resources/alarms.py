# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alarms of CloudWatch: those over metric math, and composite ones.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-compositealarm.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.core import responses
from ministack.services import cloudwatch

from embedded_aws.extension.api import call
from embedded_aws.extension.api_shapes import PropertyError, request_shape, to_request
from embedded_aws.extension.metrics import expression
from embedded_aws.extension.metrics.expression import ExpressionError
from embedded_aws.extension.resources import kind
from embedded_aws.extension.resources.kind import Kind, Made, Properties

# Members of a request over one metric; a request over metric math has them in each entry of Metrics.
ONE_METRIC = ("Dimensions", "ExtendedStatistic", "MetricName", "Namespace", "Period", "Statistic", "Unit")
# Members of PutMetricAlarm that need what is not here: anomaly detection bands, metrics of other accounts.
REFUSED = ("EvaluateLowSampleCountPercentile", "EvaluationCriteria", "EvaluationInterval", "ThresholdMetricId")


def alarm_request(properties: Properties, default_name: str) -> dict[str, Any]:
    """Return the request of PutMetricAlarm that a template's properties mean.

    Raises:
        PropertyError: a property is unknown, of another type, missing, or has no effect here.
    """
    if refused := refusal(properties):
        raise PropertyError(refused)
    shape = request_shape("cloudwatch", "PutMetricAlarm")
    request: dict[str, Any] = to_request(shape, {"AlarmName": default_name, **properties})
    if "Metrics" not in request and "MetricName" not in request:
        raise PropertyError("an alarm has MetricName or Metrics -> write one of them")
    return request


def refusal(members: Mapping[str, Any]) -> str:
    """Say why an alarm is not evaluated here; empty where it is."""
    for name in REFUSED:
        if members.get(name):
            return f"{name} is not evaluated by the embedded AWS -> leave it out in this environment"
    try:
        if queries := members.get("Metrics"):
            expression.check(queries)
    except ExpressionError as error:
        return str(error)
    return ""


def install() -> None:
    """Let CloudWatch keep the metric math of its alarms, and templates have all of its alarms."""
    put = cloudwatch._put_metric_alarm

    def put_with_math(params: Any, members: Mapping[str, Any], *protocol: bool) -> Any:
        if refused := refusal(members):
            is_cbor, is_json = (*protocol, False)[:2]
            return cloudwatch._error("ValidationError", refused, 400, use_json=is_json, use_cbor=is_cbor)
        answer = put(params, members, *protocol)
        alarm = cloudwatch._alarms.get(members.get("AlarmName", ""))
        if alarm is not None and members.get("Metrics"):
            alarm["Metrics"] = members["Metrics"]
            for name in ONE_METRIC:
                alarm.pop(name, None)
            cloudwatch._evaluate_alarm(alarm)
        return answer

    cloudwatch._put_metric_alarm = put_with_math
    kind.install(KINDS)


def _put(operation: str, request: Mapping[str, Any]) -> Made:
    """Put an alarm; its tags are set apart, since the API refuses those of CloudFormation's own."""
    name = request["AlarmName"]
    call("cloudwatch", operation, **{member: value for member, value in request.items() if member != "Tags"})
    cloudwatch.cloudformation_set_metric_alarm_tags(name, request.get("Tags", []))
    return name, {"Arn": f"arn:aws:cloudwatch:{responses.get_region()}:{responses.get_account_id()}:alarm:{name}"}


def _create(properties: Properties, default_name: str) -> Made:
    return _put("PutMetricAlarm", alarm_request(properties, default_name))


def _update(name: str, _old: Properties, new: Properties) -> Made:
    return _create(new, name)


def _create_composite(properties: Properties, default_name: str) -> Made:
    shape = request_shape("cloudwatch", "PutCompositeAlarm")
    return _put("PutCompositeAlarm", to_request(shape, {"AlarmName": default_name, **properties}))


def _update_composite(name: str, _old: Properties, new: Properties) -> Made:
    return _create_composite(new, name)


def _delete(name: str, _properties: Properties) -> None:
    call("cloudwatch", "DeleteAlarms", AlarmNames=[name])


KINDS = {
    "AWS::CloudWatch::Alarm": Kind(_create, _delete, _update, ("AlarmName",)),
    "AWS::CloudWatch::CompositeAlarm": Kind(_create_composite, _delete, _update_composite, ("AlarmName",)),
}
