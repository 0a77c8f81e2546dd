# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import (
    DONE,
    ROLLED_BACK,
    STATES,
    StackState,
    is_done,
    is_rolled_back,
    state_of,
)

# botocore's model lists every status of a stack.
STATUSES = (
    boto3.client("cloudformation", region_name="eu-west-1").meta.service_model.shape_for("StackStatus").enum  # type: ignore[attr-defined]
)


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_of_aws_has_a_state(status: str) -> None:
    stands, found = state_of({"StackStatus": status}), {"StackStatus": status}
    if status.endswith("_IN_PROGRESS"):
        assert stands is (StackState.REVIEW if status.startswith("REVIEW") else StackState.IN_PROGRESS)
    else:
        # At the end of an operation its state says whether it succeeded.
        assert is_done(found) + is_rolled_back(found) + (status in STATES) == 1
        assert (stands is StackState.READY) == (status in DONE | ROLLED_BACK)


def test_every_status_exists_in_the_model() -> None:
    assert set(STATUSES) >= DONE | ROLLED_BACK | set(STATES)


def test_no_stack_is_absent() -> None:
    assert state_of(None) is StackState.ABSENT
