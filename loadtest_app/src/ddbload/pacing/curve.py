# SPDX-License-Identifier: Apache-2.0
"""Curves: the rate of arrivals over time, its area, and the instant at which the area reaches a count."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite, pi, sin, sqrt, tau

# Into how many parts a swing's operations are divided for the first guess at an instant.
STARTS = 256


def _check(above: bool = False, **values: float) -> None:
    for name, value in values.items():
        if not (isfinite(value) and (value > 0 if above else value >= 0)):
            raise ValueError(f"{name} must be {'above' if above else 'at least'} 0: found {value}")


@dataclass(frozen=True)
class Linear:
    """A linear rate; a constant where both ends are the same.

    Args:
        start_rate: Operations a second at the start, 0 or more.
        end_rate: Operations a second at the end, 0 or more.
        duration_s: Length in seconds, above 0.

    Raises:
        ValueError: A value is out of its range.
    """

    start_rate: float
    end_rate: float
    duration_s: float

    def __post_init__(self) -> None:
        _check(start=self.start_rate, end=self.end_rate)
        _check(above=True, duration=self.duration_s)

    @cached_property
    def area(self) -> float:
        """Operations of the whole piece."""
        return (self.start_rate + self.end_rate) / 2 * self.duration_s

    @cached_property
    def peak(self) -> float:
        """The highest rate, in operations a second."""
        return max(self.start_rate, self.end_rate)

    @cached_property
    def _shape(self) -> tuple[float, float, float, float, float]:
        # The ends as shares of the peak, so that no rate is too small or too large to be squared.
        start, end = self.start_rate / self.peak, self.end_rate / self.peak
        return self.area, start, start * start, (end - start) * (end + start), self.duration_s * (start + end)

    def rate(self, elapsed_s: float) -> float:
        """Return the rate, in operations a second, at a number of seconds into the piece."""
        return self.start_rate + (self.end_rate - self.start_rate) * (elapsed_s / self.duration_s)

    def expected(self, elapsed_s: float) -> float:
        """Return how many operations the piece has in its first ``elapsed_s`` seconds."""
        return (self.start_rate + self.rate(elapsed_s)) / 2 * elapsed_s

    def instant(self, count: float) -> float:
        """Return after how many seconds the piece has had ``count`` operations; the piece's area is above 0."""
        # The root of the quadratic, with the difference that loses digits at small slopes turned into a sum.
        area, start, start_squared, rise, scale = self._shape
        share = count / area
        if share <= 0:
            return 0.0
        square = start_squared + rise * share
        return share * scale / (start + sqrt(square)) if square > 0 else self.duration_s


@dataclass(frozen=True)
class Sine:
    """A rate that swings about its mean, upwards first.

    Args:
        mean: Operations a second in the middle, above 0.
        amplitude: How far the rate goes up and down, in operations a second, at most the mean.
        period_s: Length of one swing in seconds, above 0.
        duration_s: Length in seconds, above 0.

    Raises:
        ValueError: A value is out of its range.
    """

    mean: float
    amplitude: float
    period_s: float
    duration_s: float

    def __post_init__(self) -> None:
        _check(amplitude=self.amplitude)
        _check(above=True, mean=self.mean, period=self.period_s, duration=self.duration_s)
        if self.amplitude > self.mean:
            raise ValueError(f"amplitude must be at most the mean, {self.mean}: found {self.amplitude}")

    @cached_property
    def area(self) -> float:
        """Operations of the whole piece."""
        return self.expected(self.duration_s)

    @cached_property
    def peak(self) -> float:
        """The highest rate, in operations a second."""
        return self.rate(min(self.duration_s, self.period_s / 4))

    @cached_property
    def _swing(self) -> tuple[float, float, list[float]]:
        # The phases at equal shares of a period's operations: from them Newton's method needs two steps as a rule.
        amplitude, phases = self.amplitude / self.mean, [0.0]
        for step in range(1, STARTS):
            phases.append(_phase(amplitude, step / STARTS, phases[-1], 1.0, phases[-1]))
        return self.mean * self.period_s, amplitude, [*phases, 1.0]

    def rate(self, elapsed_s: float) -> float:
        """Return the rate, in operations a second, at a number of seconds into the piece."""
        return self.mean + self.amplitude * sin(tau * elapsed_s / self.period_s)

    def expected(self, elapsed_s: float) -> float:
        """Return how many operations the piece has in its first ``elapsed_s`` seconds."""
        # 1 - cos as the square of a sine, which keeps its digits near 0.
        return self.mean * elapsed_s + self.amplitude * self.period_s / pi * sin(pi * elapsed_s / self.period_s) ** 2

    def instant(self, count: float) -> float:
        """Return after how many seconds the piece has had ``count`` operations."""
        period_count, amplitude, phases = self._swing
        periods, rest = divmod(count, period_count)
        share = rest / period_count
        step = int(share * STARTS)
        low, high = phases[step], phases[step + 1]
        start = low + (high - low) * (share * STARTS - step)
        return (periods + _phase(amplitude, share, low, high, start)) * self.period_s


def _phase(amplitude: float, share: float, low: float, high: float, phase: float) -> float:
    """Return the part of a swing (0 to 1) in which a share of its operations falls, within a bracket, from a guess.

    Newton's method, kept within a bracket that every step makes smaller: where the rate is almost 0 it halves the
    bracket instead (as rtsafe does in Press et al., Numerical Recipes, section 9.4).
    """
    for _step in range(64):
        excess = phase + amplitude / pi * sin(pi * phase) ** 2 - share
        if -1e-15 <= excess <= 1e-15:
            return phase
        if excess > 0:
            high = phase
        else:
            low = phase
        slope = 1 + amplitude * sin(tau * phase)
        step = excess / slope if slope > 1e-9 else 1.0
        phase -= step
        if not low < phase < high:
            phase = (low + high) / 2
        elif step * step * pi < 1e-16 * slope:
            # The error after this step is below the last digit: f'' is at most 2 pi.
            return phase
    return phase


Piece = Linear | Sine


def constant(rate: float, duration: float) -> tuple[Piece, ...]:
    """Return the pieces of one rate held.

    Args:
        rate: Operations a second.
        duration: Seconds.
    """
    return (Linear(rate, rate, duration),)


def ramp(start: float, end: float, duration: float) -> tuple[Piece, ...]:
    """Return the pieces of a rate that goes steadily from one value to another.

    Args:
        start: Operations a second at the start.
        end: Operations a second at the end.
        duration: Seconds.
    """
    return (Linear(start, end, duration),)


def steps(start: float, end: float, count: int, duration: float) -> tuple[Piece, ...]:
    """Return the pieces of a staircase: plateaus of equal length and equal rises.

    Args:
        start: Operations a second of the first plateau.
        end: Operations a second of the last plateau.
        count: How many plateaus there are, at least 2.
        duration: Seconds of them all together.

    Raises:
        ValueError: There are fewer than 2 plateaus.
    """
    if count < 2:
        raise ValueError(f"there must be at least 2 steps: found {count}")
    shares = [step / (count - 1) for step in range(count)]
    rates = [start * (1 - share) + end * share for share in shares]
    return tuple(Linear(rate, rate, duration / count) for rate in rates)


def spike(base: float, peak: float, duration: float, at: float, length: float) -> tuple[Piece, ...]:
    """Return the pieces of a rate that jumps for a while.

    Args:
        base: Operations a second before and after.
        peak: Operations a second in between.
        duration: Seconds of the whole.
        at: Seconds from the start to the jump.
        length: Seconds that the peak lasts.

    Raises:
        ValueError: The peak does not lie within the duration.
    """
    _check(at=at)
    _check(above=True, duration=duration, length=length)
    after = duration - at - length
    if after < -1e-9 * duration:
        raise ValueError(f"a spike must end by the end, {duration} s: found one from {at} s for {length} s")
    # What is left by rounding only is no piece.
    parts = ((base, at, at > 0), (peak, length, True), (base, after, after > 1e-9 * duration))
    return tuple(Linear(rate, rate, seconds) for rate, seconds, is_piece in parts if is_piece)


def sine(mean: float, amplitude: float, period: float, duration: float) -> tuple[Piece, ...]:
    """Return the pieces of a rate that swings about its mean, upwards first.

    Args:
        mean: Operations a second in the middle.
        amplitude: How far the rate goes up and down, at most the mean.
        period: Seconds of one swing.
        duration: Seconds.
    """
    return (Sine(mean, amplitude, period, duration),)


class Curve:
    """The rate over time: pieces one after another.

    Calls mostly go forwards in time, so the curve remembers the last piece; results depend on the arguments alone.

    Args:
        pieces: The pieces, at least one.

    Attributes:
        duration_s: Length in seconds.
        total: Operations in all, the area under the rate.
        peak: The highest rate, in operations a second.
        steady_rate: The only rate, in operations a second; None where the rate changes.

    Raises:
        ValueError: There is no piece, or no operation in any.
    """

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces = tuple(pieces)
        if not self.pieces:
            raise ValueError("a rate curve must have at least one piece")
        self._spans: list[tuple[float, float, float, float, float, Piece]] = []
        start = low = 0.0
        for piece in self.pieces:
            end, high = start + piece.duration_s, low + piece.area
            steady = isinstance(piece, Linear) and piece.start_rate == piece.end_rate
            self._spans.append((low, high, start, end, piece.peak if steady else 0.0, piece))
            start, low = end, high
        self._counts, self._starts = [span[0] for span in self._spans], [span[2] for span in self._spans]
        self.duration_s, self.total = start, low
        self.peak = max(piece.peak for piece in self.pieces)
        self.steady_rate = self._spans[0][4] or None if len(self._spans) == 1 else None
        if not (0 < self.total < inf and self.duration_s < inf):
            raise ValueError(f"a rate curve must have operations, and a finite number of them: found {self.total}")
        self._by_count = self._by_time = self._spans[0]

    def rate(self, elapsed_s: float) -> float:
        """Return the rate at an instant.

        Args:
            elapsed_s: Seconds from the start. Where two pieces meet, the later one counts.

        Returns:
            Operations a second; 0 before the start and from the end on.
        """
        if not 0 <= elapsed_s < self.duration_s:
            return 0.0
        _low, _high, start, _end, _rate, piece = self._spans[bisect_right(self._starts, elapsed_s) - 1]
        return piece.rate(elapsed_s - start)

    def expected(self, elapsed_s: float) -> float:
        """Return how many operations there are up to an instant: the area from the start to it.

        Args:
            elapsed_s: Seconds from the start; before the start there are none, after the end all.
        """
        low, high, start, end, _rate, piece = self._by_time
        if not start <= elapsed_s < end:
            if elapsed_s <= 0:
                return 0.0
            if elapsed_s >= self.duration_s:
                return self.total
            self._by_time = self._spans[bisect_right(self._starts, elapsed_s) - 1]
            low, high, start, end, _rate, piece = self._by_time
        return min(low + piece.expected(elapsed_s - start), high)

    def instant(self, count: float) -> float:
        """Return the instant up to which there are ``count`` operations: the inverse of ``expected``.

        Args:
            count: Operations. Where the rate is 0 and many instants have the same count, the last of them is meant:
                the operation after a pause comes after it.

        Returns:
            Seconds from the start; the start for less than 0, the end for the total and more.
        """
        low, high, start, end, rate, piece = self._by_count
        if not low <= count < high:
            if count >= self.total:
                return self.duration_s
            count = max(count, 0.0)
            self._by_count = self._spans[bisect_right(self._counts, count) - 1]
            low, high, start, end, rate, piece = self._by_count
        instant = start + ((count - low) / rate if rate else piece.instant(count - low))
        return instant if instant < end else end
