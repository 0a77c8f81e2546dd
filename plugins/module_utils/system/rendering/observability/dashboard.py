# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CloudWatch dashboard of a system: a widget for each question, with a line for each service, queue or job.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.databases import ALARMS
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.load_balancer import component
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.alarms import alarm_kinds
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.job_failures import failure_rule
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Output,
    Parts,
    cluster_name,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections, Service, container_jobs

COMPONENT = "dashboard"
# Units of a dashboard's grid, which is 24 wide.
GRID, WIDTH, HEIGHT = 24, 8, 6
PERIOD = 60  # seconds
# An alarm widget takes a hundred, and shows some six in a row.
ALARMS_A_WIDGET, ALARMS_A_ROW = 100, 6
INSIGHTS = "ECS/ContainerInsights"

Metric = list[Any]


class Graph(NamedTuple):
    """A metric widget.

    Attributes:
        title: its title, with the unit.
        metrics: its lines, as the dashboard's body has them.
        statistic: of the lines that name none.
    """

    title: str
    metrics: Sequence[Metric]
    statistic: str


def dashboard(sections: Sections) -> Parts:
    """Return the dashboard of a system; nothing where the description switches it off, or has nothing to show."""
    graphs = [graph for graph in _graphs(sections) if graph.metrics]
    if not sections["observability"]["dashboard"] or not graphs:
        return Parts()
    text = _text(_widgets(graphs, alarm_names(sections)))
    taken = {each.parameter: each for each in _taken(sections) if _parameter(each) in text}
    properties = {"DashboardName": sub(f"{BASE}-system"), "DashboardBody": sub(text, **taken)}
    return Parts(
        {"Dashboard": {"Type": "AWS::CloudWatch::Dashboard", "Properties": properties}},
        {"DashboardName": output("The dashboard in CloudWatch.", {"Ref": "Dashboard"})},
    )


def alarm_names(sections: Sections) -> list[str]:
    """Return the names of a system's alarms, without project and environment."""
    services = sections["services"]
    return [
        *(f"{name}-{kind}" for name in sorted(services) for kind in _alarm_kinds(services[name])),
        *(f"{name}-{kind}" for name in sorted(sections["queues"]) for kind in ("age", "dead-letters")),
        *(f"{name}-database-{kind}" for name in sorted(sections["databases"]) for kind in ALARMS),
        *(f"{name}-failed" for name in sorted(container_jobs(sections))),
        *(f"{name}-missed" for name in _scheduled(sections)),
    ]


def _alarm_kinds(service: Service) -> list[str]:
    return [*alarm_kinds(service), *(["first-task"] if "backlog" in service.get("scaling", {}) else [])]


def _scheduled(sections: Sections) -> list[str]:
    return sorted(name for name, job in container_jobs(sections).items() if "schedule" in job)


def _taken(sections: Sections) -> Iterator[Output]:
    workloads = (*sections["services"].values(), *container_jobs(sections).values())
    yield from (cluster_name(each) for each in sorted({workload["cluster"] for workload in workloads}))
    yield from (Output(component(name), "FullName") for name in sorted(sections["load_balancers"]))
    yield from (failure_rule(name) for name in sorted(container_jobs(sections)))


def _graphs(sections: Sections) -> Iterator[Graph]:
    services = sorted((name, service["cluster"]) for name, service in sections["services"].items())
    queues, jobs = sorted(sections["queues"]), container_jobs(sections)
    # Each task sends one sample a minute, so their number is the number of running tasks:
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-metrics.html
    yield Graph(
        "Services: running tasks, and desired ones with Container Insights",
        [
            *(
                _of_service("AWS/ECS", "CPUUtilization", *each, f"{each[0]} running", "SampleCount")
                for each in services
            ),
            *(_of_service(INSIGHTS, "DesiredTaskCount", *each, f"{each[0]} desired", "Maximum") for each in services),
        ],
        "Maximum",
    )
    yield Graph(
        "Services: CPU, percent", [_of_service("AWS/ECS", "CPUUtilization", *each) for each in services], "Average"
    )
    yield Graph(
        "Services: memory, percent",
        [_of_service("AWS/ECS", "MemoryUtilization", *each) for each in services],
        "Average",
    )
    for name in sorted(sections["load_balancers"]):
        yield from _of_load_balancer(name)
    yield Graph(
        "Queues: messages that wait, and those in flight",
        [
            *(_of_queue("ApproximateNumberOfMessagesVisible", name, f"{name} waiting") for name in queues),
            *(_of_queue("ApproximateNumberOfMessagesNotVisible", name, f"{name} in flight") for name in queues),
        ],
        "Maximum",
    )
    yield Graph(
        "Queues: age of the oldest message, seconds",
        [_of_queue("ApproximateAgeOfOldestMessage", name, name) for name in queues],
        "Maximum",
    )
    yield Graph(
        "Queues: dead letters, and runs that a schedule did not start",
        [
            *(_of_queue("ApproximateNumberOfMessagesVisible", f"{name}-dead-letters", name) for name in queues),
            *(
                _of_queue("ApproximateNumberOfMessagesVisible", f"{name}-missed", f"{name} missed")
                for name in _scheduled(sections)
            ),
        ],
        "Maximum",
    )
    databases = sorted(sections["databases"])
    yield Graph(
        "Databases: capacity in use, percent", [_of_database("ACUUtilization", name) for name in databases], "Average"
    )
    yield Graph("Databases: connections", [_of_database("DatabaseConnections", name) for name in databases], "Maximum")
    yield Graph(
        "Jobs: runs that failed, a minute",
        [
            ["AWS/Events", "MatchedEvents", "RuleName", _parameter(failure_rule(name)), {"label": name}]
            for name in sorted(jobs)
        ],
        "Sum",
    )
    yield Graph(
        "Jobs: CPU units in use, with Container Insights",
        [
            [
                *(INSIGHTS, "CpuUtilized", "ClusterName", _parameter(cluster_name(jobs[name]["cluster"]))),
                *("TaskDefinitionFamily", f"{BASE}-{name}", {"label": name}),
            ]
            for name in sorted(jobs)
        ],
        "Average",
    )


def _of_service(namespace: str, metric: str, name: str, cluster: str, label: str = "", statistic: str = "") -> Metric:
    options = {"label": label or name, **({"stat": statistic} if statistic else {})}
    of_service = ["ClusterName", _parameter(cluster_name(cluster)), "ServiceName", f"{BASE}-{name}"]
    return [namespace, metric, *of_service, options]


def _of_queue(metric: str, name: str, label: str) -> Metric:
    return ["AWS/SQS", metric, "QueueName", f"{BASE}-{name}", {"label": label}]


def _of_database(metric: str, name: str) -> Metric:
    identifier = f"{BASE}-{name}"
    return ["AWS/RDS", metric, "DBClusterIdentifier", identifier, "Role", "WRITER", {"label": name}]


def _of_load_balancer(name: str) -> Iterator[Graph]:
    full_name = _parameter(Output(component(name), "FullName"))

    def line(metric: str, **options: str) -> Metric:
        return ["AWS/ApplicationELB", metric, "LoadBalancer", full_name, options]

    def search(metric: str, statistic: str) -> Metric:
        # A search finds the target groups, so that the dashboard need not wait for the services' stacks.
        query = f'{{AWS/ApplicationELB,LoadBalancer,TargetGroup}} MetricName="{metric}" LoadBalancer="{full_name}"'
        return [{"expression": f"SEARCH('{query}', '{statistic}', {PERIOD})"}]

    yield Graph(
        f"Load balancer {name}: healthy and unhealthy targets",
        [search("HealthyHostCount", "Minimum"), search("UnHealthyHostCount", "Maximum")],
        "Maximum",
    )
    yield Graph(f"Load balancer {name}: requests a minute", [line("RequestCount", label="requests")], "Sum")
    yield Graph(
        f"Load balancer {name}: responses of 5xx a minute",
        [
            line("HTTPCode_Target_5XX_Count", label="of targets"),
            line("HTTPCode_ELB_5XX_Count", label="of the load balancer"),
        ],
        "Sum",
    )
    yield Graph(
        f"Load balancer {name}: response time, seconds",
        [line("TargetResponseTime", label=statistic, stat=statistic) for statistic in ("p50", "p99")],
        "p99",
    )


def _parameter(taken: Output) -> str:
    return f"${{{taken.parameter}}}"


def _widgets(graphs: Sequence[Graph], alarms: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the widgets: the alarms over the whole width, and below them the graphs, three in a row."""
    row = 0
    for first in range(0, len(alarms), ALARMS_A_WIDGET):
        shown = alarms[first : first + ALARMS_A_WIDGET]
        height = 2 + -(-len(shown) // ALARMS_A_ROW)
        arns = [
            f"arn:${{AWS::Partition}}:cloudwatch:${{AWS::Region}}:${{AWS::AccountId}}:alarm:{BASE}-{name}"
            for name in shown
        ]
        position = {"x": 0, "y": row, "width": GRID, "height": height}
        yield {"type": "alarm", **position, "properties": {"title": "Alarms", "alarms": arns}}
        row += height
    columns = GRID // WIDTH
    for number, graph in enumerate(graphs):
        below, column = divmod(number, columns)
        yield {
            "type": "metric",
            **{"x": column * WIDTH, "y": row + below * HEIGHT, "width": WIDTH, "height": HEIGHT},
            "properties": {
                "title": graph.title,
                "region": "${AWS::Region}",
                "view": "timeSeries",
                "stat": graph.statistic,
                "period": PERIOD,
                "metrics": list(graph.metrics),
            },
        }


def _text(widgets: Iterable[Mapping[str, Any]]) -> str:
    """Return the body in short lines, for reviews."""
    return '{"widgets": [\n' + ",\n".join(_lines(widget) for widget in widgets) + "\n]}"


def _lines(widget: Mapping[str, Any]) -> str:
    position = {key: value for key, value in widget.items() if key != "properties"}
    properties = ",\n".join(f"{json.dumps(key)}: {_shown(value)}" for key, value in widget["properties"].items())
    return f'{json.dumps(position)[:-1]}, "properties": {{\n{properties}\n}}}}'


def _shown(value: Any) -> str:
    """Return a value as JSON, with a line for each item of a list, and one for the options of a metric."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(_shown_item(item) for item in value) + "\n]"
    return json.dumps(value)


def _shown_item(item: Any) -> str:
    if isinstance(item, list):
        return (
            "["
            + ",\n".join(json.dumps(part)[1:-1] if isinstance(part, list) else json.dumps(part) for part in _cut(item))
            + "]"
        )
    return json.dumps(item)


def _cut(metric: Metric) -> list[Any]:
    """Return the names of a metric as a list, and its options behind it."""
    *names, options = metric
    return [names, options] if names else [options]
