# SPDX-License-Identifier: Apache-2.0
"""False alarms and misses of comparisons on a wavering table: simulated runs whose level differs from run to run."""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import Pool
from typing import NamedTuple

from ddbload.results.comparing import comparison, groups, samples
from ddbload.results.comparing.comparison import SAME, TOLERANCE_PERCENT, WORSE, Compared
from ddbload.results.comparing.groups import Grouped
from ddbload.results.comparing.samples import Estimate, Second
from ddbload.stats.histogram import Histogram

OPERATION = "get"
SECONDS = 60
# A closed plan: its callers send the next request after a response, so that a slow table also has a lower rate.
RATE = 50.0
MEDIAN_US = 2000.0
RESPONSE_SPREAD = 0.4
# Within a run the level drifts by some percent, and remembers some ten seconds.
DRIFT = 0.05
MEMORY = 0.9
CHANGES = (0, 10, 20, 50)
MOST_RUNS = 5


class Spread(NamedTuple):
    """How much the levels of runs differ, as standard deviations of their logarithms.

    Attributes:
        before: of the baselines.
        after: of the other runs.
    """

    before: float
    after: float


class Sides(NamedTuple):
    """How many runs are compared: baselines, and the others."""

    before: int
    after: int


SPREADS = (*(Spread(spread, spread) for spread in (0.0, 0.02, 0.05, 0.1, 0.2)), Spread(0.05, 0.15))
# One run a side is the comparison by seconds; one new run with several baselines is that of a pipeline.
SIDES = (Sides(1, 1), Sides(2, 2), Sides(3, 3), Sides(5, 5), Sides(3, 1), Sides(5, 1), Sides(5, 2))
Case = tuple[int, Spread, Sides]
# How many of the comparisons of each case were wrong.
Wrong = Mapping[Case, int]


class Run(NamedTuple):
    """A simulated run.

    Attributes:
        seconds: as in a results file.
        level: of the table in this run, in standard deviations.
    """

    seconds: Sequence[Second]
    level: float


def simulated(chance: random.Random) -> Run:
    """Return a run of a table whose latency drifts."""
    drift, seconds = chance.gauss(0.0, DRIFT), []
    for number in range(1, SECONDS + 1):
        drift = MEMORY * drift + math.sqrt(1 - MEMORY**2) * chance.gauss(0.0, DRIFT)
        count = round(RATE * math.exp(-drift))
        middle = math.log(MEDIAN_US) + drift
        times = (int(chance.lognormvariate(middle, RESPONSE_SPREAD)) for _response in range(count))
        histograms = {OPERATION: Histogram.from_values(times)}
        seconds.append({"elapsed_s": number, "sent": count, "throttled": {}, "failed": 0, "histograms": histograms})
    return Run(seconds, chance.gauss(0.0, 1.0))


def experiment(seed: str) -> dict[Case, bool]:
    """Compare simulated runs in each case; returns whether the comparison was wrong.

    All cases have the same runs. The level of a run and the change multiply its latencies and divide its rate, so that
    they are added to the logarithms that are compared.

    Args:
        seed: the same one gives the same runs.
    """
    chance = random.Random(seed)
    runs = [simulated(chance) for _run in range(2 * MOST_RUNS)]
    figures = list(comparison.figures([OPERATION], [run.seconds for run in runs], is_gain=True))
    estimates = [[samples.alone(measure) for measure in figure.measures] for figure in figures]
    found = {}
    for spread in SPREADS:
        for change in CHANGES:
            levels = [
                run.level * (spread.before if at < MOST_RUNS else spread.after)
                + (math.log1p(change / 100) if at >= MOST_RUNS else 0.0)
                for at, run in enumerate(runs)
            ]
            grouped = [_grouped(figure, each, levels) for figure, each in zip(figures, estimates, strict=True)]
            for sides in SIDES:
                verdicts = _verdicts(grouped, sides)
                found[change, spread, sides] = WORSE not in verdicts if change else verdicts != {SAME}
    return found


def measure(experiments: int, seed: int, processes: int) -> dict[Case, int]:
    """Return how many of the comparisons of each case were wrong."""
    seeds = [f"{seed}/{number}" for number in range(experiments)]
    wrong = {(change, spread, sides): 0 for change in CHANGES for spread in SPREADS for sides in SIDES}
    with Pool(processes) as pool:
        for found in pool.imap(experiment, seeds):
            for case, is_wrong in found.items():
                wrong[case] += is_wrong
    return wrong


def table(wrong: Wrong, experiments: int) -> str:
    """Return the shares of wrong comparisons as a table in Markdown."""
    head = ["true change", "run to run", *(_sides_text(sides) for sides in SIDES)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *_rows(wrong, experiments)])


def _rows(wrong: Wrong, experiments: int) -> Iterator[list[str]]:
    for change in CHANGES:
        for spread in SPREADS:
            shares = [f"{100 * wrong[change, spread, sides] / experiments:.1f}" for sides in SIDES]
            yield [f"+{change} %, missed" if change else "none, false alarm", _spread_text(spread), *shares]


def _grouped(figure: Compared, estimates: Sequence[Estimate], levels: Sequence[float]) -> Grouped:
    sign = {"ms": 1.0, "/s": -1.0, "%": 0.0}[figure.unit]
    moved = [one._replace(value=one.value + sign * level) for one, level in zip(estimates, levels, strict=True)]
    return Grouped(figure, moved[:MOST_RUNS], moved[MOST_RUNS:])


def _verdicts(grouped: Sequence[Grouped], sides: Sides) -> set[str]:
    chosen = [one._replace(first=one.first[: sides.before], second=one.second[: sides.after]) for one in grouped]
    if sides == (1, 1):
        differences = [samples.apart(one.first, one.second) for one in chosen]
        effects = comparison.by_seconds([one.compared for one in chosen], differences, TOLERANCE_PERCENT)
    else:
        effects = groups.effects(chosen, TOLERANCE_PERCENT)
    return {effect.verdict for effect in effects}


def _sides_text(sides: Sides) -> str:
    return "1 and 1, by seconds" if sides == (1, 1) else f"{sides.before} and {sides.after}"


def _spread_text(spread: Spread) -> str:
    before, after = (f"{100 * value:.0f} %" for value in spread)
    return before if before == after else f"{before}, then {after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.wavering", description=__doc__)
    parser.add_argument("--experiments", type=_positive, default=500, help="simulated comparisons of each case (500)")
    parser.add_argument("--seed", type=int, default=1, help="the same one gives the same table (1)")
    parser.add_argument("--processes", type=_positive, default=os.cpu_count() or 1, help="that simulate (one a core)")
    options = parser.parse_args(arguments)
    wrong = measure(options.experiments, options.seed, options.processes)
    print(table(wrong, options.experiments))
    print(f"\nWrong comparisons in percent, of {options.experiments} each, seed {options.seed}.")
    return 0


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a number from 1, got {text[:60]!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
