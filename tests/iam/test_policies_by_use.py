# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployer and tester: each passes its playbooks with exactly its policies; each test needs those before it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from emulator_env import EmulatorEnv, Play
from iam_proxy import IamProxy
from iam_simulator import ACCOUNT
from policy_files import listed, policies_of, statements_of
from ports import free_port

ENVIRONMENT = "local"
SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/ddbload-{ENVIRONMENT}-cloudformation"
OTHER_IMAGE = {"build_push_content": ["pyproject.toml", "src"]}
RUN = {"load_test_scenario": {"plan": {"rate": 20, "duration": 2}, "thresholds": ["failed == 0"]}}

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorEnv]:
    """An empty embedded AWS."""
    made = EmulatorEnv(free_port(), tmp_path_factory.mktemp("policies"), timeout=400)
    assert made.play("playbooks/local-aws.yml").code == 0
    yield made
    made.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


@pytest.fixture(scope="module")
def proxy(emulator: EmulatorEnv) -> Iterator[IamProxy]:
    """The proxy that authorizes the calls to the embedded AWS."""
    made = IamProxy(emulator.port, lambda port: replace(emulator, port=port).client)
    with made.serving():
        yield made


def play(emulator: EmulatorEnv, proxy: IamProxy, playbook: str, *arguments: str, **variables: Any) -> Play:
    """Run a playbook through the proxy, as a principal that passes CloudFormation its service role."""
    # The emulator has no quotas; the play requests them as on AWS.
    own = {"aws_endpoint_url": proxy.url, "deploy_role_arn": SERVICE_ROLE, "preflight_check_quotas": True}
    return emulator.play(playbook, "-e", json.dumps(own | variables), *arguments)


Written = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def written(emulator: EmulatorEnv) -> Written:
    """The policies that playbooks/policies.yml writes, by identity."""
    folder = emulator.directory / "policies"
    made = emulator.play(
        "playbooks/policies.yml", "-e", f"policies_account_id={ACCOUNT}", "-e", f"policies_directory={folder}"
    )
    assert made.code == 0
    return lambda name: [json.loads(path.read_text()) for path in sorted(folder.glob(f"*-{name}*.json"))]


def test_playbook_writes_the_policies_of_the_other_tests(written: Written) -> None:
    for name in ("deployer", "tester", "cloudformation-trust", "boundary"):
        assert written(name) == policies_of(name, ENVIRONMENT)


def test_a_deployer_deploys_and_deploys_again(emulator: EmulatorEnv, proxy: IamProxy, written: Written) -> None:
    with proxy.holding(written("deployer")):
        first = play(emulator, proxy, "deploy.yml", stack_termination_protection=True)
        assert (first.code, proxy.refused) == (0, set())
        previewed = play(emulator, proxy, "deploy.yml", "--check", "--diff", **OTHER_IMAGE)
        assert (previewed.code, proxy.refused) == (0, set())
        passed = {(one.resource, one.context) for one in proxy.allowed if one.action == "iam:PassRole"}
        assert passed == {(SERVICE_ROLE, (("iam:PassedToService", "cloudformation.amazonaws.com"),))}
        assert play(emulator, proxy, "deploy.yml", **OTHER_IMAGE).code == 0
        assert proxy.refused == set()


def test_a_deployer_sees_drift_and_rolls_back(emulator: EmulatorEnv, proxy: IamProxy, written: Written) -> None:
    with proxy.holding(written("deployer")):
        for playbook in ("playbooks/drift.yml", "playbooks/rollback.yml"):
            assert play(emulator, proxy, playbook).code == 0
        assert proxy.refused == set()


# Actions that run-test.yml calls only in other situations.
ON_OTHER_DAYS = {
    "cloudformation:DescribeStackEvents": "to say why the last update of a stack failed",
    "cloudwatch:GetMetricStatistics": "to see how much of a quota is in use, where there are quotas",
    "dynamodb:UpdateItem": "to stop a run of several tasks by one write",
    "logs:FilterLogEvents": "to read the logs of more than ten tasks",
    "ec2:DescribeNetworkInterfaces": "to count those in use, where a run has fifty tasks or more",
    "servicequotas:GetAWSDefaultServiceQuota": "where the account has no quota of its own",
}


def test_a_tester_runs_a_test_and_uses_every_permission(
    emulator: EmulatorEnv, proxy: IamProxy, written: Written
) -> None:
    with proxy.holding(written("tester")):
        looked = play(emulator, proxy, "run-test.yml", "--check", **RUN)
        assert (looked.code, proxy.refused) == (0, set())
        run = play(emulator, proxy, "run-test.yml", **RUN)
        assert (run.code, proxy.refused) == (0, set())
        # The run exceeds its timeout, so that the play stops it.
        long = {"plan": {"rate": 20, "duration": 600}}
        stopped = play(emulator, proxy, "run-test.yml", load_test_scenario=long, load_test_timeout=5)
        assert "ecs:StopTask" in proxy.actions, stopped.output
        assert "the run takes 600 s with its check and its cleanup at their rates" in stopped.words
        assert proxy.refused == set()
        granted = {action for one in statements_of("tester") for action in listed(one["Action"])}
        assert granted - proxy.actions == set(ON_OTHER_DAYS)


def test_a_tester_cannot_run_the_deployers_playbooks(emulator: EmulatorEnv, proxy: IamProxy, written: Written) -> None:
    with proxy.holding(written("tester")):
        for playbook, words in (
            ("deploy.yml", ["-e", json.dumps(OTHER_IMAGE)]),
            ("playbooks/drift.yml", []),
            ("playbooks/rollback.yml", []),
            ("playbooks/teardown.yml", ["-e", f"confirm={ENVIRONMENT}"]),
        ):
            refused = play(emulator, proxy, playbook, *words)
            assert (refused.code, bool(proxy.refused)) == (2, True), playbook
            assert "not authorized" in refused.words or "allow " in refused.words
    assert len(emulator.client("cloudformation").describe_stacks()["Stacks"]) == 6


def test_a_deployer_cannot_run_tests(emulator: EmulatorEnv, proxy: IamProxy, written: Written) -> None:
    with proxy.holding(written("deployer")):
        refused = play(emulator, proxy, "run-test.yml", **RUN)
        assert refused.code == 2
        assert {one.action for one in proxy.refused} == {"ecs:RunTask"}


def test_a_deployer_tears_down(emulator: EmulatorEnv, proxy: IamProxy, written: Written) -> None:
    kept = {"table_retain_data": True, "table_deletion_protection": True}
    assert play(emulator, proxy, "deploy.yml", **kept).code == 0
    logs, ssm = emulator.client("logs"), emulator.client("ssm")
    logs.create_log_group(logGroupName=f"/aws/ecs/containerinsights/ddbload-{ENVIRONMENT}/performance")
    ssm.put_parameter(Name=f"/ddbload/{ENVIRONMENT}/by-hand", Value="1", Type="String")
    words = {"confirm": ENVIRONMENT, "confirm_data": f"ddbload-{ENVIRONMENT},/ddbload/{ENVIRONMENT}/by-hand"}
    with proxy.holding(written("deployer")):
        done = play(emulator, proxy, "playbooks/teardown.yml", **words)
        assert (done.code, proxy.refused) == (0, set()), done.output
        assert proxy.actions >= {"cloudformation:DeleteStack", "dynamodb:DeleteTable", "logs:DeleteLogGroup"}
    assert emulator.client("cloudformation").describe_stacks()["Stacks"] == []
    assert emulator.client("dynamodb").list_tables()["TableNames"] == []
