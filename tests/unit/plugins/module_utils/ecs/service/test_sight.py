# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls behind an observation: what is read once, what may be missing, and the pages of a log."""

from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import StackSeen
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.sight import LOG_LINES, ServiceSight
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.ecs.service.fake_service import (
    GROUP,
    FakeAws,
    definition_arn,
)
from botocore.exceptions import ClientError


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


def test_what_never_changes_is_read_once(aws: FakeAws) -> None:
    """Revisions, task definitions and stopped tasks; each call is counted."""
    aws.fail_task()
    sight = ServiceSight(aws.client, "shop", "web")
    for _look in range(3):
        sight.look()
    once = ("describe_service_revisions", "describe_task_definition", "describe_tasks")
    assert [len(aws.requests(name)) for name in once] == [1, 1, 1]
    assert sight.calls == len(aws.calls)


def test_an_endpoint_without_service_deployments_is_not_called_again(aws: FakeAws) -> None:
    aws.errors["list_service_deployments"] = ("UnknownOperationException", "unknown")
    sight = ServiceSight(aws.client, "shop", "web")
    assert [sight.look().deployment, sight.look().deployment][1]
    assert len(aws.requests("list_service_deployments")) == 1
    assert sight.successful_definitions() == []


def test_a_missing_cluster_is_an_error_unless_a_stack_creates_it(aws: FakeAws) -> None:
    aws.errors["describe_services"] = ("ClusterNotFoundException", "Cluster not found.")
    with pytest.raises(ClientError):
        ServiceSight(aws.client, "shop", "web").look()
    stack = StackSeen("shop-web", "CREATE_IN_PROGRESS", True)
    seen = ServiceSight(aws.client, "shop", "web", stack=lambda: stack).look()
    assert (seen.status, seen.stack, seen.stopped) == ("", stack, ())


def test_a_deleted_service_has_the_tasks_of_its_definition(aws: FakeAws) -> None:
    """Tasks of other revisions of the family are not those of the failed operation."""
    aws.fail_task()
    aws.has_service = False
    for definition, count in ((definition_arn(7), 1), (definition_arn(8), 0)):
        stack = StackSeen("shop-web", "ROLLBACK_COMPLETE", False, task_definitions=(definition,))
        seen = ServiceSight(aws.client, "shop", "web", stack=lambda stack=stack: stack).look()
        assert len(seen.stopped) == count
    assert aws.requests("list_tasks")[-1] == {"cluster": "shop", "desiredStatus": "STOPPED", "family": "web"}


def test_after_a_rollback_the_targets_are_those_of_before(aws: FakeAws) -> None:
    """Where traffic shifts, the failed revision has a target group of its own, which is empty then."""
    aws.is_good, other = False, GROUP.replace("web", "web-green")
    aws.client("ecs").update_service(cluster="shop", service="web", taskDefinition=definition_arn(8))
    for revision, group in zip(aws.revisions.values(), (GROUP, other), strict=True):
        revision["resolvedConfiguration"] = {"loadBalancers": [{"targetGroupArn": group}]}
    sight = ServiceSight(aws.client, "shop", "web")
    assert sight.look().target_groups == (other,)
    aws.roll_back()
    assert sight.look().target_groups == (GROUP,)
    aws.clock.sleep(10)
    aws.pass_time()
    assert sight.look().target_groups == (GROUP,)


def test_the_last_lines_are_on_the_page_before_an_empty_one(aws: FakeAws) -> None:
    aws.fail_task()
    sight = ServiceSight(aws.client, "shop", "web")
    [task] = sight.look().stopped
    assert sight.last_lines(task) == []
    aws.logs[task.log_stream] = [f"line {number}" for number in range(9)]
    assert sight.last_lines(task) == [f"line {number}" for number in range(9 - LOG_LINES, 9)]
