# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployer and tester by use: each passes its playbooks with exactly its policies; the tests build on one another."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from judging_aws import ACCOUNT
from judging_proxy import JudgingProxy
from playground import Place, Play, free_port
from rendering import listed, policies_of, statements_of

ENVIRONMENT = "local"
SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/ddbload-{ENVIRONMENT}-cloudformation"
OTHER_IMAGE = {"build_push_content": ["pyproject.toml", "src"]}
RUN = {"load_test_scenario": {"plan": {"rate": 20, "duration": 2}, "thresholds": ["failed == 0"]}}

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An embedded AWS with nothing in it."""
    made = Place(free_port(), tmp_path_factory.mktemp("policies"), timeout=400)
    assert made.play("playbooks/local-aws.yml").code == 0
    yield made
    made.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


@pytest.fixture(scope="module")
def proxy(place: Place) -> Iterator[JudgingProxy]:
    """What asks IAM before that AWS."""
    made = JudgingProxy(place.port, lambda port: replace(place, port=port).client)
    with made.serving():
        yield made


def play(place: Place, proxy: JudgingProxy, playbook: str, *arguments: str, **variables: Any) -> Play:
    """Run a playbook through the proxy, as somebody who hands CloudFormation its service role."""
    # The emulator knows no quotas, but is asked for them as AWS is.
    own = {"aws_endpoint_url": proxy.url, "deploy_role_arn": SERVICE_ROLE, "preflight_check_quotas": True}
    return place.play(playbook, "-e", json.dumps(own | variables), *arguments)


Written = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def written(place: Place) -> Written:
    """What playbooks/policies.yml writes, by whom it is for."""
    folder = place.directory / "policies"
    made = place.play(
        "playbooks/policies.yml", "-e", f"policies_account_id={ACCOUNT}", "-e", f"policies_directory={folder}"
    )
    assert made.code == 0
    return lambda name: [json.loads(path.read_text()) for path in sorted(folder.glob(f"*-{name}*.json"))]


def test_the_playbook_writes_what_the_other_tests_hold(written: Written) -> None:
    for name in ("deployer", "tester", "cloudformation-trust", "boundary"):
        assert written(name) == policies_of(name, ENVIRONMENT)


def test_a_deployer_deploys_and_deploys_again(place: Place, proxy: JudgingProxy, written: Written) -> None:
    with proxy.holding(written("deployer")):
        first = play(place, proxy, "deploy.yml", stack_termination_protection=True)
        assert (first.code, proxy.refused) == (0, set())
        previewed = play(place, proxy, "deploy.yml", "--check", "--diff", **OTHER_IMAGE)
        assert (previewed.code, proxy.refused) == (0, set())
        passed = {(one.resource, one.context) for one in proxy.asked if one.action == "iam:PassRole"}
        assert passed == {(SERVICE_ROLE, (("iam:PassedToService", "cloudformation.amazonaws.com"),))}
        assert play(place, proxy, "deploy.yml", **OTHER_IMAGE).code == 0
        assert proxy.refused == set()


def test_a_deployer_sees_drift_and_rolls_back(place: Place, proxy: JudgingProxy, written: Written) -> None:
    with proxy.holding(written("deployer")):
        for playbook in ("playbooks/drift.yml", "playbooks/rollback.yml"):
            assert play(place, proxy, playbook).code == 0
        assert proxy.refused == set()


# What run-test.yml calls on other days than this one.
ON_OTHER_DAYS = {
    "cloudformation:DescribeStackEvents": "to say why the last update of a stack failed",
    "cloudwatch:GetMetricStatistics": "to see how much of a quota is in use, where there are quotas",
    "servicequotas:GetAWSDefaultServiceQuota": "where the account has no quota of its own",
}


def test_a_tester_runs_a_test_with_all_rights_in_use(place: Place, proxy: JudgingProxy, written: Written) -> None:
    with proxy.holding(written("tester")):
        looked = play(place, proxy, "run-test.yml", "--check", **RUN)
        assert (looked.code, proxy.refused) == (0, set())
        run = play(place, proxy, "run-test.yml", **RUN)
        assert (run.code, proxy.refused) == (0, set())
        # Too long for its time, so that it is stopped.
        long = {"plan": {"rate": 20, "duration": 600}}
        stopped = play(place, proxy, "run-test.yml", load_test_scenario=long, load_test_timeout=5)
        assert "ecs:StopTask" in proxy.actions, stopped.output
        assert proxy.refused == set()
        granted = {action for one in statements_of("tester") for action in listed(one["Action"])}
        assert granted - proxy.actions == set(ON_OTHER_DAYS)


def test_a_tester_cannot_run_the_deployers_playbooks(place: Place, proxy: JudgingProxy, written: Written) -> None:
    with proxy.holding(written("tester")):
        for playbook, words in (
            ("deploy.yml", ["-e", json.dumps(OTHER_IMAGE)]),
            ("playbooks/drift.yml", []),
            ("playbooks/rollback.yml", []),
            ("playbooks/teardown.yml", ["-e", f"confirm={ENVIRONMENT}"]),
        ):
            refused = play(place, proxy, playbook, *words)
            assert (refused.code, bool(proxy.refused)) == (2, True), playbook
            assert "not authorized" in refused.words or "allow " in refused.words
    assert len(place.client("cloudformation").describe_stacks()["Stacks"]) == 5


def test_a_deployer_cannot_run_tests(place: Place, proxy: JudgingProxy, written: Written) -> None:
    with proxy.holding(written("deployer")):
        refused = play(place, proxy, "run-test.yml", **RUN)
        assert refused.code == 2
        assert {one.action for one in proxy.refused} == {"ecs:RunTask"}


def test_a_deployer_tears_down(place: Place, proxy: JudgingProxy, written: Written) -> None:
    kept = {"table_retain_data": True, "table_deletion_protection": True}
    assert play(place, proxy, "deploy.yml", **kept).code == 0
    logs, ssm = place.client("logs"), place.client("ssm")
    logs.create_log_group(logGroupName=f"/aws/ecs/containerinsights/ddbload-{ENVIRONMENT}/performance")
    ssm.put_parameter(Name=f"/ddbload/{ENVIRONMENT}/by-hand", Value="1", Type="String")
    words = {"confirm": ENVIRONMENT, "confirm_data": f"ddbload-{ENVIRONMENT},/ddbload/{ENVIRONMENT}/by-hand"}
    with proxy.holding(written("deployer")):
        done = play(place, proxy, "playbooks/teardown.yml", **words)
        assert (done.code, proxy.refused) == (0, set()), done.output
        assert proxy.actions >= {"cloudformation:DeleteStack", "dynamodb:DeleteTable", "logs:DeleteLogGroup"}
    assert place.client("cloudformation").describe_stacks()["Stacks"] == []
    assert place.client("dynamodb").list_tables()["TableNames"] == []
