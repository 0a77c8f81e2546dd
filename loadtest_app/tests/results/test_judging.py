# SPDX-License-Identifier: Apache-2.0
"""Judging: the value that a threshold finds in a summary, and the rules that end a run."""

import copy
from collections.abc import Iterable
from typing import Any

import pytest
from ddbload.results import judging
from ddbload.scenario import thresholds
from ddbload.scenario.thresholds import Rule, parse
from ddbload.stats.histogram import Histogram
from hypothesis import given
from hypothesis import strategies as st


def histograms(latencies_us: list[int], service_us: int) -> dict[str, dict[str, Histogram]]:
    latency, service = Histogram(), Histogram()
    for value in latencies_us:
        latency.record(value)
        service.record(service_us)
    return {"ok": {"latency": latency, "service": service}} if latencies_us else {}


def evaluate(expressions: Iterable[str], figures: dict[str, Any]) -> list[dict[str, Any]]:
    return judging.evaluate(map(parse, expressions), figures)


def operation(**fields: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("sent", "ok", "expected", "contention", "found"), 0)
    return {
        **counts,
        "throttled": {},
        "cancelled": {},
        "failed": {},
        "consumed_read_units": 0.0,
        "consumed_write_units": 0.0,
        "items": {"ok": 0, "unprocessed": 0, "failed": {}},
        "attempts": {"retried": {}},
        "histograms": {},
        **fields,
    }


def summary() -> dict[str, Any]:
    return copy.deepcopy(SUMMARY)


SUMMARY: dict[str, Any] = {
    "operations": {
        "put": operation(
            sent=1000,
            ok=999,
            throttled={"Reason": 1},
            consumed_write_units=999.0,
            attempts={"retried": {"Reason": 3, "server:InternalServerError": 2}},
            rate_asked=100.0,
            rate_reached=100.0,
            histograms=histograms([1000 * number for number in range(2, 1001)], 500),
        ),
        "get": operation(
            sent=500,
            ok=500,
            found=500,
            consumed_read_units=250.0,
            rate_asked=55.0,
            rate_reached=50.0,
            histograms=histograms([2000] * 500, 1000),
        ),
        "batch-2_new": operation(
            sent=10,
            ok=9,
            failed={"server:InternalServerError": 1},
            items={"sent": 250, "ok": 180, "unprocessed": 20, "failed": {"expected:DuplicateItem": 40}},
            rate_asked=1.0,
            rate_reached=1.0,
            histograms=histograms([9000] * 9, 9000),
        ),
    },
    "plan": {"planned": 1520, "sent": 1510, "never_sent": 10},
    "verification": {"checked": 400, "present": 395, "lost": 2, "corrupt": 1, "phantom": 0, "indeterminate": 2},
    "cost": {"total": 0.0375},
    "breaker": {"paused_s": 1.5},
    "duplicates": {"accepted": 4},
}


@pytest.mark.parametrize(
    ("expression", "value", "passed"),
    [
        ("put.p99 < 1s", 990.7, True),
        ("put.p99 < 990", 990.7, False),
        ("get.p50 <= 2ms", 2.0, True),
        ("get.service_max < 1001us", 1.0, True),
        ("batch-2_new.p99.9 <= 9.01ms", 9.0, True),
        ("throttled < 0.1%", 0.0662, True),
        ("put.throttled == 1", 1, True),
        ("cancelled == 0", 0, True),
        ("failed == 0", 1, False),
        ("batch-2_new.failed <= 10%", 10, True),
        ("rate >= 96%", 96.7949, True),
        ("get.rate > 50", 50, False),
        ("never_sent == 0", 10, False),
        ("never_sent < 1%", 0.6579, True),
        ("sent == 1510", 1510, True),
        ("get.found >= 99%", 100, True),
        ("put.consumed_write_units < 999", 999, False),
        ("consumed_read_units == 250", 250, True),
        ("retries < 5", 5, False),
        ("put.retries <= 0.5%", 0.5, True),
        ("unprocessed == 20", 20, True),
        ("items_throttled < 8%", 8.3333, False),
        ("batch-2_new.items_throttled <= 9%", 8.3333, True),
        ("items_failed == 40", 40, True),
        ("batch-2_new.items_failed < 16%", 16.6667, False),
        ("lost == 0", 2, False),
        ("lost <= 0.5%", 0.5, True),
        ("corrupt == 0", 1, False),
        ("phantom == 0", 0, True),
        ("indeterminate < 3", 2, True),
        ("duplicates_accepted == 4", 4, True),
        ("cost < 0.04$", 0.0375, True),
        ("cost < 0.03", 0.0375, False),
        ("paused < 2", 1.5, True),
        ("paused < 1400ms", 1.5, False),
    ],
)
def test_a_threshold_is_compared_with_the_summary(expression: str, value: float, passed: bool) -> None:
    (result,) = evaluate([expression], summary())
    assert result["value"] == pytest.approx(value, rel=1e-3)
    assert result["passed"] is passed


@pytest.mark.parametrize(
    ("expression", "unit"),
    [("p99 < 1s", "ms"), ("throttled < 1%", "%"), ("sent > 1", ""), ("cost < 1", "$"), ("paused < 100ms", "s")],
)
def test_a_value_is_shown_in_the_unit_of_its_rule(expression: str, unit: str) -> None:
    assert evaluate([expression], summary())[0]["unit"] == unit


@pytest.mark.parametrize("expression", ["scan.p99 < 5ms", "batch-2_new.found < 1%", "put.items_throttled == 0%"])
def test_a_threshold_without_a_value_never_passes(expression: str) -> None:
    idle = summary()
    idle["operations"]["batch-2_new"] = operation()
    (result,) = evaluate([expression], idle)
    assert (result["value"], result["passed"]) == (None, False)


def test_a_share_of_half_a_whole_is_none() -> None:
    half = summary()
    for part in half["operations"].values():
        del part["items"]["ok"]
    assert evaluate(["unprocessed <= 100%"], half)[0]["value"] is None


def test_a_closed_plan_has_no_share_of_the_rate() -> None:
    closed = summary()
    closed["operations"]["get"]["rate_asked"] = None
    values = [result["value"] for result in evaluate(["rate >= 1%", "rate >= 1"], closed)]
    assert values == [None, 151.0]


BY_REASON = ("throttled", "cancelled", "failed", "retried")


def paths(document: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    sections = {name: part for name, part in document.items() if isinstance(part, dict) and name not in BY_REASON}
    below = [path for name, part in sections.items() for path in paths(part, (*above, name))]
    return [(*above, name) for name in document] + below


@given(
    st.lists(st.tuples(st.sampled_from(paths(summary())), st.booleans()), max_size=6),
    st.sampled_from(thresholds.METRICS),
    st.sampled_from(["", "put.", "batch-2_new."]),
)
def test_a_summary_with_missing_fields_is_judged(
    holes: list[tuple[tuple[str, ...], bool]], metric: str, prefix: str
) -> None:
    left = summary()
    for (*sections, name), is_gone in holes:
        position: Any = left
        for section in sections:
            position = (position or {}).get(section)
        if position and is_gone:
            position.pop(name, None)
        elif position:
            position[name] = None
    expression = f"{'' if metric in thresholds.OF_THE_RUN else prefix}{metric} >= 0"
    (result,) = evaluate([expression], left)
    assert result["passed"] is (result["value"] is not None)


@pytest.mark.parametrize("section", ["plan", "verification", "cost", "breaker", "duplicates"])
def test_an_operation_without_requests_has_no_value(section: str) -> None:
    metrics = [name for name, figure in thresholds.OF_THE_RUN.items() if figure.slot.section == section]
    without = [summary() | {section: None}, {name: part for name, part in summary().items() if name != section}]
    for document in without:
        results = evaluate([f"{metric} == 0" for metric in metrics], document)
        assert [(result["value"], result["passed"]) for result in results] == [(None, False)] * len(metrics)


def test_a_run_ends_on_abort_rules_that_fail_after_grace() -> None:
    """A run ends on rules that abort and fail after their grace."""
    failing, waiting = Rule(parse("failed == 0"), True, 5), Rule(parse("failed == 0"), True, 60)
    rules = [failing, waiting, Rule(parse("failed == 0")), Rule(parse("put.failed == 0"), True, 0)]
    assert judging.broken(rules, summary(), 4.9) == []
    assert judging.broken(rules, summary(), 5.0) == [failing]
    assert judging.broken(rules, summary(), 60.0) == [failing, waiting]


def test_a_run_goes_on_while_an_abort_rule_has_no_value() -> None:
    assert judging.broken([Rule(parse("put.p99 < 1ms"), True, 0)], {"operations": {"put": operation()}}, 1.0) == []


@pytest.mark.parametrize(
    ("expression", "text"),
    [("put.p99 < 1s", "991.231 ms"), ("put.ok > 1", "999"), ("cost < 1", "0.0375 $"), ("scan.p99 < 5ms", "no value")],
)
def test_a_value_is_shown_with_its_unit(expression: str, text: str) -> None:
    (result,) = evaluate([expression], summary())
    assert judging.value_text(result) == text
