# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bounds the cost and the exposure of Oneshot, and what its description may not say."""

from __future__ import annotations

from itertools import chain, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.gantry.ecs.plugins.filter.system_costs import system_costs
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read

ROOT = Path(__file__).parents[3]
DESCRIPTION = ROOT / "systems" / "oneshot" / "system.yml"
TEXT = DESCRIPTION.read_text(encoding="utf-8")
ACCOUNTS = ("dev", "staging", "prod")
# Those of dev.
NETWORK = {"network_egress": "nat", "network_nat_mode": "single"}
CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/example"
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html: the least and the most GB by
# CPU units, and the step; 256 CPU units have half a GB too.
FARGATE = {
    256: (1, 2, 1),
    512: (1, 4, 1),
    1024: (2, 8, 1),
    2048: (4, 16, 1),
    4096: (8, 30, 1),
    8192: (16, 60, 4),
    16384: (32, 120, 8),
}
# GB, on both sides of each end and each step.
SIZES = (0.5, 1, 1.5, 2, 3, 4, 5, 8, 9, 16, 17, 18, 20, 30, 31, 32, 36, 40, 60, 64, 120, 124, 128)


def values(env: str) -> Any:
    """Return the values of an inventory for Oneshot."""
    return inventory(env)["system_values"]["oneshot"]


def inventory(env: str) -> Any:
    """Return the variables of an inventory; the number of zones of dev is an expression."""
    path = ROOT / "inventories" / env / "group_vars" / f"{env}.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) | ({"network_zone_count": 2} if env == "dev" else {})


def described(own: Any) -> dict[str, Any]:
    """Return the description with values that it permits."""
    found = read(TEXT, str(DESCRIPTION), own)
    assert found.problems == []
    return dict(found.description)


def problems(own: Any) -> list[str]:
    """Return what is wrong with the description with some values."""
    return [each.line() for each in read(TEXT, str(DESCRIPTION), own).problems]


def public(**own: Any) -> dict[str, Any]:
    """Return the values of an internet-facing load balancer."""
    return {"load_balancers": {"main": {"scheme": "internet-facing", **own}}}


def templates(own: Any) -> dict[str, dict[str, Any]]:
    """Return the resources of each rendered template."""
    components = parse(described(own)).components.values()
    return {each.name: dict(each.rendered.template["Resources"]) for each in components if each.rendered}


@pytest.mark.parametrize("env", ACCOUNTS)
def test_each_environment_has_a_budget_and_job_timeouts(env: str) -> None:
    limits = values(env)["limits"]
    budget = templates(values(env))["budget"]["Budget"]["Properties"]["Budget"]
    assert budget["BudgetLimit"] == {"Amount": limits["monthly_budget_usd"], "Unit": "USD"}
    assert budget["TimeUnit"] == "MONTHLY"
    jobs = described(values(env))["jobs"]
    assert all(job["timeout"] > 0 and job["queue"]["max_running"] > 0 for job in jobs.values())


def test_a_job_without_a_timeout_gets_one() -> None:
    assert described({"jobs": {"other": {"command": ["oneshot"]}}})["jobs"]["other"]["timeout"] == 3600


def test_notices_of_the_budget_need_an_address() -> None:
    address = {"limits": {"monthly_budget_usd": 50, "budget_email": "owner@example.org"}}
    notices = templates(address)["budget"]["Budget"]["Properties"]["NotificationsWithSubscribers"]
    assert {each["Subscribers"][0]["Address"] for each in notices} == {"owner@example.org"}
    [line] = problems({"limits": {"budget_email": "owner@example.org"}})
    assert "limits.budget_email needs monthly_budget_usd" in line


def test_a_night_has_no_task_of_any_service() -> None:
    found = templates({"limits": {"night_off": "20:00-06:30"}})
    for service in described({})["services"]:
        actions = found[f"service-{service}"]["ScalableTarget"]["Properties"]["ScheduledActions"]
        schedules = [(each["Schedule"], each["ScalableTargetAction"]["MaxCapacity"]) for each in actions]
        assert schedules == [("cron(0 20 * * ? *)", 0), ("cron(30 6 * * ? *)", 1)]


def test_a_count_of_0_switches_a_service_off() -> None:
    found = templates({"services": {"ui": {"desired_count": 0}}})
    assert found["service-ui"]["Service"]["Properties"]["DesiredCount"] == 0


def test_an_idle_environment_runs_no_job() -> None:
    """Jobs have no ECS service, so that only a call of run-job.yml starts a task of theirs."""
    for name in described({})["jobs"]:
        types = {each["Type"] for each in templates({})[f"job-{name}"].values()}
        assert types == {"AWS::ECS::TaskDefinition", "AWS::IAM::Role", "AWS::Logs::LogGroup"}


def test_the_page_about_costs_shows_the_estimate() -> None:
    page = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
    costs = system_costs(described({}), NETWORK)
    lines = [costs[part].values() for part in ("services", "jobs", "components")]
    for line in [*chain(*lines), costs["total"]]:
        assert f"\n{line}\n" in page


@pytest.mark.parametrize("env", ACCOUNTS)
def test_no_budget_is_below_what_the_environment_costs_at_least(env: str) -> None:
    assert system_costs(described(values(env)), inventory(env))["over_budget"] == ""


def test_the_load_balancer_is_internal_by_default() -> None:
    assert templates({})["load-balancer-main"]["LoadBalancer"]["Properties"]["Scheme"] == "internal"


HTTPS = {"port": 443, "protocol": "HTTPS", "certificate_arn": CERTIFICATE}


@pytest.mark.parametrize(
    ("own", "lines"),
    [
        (
            public(listeners={"http": HTTPS, "test": {**HTTPS, "port": 8443}}),
            ["load_balancers.main is internet-facing and does not say who may connect -> add admits"],
        ),
        (
            public(admits=["203.0.113.0/24"], listeners={"http": HTTPS}),
            ["load_balancers.main.listeners.test is HTTP, which is not encrypted -> take protocol: HTTPS"],
        ),
        (
            public(admits=["203.0.113.0/24"], listeners={"http": HTTPS, "test": {"port": 8443, "protocol": "HTTPS"}}),
            ["load_balancers.main.listeners.test is HTTPS without a certificate -> add certificate_arn"],
        ),
        (public(admits=["203.0.113.0/24"], listeners={"http": HTTPS, "test": {**HTTPS, "port": 8443}}), []),
    ],
)
def test_a_public_load_balancer_needs_https_and_admits(own: dict[str, Any], lines: list[str]) -> None:
    found = problems(own)
    assert len(found) == len(lines), found
    assert all(line in each for line, each in zip(lines, found, strict=True)), found


def test_a_public_load_balancer_admits_only_whom_it_names() -> None:
    own = public(admits=["203.0.113.0/24"], listeners={"http": HTTPS, "test": {**HTTPS, "port": 8443}})
    resources = templates(own)["security-groups"].values()
    sources = {
        rule["CidrIp"]
        for each in resources
        for rule in [each["Properties"], *each["Properties"].get("SecurityGroupIngress", [])]
        if each["Type"] in ("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress") and "CidrIp" in rule
    }
    assert sources == {"203.0.113.0/24"}


@pytest.mark.parametrize(("section", "name"), [("services", "ui"), ("jobs", "prompt")])
def test_exactly_fargate_s_sizes_are_accepted(section: str, name: str) -> None:
    """Each pair of CPU units and MiB is accepted if Fargate's table has it, and refused by its key otherwise."""
    for (cpu, (least, most, step)), size in product(FARGATE.items(), SIZES):
        memory = int(1024 * size)
        found = problems({section: {name: {"cpu": cpu, "memory": memory}}})
        if (least <= size <= most and (size - least) % step == 0) or (cpu, memory) == (256, 512):
            assert found == []
        else:
            assert any(f"{section}.{name}.memory is {memory}" in line for line in found), (cpu, memory, found)


def test_a_size_beyond_fargate_s_is_refused() -> None:
    [line] = problems({"services": {"ui": {"cpu": 32768, "memory": 122880}}})
    assert "services.ui.cpu is 32768" in line


def test_more_tasks_than_the_limit_are_refused() -> None:
    [line] = problems({"jobs": {"prompt": {"queue": {"name": "prompts", "max_running": 25}}}})
    assert "limits.max_tasks is 25, and services and jobs may have 26 tasks at the same time -> raise it" in line
