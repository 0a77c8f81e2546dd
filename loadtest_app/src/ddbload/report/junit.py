# SPDX-License-Identifier: Apache-2.0
"""The verdict as JUnit XML, which CI servers show: a test case for each threshold, other condition and compared figure.

The elements are those that Jenkins, GitLab and GitHub's actions read:
https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as tree
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ddbload.report.text.comparison import change, interval
from ddbload.report.words import number
from ddbload.results.comparing.comparison import WORSE, Comparison
from ddbload.results.exit_codes import LOST_WRITES, PASSED, THRESHOLD_FAILED
from ddbload.results.judging import value_text
from ddbload.results.verdict import left_behind, lost_writes, miss, nothing_succeeded, unchecked
from ddbload.scenario.thresholds import parse_rule

SUITE = "ddbload"
# How a test case may end; a test case that passed has no element.
FAILURE, ERROR, SKIPPED = "failure", "error", "skipped"
COUNTED = {"failures": FAILURE, "errors": ERROR, "skipped": SKIPPED}
# Every character that a document of XML 1.0 may not hold: https://www.w3.org/TR/xml/#charsets
NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(NamedTuple):
    """A condition of the verdict.

    Attributes:
        group: the class that CI servers list it under.
        name: the condition in words; the same from run to run, so that CI servers can follow it.
        end: ``failure``, ``error`` or ``skipped``; empty where the condition holds.
        message: why it does not hold, in one line.
        detail: what was measured and what was wanted, a line each.
    """

    group: str
    name: str
    end: str = ""
    message: str = ""
    detail: str = ""


def render(results: Mapping[str, Any]) -> str:
    """Return the results of a run as a JUnit document of one suite.

    A run that is incomplete, or that ended early, is an error, and none of its conditions passes. Times are in seconds:
    the first test case has the run's, the others have 0.

    Args:
        results: as loaded from results.json.
    """
    # Without fractions and zone, which some readers refuse; the instant is in UTC.
    given = {"time": f"{results['elapsed_s']:.3f}"} | (
        {"timestamp": results["started_at"][:19]} if results["started_at"] else {}
    )
    notes = [f"{kind}: {text}" for kind in ("warning", "failure") for text in results[f"{kind}s"]]
    return _document(given, _properties(results), cases(results), notes)


def render_comparisons(comparisons: Sequence[Comparison]) -> str:
    """Return comparisons as a JUnit document of one suite, with a test case for each figure.

    A figure that is worse is a failure; one whose difference is not certain is skipped.

    Args:
        comparisons: of the same command.
    """
    found = [case for comparison in comparisons for case in _figures(comparison, len(comparisons) > 1)]
    sides = [
        (name, ", ".join(side))
        for each in comparisons
        for name, side in (("baseline", each.first), ("run", each.second))
    ]
    notes = [f"note: {note}" for comparison in comparisons for note in comparison.notes]
    return _document({"time": "0.000"}, sides, found, notes)


def cases(results: Mapping[str, Any]) -> list[Case]:
    """Return the conditions of the verdict, the run's end first; one at least does not hold unless the run passed."""
    is_complete = not results["partial"] and results["verdict"] in ("passed", "failed")
    others = [*_conditions(results), *_thresholds(results)]
    if not is_complete:
        why = "not proven: the run is incomplete"
        others = [case if case.end else case._replace(end=SKIPPED, message=why) for case in others]
    first = Case("run", "the run is complete")
    is_explained = is_complete and any(case.end in (FAILURE, ERROR) for case in others)
    if results["exit_code"] != PASSED and not is_explained:
        end = FAILURE if is_complete and results["exit_code"] in (THRESHOLD_FAILED, LOST_WRITES) else ERROR
        first = first._replace(end=end, message=_why(results))
    elif not is_complete:
        first = first._replace(end=ERROR, message=_why(results))
    return [first, *others]


def _document(
    given: Mapping[str, str], properties: Iterable[tuple[str, str]], found: Sequence[Case], notes: Sequence[str]
) -> str:
    """Return a document of one suite.

    Args:
        given: time in seconds, and timestamp, of the suite; the first test case has its time.
        properties: names and values.
        found: the test cases.
        notes: the output of the suite, a line each.
    """
    counts = {name: str(sum(case.end == end for case in found)) for name, end in COUNTED.items()}
    suite = tree.Element("testsuite", {"name": SUITE, "tests": str(len(found)), **counts, **given})
    listed = tree.SubElement(suite, "properties")
    for name, value in properties:
        tree.SubElement(listed, "property", {"name": name, "value": _clean(value)})
    for index, case in enumerate(found):
        time = "0.000" if index else given["time"]
        element = tree.SubElement(
            suite, "testcase", {"classname": f"{SUITE}.{case.group}", "name": _clean(case.name), "time": time}
        )
        if case.end:
            kind = {} if case.end == SKIPPED else {"type": case.group}
            tree.SubElement(element, case.end, {"message": _clean(case.message), **kind}).text = _clean(case.detail)
        elif case.detail:
            tree.SubElement(element, "system-out").text = _clean(case.detail)
    if notes:
        tree.SubElement(suite, "system-out").text = _clean("\n".join(notes))
    root = tree.Element("testsuites")
    root.append(suite)
    tree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tree.tostring(root, encoding="unicode") + "\n"


def _figures(comparison: Comparison, is_named: bool) -> Iterator[Case]:
    """Yield a test case for each figure of a comparison; its name has the run where there are several."""
    run = f" of {', '.join(comparison.second)}" if is_named else ""
    for effect in comparison.effects:
        values = zip(("baseline", "run"), (effect.first, effect.second), strict=True)
        lines = [f"{side}: {number(value)} {effect.unit}" for side, value in values]
        lines.append(f"change: {change(effect)}, {interval(effect)}")
        case = Case("comparison", f"{effect.name}{run} is not worse", detail="\n".join(lines))
        if effect.verdict == WORSE:
            case = case._replace(end=FAILURE, message=f"{effect.name} is worse by {change(effect)}")
        elif not effect.is_certain:
            case = case._replace(end=SKIPPED, message=f"not certain: the true change is {interval(effect)}")
        yield case


def _conditions(results: Mapping[str, Any]) -> Iterator[Case]:
    """Yield the conditions that every run has, and those that its scenario asks for."""
    fleet = results.get("fleet") or {"problems": []}
    yield _judged(Case("run", "each part of the plan has one worker"), ERROR, "; ".join(fleet["problems"]))
    if search := results["search"]:
        answer = search["answer"] if search["rate"] is None or search.get("incomplete") else ""
        yield _judged(Case("run", "find_max found a rate"), ERROR if search.get("incomplete") else FAILURE, answer)
    elif plan := results["plan"]:
        detail = f"measured: {plan['sent']:,} of {plan['planned']:,} due operations were sent\nwanted: all, when due"
        why = "" if plan["kept"] else _broken(results["warnings"])
        yield _judged(Case("run", "the plan was kept", detail=detail), FAILURE, why)
    yield _judged(Case("run", "each operation of the mix succeeded"), FAILURE, nothing_succeeded(results))
    yield _check(results)
    if results["cleanup"]:
        yield _judged(Case("run", "the items of the run were deleted"), FAILURE, left_behind(results))


def _check(results: Mapping[str, Any]) -> Case:
    case = Case("run", "no acknowledged write was lost")
    if lost := lost_writes(results):
        return case._replace(end=FAILURE, message=lost)
    if why := unchecked(results):
        return case._replace(end=ERROR, message=why)
    check = results["verification"]
    if not check and not results["duplicates"]:
        return case._replace(end=SKIPPED, message="no write was read again: verify is off, or the run wrote nothing")
    return case


def _thresholds(results: Mapping[str, Any]) -> Iterator[Case]:
    """Yield the thresholds: those that were judged, else those of the scenario."""
    for threshold in results["thresholds"]:
        detail = f"measured: {value_text(threshold)}\nwanted: {threshold['expression']}"
        why = "" if threshold["passed"] else miss(threshold)
        yield _judged(Case("thresholds", threshold["expression"], detail=detail), FAILURE, why)
    if not results["thresholds"]:
        for value in (results["scenario"] or {}).get("thresholds", []):
            expression = parse_rule(value).threshold.expression
            yield Case("thresholds", expression, ERROR, "it was not judged: the run left no summary")


def _judged(case: Case, end: str, why: str) -> Case:
    """Return a condition with the reason why it does not hold; as it is where there is none."""
    return case._replace(end=end, message=why) if why else case


def _why(results: Mapping[str, Any]) -> str:
    return "; ".join(results["failures"]) or f"exit code {results['exit_code']}, verdict {results['verdict']}"


def _broken(warnings: list[str]) -> str:
    plain = "the plan was not kept"
    return next((text for text in warnings if text.startswith(plain)), plain)


def _properties(results: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("run_id", "verdict", "exit_code", "started_at", "ended_at", "version", "endpoint", "region"):
        if (value := results.get(name)) is not None:
            yield name, str(value)
    if table := (results["table"] or {}).get("name"):
        yield "table", str(table)


def _clean(text: str) -> str:
    """Return a text with each character that XML forbids as its number, as JSON has it."""
    return NOT_IN_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
