# SPDX-License-Identifier: Apache-2.0
import pytest
from ddbload import thresholds
from ddbload.record import Recorder


def summary() -> dict:
    recorder = Recorder(["put", "get"])
    for number in range(1000):
        recorder.sent("put", 5)
        outcome, reason, units = ("ok", "", 1.0) if number else ("throttled", "Reason", 0.0)
        recorder.answer("put", outcome, reason, 1000 * (number + 1), 500, write_units=units)
    for _number in range(500):
        recorder.sent("get", 5)
        recorder.answer("get", "ok", "", 2000, 1000, read_units=0.5, found=True)
    operations = recorder.operations(10.0, {"put": 100.0, "get": 55.0})
    return {"operations": operations, "plan": {"planned": 1510, "sent": 1500, "never_sent": 10}}


@pytest.mark.parametrize(
    ("expression", "value", "passed"),
    [
        ("put.p99 < 1s", 990.7, True),
        ("put.p99 < 990", 990.7, False),
        ("get.p50 <= 2ms", 2.0, True),
        ("get.service_max < 1001us", 1.0, True),
        ("throttled < 0.1%", 0.0667, True),
        ("put.throttled == 1", 1, True),
        ("failed == 0", 0, True),
        ("rate >= 96%", 96.7742, True),
        ("get.rate > 50", 50, False),
        ("never_sent == 0", 10, False),
        ("sent == 1500", 1500, True),
        ("get.found >= 99%", 100, True),
        ("put.consumed_write_units < 999", 999, False),
        ("consumed_read_units == 250", 250, True),
    ],
)
def test_a_threshold_is_held_against_the_summary(expression: str, value: float, passed: bool) -> None:
    (result,) = thresholds.evaluate([expression], summary())
    assert result["value"] == pytest.approx(value, rel=1e-3)
    assert result["passed"] is passed


@pytest.mark.parametrize("expression", ["scan.p99 < 5ms", "expected < 1%", "p99 > 0"])
def test_what_has_no_value_never_passes(expression: str) -> None:
    nothing = {"operations": Recorder(["put"]).operations(1.0, {"put": 1.0}), "plan": {"planned": 0, "never_sent": 0}}
    (result,) = thresholds.evaluate([expression], nothing)
    assert (result["value"], result["passed"]) == (None, False)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("put.p99", "must read like"),
        ("p42 < 5ms", "no metric"),
        ("ok < 5ms", "no unit ms"),
        ("consumed_read_units < 5%", "no unit %"),
        ("put.never_sent == 0", "all operations"),
    ],
)
def test_what_is_no_threshold_is_refused(expression: str, words: str) -> None:
    with pytest.raises(thresholds.ThresholdError, match=words):
        thresholds.parse(expression)
