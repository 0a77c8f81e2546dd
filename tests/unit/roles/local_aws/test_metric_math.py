# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metric math and the state of alarms: pure decisions over numbers and missing data."""

from __future__ import annotations

from typing import Any

import pytest
from embedded_aws.extension.autoscaling.scaler import metric_value
from embedded_aws.extension.metrics import values
from embedded_aws.extension.metrics.alarm_state import alarm_state
from embedded_aws.extension.metrics.expression import ExpressionError, check, returned_value, value_of
from embedded_aws.extension.metrics.values import queue_metrics
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.floats(-1e6, 1e6)
BACKLOG = "(visible + flying) / IF(FILL(running, 0) > 0, running, 1)"


def query(name: str, **more: Any) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "N", "MetricName": name}, "Stat": "Average"}
    return {"Id": name, "ReturnData": False, **({"MetricStat": stat} if "Expression" not in more else {}), **more}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("visible", 6.0),
        ("-visible + 2 * 3", 0.0),
        ("visible / running", 2.0),
        ("visible / zero", None),
        ("visible + lost", None),
        ("FILL(lost, 4) + 1", 5.0),
        ("IF(zero > 0, visible / zero, visible)", 6.0),
        ("IF(lost > 0, 1, 2)", None),
        ("MAX([visible, lost, 9])", 9.0),
        ("MIN(visible, running)", 3.0),
        ("SUM([visible, running])", 9.0),
        ("CEIL(visible / 4) - FLOOR(visible / 4)", 1.0),
        ("visible > 1 && zero == 0", 1.0),
        ("visible < 1 OR zero != 0", 0.0),
    ],
)
def test_an_expression_has_its_value(expression: str, expected: float | None) -> None:
    values = {"visible": 6.0, "running": 3.0, "zero": 0.0, "lost": None}
    assert value_of(expression, values) == expected


@given(visible=NUMBERS, flying=NUMBERS, running=st.one_of(st.none(), st.integers(0, 50).map(float)))
def test_a_backlog_is_shared_by_the_running_tasks(visible: float, flying: float, running: float | None) -> None:
    """A service without tasks has the backlog of one task, so its metric has data."""
    found = value_of(BACKLOG, {"visible": visible, "flying": flying, "running": running})
    assert found == pytest.approx((visible + flying) / max(1.0, running or 0.0))


@pytest.mark.parametrize(
    "expression",
    [
        "ANOMALY_DETECTION_BAND(m, 2)",
        "m ** 2",
        "METRICS()",
        "m.real",
        "'text'",
        "other",
        "m[0]",
        "1 +",
        "FILL(m, REPEAT)",
    ],
)
def test_what_is_not_evaluated_is_refused(expression: str) -> None:
    with pytest.raises(ExpressionError, match="embedded AWS"):
        value_of(expression, {"m": 1.0})


def test_queries_build_on_each_other() -> None:
    queries = [
        query("a"),
        query("double", Expression="a * 2"),
        query("all", Expression="double + a", ReturnData=True),
    ]
    assert returned_value(queries, lambda stat: 5.0 if stat["Metric"]["MetricName"] == "a" else None) == 15.0


@pytest.mark.parametrize(
    ("queries", "expected"),
    [
        ([query("a")], "exactly one of the metrics returns data, not 0"),
        ([query("a", Expression="b", ReturnData=True), query("b", Expression="a")], "is defined by itself"),
        ([query("a", Expression="SEARCH(b)", ReturnData=True)], "the function SEARCH is not evaluated"),
    ],
)
def test_queries_that_have_no_value_are_refused(queries: list[dict[str, Any]], expected: str) -> None:
    with pytest.raises(ExpressionError, match=expected):
        check(queries)


@given(
    messages=st.lists(
        st.fixed_dictionaries(
            {"visible_at": st.floats(0, 200), "receive_count": st.integers(0, 3), "sent_at": st.floats(0, 100)}
        )
    )
)
def test_every_message_of_a_queue_is_counted_once(messages: list[dict[str, Any]]) -> None:
    found = queue_metrics(messages, 100.0)
    age_s = found.pop("ApproximateAgeOfOldestMessage")
    assert sum(found.values()) == len(messages)
    assert age_s == max((int(100.0 - message["sent_at"]) for message in messages), default=0)


def alarm(**more: Any) -> dict[str, Any]:
    return {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 10, "StateValue": "OK", **more}


@pytest.mark.parametrize(
    ("settings", "datapoints", "expected"),
    [
        ({}, [11.0], "ALARM"),
        ({}, [10.0], "OK"),
        ({}, [None], "INSUFFICIENT_DATA"),
        ({"TreatMissingData": "breaching"}, [None], "ALARM"),
        ({"TreatMissingData": "notBreaching", "StateValue": "ALARM"}, [None], "OK"),
        ({"TreatMissingData": "ignore", "StateValue": "ALARM"}, [None], "ALARM"),
        ({"EvaluationPeriods": 3}, [11.0, 11.0, 9.0], "OK"),
        ({"EvaluationPeriods": 3, "DatapointsToAlarm": 2}, [11.0, 9.0, 11.0], "ALARM"),
        ({"EvaluationPeriods": 2, "ComparisonOperator": "LessThanOrEqualToThreshold"}, [10.0, 9.0], "ALARM"),
    ],
)
def test_an_alarm_has_its_state(settings: dict[str, Any], datapoints: list[float | None], expected: str) -> None:
    assert alarm_state(alarm(**settings), datapoints) == expected


@given(values=st.lists(NUMBERS, min_size=1, max_size=5), threshold=NUMBERS)
def test_an_alarm_over_all_periods_needs_all_to_breach(values: list[float], threshold: float) -> None:
    state = alarm_state(alarm(Threshold=threshold, EvaluationPeriods=len(values)), list(values))
    assert (state == "ALARM") == all(value > threshold for value in values)


def test_a_message_that_moves_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes back to the queue between two looks: a sum over both states sees it in one of them."""
    looks = iter([{"visible": 0.0, "flying": 1.0}, {"visible": 1.0, "flying": 0.0}])
    monkeypatch.setattr(values, "_live", lambda: iter([("N", {}, next(looks))]))
    metrics = [query("visible"), query("flying"), query("all", Expression="visible + flying", ReturnData=True)]
    assert metric_value({"Metrics": metrics}) == 1.0
