# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The observability stack, for any valid parameters: alarms reach the topic, the dashboard shows existing metrics."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from ddbload.engine.totals import Totals
from ddbload.run.reporter import metrics_document
from ddbload.stats.histogram import Histogram
from ddbload.turns import at_once
from environments import ARGUMENTS, stack_variables
from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.services.eventbridge import _test_event_pattern
from template_parser import ACCOUNT, REGION, ROOT, Policy, Rendered, load, policies, render, walk
from template_strategies import KNOWN, renderings

TEMPLATE = load("observability")
PRICES = ROOT / "loadtest_app/src/ddbload/run/costs/prices.json"
NAMES = {"Environment": "dev", "TableName": "ddbload-dev"}
slow = settings(max_examples=60)
observed = renderings("observability")


def observability(**changed: Any) -> Rendered:
    return render(TEMPLATE, NAMES | changed)


def task() -> Rendered:
    """The task of the same project and environment."""
    own = {name: KNOWN[name] for name in ("TableArn", "ImageUri", "RepositoryArn")}
    return render("task", NAMES | own)


def dashboard(rendered: Rendered) -> list[dict[str, Any]]:
    return list(json.loads(rendered.properties("LoadDashboard")["DashboardBody"])["widgets"])


def metrics(rendered: Rendered) -> list[tuple[str, ...]]:
    """Return the metrics on a dashboard: namespace, name, dimension names and values; its shorthands written out."""
    found: list[tuple[str, ...]] = []
    for widget in dashboard(rendered):
        before: list[str] = []
        for entry in widget["properties"].get("metrics", []):
            texts = [one for one in entry if isinstance(one, str)]
            if texts == ["..."]:
                texts = before
            before = [old if text == "." else text for text, old in zip(texts, before or texts, strict=True)]
            if before:
                found.append(tuple(before))
    return found


def publishers(rendered: Rendered) -> set[str]:
    """Return the services that publish to the topic."""
    found = {
        "AWS::CloudWatch::Alarm": "cloudwatch.amazonaws.com",
        "AWS::Events::Rule": "events.amazonaws.com",
        "AWS::Budgets::Budget": "budgets.amazonaws.com",
    }
    return {service for type_, service in found.items() if rendered.of_type(type_)}


def let_in(policy: Policy, action: str) -> dict[str, dict[str, Any]]:
    """Return the services that a policy allows an action, each with the condition."""
    found: dict[str, dict[str, Any]] = {}
    for statement in policy.statements:
        services = statement["Principal"].get("Service", []) if isinstance(statement["Principal"], dict) else []
        allowed = any(re.fullmatch(one.replace("*", ".*"), action) for one in _many(statement["Action"]))
        if statement["Effect"] == "Allow" and allowed:
            found |= {service: statement.get("Condition", {}) for service in _many(services)}
    return found


def _many(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


# ---- Off by default


def test_default_is_the_topic_alone_which_costs_nothing() -> None:
    assert list(observability().resources) == ["AlarmTopic"]


@pytest.mark.parametrize("none", [0, "0", "0.0", 0.0])
def test_ceiling_of_zero_in_any_notation_is_no_ceiling(none: float | str) -> None:
    assert list(observability(HourlySpendCeiling=none, MonthlyBudget=none).resources) == ["AlarmTopic"]


# ---- Alarms that reach the topic


@given(observed)
@slow
def test_publishers_reach_the_topic_and_use_its_key(rendered: Rendered) -> None:
    topic = rendered.outputs["AlarmTopicArn"]
    for alarm in rendered.of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["Properties"]["AlarmActions"] == [topic]
    for rule in rendered.of_type("AWS::Events::Rule").values():
        assert [target["Arn"] for target in rule["Properties"]["Targets"]] == [topic]
    for budget in rendered.of_type("AWS::Budgets::Budget").values():
        for notice in budget["Properties"]["NotificationsWithSubscribers"]:
            assert notice["Subscribers"] == [{"SubscriptionType": "SNS", "Address": topic}]
    found = {policy.resource: policy for policy in policies(rendered)}
    if publishers(rendered):
        assert publishers(rendered) <= set(let_in(found["AlarmTopicPolicy"], "sns:Publish"))
    if publishers(rendered) and not rendered.parameters["TopicKeyArn"]:
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            assert publishers(rendered) <= set(let_in(found["TopicKey"], action))


@given(observed)
@slow
def test_publishers_never_need_the_aws_managed_key(rendered: Rendered) -> None:
    key = rendered.properties("AlarmTopic")["KmsMasterKeyId"]
    assert (key == "alias/aws/sns") is (not publishers(rendered) and not rendered.parameters["TopicKeyArn"])
    # A key without a use costs a dollar a month.
    assert ("TopicKey" in rendered.resources) is (bool(publishers(rendered)) and not rendered.parameters["TopicKeyArn"])


@given(observed)
@slow
def test_only_services_of_this_account_publish(rendered: Rendered) -> None:
    for policy in policies(rendered):
        for action in ("sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"):
            for service, condition in let_in(policy, action).items():
                own = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
                assert condition == ({} if service == "events.amazonaws.com" else own)


def test_unencrypted_publishing_is_refused() -> None:
    (policy,) = [one for one in policies(observability(Alarms=True)) if one.resource == "AlarmTopicPolicy"]
    (refusal,) = [one for one in policy.statements if one["Effect"] == "Deny"]
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert refusal["Principal"] == "*"


# ---- The table's alarms


@given(renderings("observability", Alarms=True))
@slow
def test_alarms_watch_the_table_and_its_indexes_only(rendered: Rendered) -> None:
    seen = set()
    for name in ("WriteThrottleAlarm", "ReadThrottleAlarm", "SystemErrorAlarm"):
        (metric,) = rendered.properties(name)["Metrics"]
        query = re.fullmatch(
            r'SELECT SUM\((\w+)\) FROM "AWS/DynamoDB" WHERE TableName = \'(.+)\'', metric["Expression"]
        )
        assert query
        assert query[2] == rendered.parameters["TableName"]
        assert rendered.properties(name)["TreatMissingData"] == "notBreaching"
        seen.add(query[1])
    assert seen == {"WriteThrottleEvents", "ReadThrottleEvents", "SystemErrors"}


# ---- Tasks that fail


def event(
    code: str, containers: list[dict[str, Any]], *, status: str = "STOPPED", name: str = "ddbload-dev"
) -> dict[str, Any]:
    return {
        "source": "aws.ecs",
        "detail-type": "ECS Task State Change",
        "account": ACCOUNT,
        "region": REGION,
        "detail": {
            "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{name}",
            "lastStatus": status,
            "stopCode": code,
            "containers": containers,
        },
    }


def exited(*codes: int | None) -> list[dict[str, Any]]:
    named = zip(("ddbload", "tracing"), codes, strict=False)
    return [{"name": name} | ({} if code is None else {"exitCode": code}) for name, code in named]


@pytest.mark.parametrize(
    ("happened", "is_reported"),
    [
        (event("EssentialContainerExited", exited(0)), False),
        (event("EssentialContainerExited", exited(3)), True),
        (event("EssentialContainerExited", exited(137)), True),
        # ECS kills the collector when the load tester ends, which is no failure.
        (event("EssentialContainerExited", exited(0, 137)), False),
        (event("EssentialContainerExited", exited(4, 0)), True),
        (event("TaskFailedToStart", exited(None)), True),
        (event("SpotInterruption", exited(0)), True),
        (event("UserInitiated", exited(0)), False),
        (event("UserInitiated", exited(6)), True),
        (event("EssentialContainerExited", exited(3), status="DEPROVISIONING"), False),
        (event("EssentialContainerExited", exited(3), name="another"), False),
        (event("EssentialContainerExited", exited(3)) | {"source": "aws.batch"}, False),
    ],
)
def test_a_failed_task_is_reported_once(happened: dict[str, Any], is_reported: bool) -> None:
    rule = observability(TaskFailures=True).properties("TaskFailureRule")
    # This is the embedded AWS's EventBridge, since moto's supports no lists of objects.
    request = {"EventPattern": json.dumps(rule["EventPattern"]), "Event": json.dumps(happened)}
    status, _headers, body = _test_event_pattern(request)
    assert (status, json.loads(body)) == (200, {"Result": is_reported})


def test_notice_uses_only_fields_from_the_event() -> None:
    (target,) = observability(TaskFailures=True).properties("TaskFailureRule")["Targets"]
    transformer = target["InputTransformer"]
    assert set(re.findall(r"<(\w+)>", transformer["InputTemplate"])) == set(transformer["InputPathsMap"])
    assert json.loads(transformer["InputTemplate"])


def test_rule_and_dashboard_name_the_cluster_and_the_task() -> None:
    made, watched = task(), observability(TaskFailures=True, Dashboard=True)
    cluster = render("cluster", {"Environment": "dev"}).outputs
    pattern = watched.properties("TaskFailureRule")["EventPattern"]
    assert pattern["detail"]["clusterArn"] == [cluster["ClusterArn"]]
    names = {node["name"][0] for node in walk(pattern) if isinstance(node, dict) and "name" in node}
    (container,) = made.properties("TaskDefinition")["ContainerDefinitions"]
    assert names == {container["Name"]}
    family = made.properties("TaskDefinition")["Family"]
    insights = {metric[2:] for metric in metrics(watched) if metric[0] == "ECS/ContainerInsights"}
    assert insights == {("ClusterName", cluster["ClusterName"], "TaskDefinitionFamily", family)}
    (query,) = [widget["properties"]["query"] for widget in dashboard(watched) if widget["type"] == "log"]
    assert query.startswith(f"SOURCE '{made.outputs['LogGroupName']}' | ")
    rules = {metric[3] for metric in metrics(watched) if metric[0] == "AWS/Events"}
    assert rules == {watched.properties("TaskFailureRule")["Name"]}


# ---- Costs


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from([0, 0.125, 0.625, 3]))
def test_the_spend_alarm_computes_the_cost_of_an_hour(writes: int, reads: int, price: float) -> None:
    rendered = observability(HourlySpendCeiling=2.5, WriteMillionPrice=price, ReadMillionPrice=price / 2)
    sums = {one["Id"]: one for one in rendered.properties("SpendAlarm")["Metrics"]}
    periods = {one["MetricStat"]["Period"] for one in sums.values() if "MetricStat" in one}
    (period_s,) = periods
    names = {"FILL": lambda value, _other: value, "writes": writes, "reads": reads}
    computed = eval(sums["spend"]["Expression"], {"__builtins__": {}}, names)
    assert computed == pytest.approx((writes * price + reads * price / 2) / 1e6 * 3600 / period_s)
    assert float(rendered.properties("SpendAlarm")["Threshold"]) == 2.5


def test_the_default_prices_are_those_of_the_load_tester() -> None:
    prices = json.loads(PRICES.read_text())["regions"]["us-east-1"]
    assert TEMPLATE["Parameters"]["WriteMillionPrice"]["Default"] == prices["write_units_million"]
    assert TEMPLATE["Parameters"]["ReadMillionPrice"]["Default"] == prices["read_units_million"]


def test_the_budget_counts_by_the_tags_that_every_stack_bears() -> None:
    rendered = observability(MonthlyBudget=100)
    tags = rendered.properties("Budget")["Budget"]["CostFilters"]["TagKeyValue"]
    assert tags == ["user:Project$ddbload", "user:Environment$dev"]
    assert "CostFilters" not in observability(MonthlyBudget=100, BudgetScope="account").properties("Budget")["Budget"]


def test_observability_needs_the_table_only() -> None:
    """The stack depends on the table's only, so that it is applied at the same time as those of cluster and task."""
    passed = stack_variables("observability")["stack_parameters"].values()
    assert all(one.startswith("{{ observability_") for one in passed)
    assert {name for name in ARGUMENTS if name.startswith("observability_")} == {"observability_table_name"}


# ---- The dashboard


@given(renderings("observability", Dashboard=True))
@slow
def test_dashboard_is_valid_and_its_widgets_do_not_overlap(rendered: Rendered) -> None:
    covered: set[tuple[int, int]] = set()
    for widget in dashboard(rendered):
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not covered & cells
        covered |= cells
        assert widget["properties"]["region"] == REGION
    # A dashboard is 24 columns wide:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    assert {x for x, _y in covered} <= set(range(24))


def test_the_dashboard_shows_every_metric_of_the_load_tester() -> None:
    before, now = Totals(), Totals()
    now.latency["put"] = now.late = Histogram.from_values([1000])
    scenario: Any = SimpleNamespace(metrics=SimpleNamespace(namespace="team/load"), table="ddbload-dev")
    written = at_once(metrics_document(now, before, scenario, {}))
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    dimensions = [text for name in directive["Dimensions"][0] for text in (name, written[name])]
    expected = {(directive["Namespace"], one["Name"], *dimensions) for one in directive["Metrics"]}
    rendered = observability(Dashboard=True, MetricNamespace="team/load")
    assert {metric for metric in metrics(rendered) if metric[0] == "team/load"} == expected
