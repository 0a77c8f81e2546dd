# SPDX-License-Identifier: Apache-2.0
"""Whether a run was better or worse than another, and how certain that is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ddbload.results.comparing import samples
from ddbload.results.comparing.samples import Difference, Measure, SampleError, Second
from ddbload.stats import student

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
        first: the baseline's value; of several runs the geometric mean, for shares the mean.
        second: the other side's.
        change: the second minus the first: in percent of the first, for shares in percentage points.
        low: of the interval within which the true change lies, at the confidence of the comparison.
        high: of the same.
        verdict: better, worse or no difference.
        is_certain: false where there was no difference to be found, but one beyond the tolerance cannot be ruled out.
        is_share: whether the change is in points.
        spread: the standard deviation from run to run, in percent or points as the change; None for one run a side.
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
    spread: float | None = None


class Comparison(NamedTuple):
    """The difference of two runs, or of two groups of runs.

    Attributes:
        first: run ids of the baselines.
        second: run ids of the others.
        verdict: worse where any figure is, else better where any is, else no difference.
        effects: figure by figure.
        notes: limits of the comparison.
        is_paired: whether the runs carried out the same plan and were compared second by second.
    """

    first: Sequence[str]
    second: Sequence[str]
    verdict: str
    effects: Sequence[Effect]
    notes: Sequence[str]
    is_paired: bool

    @property
    def has_groups(self) -> bool:
        """Whether one side has several runs, which show how much runs differ."""
        return len(self.first) + len(self.second) > 2


class Compared(NamedTuple):
    """A figure that is to be compared.

    Attributes:
        name: of the figure, with its operation.
        unit: of its values: ms, /s or %.
        measures: one a run; empty where a run has too few responses for it.
        is_gain: whether more of it is better.
    """

    name: str
    unit: str
    measures: Sequence[Measure]
    is_gain: bool = False

    @property
    def is_share(self) -> bool:
        """Whether its change is in points."""
        return self.unit == "%"


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
    found = notes([first, second])
    names = [name for name in first["operations"] if name in second["operations"]]
    if not names:
        raise SampleError(
            f"runs {first['run_id']} and {second['run_id']} have no operation in common -> compare runs of the same mix"
        )
    if first["search"] and second["search"]:
        effects = [_search(first["search"], second["search"], tolerance_percent)]
        return judged([first], [second], effects, found, False)
    seconds = loaded_seconds([first, second])
    is_paired = has_one_plan([first, second]) and not is_closed(first)
    compared = [one for one in figures(names, seconds, has_one_plan([first, second])) if one.measures]
    differ = samples.paired if is_paired else samples.unpaired
    effects = by_seconds(compared, [differ(*one.measures) for one in compared], tolerance_percent)
    return judged([first], [second], effects, found, is_paired)


def figures(names: Sequence[str], runs: Sequence[Sequence[Second]], is_gain: bool) -> Iterator[Compared]:
    """Yield the figures of some runs.

    Args:
        names: of the operations.
        runs: the seconds of each run.
        is_gain: whether a higher rate is an improvement; the rate is left out where it is not.
    """
    for name in names:
        each = [samples.histograms(seconds, name) for seconds in runs]
        for percentage in PERCENTILES:
            measures = [measure for one in each if (measure := samples.percentile(one, percentage))]
            if measures:
                yield Compared(f"{name} p{percentage:g}", "ms", measures if len(measures) == len(runs) else [])
    # Runs with different requested rates reach different rates, which is no improvement.
    if is_gain:
        yield Compared("rate reached", "/s", [samples.rate(seconds) for seconds in runs], is_gain=True)
    for outcome in ("throttled", "failed"):
        yield Compared(outcome, "%", [samples.share(seconds, outcome) for seconds in runs])


def by_seconds(
    compared: Sequence[Compared], differences: Sequence[Difference], tolerance_percent: float
) -> list[Effect]:
    """Return the judged difference of each figure of two runs, by what their seconds know.

    Args:
        compared: the figures of both runs.
        differences: of the figures.
        tolerance_percent: differences of times and rates up to this many percent are ignored.
    """
    quantile = 1 - (1 - CONFIDENCE) / 2 / len(compared)
    found = []
    for one, (change, error, degrees) in zip(compared, differences, strict=True):
        reach = student.quantile(quantile, degrees) * error if error else 0.0
        values = one.measures[0].value, one.measures[1].value
        found.append(effect(one, values, (change, change - reach, change + reach), tolerance_percent))
    return found


def effect(
    compared: Compared,
    values: tuple[float, float],
    change: tuple[float, float, float],
    tolerance_percent: float,
    spread: float | None = None,
) -> Effect:
    """Return the judged difference of a figure.

    Args:
        compared: the figure.
        values: of both sides.
        change: with the low and the high end of its interval, as figures are compared.
        tolerance_percent: differences of times and rates up to this many percent are ignored.
        spread: from run to run, as figures are compared.
    """
    is_share = compared.is_share
    shown, low, high = (value if is_share else percent(value) for value in change)
    verdict, is_certain = _verdict(
        shown, low, high, TOLERANCE_POINTS if is_share else tolerance_percent, compared.is_gain
    )
    apart = spread if spread is None or is_share else percent(spread)
    return Effect(compared.name, compared.unit, *values, shown, low, high, verdict, is_certain, is_share, apart)


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


def judged(
    first: Sequence[Mapping[str, Any]],
    second: Sequence[Mapping[str, Any]],
    effects: Sequence[Effect],
    notes: Sequence[str],
    is_paired: bool,
) -> Comparison:
    """Return the comparison of two sides, with its verdict."""
    found = {effect.verdict for effect in effects}
    verdict = next((verdict for verdict in (WORSE, BETTER) if verdict in found), SAME)
    ids = [[str(run["run_id"]) for run in side] for side in (first, second)]
    return Comparison(ids[0], ids[1], verdict, effects, notes, is_paired)


def notes(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the limits of a comparison of these runs."""
    found = []
    if different := different_fields(runs):
        found.append(f"the scenarios of the runs differ: {', '.join(different)}")
    if len({is_closed(run) for run in runs}) > 1:
        found.append("one plan is open, the other closed: their latencies are not the same figure")
    for run in runs:
        if run["partial"]:
            found.append(f"the results of run {run['run_id']} are partial")
        if run["plan"] and not run["plan"]["kept"]:
            found.append(f"run {run['run_id']} did not keep its plan: the table never saw the load")
    shortest = min(len(run["series"]) for run in runs)
    if shortest < 60:
        found.append(f"one of the runs is {shortest} s long: take a minute at least")
    return found


def different_fields(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the fields of the scenario in which the runs do not ask the same of a table."""
    scenarios = [run["scenario"] or {} for run in runs]
    return [name for name in ASKED if any(one.get(name) != scenarios[0].get(name) for one in scenarios)]


def loaded_seconds(runs: Sequence[Mapping[str, Any]]) -> list[list[Second]]:
    """Return each run's seconds under load; of one open plan those that all runs have.

    Raises:
        SampleError: there are too few.
    """
    found = [samples.loaded_seconds(run) for run in runs]
    if not has_one_plan(runs) or is_closed(runs[0]):
        return found
    common = set[float].intersection(*({second["elapsed_s"] for second in seconds} for seconds in found))
    if len(common) < samples.FEWEST_SECONDS:
        raise SampleError("the runs have too few seconds in common -> compare runs that went to their end")
    return [[second for second in seconds if second["elapsed_s"] in common] for seconds in found]


def has_one_plan(runs: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether all runs have the same plan."""
    plans = [(run["scenario"] or {}).get("plan") for run in runs]
    return all(plan == plans[0] for plan in plans)


def is_closed(results: Mapping[str, Any]) -> bool:
    """Return whether the run's callers wait for their responses, so that it has no requested rate."""
    return bool(results["plan"]) and results["plan"]["rate_asked"] is None


def percent(logarithm: float) -> float:
    """Return the change in percent of a change of the logarithm."""
    return 100.0 * math.expm1(min(logarithm, 50.0))
