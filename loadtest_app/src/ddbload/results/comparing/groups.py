# SPDX-License-Identifier: Apache-2.0
"""Whether a group of runs was better or worse than a group of baselines, by how much whole runs differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from ddbload.results.comparing import comparison, samples
from ddbload.results.comparing.comparison import CONFIDENCE, TOLERANCE_PERCENT, Compared, Comparison, Effect
from ddbload.results.comparing.samples import Estimate, SampleError
from ddbload.stats import groups, student

Run = Mapping[str, Any]
# What a figure is multiplied by where it is compared: times are compared in microseconds.
SCALES = {"ms": 1000.0, "/s": 1.0, "%": 1.0}


class Grouped(NamedTuple):
    """A figure of two groups of runs.

    Attributes:
        compared: its name, unit and direction.
        first: of each baseline.
        second: of each other run.
        edges: the lowest and the highest change that the runs themselves allow; None takes it from the errors.
    """

    compared: Compared
    first: Sequence[Estimate]
    second: Sequence[Estimate]
    edges: tuple[float, float] | None = None


def compare(first: Sequence[Run], second: Sequence[Run], tolerance_percent: float = TOLERANCE_PERCENT) -> Comparison:
    """Compare a group of runs with a group of baselines.

    One run a side is compared by its seconds. With more, a run is one measurement: the spread of whole runs decides,
    and no interval is narrower than the seconds alone allow.

    Args:
        first: results of the baselines.
        second: results of the runs.
        tolerance_percent: differences of times and rates up to this many percent are ignored.

    Raises:
        SampleError: a run is too short or named twice, a group has several scenarios, or the runs have no operation in
            common.
    """
    runs = [*first, *second]
    _refuse_repeated(runs)
    if len(runs) == 2:
        return comparison.compare(first[0], second[0], tolerance_percent)
    for name, side in (("baselines", first), ("runs", second)):
        _refuse_mixed(name, side)
    notes = [*comparison.notes(runs), *_design(first, second)]
    if all(run["search"] for run in runs):
        found = [_highest_rate(first, second)]
    else:
        common = _common_operations(runs)
        each = comparison.figures(common, comparison.loaded_seconds(runs), is_gain=comparison.has_one_plan(runs))
        found, lacking = [], [name for run in runs for name in run["operations"] if name not in common]
        for one in each:
            if not one.measures:
                lacking.append(one.name)
                continue
            estimates = [samples.alone(measure) for measure in one.measures]
            found.append(Grouped(one, estimates[: len(first)], estimates[len(first) :]))
        if lacking:
            notes.append(f"not every run has these, so they are left out: {', '.join(dict.fromkeys(lacking))}")
    return comparison.judged(first, second, effects(found, tolerance_percent), notes, False)


def effects(figures: Sequence[Grouped], tolerance_percent: float) -> list[Effect]:
    """Return the judged difference of each figure.

    All intervals together hold with 95 % confidence: each is as much wider as there are more independent figures. A
    figure that is the same in all runs, for example no failure, can raise no false alarm and does not count.
    """
    differences = [
        groups.difference(*([one.value for one in side] for side in (figure.first, figure.second)))
        for figure in figures
    ]
    varying = [difference.residuals for difference in differences if difference.spread > 0.0]
    count = groups.effective_count(varying, differences[0].degrees) if varying else 1.0
    quantile = 1.0 - (1.0 - CONFIDENCE) / 2 / count
    return [
        _effect(figure, difference, quantile, tolerance_percent)
        for figure, difference in zip(figures, differences, strict=True)
    ]


def _effect(figure: Grouped, difference: groups.Difference, quantile: float, tolerance_percent: float) -> Effect:
    change = difference.change
    edges = [change + sign * student.quantile(quantile, difference.degrees) * difference.error for sign in (-1, 1)]
    of_seconds = samples.apart(figure.first, figure.second)
    reach = student.quantile(quantile, of_seconds.degrees) * of_seconds.error if of_seconds.error else 0.0
    low, high = figure.edges or (change - reach, change + reach)
    values = _value(figure.compared, figure.first), _value(figure.compared, figure.second)
    interval = change, min(low, edges[0]), max(high, edges[1])
    return comparison.effect(figure.compared, values, interval, tolerance_percent, difference.spread)


def _value(compared: Compared, side: Sequence[Estimate]) -> float:
    mean = fmean(one.value for one in side)
    return (mean if compared.is_share else math.exp(mean)) / SCALES[compared.unit]


def _highest_rate(first: Sequence[Run], second: Sequence[Run]) -> Grouped:
    """Return the highest rates that searches found: a search knows its own only from what passed to what failed."""
    found = [[run["search"] for run in side] for side in (first, second)]
    if not all(search["rate"] for side in found for search in side):
        raise SampleError("a search found no rate -> there is nothing to compare; look at its trials")
    rates = [[math.log(search["rate"]) for search in side] for side in found]
    passed, failed = (
        [fmean(math.log(search["interval"][at] or search["rate"]) for search in side) for side in found]
        for at in (0, 1)
    )
    sides = [[Estimate(rate, 0.0, 1) for rate in side] for side in rates]
    compared = Compared("highest rate", "/s", [], is_gain=True)
    return Grouped(compared, sides[0], sides[1], edges=(passed[1] - failed[0], failed[1] - passed[0]))


def _refuse_repeated(runs: Sequence[Run]) -> None:
    """Refuse a run that is named twice: it would show no difference from run to run where there is one."""
    seen = set()
    for run in runs:
        identity = run["run_id"], run["started_at"]
        if identity in seen:
            raise SampleError(f"run {run['run_id']} is named more than once -> name each run once, on one side")
        seen.add(identity)


def _refuse_mixed(name: str, side: Sequence[Run]) -> None:
    for run in side:
        if different := comparison.different_fields([side[0], run]):
            raise SampleError(
                f"{name} {side[0]['run_id']} and {run['run_id']} differ in {', '.join(different)} -> "
                "a group takes runs of one scenario"
            )


def _common_operations(runs: Sequence[Run]) -> list[str]:
    names = [name for name in runs[0]["operations"] if all(name in run["operations"] for run in runs)]
    if not names:
        ids = ", ".join(str(run["run_id"]) for run in runs)
        raise SampleError(f"runs {ids} have no operation in common -> compare runs of the same mix")
    return names


def _design(first: Sequence[Run], second: Sequence[Run]) -> list[str]:
    """Return what the choice of the runs leaves open."""
    sizes = sorted((len(first), len(second)))
    if sizes[0] == 1:
        return ["one side has one run: it is taken to differ from run to run as those of the other side do"]
    found = []
    if sizes[0] < sizes[1]:
        found.append("the sides have different numbers of runs: where the smaller one varies more, false alarms rise")
    starts = [[run["started_at"] for run in side] for side in (first, second)]
    if all(start for side in starts for start in side) and (
        max(starts[0]) < min(starts[1]) or max(starts[1]) < min(starts[0])
    ):
        found.append(
            "one side ran wholly before the other: what changed in between counts as a change; run them in turn"
        )
    return found
