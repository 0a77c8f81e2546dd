# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template of the cluster, for any valid parameters: its capacity providers and the log of ECS Exec."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from template_parser import Rendered, render
from template_strategies import KNOWN, renderings

slow = settings(max_examples=60)
clusters = renderings("cluster")


def cluster(**changed: Any) -> Rendered:
    return render("cluster", {"Environment": "dev"} | changed)


def strategy(rendered: Rendered) -> list[dict[str, Any]]:
    return list(json.loads(rendered.outputs["CapacityProviderStrategy"]))


# ---- Capacity


@given(clusters)
@slow
def test_a_task_has_a_provider_and_one_provider_has_a_base(rendered: Rendered) -> None:
    properties = rendered.properties("Cluster")
    default = properties["DefaultCapacityProviderStrategy"]
    assert [one["CapacityProvider"] for one in default] == properties["CapacityProviders"]
    assert sum(int(one["Weight"]) for one in default) > 0
    assert len([one for one in default if "Base" in one]) == 1


@given(clusters)
@slow
def test_the_output_is_the_default_strategy(rendered: Rendered) -> None:
    """The output is the cluster's default strategy as ecs_task_run takes it; without Spot it is empty."""
    default = rendered.properties("Cluster")["DefaultCapacityProviderStrategy"]
    has_spot = int(rendered.parameters["FargateSpotWeight"]) > 0
    names = {"CapacityProvider": "capacity_provider", "Base": "base", "Weight": "weight"}
    read = [{names[key]: str(value) for key, value in one.items()} for one in default]
    output = [{key: str(value) for key, value in one.items()} for one in strategy(rendered)]
    assert output == (read if has_spot else [])


def test_no_weight_at_all_is_refused() -> None:
    assert cluster(FargateWeight=0, FargateSpotWeight=0).violations
    assert not cluster(FargateWeight=0, FargateSpotWeight=1).violations


# ---- ECS Exec


@given(renderings("cluster", Exec=True))
@slow
def test_exec_commands_are_logged_and_encrypted_like_the_log(rendered: Rendered) -> None:
    execute = rendered.properties("Cluster")["Configuration"]["ExecuteCommandConfiguration"]
    log = rendered.properties("ExecLogGroup")
    assert execute["Logging"] == "OVERRIDE"
    assert execute["LogConfiguration"]["CloudWatchLogGroupName"] == log["LogGroupName"]
    assert execute["LogConfiguration"]["CloudWatchEncryptionEnabled"] is ("KmsKeyId" in log)
    assert execute.get("KmsKeyId", "") == rendered.parameters["ExecKeyArn"] == rendered.outputs.get("ExecKeyArn", "")
    assert log["LogGroupName"] in rendered.outputs["ExecLogGroupArn"]


@given(renderings("cluster", Exec=True))
@slow
def test_the_task_accepts_the_outputs_of_the_cluster(rendered: Rendered) -> None:
    """A task with the cluster's outputs allows ECS Exec: its container can be written to, its role writes the log."""
    arguments = {name: KNOWN[name] for name in ("TableArn", "RepositoryArn", "ImageUri")}
    passed = {name: rendered.outputs.get(name, "") for name in ("ExecLogGroupArn", "ExecKeyArn")}
    task = render("task", {"Environment": "dev", "TableName": "ddbload-dev"} | arguments | passed)
    assert task.conditions["HasExec"]
    assert task.conditions["HasExecKey"] is bool(rendered.parameters["ExecKeyArn"])


def test_without_exec_there_is_no_log_group() -> None:
    assert list(cluster().resources) == ["Cluster"]
    assert "Configuration" not in cluster().properties("Cluster")
    assert set(cluster().outputs) == {"ClusterName", "ClusterArn", "CapacityProviderStrategy"}
