# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of ECS read as deployments: their status where ECS lists none, their order, their pauses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.rollout import (
    classic_deployment,
    deployment_of,
    events_of,
    family_of,
    revision_number,
    revisions_of,
    short_name,
)
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.ecs.service.fake_service import (
    START,
    definition_arn,
)
from hypothesis import given
from hypothesis import strategies as st

SEVEN, EIGHT = definition_arn(7), definition_arn(8)


def listed(number: int, definition: str, status: str, state: str, reason: str = "") -> dict[str, Any]:
    return {
        "id": f"ecs-svc/{number}",
        "taskDefinition": definition,
        "status": status,
        "rolloutState": state,
        "rolloutStateReason": reason,
        "createdAt": START + timedelta(seconds=number),
    }


@given(number=st.integers(1, 10**6), family=st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True))
def test_an_arn_has_a_family_and_a_number(number: int, family: str) -> None:
    arn = definition_arn(number, family)
    assert (family_of(arn), revision_number(arn), short_name(arn)) == (family, number, f"{family}:{number}")


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("IN_PROGRESS", "ECS deployment rollback in progress.", "ROLLBACK_IN_PROGRESS"),
        ("COMPLETED", "rolling back to deployment ecs-svc/1", "ROLLBACK_SUCCESSFUL"),
        ("FAILED", "rolling back to deployment ecs-svc/1", "ROLLBACK_FAILED"),
        ("COMPLETED", "", "STOPPED"),
    ],
)
def test_a_deployment_that_is_gone_was_rolled_back(state: str, reason: str, expected: str) -> None:
    """Where ECS says so of the primary deployment; else another request has replaced it."""
    service = {"deployments": [listed(1, SEVEN, "PRIMARY", state, reason)]}
    found = classic_deployment(service, EIGHT, "ecs-svc/2")
    assert found and (found.status, found.task_definition, found.arn) == (expected, EIGHT, "ecs-svc/2")


def test_a_failed_deployment_beside_the_primary_was_rolled_back() -> None:
    service = {"deployments": [listed(1, SEVEN, "PRIMARY", "COMPLETED"), listed(2, EIGHT, "ACTIVE", "FAILED", "died")]}
    found = classic_deployment(service, EIGHT)
    assert found and (found.status, found.source, found.reason) == ("ROLLBACK_SUCCESSFUL", SEVEN, "died")


def test_revisions_and_events_have_the_oldest_first() -> None:
    service = {
        "deployments": [listed(2, EIGHT, "PRIMARY", "IN_PROGRESS"), listed(1, SEVEN, "ACTIVE", "COMPLETED")],
        "events": [{"id": "2", "createdAt": START, "message": "later"}, {"id": "1", "createdAt": START}],
    }
    assert [one.task_definition for one in revisions_of(service)] == [SEVEN, EIGHT]
    assert [one.id for one in events_of(service)] == ["1", "2"]


def test_only_a_hook_that_waits_is_a_pause() -> None:
    """A circuit breaker that is disabled counts nothing."""
    hooks = [
        {"hookId": "a", "targetType": "PAUSE", "status": "AWAITING_ACTION", "timeoutAction": "ROLLBACK"},
        {"hookId": "b", "targetType": "PAUSE", "status": "SUCCEEDED"},
        {"hookId": "c", "targetType": "AWS_LAMBDA", "status": "AWAITING_ACTION"},
    ]
    described = {
        "serviceDeploymentArn": "arn:d",
        "status": "IN_PROGRESS",
        "targetServiceRevision": {"arn": "arn:r2"},
        "sourceServiceRevisions": [{"arn": "arn:r1"}],
        "lifecycleHookDetails": hooks,
        "deploymentCircuitBreaker": {"status": "DISABLED", "failureCount": 2, "threshold": 3},
    }
    found = deployment_of(described, {"arn:r1": SEVEN, "arn:r2": EIGHT})
    assert [one.hook_id for one in found.pauses] == ["a"]
    assert (found.task_definition, found.source, found.failures) == (EIGHT, SEVEN, None)
