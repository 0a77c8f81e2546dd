# SPDX-License-Identifier: Apache-2.0
"""JUnit XML, as a reader of CI servers reads it: a run passes there exactly if ddbload says so."""

import functools
from pathlib import Path
from typing import Any

import pytest
from ddbload import cli
from ddbload.report import junit
from ddbload.results import exit_codes, file, merge
from ddbload.results.comparing.comparison import BETTER, SAME, WORSE, Comparison, Effect
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped, SystemOut
from results.test_merge import OK, THROTTLE, events, verification
from run_results import made, steady

RATE = {"rate": None, "answer": "no rate met the thresholds", "confirmed": 0}
KEPT = {"expression": "put.p99 < 20ms", "value": 7.25, "unit": "ms", "passed": True}
MISSED = {"expression": "put.p99 < 20ms", "value": 31.5, "unit": "ms", "passed": False}
UNKNOWN = {"expression": "lost == 0", "value": None, "unit": "", "passed": False}


@functools.cache
def passed() -> dict[str, Any]:
    return made(steady(1000, 1, count=2), thresholds=[KEPT])


def parsed(results: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the results of each test case by its name, as the reader reads them."""
    document = JUnitXml.fromstring(junit.render(results).encode())
    (suite,) = document
    return {case.name: list(case.result) for case in suite}


def kinds(results: dict[str, Any]) -> dict[str, str]:
    return {name: type(ends[0]).__name__ if ends else "passed" for name, ends in parsed(results).items()}


def is_green(results: dict[str, Any]) -> bool:
    """Whether a CI server shows the run as passed."""
    (suite,) = JUnitXml.fromstring(junit.render(results).encode())
    return not suite.failures and not suite.errors


def test_a_run_that_passed_has_a_case_for_each_condition() -> None:
    assert kinds(passed()) == {
        "the run is complete": "passed",
        "each part of the plan has one worker": "passed",
        "the plan was kept": "passed",
        "each operation of the mix succeeded": "passed",
        "no acknowledged write was lost": "Skipped",
        "put.p99 < 20ms": "passed",
    }


def test_a_failed_threshold_gives_both_values() -> None:
    """A failed threshold gives the measured and the wanted value."""
    results = passed() | {"thresholds": [MISSED, UNKNOWN], "verdict": "failed", "exit_code": 3}
    (failure,) = parsed(results)["put.p99 < 20ms"]
    assert isinstance(failure, Failure)
    assert (failure.message, failure.type) == ("put.p99 < 20ms: was 31.5 ms", "thresholds")
    assert failure.text.splitlines() == ["measured: 31.5 ms", "wanted: put.p99 < 20ms"]
    (unknown,) = parsed(results)["lost == 0"]
    assert (type(unknown), unknown.message) == (Failure, "lost == 0: was no value")
    assert kinds(results)["the run is complete"] == "passed"


def test_the_measured_value_of_a_kept_threshold_is_shown() -> None:
    document = JUnitXml.fromstring(junit.render(passed()).encode())
    (case,) = [case for suite in document for case in suite if case.name == "put.p99 < 20ms"]
    assert case.system_out == "measured: 7.25 ms\nwanted: put.p99 < 20ms"


def test_times_are_seconds_and_add_up_to_the_run() -> None:
    (suite,) = JUnitXml.fromstring(junit.render(passed() | {"elapsed_s": 61.25}).encode())
    assert suite.time == 61.25
    assert sum(case.time for case in suite) == 61.25
    assert suite.timestamp == "2026-01-31T12:00:00"


def test_names_are_the_same_from_run_to_run() -> None:
    """CI servers follow a test case by class and name, so neither has the run's id or its figures."""
    one, other = passed(), passed() | {"run_id": "run-2", "thresholds": [MISSED], "verdict": "failed", "exit_code": 3}
    cases = [
        [(case.classname, case.name) for suite in JUnitXml.fromstring(junit.render(run).encode()) for case in suite]
        for run in (one, other)
    ]
    assert cases[0] == cases[1]


@pytest.mark.parametrize(
    ("more", "name", "kind"),
    [
        ({"verification": verification(lost=1, present=2)}, "no acknowledged write was lost", "Failure"),
        ({"duplicates": {"accepted": 2}}, "no acknowledged write was lost", "Failure"),
        (
            {"verification": verification() | {"error": "denied", "complete": False}},
            "no acknowledged write was lost",
            "Error",
        ),
        ({"cleanup": {"deleted": 3, "error": "denied"}}, "the items of the run were deleted", "Failure"),
        ({"search": RATE}, "find_max found a rate", "Failure"),
        ({"search": RATE | {"incomplete": True}}, "find_max found a rate", "Error"),
        ({"plan": passed()["plan"] | {"kept": False}}, "the plan was kept", "Failure"),
        (
            {"fleet": {"problems": ["segment 1 of 2 sent nothing: half of the load is missing"]}},
            "each part of the plan has one worker",
            "Error",
        ),
    ],
)
def test_each_condition_fails_by_its_own_name(more: dict[str, Any], name: str, kind: str) -> None:
    results = passed() | {"verdict": "failed", "exit_code": 4} | more
    assert kinds(results)[name] == kind
    assert kinds(results)["the run is complete"] == "passed"


def test_operations_that_never_succeeded_fail() -> None:
    merged = merge.merge(events("task-0", [THROTTLE], code=5))
    assert kinds(merged)["each operation of the mix succeeded"] == "Failure"


@pytest.mark.parametrize("ending", ["run.checkpoint", ""])
def test_an_incomplete_run_is_an_error_and_passes_nothing(ending: str) -> None:
    merged = merge.merge([*events("task-0", [OK]), *events("task-1", [OK], ending=ending)])
    found = parsed(merged)
    (error,) = found.pop("the run is complete")
    assert isinstance(error, Error)
    assert error.message
    assert all(isinstance(ends[0], Error | Failure | Skipped) for ends in found.values())


def test_thresholds_of_a_run_without_a_summary_are_errors() -> None:
    merged = merge.merge(events("task-0", [OK], ending=""))
    assert merged["thresholds"] == []
    (error,) = parsed(merged)["failed == 0"]
    assert (type(error), error.message) == (Error, "it was not judged: the run left no summary")


def test_a_run_that_sent_nothing_is_an_error() -> None:
    assert kinds(merge.merge([], {"task-0": 137}))["the run is complete"] == "Error"


@given(
    st.sampled_from([*exit_codes.REASONS, 0, 137]),
    st.booleans(),
    st.sampled_from(sorted({*exit_codes.VERDICTS.values()})),
    st.lists(st.sampled_from([KEPT, MISSED]), max_size=2),
)
def test_a_run_is_green_only_if_it_passed(
    code: int, partial: bool, verdict: str, thresholds: list[dict[str, Any]]
) -> None:
    """No combination of exit code, verdict and figures other than a run that passed is shown as passed."""
    results = passed() | {"exit_code": code, "partial": partial, "verdict": verdict, "thresholds": thresholds}
    has_passed = code == 0 and not partial and verdict in ("passed", "failed") and MISSED not in thresholds
    assert is_green(results) == has_passed


@given(st.text(), st.text())
def test_any_text_makes_a_valid_document(name: str, warning: str) -> None:
    """Control characters, halves of characters and XML's own signs are in no reader's way."""
    threshold = KEPT | {"expression": f"p99 < \x0c{name}"}
    results = passed() | {"thresholds": [threshold], "warnings": [warning], "run_id": warning}
    shown = junit.render(results)
    shown.encode()
    (suite,) = JUnitXml.fromstring(shown.encode())
    assert len(list(suite)) == 6


def test_forbidden_characters_are_shown_by_number() -> None:
    threshold = KEPT | {"expression": "p99 <\x0c\ud800\x1f20ms"}
    assert "p99 <\\u000c\\ud800\\u001f20ms" in kinds(passed() | {"thresholds": [threshold]})


def test_the_command_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.json"
    file.save(path, passed() | {"warnings": ["look"]})
    assert cli.main(["report", str(path), "--junit", str(tmp_path / "junit.xml")]) == 0
    assert "verdict: PASSED" in capsys.readouterr().out
    (suite,) = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (6, 0, 0, 1)
    assert [output.text for output in suite.iterchildren(SystemOut)] == ["warning: look"]
    assert cli.main(["report", str(path), "--junit", str(tmp_path / "none" / "junit.xml")]) == 2
    assert "cannot write" in capsys.readouterr().err


def compared(*verdicts: tuple[str, bool]) -> Comparison:
    """Return a comparison with a figure for each verdict and whether it is certain."""
    effects = [
        Effect(f"p{index}", "ms", 2.0, 3.0, 50.0, 40.0, 60.0, verdict, is_certain)
        for index, (verdict, is_certain) in enumerate(verdicts)
    ]
    worst = WORSE if any(effect.verdict == WORSE for effect in effects) else SAME
    return Comparison(["one"], ["two"], worst, effects, ["one of the runs is 30 s long"], is_paired=True)


@given(st.lists(st.sampled_from([(WORSE, True), (BETTER, True), (SAME, True), (SAME, False)]), min_size=1, max_size=5))
def test_a_comparison_is_green_unless_a_figure_is_worse(verdicts: list[tuple[str, bool]]) -> None:
    (suite,) = JUnitXml.fromstring(junit.render_comparisons([compared(*verdicts)]).encode())
    assert [bool(case.result) and type(case.result[0]).__name__ for case in suite] == [
        "Failure" if verdict == WORSE else False if is_certain else "Skipped" for verdict, is_certain in verdicts
    ]
    assert (suite.failures, suite.errors) == (verdicts.count((WORSE, True)), 0)


def test_a_worse_figure_gives_both_values() -> None:
    (suite,) = JUnitXml.fromstring(junit.render_comparisons([compared((WORSE, True))]).encode())
    (case,) = suite
    assert (case.classname, case.name) == ("ddbload.comparison", "p0 is not worse")
    (failure,) = case.result
    assert failure.message == "p0 is worse by +50.0 %"
    assert failure.text.splitlines() == ["baseline: 2 ms", "run: 3 ms", "change: +50.0 %, +40.0 to +60.0 %"]


def test_figures_of_several_comparisons_have_their_run() -> None:
    pair = [compared((SAME, True)), compared((SAME, True))._replace(second=["three"])]
    (suite,) = JUnitXml.fromstring(junit.render_comparisons(pair).encode())
    assert [case.name for case in suite] == ["p0 of two is not worse", "p0 of three is not worse"]


def test_compare_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.json"
    file.save(path, made(steady(1000, 1, count=30)))
    assert cli.main(["compare", str(path), str(path), "--junit", str(tmp_path / "junit.xml")]) == 0
    (suite,) = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert suite.tests > 0 and suite.failures == 0
    assert "verdict: NO DIFFERENCE" in capsys.readouterr().out
