# SPDX-License-Identifier: Apache-2.0
"""Whether a run was better or worse than another, and how certain that is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ddbload.results.comparing import samples
from ddbload.results.comparing.samples import Measure, SampleError, Second
from ddbload.stats import bootstrap

BETTER, WORSE, SAME = "better", "worse", "no difference"
CONFIDENCE = 0.95
# What is smaller is no difference that anybody would act upon: percent of a time or rate, points of a share.
TOLERANCE_PERCENT = 5.0
TOLERANCE_POINTS = 0.1
PERCENTILES = (50.0, 90.0, 99.0)
# Runs that differ in these do not ask the same of a table.
ASKED = ("table", "plan", "mix", "keys", "item", "connections", "retries")


class Effect(NamedTuple):
    """The difference of one figure.

    Attributes:
        name: of the figure, with its operation.
        unit: of the two values: ms, /s or %.
        first: the baseline's value.
        second: the other run's.
        change: the second minus the first: in percent of the first, for shares in percentage points.
        low: of the interval within which the true change lies, at the confidence of the comparison.
        high: of the same.
        verdict: better, worse or no difference.
        is_certain: false where there was no difference to be found, but one beyond the tolerance cannot be ruled out.
        is_share: whether the change is in points.
    """

    name: str
    unit: str
    first: float
    second: float
    change: float
    low: float
    high: float
    verdict: str
    is_certain: bool
    is_share: bool = False


class Comparison(NamedTuple):
    """The difference of two runs.

    Attributes:
        first: run id of the baseline.
        second: run id of the other.
        verdict: worse where any figure is, else better where any is, else no difference.
        effects: figure by figure.
        notes: limits of the comparison.
        is_paired: whether the runs carried out the same plan and were compared second by second.
    """

    first: str
    second: str
    verdict: str
    effects: Sequence[Effect]
    notes: Sequence[str]
    is_paired: bool


class _Compared(NamedTuple):
    """A figure that is to be compared: its name, unit, both measures, and whether more of it is better."""

    name: str
    unit: str
    first: Measure
    second: Measure
    is_gain: bool = False


def compare(
    first: Mapping[str, Any], second: Mapping[str, Any], tolerance_percent: float = TOLERANCE_PERCENT
) -> Comparison:
    """Compare a run with a baseline.

    All intervals together hold with 95 % confidence: each is as much wider as there are more of them (Bonferroni).

    Args:
        first: results of the baseline.
        second: results of the run.
        tolerance_percent: differences of times and rates up to this many percent are ignored.

    Raises:
        SampleError: a run is too short, or they have no operation in common.
    """
    notes = _notes(first, second)
    names = [name for name in first["operations"] if name in second["operations"]]
    if not names:
        raise SampleError(
            f"runs {first['run_id']} and {second['run_id']} have no operation in common -> compare runs of the same mix"
        )
    if first["search"] and second["search"]:
        effects = [_search(first["search"], second["search"], tolerance_percent)]
        return _judged(first, second, effects, notes, False)
    earlier, later = samples.loaded_seconds(first), samples.loaded_seconds(second)
    is_paired = _plan(first) == _plan(second) and not _is_closed(first)
    if is_paired:
        earlier, later = _common(earlier, later)
    compared = list(_compared(names, earlier, later, is_gain=_plan(first) == _plan(second)))
    quantile = 1 - (1 - CONFIDENCE) / 2 / len(compared)
    effects = [_effect(one, is_paired, quantile, tolerance_percent) for one in compared]
    return _judged(first, second, effects, notes, is_paired)


def _compared(
    names: Sequence[str], earlier: Sequence[Second], later: Sequence[Second], is_gain: bool
) -> Iterator[_Compared]:
    for name in names:
        both = [samples.histograms(seconds, name) for seconds in (earlier, later)]
        for percent in PERCENTILES:
            measures = [samples.percentile(each, percent) for each in both]
            if measures[0] and measures[1]:
                yield _Compared(f"{name} p{percent:g}", "ms", measures[0], measures[1])
    # Runs with different requested rates reach different rates, which is no improvement.
    if is_gain:
        yield _Compared("rate reached", "/s", samples.rate(earlier), samples.rate(later), is_gain=True)
    for outcome in ("throttled", "failed"):
        yield _Compared(outcome, "%", samples.share(earlier, outcome), samples.share(later, outcome))


def _effect(compared: _Compared, is_paired: bool, quantile: float, tolerance_percent: float) -> Effect:
    change, error, degrees = (samples.paired if is_paired else samples.unpaired)(compared.first, compared.second)
    reach = bootstrap.student_quantile(quantile, degrees) * error if error else 0.0
    is_share = compared.unit == "%"
    shown, low, high = (value if is_share else _percent(value) for value in (change, change - reach, change + reach))
    verdict, is_certain = _verdict(
        shown, low, high, TOLERANCE_POINTS if is_share else tolerance_percent, compared.is_gain
    )
    values = compared.first.value, compared.second.value
    return Effect(compared.name, compared.unit, *values, shown, low, high, verdict, is_certain, is_share)


def _verdict(change: float, low: float, high: float, tolerance: float, is_gain: bool) -> tuple[str, bool]:
    """Return the verdict on a change, and whether it is certain."""
    if abs(change) > tolerance and not low <= 0.0 <= high:
        return (BETTER if (change > 0) == is_gain else WORSE), True
    return SAME, max(abs(low), abs(high)) <= tolerance


def _search(first: Mapping[str, Any], second: Mapping[str, Any], tolerance_percent: float) -> Effect:
    """Compare the highest rates that two searches found: between what passed and what failed lies the truth."""
    rates = [float(found["rate"] or 0.0) for found in (first, second)]
    if not all(rates):
        raise SampleError("a search found no rate -> there is nothing to compare; look at its trials")
    edges = [[edge or rate for edge in found["interval"]] for found, rate in zip((first, second), rates, strict=True)]
    change, low, high = (
        100.0 * (above / below - 1.0)
        for above, below in ((rates[1], rates[0]), (edges[1][0], edges[0][1]), (edges[1][1], edges[0][0]))
    )
    verdict, is_certain = _verdict(change, low, high, tolerance_percent, is_gain=True)
    return Effect("highest rate", "/s", rates[0], rates[1], change, low, high, verdict, is_certain)


def _judged(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    effects: Sequence[Effect],
    notes: Sequence[str],
    is_paired: bool,
) -> Comparison:
    found = {effect.verdict for effect in effects}
    verdict = next((verdict for verdict in (WORSE, BETTER) if verdict in found), SAME)
    return Comparison(str(first["run_id"]), str(second["run_id"]), verdict, effects, notes, is_paired)


def _notes(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    notes = []
    scenarios = [results["scenario"] or {} for results in (first, second)]
    if different := [name for name in ASKED if scenarios[0].get(name) != scenarios[1].get(name)]:
        notes.append(f"the scenarios of the runs differ: {', '.join(different)}")
    if _is_closed(first) != _is_closed(second):
        notes.append("one plan is open, the other closed: their latencies are not the same figure")
    for results in (first, second):
        if results["partial"]:
            notes.append(f"the results of run {results['run_id']} are partial")
        if results["plan"] and not results["plan"]["kept"]:
            notes.append(f"run {results['run_id']} did not keep its plan: the table never saw the load")
    lengths = [len(results["series"]) for results in (first, second)]
    if min(lengths) < 60:
        notes.append(f"one of the runs is {min(lengths)} s long: take a minute at least")
    return notes


def _common(earlier: Sequence[Second], later: Sequence[Second]) -> tuple[list[Second], list[Second]]:
    both = {second["elapsed_s"] for second in earlier} & {second["elapsed_s"] for second in later}
    if len(both) < samples.FEWEST_SECONDS:
        raise SampleError("the runs have too few seconds in common -> compare runs that went to their end")
    found = [[second for second in seconds if second["elapsed_s"] in both] for seconds in (earlier, later)]
    return found[0], found[1]


def _plan(results: Mapping[str, Any]) -> Any:
    return (results["scenario"] or {}).get("plan")


def _is_closed(results: Mapping[str, Any]) -> bool:
    return bool(results["plan"]) and results["plan"]["rate_asked"] is None


def _percent(logarithm: float) -> float:
    return 100.0 * math.expm1(min(logarithm, 50.0))
