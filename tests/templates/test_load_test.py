# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role load_test hands to its tasks, read by the load tester beside what the cluster's stack keeps in SSM."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ddbload import cli
from ddbload.scenario import parameters, scenario
from environments import defaults
from reading import ACCOUNT, REGION, ROOT, Rendered, render

ROLE = ROOT / "roles" / "load_test"
TABLE = "ddbload-dev"
SCENARIO = {"plan": {"type": "constant_rate", "rate": 10, "duration": 5}, "mix": {"get": 1}}
INVENTORY: dict[str, Any] = {
    "load_test_scenario": SCENARIO,
    "load_test_timeout": 900,
    "load_test_id": "one",
    "aws_region": REGION,
    "env": "dev",
}


def cluster() -> Rendered:
    return render(
        "cluster",
        {
            "Environment": "dev",
            "TableName": TABLE,
            "TableArn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}",
            "ImageUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/ddbload-dev:1",
            "RepositoryArn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/ddbload-dev",
            "ClassicPlan": "true",
        },
    )


def launch(**changed: Any) -> dict[str, Any]:
    """Return what the role gives ecs_task_run, computed."""
    loader = DataLoader()
    known = defaults("load_test") | INVENTORY | changed
    known |= loader.load_from_file(str(ROLE / "vars" / "main.yml"), cache="none", trusted_as_template=True)
    outputs = {"TableName": TABLE, "PrivateSubnetIds": "subnet-1", "TaskSecurityGroupId": "sg-1"}
    known["stack_outputs"] = {"network": outputs, "table": outputs, "cluster": cluster().outputs}
    tasks = loader.load_from_file(str(ROLE / "tasks" / "main.yml"), cache="none", trusted_as_template=True)
    (given,) = [task["gantry.ecs.ecs_task_run"] for task in tasks if "gantry.ecs.ecs_task_run" in task]
    return dict(Templar(loader=loader, variables=known).template(given))


def read_by_the_task(launched: dict[str, Any]) -> scenario.Scenario:
    """Return the scenario that the load tester would carry out."""
    (container,) = launched["overrides"]["containers"]
    (definition,) = cluster().properties("TaskDefinition")["ContainerDefinitions"]
    environment = {one["Name"]: one["Value"] for one in definition["Environment"]} | container["environment"]
    options = cli._parser().parse_args(container.get("command", definition["Command"])[1:])
    kept = [one["Properties"] for one in cluster().of_type("AWS::SSM::Parameter").values()]
    values = {one["Name"]: str(one["Value"]) for one in kept}
    return scenario.load(
        options.scenario,
        options.set,
        environment,
        options.table,
        lambda: parameters.from_parameters(values, environment["DDBLOAD_SSM_PATH"]),
    )


def test_the_scenario_of_the_inventory_outranks_the_classic_plan() -> None:
    read = read_by_the_task(launch())
    assert (read.plan.operations, read.table, read.deadline) == (50, TABLE, 900)


def test_a_deadline_of_the_scenario_s_own_stays() -> None:
    assert read_by_the_task(launch(load_test_scenario=SCENARIO | {"deadline": 60})).deadline == 60


@pytest.mark.parametrize("table", ["", "someone-elses"])
def test_the_classic_plan_of_ssm_is_carried_out_where_it_is_asked_for(table: str) -> None:
    read = read_by_the_task(launch(load_test_scenario_source="ssm", load_test_table_name=table))
    assert (read.plan.operations, read.table, read.deadline) == (10_000, table or TABLE, 900)


def test_ssm_needs_no_scenario_in_the_inventory() -> None:
    # Undefined, it would fail whoever looks at it.
    launched = launch(load_test_scenario_source="ssm", load_test_scenario="{{ undefined_variable }}")
    assert "DDBLOAD_SCENARIO" not in launched["overrides"]["containers"][0]["environment"]


@pytest.mark.parametrize("source", ["inventory", "ssm"])
def test_a_command_of_one_s_own_is_left_alone(source: str) -> None:
    launched = launch(load_test_scenario_source=source, load_test_command=["ddbload", "--version"])
    assert launched["overrides"]["containers"][0]["command"] == ["ddbload", "--version"]


def test_what_the_tasks_cost_can_be_told_from_their_tags() -> None:
    assert launch()["propagate_tags"] == "TASK_DEFINITION"
    assert launch()["enable_ecs_managed_tags"] is True


@pytest.mark.parametrize("allowed", [True, False])
def test_commands_may_be_run_in_the_tasks_where_the_cluster_allows_it(allowed: bool) -> None:
    assert launch()["enable_execute_command"] is False
    assert launch(cluster_exec=allowed)["enable_execute_command"] is allowed
