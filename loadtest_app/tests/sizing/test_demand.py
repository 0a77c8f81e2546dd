# SPDX-License-Identifier: Apache-2.0
"""The highest rate of a plan, by its kind."""

from pathlib import Path
from typing import Any

import pytest
from ddbload.scenario import scenario
from ddbload.scenario.plan import Plan
from ddbload.sizing.demand import is_set_by_plan, peak_rate
from hypothesis import given
from hypothesis import strategies as st


def plan(**fields: Any) -> Plan:
    limits = ["p99 < 9ms"] if fields["type"] == "find_max" else []
    return scenario.parse({"table": "table", "plan": fields, "thresholds": limits}).plan


@pytest.mark.parametrize(
    ("fields", "peak"),
    [
        ({"type": "constant_rate", "rate": 40_000, "duration": 600}, 40_000),
        ({"type": "ramp", "start": 10, "end": 500, "duration": 60}, 500),
        ({"type": "steps", "start": 10, "end": 900, "count": 4, "duration": 60}, 900),
        ({"type": "spike", "base": 40, "peak": 240, "duration": 30, "at": 10, "length": 5}, 240),
        ({"type": "sine", "mean": 100, "amplitude": 30, "period": 10, "duration": 60}, 130),
        ({"type": "stages", "stages": [{"rate": 5}, {"type": "ramp", "end": 7}]}, 7),
        ({"type": "find_max", "start": 10, "ceiling": 3_000}, 3_000),
        ({"type": "closed", "concurrency": 100, "operations": 1000}, 5_000),
    ],
)
def test_peak_of_each_kind_of_plan(fields: dict[str, Any], peak: float) -> None:
    """The peak is the plan's own figure; callers get 50 operations a second each."""
    assert peak_rate(plan(**fields)) == pytest.approx(peak)


def test_only_open_plans_set_their_rate() -> None:
    """Callers wait for responses, and a search may end far below its ceiling."""
    kinds = ("constant_rate", "sine", "closed", "find_max")
    assert [is_set_by_plan(plan(type=kind)) for kind in kinds] == [True, True, False, False]


@given(
    st.lists(st.integers(0, 5_000), min_size=1, max_size=60),
    st.sampled_from([0.5, 1.0, 2.0, 10.0]),
)
def test_peak_of_a_recording(tmp_path_factory: pytest.TempPathFactory, milliseconds: list[int], speed: float) -> None:
    """The peak is the most arrivals in a second of the replay, found by counting for every arrival."""
    instants = [value / 1000 for value in sorted(milliseconds)]
    file: Path = tmp_path_factory.getbasetemp() / "arrivals.txt"
    file.write_text("\n".join(map(str, instants)))
    counted = max(sum(start <= other < start + speed for other in instants) for start in instants)
    assert peak_rate(plan(type="replay", file=str(file), speed=speed)) == counted
