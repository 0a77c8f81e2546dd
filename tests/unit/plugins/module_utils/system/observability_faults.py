# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults planted in dashboards, alarms, rules and experiments, by the property that has to find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from planted_faults import Plant
from template_case import Case

SERVICE, FAILURES = "service-web", "job-failures"


def _at(case: Case, resource: str, component: str = SERVICE) -> dict[str, Any]:
    return case.properties(component, resource)


def _replaced(old: str, new: str) -> Plant:
    """Return a fault that replaces a text of the dashboard's body, once."""

    def plant(case: Case) -> None:
        body = case.properties("dashboard", "Dashboard")["DashboardBody"]["Fn::Sub"]
        assert old in body[0]
        body[0] = body[0].replace(old, new, 1)

    return plant


def _experiment(case: Case) -> dict[str, Any]:
    return _at(case, "ExperimentTemplate")


OBSERVABILITY_FAULTS: Mapping[str, Sequence[Plant]] = {
    "dashboards_have_the_structure": (
        _replaced('"x": 8', '"x": 7'),
        _replaced('"x": 16', '"x": 17'),
        _replaced('"type": "metric"', '"type": "graph"'),
        _replaced('"stat": "Maximum"', '"statistic": "Maximum"'),
    ),
    "dashboards_show_every_part": (
        lambda case: case.templates.pop("dashboard"),
        _replaced("${Project}-${Environment}-worker-cpu", "${Project}-${Environment}-worker-gpu"),
        _replaced('"TaskDefinitionFamily", "${Project}-${Environment}-sum"', '"TaskDefinitionFamily", "sum"'),
        _replaced('"${Project}-${Environment}-work-dead-letters"', '"dead-letters"'),
    ),
    "metrics_are_published": (
        _replaced('"MemoryUtilization"', '"MemoryUtilisation"'),
        _replaced('"ClusterName"', '"Cluster"'),
        _replaced("LoadBalancer,TargetGroup}", "LoadBalancer}"),
        lambda case: _at(case, "CpuAlarm").update(Namespace="ECS"),
    ),
    "alarms_name_their_runbook": (
        lambda case: _at(case, "CpuAlarm").update(AlarmDescription="Service web is busy"),
        lambda case: _at(case, "WorkAgeAlarm", "queues").update(
            AlarmDescription="x. Runbook: docs/runbooks.md#nothing"
        ),
    ),
    "failed_runs_are_noticed": (
        lambda case: _at(case, "SumFailureRule", FAILURES)["EventPattern"]["detail"]["$or"][1]["containers"].update(
            name=["proxy"]
        ),
        lambda case: _at(case, "SumFailureRule", FAILURES).update(Targets=[]),
        lambda case: case.templates[FAILURES]["Resources"].pop("SumFailedAlarm"),
        lambda case: _at(case, "FailuresQueuePolicy", FAILURES)["PolicyDocument"]["Statement"][0].update(
            Condition={"ArnEquals": {"aws:SourceArn": []}}
        ),
    ),
    "experiments_are_bounded": (
        lambda case: case.templates[SERVICE]["Resources"].pop("ExperimentTemplate"),
        lambda case: _experiment(case)["Targets"]["Tasks"].update(SelectionMode="ALL"),
        lambda case: _experiment(case)["Targets"]["Tasks"]["ResourceTags"].pop("Name"),
        lambda case: _experiment(case).update(StopConditions=[{"Source": "none"}]),
        lambda case: _experiment(case).pop("LogConfiguration"),
        lambda case: _at(case, "ExperimentRole")["Policies"][0]["PolicyDocument"]["Statement"][0].update(Resource="*"),
    ),
}
