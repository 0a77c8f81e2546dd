# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario that role load_test passes to its tasks, read by the load tester, and the classic plan in SSM."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.gantry.ecs.plugins.filter.load_test_container import load_test_container
from ansible_collections.gantry.ecs.plugins.module_utils.system.arguments import arguments
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read
from ddbload import cli
from ddbload.scenario import parameters, scenario
from ddbload.scenario.load import load as load_scenario
from environments import defaults
from template_parser import ACCOUNT, REGION, ROOT, Rendered, render

ROLE = ROOT / "roles" / "load_test"
DESCRIPTION = ROOT / "systems" / "load_test" / "system.yml"
SYSTEM = parse(read(DESCRIPTION.read_text(encoding="utf-8"), str(DESCRIPTION)).description)
TABLE = "ddbload-dev"
SCENARIO = {"plan": {"type": "constant_rate", "rate": 10, "duration": 5}, "mix": {"get": 1}}
INVENTORY: dict[str, Any] = {
    "load_test_scenario": SCENARIO,
    "load_test_timeout": 900,
    "__load_test_id": "one",
    "__load_test_control_run": "one/1",
    "aws_region": REGION,
    "env": "dev",
}


def task() -> Rendered:
    return render(
        "task",
        {
            "Environment": "dev",
            "TableName": TABLE,
            "TableArn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}",
            "ImageUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/ddbload-dev:1",
            "RepositoryArn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/ddbload-dev",
            "ClassicPlan": "true",
        },
    )


def cluster_outputs(**parameters: Any) -> dict[str, Any]:
    return render("cluster", {"Environment": "dev"} | parameters).outputs


def launch(**changed: Any) -> dict[str, Any]:
    """Return the options that the role passes to ecs_task_run, computed."""
    loader = DataLoader()
    cluster = changed.pop("cluster", None) or cluster_outputs()
    known = defaults("load_test") | INVENTORY | changed
    known |= loader.load_from_file(str(ROLE / "vars" / "main.yml"), cache="none", trusted_as_template=True)
    outputs = {"TableName": TABLE, "PrivateSubnetIds": "subnet-1", "TaskSecurityGroupId": "sg-1"}
    given = {"network": outputs, "table": outputs, "cluster": cluster, "task": task().outputs}
    known |= arguments(SYSTEM, "load_test", given)
    tasks = loader.load_from_file(str(ROLE / "tasks" / "main.yml"), cache="none", trusted_as_template=True)
    (given,) = [task["gantry.ecs.ecs_task_run"] for task in tasks if "gantry.ecs.ecs_task_run" in task]
    templar = Templar(loader=loader, variables=known)
    # Ansible's loader finds no filter of a collection that Python has imported before.
    templar.environment.filters["gantry.ecs.load_test_container"] = load_test_container
    return dict(templar.template(given))


def read_by_the_task(launched: dict[str, Any]) -> scenario.Scenario:
    """Return the scenario that the load tester runs."""
    (container,) = launched["overrides"]["containers"]
    (definition,) = task().properties("TaskDefinition")["ContainerDefinitions"]
    environment = {one["Name"]: one["Value"] for one in definition["Environment"]} | container["environment"]
    options = cli._parser().parse_args(container.get("command", definition["Command"])[1:])
    kept = [one["Properties"] for one in task().of_type("AWS::SSM::Parameter").values()]
    values = {one["Name"]: str(one["Value"]) for one in kept}
    return load_scenario(
        options.scenario,
        options.set,
        environment,
        options.table,
        lambda: parameters.from_parameters(values, environment["DDBLOAD_SSM_PATH"]),
    )


def test_the_scenario_of_the_inventory_outranks_the_classic_plan() -> None:
    read = read_by_the_task(launch())
    assert (read.plan.operations, read.table, read.deadline) == (50, TABLE, 900)


def test_deadline_of_the_scenario_stays() -> None:
    assert read_by_the_task(launch(load_test_scenario=SCENARIO | {"deadline": 60})).deadline == 60


@pytest.mark.parametrize("table", ["", "someone-elses"])
def test_the_classic_plan_of_ssm_runs_on_request(table: str) -> None:
    read = read_by_the_task(launch(load_test_scenario_source="ssm", load_test_table_name=table))
    assert (read.plan.operations, read.table, read.deadline) == (10_000, table or TABLE, 900)


def test_ssm_needs_no_scenario_in_the_inventory() -> None:
    # An undefined scenario fails every expression that reads it.
    launched = launch(load_test_scenario_source="ssm", load_test_scenario="{{ undefined_variable }}")
    assert "DDBLOAD_SCENARIO" not in launched["overrides"]["containers"][0]["environment"]


@pytest.mark.parametrize("source", ["inventory", "ssm"])
def test_command_of_the_user_is_unchanged(source: str) -> None:
    launched = launch(load_test_scenario_source=source, load_test_command=["ddbload", "--version"])
    assert launched["overrides"]["containers"][0]["command"] == ["ddbload", "--version"]


def test_tags_of_the_tasks_identify_their_cost() -> None:
    assert launch()["propagate_tags"] == "TASK_DEFINITION"
    assert launch()["enable_ecs_managed_tags"] is True


@pytest.mark.parametrize("allowed", [True, False])
def test_ecs_exec_follows_the_cluster(allowed: bool) -> None:
    assert launch()["enable_execute_command"] is False
    assert launch(cluster_exec=allowed)["enable_execute_command"] is allowed


@pytest.mark.parametrize(
    ("parameters", "strategy"),
    [
        ({}, None),
        (
            {"FargateBase": 1, "FargateSpotWeight": 3},
            [
                {"capacity_provider": "FARGATE", "base": 1, "weight": 1},
                {"capacity_provider": "FARGATE_SPOT", "weight": 3},
            ],
        ),
    ],
)
def test_tasks_run_on_the_default_strategy_of_the_cluster(parameters: dict[str, Any], strategy: Any) -> None:
    launched = launch(cluster=cluster_outputs(**parameters))
    assert launched.get("capacity_provider_strategy") == strategy


def test_a_strategy_of_the_inventory_outranks_the_clusters() -> None:
    own = [{"capacity_provider": "FARGATE"}]
    launched = launch(cluster=cluster_outputs(FargateSpotWeight=1), load_test_capacity_provider_strategy=own)
    assert launched["capacity_provider_strategy"] == own
