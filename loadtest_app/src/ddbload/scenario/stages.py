# SPDX-License-Identifier: Apache-2.0
"""The stages of an open plan: the rate of arrivals over a stretch of time, as the scenario describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ddbload.pacing import curve
from ddbload.scenario.reader import Reader

LONGEST_S = 604_800.0
HIGHEST_RATE = 1_000_000.0

CURVES: Mapping[str, Callable[..., tuple[curve.Piece, ...]]] = {
    "constant_rate": curve.constant,
    "ramp": curve.ramp,
    "steps": curve.steps,
    "spike": curve.spike,
    "sine": curve.sine,
}


@dataclass(frozen=True)
class Stage:
    """One stage: the type of its curve, and that curve's parameters by the names of the scenario."""

    type: str
    parameters: Mapping[str, Any]

    @property
    def pieces(self) -> tuple[curve.Piece, ...]:
        """The rate over time."""
        return CURVES[self.type](**self.parameters)

    def document(self) -> dict[str, Any]:
        """Return the stage as a scenario has it."""
        return {"type": self.type, **self.parameters}


def constant(rate: float, duration: float) -> Stage:
    """Return a stage of one rate, in operations a second, for a number of seconds."""
    return Stage("constant_rate", {"rate": rate, "duration": duration})


def read(kind: str, reader: Reader) -> Stage:
    """Read the parameters of a stage; the reader records its problems."""
    return STAGES[kind](reader)


def rate(reader: Reader, name: str, default: float, low: float = 0.0) -> float:
    """Read a rate in operations a second."""
    return reader.number(name, default, low, HIGHEST_RATE, "operations a second")


def seconds(reader: Reader, name: str, default: float, low: float = 0.1) -> float:
    """Read a duration in seconds."""
    return reader.number(name, default, low, LONGEST_S, "seconds")


def _constant(reader: Reader) -> Stage:
    return constant(rate(reader, "rate", 100.0), seconds(reader, "duration", 10.0))


def _ramp(reader: Reader) -> Stage:
    start, end = rate(reader, "start", 0.0), rate(reader, "end", 100.0)
    return Stage("ramp", {"start": start, "end": end, "duration": seconds(reader, "duration", 10.0)})


def _steps(reader: Reader) -> Stage:
    start, end = rate(reader, "start", 10.0), rate(reader, "end", 100.0)
    count = reader.integer("count", 10, 2, 1000)
    return Stage("steps", {"start": start, "end": end, "count": count, "duration": seconds(reader, "duration", 60.0)})


def _spike(reader: Reader) -> Stage:
    base, peak, duration = rate(reader, "base", 10.0), rate(reader, "peak", 100.0), seconds(reader, "duration", 30.0)
    at, length = seconds(reader, "at", duration / 3, 0.0), seconds(reader, "length", duration / 3)
    # Rounding alone may put the sum 0.1 + 0.2 above 0.3.
    if at + length > duration * (1 + 1e-9):
        reader.problem("length", f"the spike ends {at + length:g} s after the start, the stage after {duration:g} s")
        return constant(base, duration)
    return Stage("spike", {"base": base, "peak": peak, "duration": duration, "at": at, "length": length})


def _sine(reader: Reader) -> Stage:
    mean = rate(reader, "mean", 100.0, 0.01)
    amplitude = reader.number("amplitude", mean / 2, 0, mean, "operations a second, at most the mean")
    period, duration = seconds(reader, "period", 60.0), seconds(reader, "duration", 60.0)
    return Stage("sine", {"mean": mean, "amplitude": amplitude, "period": period, "duration": duration})


STAGES: Mapping[str, Callable[[Reader], Stage]] = {
    "constant_rate": _constant,
    "ramp": _ramp,
    "steps": _steps,
    "spike": _spike,
    "sine": _sine,
}
