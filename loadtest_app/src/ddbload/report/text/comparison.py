# SPDX-License-Identifier: Apache-2.0
"""Comparisons for the terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ddbload.report.text.run import BAD, GOOD, align, paint, plain, wrap
from ddbload.report.words import number
from ddbload.results.comparing.comparison import BETTER, CONFIDENCE, WORSE, Comparison, Effect

COLOURED = (
    (re.compile(r"better$|(?<=^verdict: )BETTER", re.MULTILINE), GOOD),
    (re.compile(r"worse$|(?<=^verdict: )WORSE", re.MULTILINE), BAD),
)


def render(comparisons: Sequence[Comparison]) -> str:
    """Return the comparisons one after the other: effects with their intervals, notes, the verdict."""
    return plain("\n\n".join(_one(comparison) for comparison in comparisons))


def colour(text: str) -> str:
    """Return the text in colours."""
    return paint(text, COLOURED)


def change(effect: Effect) -> str:
    """Return the change of a figure."""
    return f"{_signed(effect.change)}{_unit(effect)}"


def interval(effect: Effect) -> str:
    """Return the interval of the change."""
    return f"{_signed(effect.low)} to {_signed(effect.high)}{_unit(effect)}"


def said(comparison: Comparison) -> str:
    """Return the comparison's result as text."""
    named = {
        verdict: ", ".join(effect.name for effect in comparison.effects if effect.verdict == verdict)
        for verdict in (WORSE, BETTER)
    }
    parts = [f"{verdict}: {names}" for verdict, names in named.items() if names]
    unsure = sum(not effect.is_certain for effect in comparison.effects)
    if unsure:
        more = "more runs" if comparison.has_groups else "longer runs"
        parts.append(f"{unsure} of {len(comparison.effects)} figures are not certain: {more} show more")
    return "; ".join(parts) or "all figures are the same within the tolerance"


def remark(effect: Effect) -> str:
    """Return the verdict on a figure, and whether it is certain."""
    return effect.verdict if effect.is_certain else f"{effect.verdict} shown"


def method(comparison: Comparison) -> str:
    """Return a note on how the intervals are computed."""
    together = f"all intervals together hold with {100 * CONFIDENCE:.0f} % confidence"
    if comparison.has_groups:
        return f"compared run by run; {together} for runs that differ as these do"
    how = "second by second of the same plan" if comparison.is_paired else "as two runs of their own"
    return f"compared {how}; {together}, seconds that are alike taken as such"


def limit(comparison: Comparison) -> str:
    """Return a line on what one run a side cannot show; empty where a side has several."""
    return "" if comparison.has_groups else "one run a side cannot show how much runs differ: compare 3 to 5 a side"


def title(comparison: Comparison) -> str:
    """Return both sides with their numbers of runs."""
    first, second = ", ".join(comparison.first), ", ".join(comparison.second)
    if not comparison.has_groups:
        return f"run {second} beside the baseline {first}"
    return f"{_count(comparison.second, 'run')} ({second}) beside {_count(comparison.first, 'baseline')} ({first})"


def spread(effect: Effect) -> str:
    """Return how much runs of one side differ in a figure."""
    return "-" if effect.spread is None else f"± {effect.spread:.1f}{_unit(effect)}"


def _one(comparison: Comparison) -> str:
    names = ["baselines", "runs"] if comparison.has_groups else ["baseline", "run"]
    apart = ["run to run"] if comparison.has_groups else []
    head = ["figure", "unit", *names, *apart, "change", "interval", ""]
    rows = [
        [
            effect.name,
            effect.unit,
            number(effect.first),
            number(effect.second),
            *[spread(effect) for _column in apart],
            change(effect),
            interval(effect),
            remark(effect),
        ]
        for effect in comparison.effects
    ]
    notes = [wrap(text) for text in (method(comparison), limit(comparison), *map("note: {}".format, comparison.notes))]
    verdict = wrap(f"verdict: {comparison.verdict.upper()} ({said(comparison)})")
    table = align([head, *rows])
    return "\n\n".join([wrap(title(comparison)), table, "\n".join(filter(None, notes)), verdict])


def _count(ids: Sequence[str], noun: str) -> str:
    return f"{len(ids)} {noun}{'s' * (len(ids) > 1)}"


def _signed(value: float) -> str:
    if abs(value) >= 999.5:
        return "more than +999" if value > 0 else "less than -999"
    return f"{value:+.1f}" if abs(value) >= 0.05 else "0.0"


def _unit(effect: Effect) -> str:
    return " points" if effect.is_share else " %"
