# SPDX-License-Identifier: Apache-2.0
"""Thresholds: what they read, what they find in a summary, and which of them end a run."""

import copy
from typing import Any

import pytest
from ddbload.scenario import thresholds
from ddbload.scenario.thresholds import Rule, ThresholdError
from ddbload.stats.histogram import Histogram
from hypothesis import given
from hypothesis import strategies as st


def histograms(latencies_us: list[int], service_us: int) -> dict[str, dict[str, str]]:
    latency, service = Histogram(), Histogram()
    for value in latencies_us:
        latency.record(value)
        service.record(service_us)
    return {"ok": {"latency": latency.encode(), "service": service.encode()}} if latencies_us else {}


def operation(**fields: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("sent", "ok", "expected", "contention", "found"), 0)
    return {
        **counts,
        "throttled": {},
        "cancelled": {},
        "failed": {},
        "consumed_read_units": 0.0,
        "consumed_write_units": 0.0,
        "items": {"ok": 0, "unprocessed": 0},
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
            items={"sent": 250, "ok": 180, "unprocessed": 20},
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
        ("items_throttled < 10%", 10, False),
        ("batch-2_new.items_throttled <= 10%", 10, True),
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
def test_a_threshold_is_held_against_the_summary(expression: str, value: float, passed: bool) -> None:
    (result,) = thresholds.evaluate([expression], summary())
    assert result["value"] == pytest.approx(value, rel=1e-3)
    assert result["passed"] is passed


@pytest.mark.parametrize(
    ("expression", "unit"),
    [("p99 < 1s", "ms"), ("throttled < 1%", "%"), ("sent > 1", ""), ("cost < 1", "$"), ("paused < 100ms", "s")],
)
def test_a_value_is_shown_in_its_own_unit(expression: str, unit: str) -> None:
    assert thresholds.evaluate([expression], summary())[0]["unit"] == unit


@pytest.mark.parametrize("expression", ["scan.p99 < 5ms", "batch-2_new.found < 1%", "put.items_throttled == 0%"])
def test_what_has_no_value_never_passes(expression: str) -> None:
    idle = summary()
    idle["operations"]["batch-2_new"] = operation()
    (result,) = thresholds.evaluate([expression], idle)
    assert (result["value"], result["passed"]) == (None, False)


def test_a_share_of_half_a_whole_is_none() -> None:
    half = summary()
    for part in half["operations"].values():
        del part["items"]["ok"]
    assert thresholds.evaluate(["unprocessed <= 100%"], half)[0]["value"] is None


def test_a_closed_plan_has_no_share_of_the_rate() -> None:
    closed = summary()
    closed["operations"]["get"]["rate_asked"] = None
    values = [result["value"] for result in thresholds.evaluate(["rate >= 1%", "rate >= 1"], closed)]
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
def test_a_summary_with_holes_is_judged_by_what_is_left(
    holes: list[tuple[tuple[str, ...], bool]], metric: str, prefix: str
) -> None:
    left = summary()
    for (*sections, name), is_gone in holes:
        place: Any = left
        for section in sections:
            place = (place or {}).get(section)
        if place and is_gone:
            place.pop(name, None)
        elif place:
            place[name] = None
    expression = f"{'' if metric in thresholds.OF_THE_RUN else prefix}{metric} >= 0"
    (result,) = thresholds.evaluate([expression], left)
    assert result["passed"] is (result["value"] is not None)


@pytest.mark.parametrize("section", ["plan", "verification", "cost", "breaker", "duplicates"])
def test_what_was_not_made_has_no_value(section: str) -> None:
    metrics = [name for name, figure in thresholds.OF_THE_RUN.items() if figure.place.section == section]
    without = [summary() | {section: None}, {name: part for name, part in summary().items() if name != section}]
    for document in without:
        results = thresholds.evaluate([f"{metric} == 0" for metric in metrics], document)
        assert [(result["value"], result["passed"]) for result in results] == [(None, False)] * len(metrics)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("put.p99", "must read like"),
        ("a.b.p99 < 5ms", "must read like"),
        ("p42 < 5ms", "no metric"),
        ("ok < 5ms", "no unit ms"),
        ("ok < 5$", r"no unit \$"),
        ("cost < 5%", "no unit %"),
        ("paused < 5%", "no unit %"),
        ("duplicates_accepted < 5%", "no unit %"),
        ("consumed_read_units < 5%", "no unit %"),
        ("put.never_sent == 0", "all operations"),
        ("put.lost == 0", "lost is known for all operations"),
    ],
)
def test_what_is_no_threshold_is_refused(expression: str, words: str) -> None:
    with pytest.raises(ThresholdError, match=words):
        thresholds.parse(expression)


@pytest.mark.parametrize("name", ["put", "7", "hot-keys", "Read_2", "p99"])
def test_an_operation_may_have_any_plain_name(name: str) -> None:
    assert thresholds.parse(f"{name}.p99.9 < 5ms").operation == name


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("p99 < 20ms", Rule("p99 < 20ms", False, 10.0)),
        ({"threshold": "p99 < 20ms"}, Rule("p99 < 20ms", False, 10.0)),
        ({"threshold": "failed < 1%", "abort": True}, Rule("failed < 1%", True, 10.0)),
        ({"threshold": "failed < 1%", "abort": True, "grace": 0}, Rule("failed < 1%", True, 0.0)),
        ({"threshold": "failed < 1%", "abort": False, "grace": 3}, Rule("failed < 1%", False, 3.0)),
    ],
)
def test_a_rule_is_a_text_or_an_object(value: Any, rule: Rule) -> None:
    assert thresholds.parse_rule(value) == rule


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (5, "must be a text such as .* got 5"),
        ({"abort": True}, "must be a text such as"),
        ({"threshold": "p98 < 5ms"}, 'no metric is named "p98"'),
        ({"threshold": "p99 < 5ms", "abort": "yes"}, "abort must be true or false, got 'yes'"),
        ({"threshold": "p99 < 5ms", "abort": True, "grace": -1}, "grace must be seconds"),
        ({"threshold": "p99 < 5ms", "abort": True, "grace": True}, "grace must be seconds"),
        ({"threshold": "p99 < 5ms", "grace": 5}, 'grace is for thresholds with "abort": true'),
        ({"threshold": "p99 < 5ms", "abrot": True}, "no field of a threshold is named abrot"),
        ({"threshold": "lost == 0", "abort": True}, "lost is known after the run only"),
    ],
)
def test_what_is_no_rule_is_refused(value: Any, words: str) -> None:
    with pytest.raises(ThresholdError, match=words):
        thresholds.parse_rule(value)


@given(st.builds(Rule, st.sampled_from(["p99 < 20ms", "failed == 0"]), st.just(True), st.floats(0, 1000)))
def test_a_rule_survives_its_document(rule: Rule) -> None:
    assert thresholds.parse_rule(rule.document()) == rule
    assert thresholds.parse_rule(Rule(rule.threshold).document()) == Rule(rule.threshold)
    assert thresholds.expressions([rule, rule]) == [rule.threshold] * 2


def test_a_run_ends_on_rules_that_abort_and_fail_after_their_grace() -> None:
    failing, waiting = Rule("failed == 0", True, 5), Rule("failed == 0", True, 60)
    rules = [failing, waiting, Rule("failed == 0"), Rule("put.failed == 0", True, 0)]
    assert thresholds.broken(rules, summary(), 4.9) == []
    assert thresholds.broken(rules, summary(), 5.0) == [failing]
    assert thresholds.broken(rules, summary(), 60.0) == [failing, waiting]


def test_a_run_goes_on_while_an_abort_rule_has_no_value() -> None:
    assert thresholds.broken([Rule("put.p99 < 1ms", True, 0)], {"operations": {"put": operation()}}, 1.0) == []
