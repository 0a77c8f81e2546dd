# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import (
    DONE,
    STANDINGS,
    TAKEN_BACK,
    Standing,
    is_done,
    is_taken_back,
    standing,
)

# What botocore knows is what AWS may say.
STATUSES = (
    boto3.client("cloudformation", region_name="eu-west-1").meta.service_model.shape_for("StackStatus").enum  # type: ignore[attr-defined]
)


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_that_aws_knows_is_understood(status: str) -> None:
    stands, found = standing({"StackStatus": status}), {"StackStatus": status}
    if status.endswith("_IN_PROGRESS"):
        assert stands is (Standing.REVIEW if status.startswith("REVIEW") else Standing.BUSY)
    else:
        # Whoever waits for the end of an operation learns whether it went well.
        assert is_done(found) + is_taken_back(found) + (status in STANDINGS) == 1
        assert (stands is Standing.READY) == (status in DONE | TAKEN_BACK)


def test_no_status_is_made_up() -> None:
    assert set(STATUSES) >= DONE | TAKEN_BACK | set(STANDINGS)


def test_no_stack_is_absent() -> None:
    assert standing(None) is Standing.ABSENT
