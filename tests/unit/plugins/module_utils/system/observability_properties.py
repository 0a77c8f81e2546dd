# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the dashboard, the alarms, the rules and the experiments of any system."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import jsonschema
from ansible_collections.gantry.ecs.plugins.module_utils.system.runbooks import PAGE, RUNBOOKS, anchor
from published_metrics import is_published
from template_case import Case, Found, walk

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
POSITION = {
    "x": {"type": "integer", "minimum": 0, "maximum": 23},
    "y": {"type": "integer", "minimum": 0},
    "width": {"type": "integer", "minimum": 1, "maximum": 24},
    "height": {"type": "integer", "minimum": 1, "maximum": 1000},
}
METRIC_OPTIONS = {
    "type": "object",
    "properties": {"label": {"type": "string"}, "stat": {"type": "string"}, "expression": {"type": "string"}},
    "additionalProperties": False,
}
GRAPH = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 1},
        "region": {"type": "string", "minLength": 1},
        "view": {"enum": ["timeSeries", "singleValue", "gauge", "bar", "pie"]},
        "stat": {"type": "string"},
        "period": {"enum": [1, 5, 10, 30, 60]},
        "metrics": {
            "type": "array",
            "minItems": 1,
            "maxItems": 500,
            "items": {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "string"}, METRIC_OPTIONS]}},
        },
    },
    "required": ["title", "region", "metrics", "stat", "period"],
    "additionalProperties": False,
}
ALARMS = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "alarms": {"type": "array", "minItems": 1, "maxItems": 100, "uniqueItems": True, "items": {"type": "string"}},
    },
    "required": ["alarms"],
    "additionalProperties": False,
}


def _widget(kind: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"type": {"const": kind}, **POSITION, "properties": properties},
        "required": ["type", *POSITION, "properties"],
        "additionalProperties": False,
    }


BODY = {
    "type": "object",
    "properties": {
        "widgets": {
            "type": "array",
            "maxItems": 500,
            "items": {"anyOf": [_widget("metric", GRAPH), _widget("alarm", ALARMS)]},
        }
    },
    "required": ["widgets"],
    "additionalProperties": False,
}
SEARCH = re.compile(r"SEARCH\('\{([\w/]+),([\w,]+)\} MetricName=\"(\w+)\" LoadBalancer=\"[^\"]+\"', '\w+', \d+\)")
ALARM_NAME = re.compile(r"arn:.*:alarm:(.*)")


def bodies(case: Case) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield component and body of each dashboard."""
    for component, _name, properties in case.resources("AWS::CloudWatch::Dashboard"):
        yield component, json.loads(case.value(component, properties["DashboardBody"]))


def dashboards_have_the_structure(case: Case) -> Found:
    """A dashboard is JSON in CloudWatch's structure, its widgets are in the grid, and none lies upon another."""
    for component, body in bodies(case):
        yield from (each.message for each in jsonschema.Draft202012Validator(BODY).iter_errors(body))
        for widget in body["widgets"]:
            if widget["x"] + widget["width"] > 24:
                yield f"{component}: {widget['properties']['title']} is wider than the grid"
        for one, other in combinations(body["widgets"], 2):
            if _overlap(one, other, "x", "width") and _overlap(one, other, "y", "height"):
                yield f"{component}: {one['properties']['title']} lies upon {other['properties']['title']}"


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any], start: str, size: str) -> bool:
    return bool(one[start] < other[start] + other[size] and other[start] < one[start] + one[size])


def dashboards_show_every_part(case: Case) -> Found:
    """The dashboard shows all alarms, and each part that has metrics; without one where it is off."""
    description = case.description
    jobs = [name for name, job in description["jobs"].items() if "role" not in job]
    named = ("services", "load_balancers", "queues", "databases")
    parts = [*(name for section in named for name in description[section]), *jobs]
    found = dict(bodies(case))
    if bool(found) != bool(description["observability"]["dashboard"] and parts):
        yield f"there is {'a' if found else 'no'} dashboard"
    alarms = {
        case.value(component, properties["AlarmName"])
        for component, _name, properties in case.resources("AWS::CloudWatch::Alarm")
    }
    for component, body in found.items():
        shown = [each for widget in body["widgets"] for each in widget["properties"].get("alarms", [])]
        if {match[1] for each in shown if (match := ALARM_NAME.fullmatch(each))} != alarms:
            yield f"{component} shows the alarms {shown}, not {alarms}"
        lines = json.dumps([widget["properties"].get("metrics", []) for widget in body["widgets"]])
        base = "${Project}-${Environment}-"
        wanted = [
            *(f'"ServiceName", "{base}{name}"' for name in description["services"]),
            *(f'"QueueName", "{base}{name}{end}"' for name in description["queues"] for end in ("", "-dead-letters")),
            *(f'"DBClusterIdentifier", "{base}{name}"' for name in description["databases"]),
            *(f'"LoadBalancer", "load-balancer-{name}.FullName"' for name in description["load_balancers"]),
            *(f'"TaskDefinitionFamily", "{base}{name}"' for name in jobs),
        ]
        yield from (f"{component} does not show {each}" for each in wanted if each not in lines)


def metrics_are_published(case: Case) -> Found:
    """Each metric of a dashboard, an alarm and a scaling policy is one that AWS publishes with these dimensions."""
    for component, body in bodies(case):
        for widget in body["widgets"]:
            for namespace, name, dimensions in _lines(widget["properties"].get("metrics", [])):
                if not is_published(namespace, name, dimensions):
                    yield f"{component}: {namespace} {name} {sorted(dimensions)}"
    for component, name, properties in case.resources():
        for node in walk(properties):
            if isinstance(node, dict) and {"Namespace", "MetricName"} <= node.keys():
                dimensions = frozenset(each["Name"] for each in node["Dimensions"])
                if not is_published(node["Namespace"], node["MetricName"], dimensions):
                    yield f"{component}: {name} takes {node['Namespace']} {node['MetricName']} {sorted(dimensions)}"


def _lines(metrics: list[list[Any]]) -> Iterator[tuple[str, str, frozenset[str]]]:
    for line in metrics:
        names = [each for each in line if isinstance(each, str)]
        if names:
            yield names[0], names[1], frozenset(names[2::2])
            continue
        found = SEARCH.fullmatch(line[0]["expression"])
        yield (
            (found[1], found[3], frozenset(found[2].split(","))) if found else ("", line[0]["expression"], frozenset())
        )


def alarms_name_their_runbook(case: Case) -> Found:
    """The description of each alarm ends with the section of the runbooks that says what to do."""
    known = {f"{PAGE}#{anchor(title)}" for title in RUNBOOKS.values()}
    for component, name, properties in case.resources("AWS::CloudWatch::Alarm"):
        text, _dot, runbook = properties["AlarmDescription"].partition(". Runbook: ")
        if not text or runbook not in known:
            yield f"{component}: {name} says {properties['AlarmDescription']}"


def failed_runs_are_noticed(case: Case) -> Found:
    """Each job has a rule that matches its failed tasks alone, sends them to the queue, and has an alarm."""
    rules = [properties for _component, _name, properties in case.resources("AWS::Events::Rule")]
    jobs = {name: job for name, job in case.description["jobs"].items() if "role" not in job}
    matched = {}
    for rule in rules:
        detail = rule["EventPattern"]["detail"]
        [family] = [case.value("job-failures", each["prefix"]) for each in detail["taskDefinitionArn"]]
        exits = detail["$or"][1]["containers"]
        matched[family.rpartition("/")[2]] = (exits["name"], exits["exitCode"][0]["anything-but"])
    wanted = {
        f"${{Project}}-${{Environment}}-{name}:": ([name], list(job["success_exit_codes"]))
        for name, job in jobs.items()
    }
    if matched != wanted:
        yield f"rules match {matched}, not {wanted}"
    for rule in rules:
        if [case.value("job-failures", each["Arn"]) for each in rule["Targets"]] != ["job-failures:FailuresQueue.Arn"]:
            yield f"{rule['Description']}: sends to {rule['Targets']}"
    for component, name, properties in case.resources("AWS::SQS::QueuePolicy"):
        senders = properties["PolicyDocument"]["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"]
        if len(senders) != len(rules):
            yield f"{component}: {name} admits {senders}"
    alarms = [
        name for component, name, _properties in case.resources("AWS::CloudWatch::Alarm") if component == "job-failures"
    ]
    if len(alarms) != len(jobs):
        yield f"{alarms} are not the alarms of {list(jobs)}"


def experiments_are_bounded(case: Case) -> Found:
    """Where they are switched on, each service has one experiment: one task of its own, and an alarm that ends it."""
    is_on = case.description["observability"]["fault_injection"]
    found = {component: properties for component, _name, properties in case.resources("AWS::FIS::ExperimentTemplate")}
    if found.keys() != {component for component, _name, _service in case.services() if is_on}:
        yield f"there are experiments of {list(found)}"
    for component, properties in found.items():
        [target] = properties["Targets"].values()
        tags = {key: case.value(component, value) for key, value in target["ResourceTags"].items()}
        own = f"${{Project}}-${{Environment}}-{component.removeprefix('service-')}"
        if (
            tags.get("Name") != own
            or not {"Project", "Environment"} <= tags.keys()
            or target["SelectionMode"] != "COUNT(1)"
        ):
            yield f"{component} stops {target}"
        alarms = [each["Value"]["Fn::GetAtt"][0] for each in properties["StopConditions"] if "Value" in each]
        resources = case.templates[component]["Resources"]
        if not alarms or any(resources.get(each, {}).get("Type") != "AWS::CloudWatch::Alarm" for each in alarms):
            yield f"{component} ends with {alarms}"
        stops = [each for each in case.statements(component, "ExperimentRole") if "ecs:StopTask" in each["Action"]]
        cluster = case.description["services"][component.removeprefix("service-")]["cluster"]
        tasks = f"arn:${{AWS::Partition}}:ecs:${{AWS::Region}}:${{AWS::AccountId}}:task/{cluster}.ClusterName/*"
        if [each["Resource"] for each in stops] != [[tasks]]:
            yield f"{component} may stop {stops}"
        if "CloudWatchLogsConfiguration" not in properties.get("LogConfiguration", {}):
            yield f"{component} has no log"


EVERY_OBSERVATION = (
    dashboards_have_the_structure,
    dashboards_show_every_part,
    metrics_are_published,
    alarms_name_their_runbook,
    failed_runs_are_noticed,
    experiments_are_bounded,
)
