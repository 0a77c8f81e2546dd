# SPDX-License-Identifier: Apache-2.0
"""The plan that a scenario asks for: which arrivals or callers, in which order; read, checked, made into a pacer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ddbload.pacing import callers, curve
from ddbload.pacing.arrivals import OpenPacer, PoissonPacer, ReplayPacer, UniformPacer, read_arrivals
from ddbload.pacing.callers import ClosedPacer
from ddbload.pacing.duplicates import Duplicates
from ddbload.pacing.segment import Segment
from ddbload.scenario.reader import Reader

LONGEST_S = 604_800.0
HIGHEST_RATE = 1_000_000.0
MOST_CALLERS = 10_000
MOST_OPERATIONS = 10**12


@dataclass(frozen=True)
class OpenPlan:
    """Operations arrive at rates that a plan sets, however the table answers."""

    pieces: tuple[curve.Piece, ...]
    arrivals: str
    document: Mapping[str, Any]

    @property
    def duration_s(self) -> float:
        """How long arrivals go on, in seconds."""
        return self.curve.duration_s

    @cached_property
    def curve(self) -> curve.Curve:
        """The rate over time."""
        return curve.Curve(self.pieces)

    def pacer(self, segment: Segment, seed: int) -> OpenPacer:
        """Return one worker's pacer."""
        if self.arrivals == "poisson":
            return PoissonPacer(self.curve, segment, seed)
        return UniformPacer(self.curve, segment)

    @property
    def operations(self) -> float:
        """How many operations are expected in all."""
        return self.curve.total


@dataclass(frozen=True)
class ReplayPlan:
    """Operations arrive when those of a recording did."""

    path: Path
    speed: float
    document: Mapping[str, Any]
    instants: Any = field(repr=False, compare=False)

    @property
    def duration_s(self) -> float:
        """How long arrivals go on, in seconds."""
        return float(self.instants[-1]) / self.speed

    def pacer(self, segment: Segment, _seed: int) -> OpenPacer:
        """Return one worker's pacer."""
        return ReplayPacer(self.instants, segment, self.speed)

    @property
    def operations(self) -> float:
        """How many operations there are in all."""
        return len(self.instants)


@dataclass(frozen=True)
class ClosedPlan:
    """So many callers, each sending its next operation when its last one was answered."""

    phases: tuple[callers.Phase, ...]
    duration_s: float | None
    document: Mapping[str, Any]
    # Of the classic plan alone.
    duplicate_percentage: float = 0.0

    def pacer(self, segment: Segment, _seed: int) -> ClosedPacer:
        """Return one worker's pacer.

        Raises:
            ValueError: there are fewer callers than workers.
        """
        return ClosedPacer(self.phases, segment, self.duration_s)

    @property
    def concurrency(self) -> int:
        """How many callers there are at most, all workers together."""
        return max(phase.concurrency for phase in self.phases)

    @property
    def operations(self) -> float | None:
        """How many operations there are in all; None where only time ends them."""
        counts = [phase.operations for phase in self.phases]
        return None if None in counts else sum(count for count in counts if count)

    @property
    def duplicates(self) -> Duplicates | None:
        """Which puts repeat a key; None where none is to."""
        if not self.duplicate_percentage or self.operations is None:
            return None
        return Duplicates(int(self.operations), self.duplicate_percentage)


@dataclass(frozen=True)
class FindMaxPlan:
    """A search for the highest rate that meets the thresholds."""

    start: float
    ceiling: float
    precision: float
    confirmations: int
    trial_s: float
    settle_s: float
    rest_s: float
    document: Mapping[str, Any]

    def trial(self, rate: float) -> OpenPlan:
        """Return the plan of a trial at a rate: so many seconds to settle, then those that are judged."""
        return OpenPlan(curve.constant(rate, self.settle_s + self.trial_s), "uniform", {})


Plan = OpenPlan | ReplayPlan | ClosedPlan | FindMaxPlan


def read(reader: Reader) -> Plan:
    """Read the plan of a scenario; what is wrong is noted in the reader."""
    kind = reader.choice("type", "constant_rate", tuple(KINDS))
    plan = KINDS[kind](reader)
    return replace(plan, document={"type": kind} | dict(plan.document))


# ---- Open plans


def _rate(reader: Reader, name: str, default: float, low: float = 0.0) -> float:
    return reader.number(name, default, low, HIGHEST_RATE, "operations a second")


def _seconds(reader: Reader, name: str, default: float, low: float = 0.1) -> float:
    return reader.number(name, default, low, LONGEST_S, "seconds")


def _constant(reader: Reader) -> tuple[curve.Piece, ...]:
    return curve.constant(_rate(reader, "rate", 100.0), _seconds(reader, "duration", 10.0))


def _ramp(reader: Reader) -> tuple[curve.Piece, ...]:
    start, end = _rate(reader, "start", 0.0), _rate(reader, "end", 100.0)
    return curve.ramp(start, end, _seconds(reader, "duration", 10.0))


def _steps(reader: Reader) -> tuple[curve.Piece, ...]:
    start, end = _rate(reader, "start", 10.0), _rate(reader, "end", 100.0)
    return curve.steps(start, end, reader.integer("count", 10, 2, 1000), _seconds(reader, "duration", 60.0))


def _spike(reader: Reader) -> tuple[curve.Piece, ...]:
    base, peak, duration = _rate(reader, "base", 10.0), _rate(reader, "peak", 100.0), _seconds(reader, "duration", 30.0)
    at, length = _seconds(reader, "at", duration / 3, 0.0), _seconds(reader, "length", duration / 3)
    # A sum such as 0.1 + 0.2 may be above 0.3 by rounding alone.
    if at + length > duration * (1 + 1e-9):
        reader.problem("length", f"the spike ends {at + length:g} s after the start, the stage after {duration:g} s")
        return curve.constant(base, duration)
    return curve.spike(base, peak, duration, at, length)


def _sine(reader: Reader) -> tuple[curve.Piece, ...]:
    mean = _rate(reader, "mean", 100.0, 0.01)
    amplitude = reader.number("amplitude", mean / 2, 0, mean, "operations a second, at most the mean")
    return curve.sine(mean, amplitude, _seconds(reader, "period", 60.0), _seconds(reader, "duration", 60.0))


STAGES: Mapping[str, Callable[[Reader], tuple[curve.Piece, ...]]] = {
    "constant_rate": _constant,
    "ramp": _ramp,
    "steps": _steps,
    "spike": _spike,
    "sine": _sine,
}


def _arrivals(reader: Reader) -> str:
    return reader.choice("arrivals", "uniform", ("uniform", "poisson"))


def _read_stage(kind: str, reader: Reader) -> OpenPlan:
    return _open(STAGES[kind](reader), reader)


def _read_stages(reader: Reader) -> OpenPlan:
    pieces: list[curve.Piece] = []
    stages = reader.take("stages", [])
    if not isinstance(stages, list) or not stages:
        reader.problem("stages", 'must be a list of stages such as {"type": "ramp", "start": 0, "end": 500}')
        stages = []
    parts = [reader.child(f"stages[{number}]", stage) for number, stage in enumerate(stages)]
    for part in parts:
        pieces += STAGES[part.choice("type", "constant_rate", tuple(STAGES))](part)
    reader.values["stages"] = [part.values for part in parts]
    return _open(tuple(pieces) or curve.constant(1.0, 1.0), reader)


def _open(pieces: tuple[curve.Piece, ...], reader: Reader) -> OpenPlan:
    arrivals = _arrivals(reader)
    if sum(piece.area for piece in pieces) < 1:
        reader.problem("", "must ask for one operation at least")
        pieces = curve.constant(1.0, 1.0)
    return OpenPlan(pieces, arrivals, reader.values)


def _read_replay(reader: Reader) -> Plan:
    path = Path(reader.text("file", "", "the path of a file with one arrival a line, in seconds from the start", 1))
    speed = reader.number("speed", 1.0, 0.001, 1000, "times as fast as recorded")
    if not reader.problems:
        try:
            return ReplayPlan(path, speed, reader.values, read_arrivals(path))
        except ValueError as error:
            reader.problem("file", str(error))
    return OpenPlan(curve.constant(1.0, 1.0), "uniform", {})


# ---- Closed plans


def _read_closed(reader: Reader) -> ClosedPlan:
    concurrency = reader.integer("concurrency", 32, 1, MOST_CALLERS)
    duration = _seconds(reader, "duration", 10.0) if "duration" in reader.document else None
    if duration is not None and "operations" not in reader.document:
        operations = None
        reader.known.append("operations")
    else:
        operations = reader.integer("operations", 10_000, 1, MOST_OPERATIONS)
        reader.known.append("duration")
    return ClosedPlan(callers.constant(concurrency, operations), duration, reader.values)


def _read_classic(reader: Reader) -> ClosedPlan:
    limit = reader.integer("concurrency_limit", 100, 1, MOST_CALLERS)
    total = reader.integer("total_items", 10_000, 1, MOST_OPERATIONS)
    percentage = reader.integer("max_concurrency_percentage", 100, 1, 100)
    repeated = reader.number("duplicate_percentage", 10.0, 0, 99, "per cent of the puts")
    duplicates = repeated if reader.boolean("inject_duplicates", False) else 0.0
    try:
        Duplicates(total, duplicates)
    except ValueError as error:
        reader.problem("duplicate_percentage", str(error))
        duplicates = 0.0
    return ClosedPlan(callers.classic(limit, total, percentage), None, reader.values, duplicates)


# ---- The search


def _read_find_max(reader: Reader) -> FindMaxPlan:
    start = _rate(reader, "start", 100.0, 1.0)
    ceiling = _rate(reader, "ceiling", 40_000.0, 1.0)
    if ceiling < start:
        reader.problem("ceiling", f"must be at least the start, {start:g}, got {ceiling:g}")
    return FindMaxPlan(
        start=start,
        ceiling=max(start, ceiling),
        precision=reader.number("precision", 0.05, 0.001, 1, "share by which the answer may be off"),
        confirmations=reader.integer("confirmations", 3, 1, 100),
        trial_s=_seconds(reader, "trial", 20.0, 0.5),
        settle_s=_seconds(reader, "settle", 5.0, 0.0),
        rest_s=_seconds(reader, "rest", 2.0, 0.0),
        document=reader.values,
    )


KINDS: Mapping[str, Callable[[Reader], Plan]] = {
    **{kind: partial(_read_stage, kind) for kind in STAGES},
    "stages": _read_stages,
    "replay": _read_replay,
    "closed": _read_closed,
    "classic": _read_classic,
    "find_max": _read_find_max,
}
