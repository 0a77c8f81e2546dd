# SPDX-License-Identifier: Apache-2.0
"""The search for the highest rate that meets the thresholds: the rate of the next trial, and the result."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

Phase = Literal["grow", "descend", "bisect", "confirm"]

# The search gives up at this part of the start.
FLOOR = 64
# Failed confirmations after which the trials vary too much to go on.
SETBACKS = 10
# Six digits read well and are finer than any precision.
DIGITS = 6
FINEST_PRECISION = 0.001
SMALLEST_GROWTH = 1.01
DOUBT = 0.05


class Trial(NamedTuple):
    """The result of one run at one rate.

    Attributes:
        rate: planned, in operations a second.
        passed: whether the thresholds were met.
        reached: operations a second that were sent.
        reason: why it failed; empty where it passed.
        generator_limited: whether the load generator could not keep its plan. The trial then counts as failed even
            where the thresholds are met: the table did not receive the rate.
    """

    rate: float
    passed: bool
    reached: float
    reason: str = ""
    generator_limited: bool = False


class Search:
    """Finds the highest rate that passes a number of trials: grows, bisects, and confirms.

    It runs nothing itself: run a trial at ``next_rate``, pass it to ``observe``, until the next rate is None.
    The rate grows from the start until the first failure or the ceiling. Then the geometric mean of the highest rate
    that passed and the lowest that failed is tried, until they lie within the precision. Then the rate that passed
    is tried again, until it has passed often enough; where it fails, it is the lowest that failed, and the search goes
    on below it. A start that fails is divided by the growth, down to a 64th, before the search gives up.
    """

    def __init__(
        self, start: float, ceiling: float, precision: float = 0.05, growth: float = 2.0, confirmations: int = 3
    ) -> None:
        """Start a search.

        Args:
            start: the first rate, in operations a second.
            ceiling: the highest rate to try.
            precision: how far apart, as a share, the rate that passed and the one that failed may be at the end.
            growth: by how much the rate is multiplied each time while it passes.
            confirmations: trials that a rate has to pass in all, its first included.

        Raises:
            ValueError: one of them is out of its range.
        """
        _check(0 < start < math.inf, "start", "a rate above 0", start)
        _check(start <= ceiling < math.inf, "ceiling", f"a rate of at least the start, {start:g}", ceiling)
        _check(FINEST_PRECISION <= precision <= 1, "precision", f"a share from {FINEST_PRECISION} to 1", precision)
        _check(SMALLEST_GROWTH <= growth <= 10, "growth", f"a factor from {SMALLEST_GROWTH} to 10", growth)
        _check(1 <= confirmations <= 100, "confirmations", "a whole number from 1 to 100", confirmations)
        self.ceiling = ceiling
        self.floor = start / FLOOR
        self.precision = precision
        self.growth = growth
        self.confirmations = confirmations
        self.most_trials = self._most_trials(start)
        self.trials: list[tuple[Phase, Trial]] = []
        # Passes by rate, of the rates below the lowest that failed.
        self._passes: dict[float, int] = {}
        self._failed: Trial | None = None
        self._next: tuple[Phase, float] | None = ("grow", start)
        self._gave_up = False
        self._abandoned = ""

    def next_rate(self) -> float | None:
        """Return the rate of the next trial, in operations a second; None where the search is over."""
        return None if self._next is None else self._next[1]

    def observe(self, trial: Trial) -> None:
        """Take the result of the trial at the next rate.

        Raises:
            ValueError: the search is over, or the trial was made at another rate.
        """
        if self._next is None:
            raise ValueError("the search is over: no further trial is expected")
        phase, rate = self._next
        if not math.isclose(trial.rate, rate, rel_tol=1e-9):
            raise ValueError(f"a trial at {rate:g} operations a second is expected, got one at {trial.rate:g}")
        trial = trial._replace(rate=rate, passed=trial.passed and not trial.generator_limited)
        self.trials.append((phase, trial))
        if trial.passed:
            self._passes[rate] = self._passes.get(rate, 0) + 1
        else:
            self._failed = trial
            self._passes = {passed: count for passed, count in self._passes.items() if passed < rate}
        self._next = self._decide()
        # Trials that fail at rates that passed before could go on down to the floor.
        if self._next is not None and len(self.trials) >= self.most_trials:
            self._next, self._gave_up = None, True

    def abandon(self, reason: str) -> None:
        """End the search without a result.

        Args:
            reason: why, in a few words.
        """
        self._next, self._abandoned = None, reason

    def outcome(self) -> dict[str, Any]:
        """Sum the search up.

        Returns:
            ``rate``: the result in operations a second, None where there is none (yet). ``answer``: the same in words.
            ``steps``: all trials in order, each with its phase. ``acceptance``: the rule in words.
            ``confidence``: passes and trials at the rate, and the one-sided 95 % lower bound of the probability that a
            trial at it passes: 0.05 ** (1 / n) where n of n passed (C. Clopper, E. Pearson, The use of confidence
            or fiducial limits illustrated in the case of the binomial, Biometrika 26, 1934); None without a rate. It
            takes the trials as independent.
            ``interval``: the highest rate that passed below all that failed, and the lowest that failed, each None
            where there is none. ``limited_by``: table, generator or ceiling; none while there is no result, and where
            the trials varied too much to give one. ``incomplete``: why the search was abandoned, None where it was not.
        """
        rate = self._answer()
        passes = self._passes.get(rate, 0) if rate else 0
        return {
            "rate": rate,
            "answer": self._in_words(rate),
            "steps": [{"phase": phase, **trial._asdict()} for phase, trial in self.trials],
            "acceptance": (
                f"the highest rate found that met every threshold in {self.confirmations} of {self.confirmations} "
                f"trials, within {self.precision:.3g} of the lowest rate that failed or at the ceiling of "
                f"{self.ceiling:,.6g} operations a second"
            ),
            "confidence": {"passes": passes, "trials": passes, "lower_bound": round(DOUBT ** (1 / passes), 4)}
            if rate
            else None,
            "interval": [self._highest_passed(), self._failed.rate if self._failed else None],
            "limited_by": self._limited_by(),
            "incomplete": self._abandoned or None,
        }

    def _most_trials(self, start: float) -> int:
        """Return how many trials suffice where equal trials end alike, and for ten setbacks where they do not."""
        grow = math.ceil(math.log(self.ceiling / start, self.growth)) + 1
        descend = math.ceil(math.log(FLOOR, self.growth)) + 1
        # A last step up to the ceiling, or down to the floor, may be longer than the others by the precision.
        widest = math.log(self.growth * (1 + self.precision))
        bisect = math.ceil(math.log2(widest / math.log1p(self.precision))) + 1
        return grow + descend + (bisect + self.confirmations) * (1 + SETBACKS)

    def _decide(self) -> tuple[Phase, float] | None:
        low, high = self._highest_passed(), self._failed.rate if self._failed else None
        if low is None:
            return self._lower(high)
        if high is None and low < self.ceiling:
            higher = _rounded(low * self.growth)
            return "grow", higher if higher * (1 + self.precision) < self.ceiling else self.ceiling
        if high is not None and high / low > 1 + self.precision:
            return "bisect", _rounded(math.sqrt(low * high))
        return ("confirm", low) if self._passes[low] < self.confirmations else None

    def _lower(self, high: float | None) -> tuple[Phase, float] | None:
        if high is None or high <= self.floor:
            return None
        lower = _rounded(high / self.growth)
        return "descend", lower if lower > self.floor * (1 + self.precision) else self.floor

    def _highest_passed(self) -> float | None:
        return max(self._passes, default=None)

    def _answer(self) -> float | None:
        return self._highest_passed() if self._has_result else None

    @property
    def _has_result(self) -> bool:
        return self._next is None and not self._gave_up and not self._abandoned

    def _limited_by(self) -> str:
        if not self._has_result:
            return "none"
        if self._failed is None:
            return "ceiling"
        return "generator" if self._failed.generator_limited else "table"

    def _in_words(self, rate: float | None) -> str:
        limit = self._limited_by()
        if self._abandoned:
            return f"incomplete: {self._abandoned}; {self._so_far()}"
        if self._next is not None:
            return "the search is not over"
        if self._gave_up:
            return f"no rate was confirmed within {len(self.trials)} trials: they vary too much from one to the next"
        cause = {
            "table": "limited by the table",
            "generator": "limited by the generator, not by the table",
            "ceiling": "at the search's ceiling: the limit may lie above",
        }[limit]
        if rate is None:
            return f"no rate down to {self.floor:,.6g} operations a second passed: {cause}"
        return f"{rate:,.6g} operations a second, {cause}"

    def _so_far(self) -> str:
        rate = self._highest_passed()
        if rate is None:
            return "no rate had passed"
        return (
            f"the last confirmed rate is {rate:,.6g} operations a second, "
            f"with {self._passes[rate]} of {self.confirmations} trials"
        )


def _check(is_right: bool, name: str, rule: str, value: float) -> None:
    if not is_right:
        raise ValueError(f"the search's {name} must be {rule}, got {value}")


def _rounded(rate: float) -> float:
    return float(f"{rate:.{DIGITS}g}")
