# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scaling policies want: laws over all counts and metrics."""

from __future__ import annotations

import math
from typing import Any

import pytest
from embedded_aws.extension.autoscaling.decision import Count, allowed, combined, cooldown_s, stepped, tracked
from hypothesis import given
from hypothesis import strategies as st

COUNTS = st.builds(Count, desired=st.integers(0, 30), running=st.integers(0, 30))
TARGET = {"TargetValue": 10.0}
STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [
        {"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1},
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 100, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 100, "ScalingAdjustment": 5},
    ],
}


@given(running=st.integers(1, 30), messages=st.integers(0, 1000))
def test_a_backlog_gets_as_many_tasks_as_its_target_says(running: int, messages: int) -> None:
    """The metric is the backlog of one running task; the count does not depend on how many run at the moment."""
    wanted = tracked(TARGET, Count(0, running), messages / running)
    assert wanted is not None
    assert wanted == pytest.approx(math.ceil(messages / 10), abs=1)


@given(count=COUNTS)
def test_missing_data_wants_nothing(count: Count) -> None:
    assert tracked(TARGET, count, None) is None
    assert combined([None], count.desired) == count.desired


@given(count=COUNTS, value=st.floats(0, 1000))
def test_a_metric_near_its_target_keeps_the_count(count: Count, value: float) -> None:
    wanted = tracked(TARGET, count, value)
    assert wanted is not None
    if wanted < count.desired:
        assert value <= 9.0
    disabled = tracked({**TARGET, "DisableScaleIn": True}, count, value)
    assert disabled is not None and disabled >= count.desired


@given(wanted=st.lists(st.one_of(st.none(), st.integers(0, 30)), max_size=4), desired=st.integers(0, 30))
def test_several_policies_scale_in_only_together(wanted: list[int | None], desired: int) -> None:
    result = combined(wanted, desired)
    assert all(each is None or result >= each for each in wanted)
    if result < desired:
        assert None not in wanted and all(each is not None and each < desired for each in wanted)


@given(
    least=st.integers(0, 5),
    more=st.integers(0, 20),
    wanted=st.integers(-5, 50),
    desired=st.integers(0, 30),
    deploying=st.booleans(),
)
def test_the_target_limits_what_is_wanted(least: int, more: int, wanted: int, desired: int, deploying: bool) -> None:
    target: dict[str, Any] = {"MinCapacity": least, "MaxCapacity": least + more}
    result = allowed(target, wanted, desired, deploying=deploying)
    assert result == desired or least <= result <= least + more
    assert not (deploying and result < desired)
    suspended = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True}
    assert allowed({**target, "SuspendedState": suspended}, wanted, desired, deploying=deploying) == desired


@pytest.mark.parametrize(("breach", "expected"), [(-5.0, 9), (0.0, 11), (99.9, 11), (100.0, 15), (1e9, 15)])
def test_a_step_is_found_by_its_bounds(breach: float, expected: int) -> None:
    assert stepped(STEPS, 10, breach) == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"AdjustmentType": "ExactCapacity", "adjustment": 3}, 3),
        ({"AdjustmentType": "PercentChangeInCapacity", "adjustment": 25}, 12),
        ({"AdjustmentType": "PercentChangeInCapacity", "adjustment": 1}, 11),
        ({"AdjustmentType": "PercentChangeInCapacity", "adjustment": -10, "MinAdjustmentMagnitude": 4}, 6),
        ({"AdjustmentType": "ChangeInCapacity", "adjustment": -99}, 0),
    ],
)
def test_an_adjustment_is_of_its_type(policy: dict[str, Any], expected: int) -> None:
    step = {"MetricIntervalLowerBound": 0, "ScalingAdjustment": policy.pop("adjustment")}
    assert stepped({**policy, "StepAdjustments": [step]}, 10, 1.0) == expected


def test_a_breach_without_a_step_changes_nothing() -> None:
    step = {"MetricIntervalLowerBound": 5, "ScalingAdjustment": 1}
    assert stepped({"StepAdjustments": [step]}, 10, 1.0) == 10


def test_cooldowns_depend_on_the_direction() -> None:
    policy = {"ScaleOutCooldown": 3, "ScaleInCooldown": 60}
    assert cooldown_s(policy, wanted=2, desired=1) == 3
    assert cooldown_s(policy, wanted=1, desired=2) == 60
    assert cooldown_s({"Cooldown": 7}, wanted=1, desired=2) == 7
    assert cooldown_s({}, wanted=1, desired=2) == 300
