# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call requests of ECS, decided from the service and its newest deployment."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import (
    ROLLED_BACK,
    SUCCESSFUL,
    Deployment,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.plan import (
    COUNT_TAG,
    ServiceRequestError,
    definition_problem,
    deploy_plan,
    rollback_plan,
    service_problem,
    stop_plan,
)
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.ecs.service.fake_service import definition_arn
from hypothesis import given
from hypothesis import strategies as st

PARAMS: dict[str, Any] = {"desired_count": None, "deployment": "", "force_new_deployment": False, "fail_early": 3}
SIX, SEVEN, EIGHT = (definition_arn(number) for number in (6, 7, 8))
COUNTS = st.integers(0, 20)


def service(**members: Any) -> dict[str, Any]:
    return {"serviceName": "web", "status": "ACTIVE", "taskDefinition": SEVEN, "desiredCount": 2, **members}


def newest(status: str = SUCCESSFUL, definition: str = SEVEN, source: str = SIX, **more: Any) -> Deployment:
    return Deployment("arn:d", status, definition, source=source, **more)


@given(has=COUNTS, wanted=COUNTS)
def test_a_count_is_requested_where_it_differs(has: int, wanted: int) -> None:
    plan = deploy_plan(service(desiredCount=has), newest(), SEVEN, {**PARAMS, "desired_count": wanted})
    assert plan.update == ({} if has == wanted else {"desiredCount": wanted})
    assert plan.goal.desired_count == wanted


@given(count=st.integers(1, 20))
def test_a_stop_keeps_the_count_that_a_deploy_gives_back(count: int) -> None:
    stop = stop_plan(service(desiredCount=count))
    assert (stop.update, stop.keeps_count) == ({"desiredCount": 0}, count)
    tagged = service(desiredCount=0, tags=[{"key": COUNT_TAG, "value": str(stop.keeps_count)}])
    deploy = deploy_plan(tagged, newest(), "", PARAMS)
    assert deploy.update == {"desiredCount": count} and deploy.drops_count
    assert not stop_plan(tagged).is_change


def test_a_count_of_zero_that_is_requested_is_no_warning() -> None:
    """A service that is switched off on purpose is in its state."""
    off = service(desiredCount=0)
    assert deploy_plan(off, newest(), "", PARAMS).warnings
    wanted = deploy_plan(off, newest(), "", {**PARAMS, "desired_count": 0})
    assert not wanted.warnings and not wanted.is_change


@pytest.mark.parametrize("status", sorted(ROLLED_BACK))
def test_what_a_rollback_brought_back_needs_no_request(status: str) -> None:
    plan = deploy_plan(service(), newest(status, EIGHT, SEVEN), SEVEN, PARAMS)
    assert not plan.is_change and plan.goal.is_rollback and plan.goal.is_past
    under_way = deploy_plan(service(), newest("ROLLBACK_IN_PROGRESS", EIGHT, SEVEN), SEVEN, PARAMS)
    assert under_way.goal.is_rollback and not under_way.goal.is_past


def test_a_definition_that_ended_badly_is_deployed_anew() -> None:
    plan = deploy_plan(service(), newest("STOPPED"), SEVEN, PARAMS)
    assert plan.update == {"forceNewDeployment": True} and plan.goal.earlier == "arn:d"


def test_a_rollback_stops_what_is_under_way() -> None:
    under_way = newest("IN_PROGRESS", EIGHT, SEVEN, can_be_stopped=True)
    plan = rollback_plan(service(taskDefinition=EIGHT), under_way, [], PARAMS)
    assert (plan.stops, plan.update, plan.goal.task_definition) == ("arn:d", {}, SEVEN)


def test_a_rollback_takes_an_earlier_revision_of_the_family() -> None:
    earlier = [EIGHT, definition_arn(6, "other"), SIX]
    plan = rollback_plan(service(), newest(source=""), earlier, PARAMS)
    assert plan.update == {"taskDefinition": SIX}
    with pytest.raises(ServiceRequestError, match="no revision before web:7"):
        rollback_plan(service(), newest(source=""), [EIGHT], PARAMS)


def test_what_cannot_be_deployed_is_one_problem() -> None:
    for found, kind in ((service(deploymentController={"type": "EXTERNAL"}), "controller"), ({}, "absent")):
        problem = service_problem(found, "web", "shop")
        assert problem and problem.kind == kind and problem.remedy
    assert service_problem(service(), "web", "shop") is None
    other = definition_problem({"taskDefinitionArn": definition_arn(8, "other")}, service())
    inactive = definition_problem({"taskDefinitionArn": EIGHT, "status": "INACTIVE"}, service())
    assert other and other.kind == "family" and inactive and inactive.kind == "inactive"
    assert definition_problem({"taskDefinitionArn": SEVEN, "status": "INACTIVE"}, service()) is None
