# SPDX-License-Identifier: Apache-2.0
"""Thresholds: the parser of expressions and rules."""

from typing import Any

import pytest
from ddbload.scenario.thresholds import Rule, ThresholdError, parse, parse_rule
from hypothesis import given
from hypothesis import strategies as st


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
def test_an_invalid_threshold_is_refused(expression: str, words: str) -> None:
    with pytest.raises(ThresholdError, match=words):
        parse(expression)


@pytest.mark.parametrize("name", ["put", "7", "hot-keys", "Read_2", "p99"])
def test_an_operation_may_have_any_plain_name(name: str) -> None:
    assert parse(f"{name}.p99.9 < 5ms").operation == name


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("p99 < 20ms", Rule(parse("p99 < 20ms"), False, 10.0)),
        ({"threshold": "p99 < 20ms"}, Rule(parse("p99 < 20ms"), False, 10.0)),
        ({"threshold": "failed < 1%", "abort": True}, Rule(parse("failed < 1%"), True, 10.0)),
        ({"threshold": "failed < 1%", "abort": True, "grace": 0}, Rule(parse("failed < 1%"), True, 0.0)),
        ({"threshold": "failed < 1%", "abort": False, "grace": 3}, Rule(parse("failed < 1%"), False, 3.0)),
    ],
)
def test_a_rule_is_a_text_or_an_object(value: Any, rule: Rule) -> None:
    assert parse_rule(value) == rule


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
def test_an_invalid_rule_is_refused(value: Any, words: str) -> None:
    with pytest.raises(ThresholdError, match=words):
        parse_rule(value)


@given(st.builds(Rule, st.sampled_from(["p99 < 20ms", "failed == 0"]).map(parse), st.just(True), st.floats(0, 1000)))
def test_a_rule_survives_its_document(rule: Rule) -> None:
    assert parse_rule(rule.document()) == rule
    assert parse_rule(Rule(rule.threshold).document()) == Rule(rule.threshold)
