# SPDX-License-Identifier: Apache-2.0
"""The plan of a scenario: which arrivals or callers, in which order; read, checked, made into a pacer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ddbload.pacing import callers
from ddbload.pacing.arrivals import OpenPacer, PoissonPacer, ReplayPacer, UniformPacer, read_arrivals
from ddbload.pacing.callers import ClosedPacer, Phase
from ddbload.pacing.curve import Curve
from ddbload.pacing.duplicates import Duplicates
from ddbload.pacing.segment import Segment
from ddbload.scenario import stages
from ddbload.scenario.reader import Reader
from ddbload.scenario.stages import STAGES, Stage

MOST_CALLERS = 10_000
MOST_OPERATIONS = 10**12


@dataclass(frozen=True)
class OpenPlan:
    """Operations arrive at rates that a plan sets, however the table responds.

    ``is_list`` says whether the scenario lists the stages, or is its only one itself.
    """

    stages: tuple[Stage, ...]
    arrivals: str = "uniform"
    is_list: bool = False

    @property
    def duration_s(self) -> float:
        """How long arrivals go on, in seconds."""
        return self.curve.duration_s

    @cached_property
    def curve(self) -> Curve:
        """The rate over time."""
        return Curve([piece for stage in self.stages for piece in stage.pieces])

    def pacer(self, segment: Segment, seed: int) -> OpenPacer:
        """Return one worker's pacer."""
        if self.arrivals == "poisson":
            return PoissonPacer(self.curve, segment, seed)
        return UniformPacer(self.curve, segment)

    @property
    def operations(self) -> float:
        """How many operations are expected in all."""
        return self.curve.total

    def document(self) -> dict[str, Any]:
        """Return the plan as a scenario has it."""
        documents = [stage.document() for stage in self.stages]
        plan = {"type": "stages", "stages": documents} if self.is_list else documents[0]
        return plan | {"arrivals": self.arrivals}


@dataclass(frozen=True)
class ReplayPlan:
    """Operations arrive when those of a recording did."""

    path: Path
    speed: float
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

    def document(self) -> dict[str, Any]:
        """Return the plan as a scenario has it."""
        return {"type": "replay", "file": str(self.path), "speed": self.speed}


class ClosedPlan(ABC):
    """A number of callers, each sending its next operation when its last one ended."""

    duration_s: float | None

    @property
    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """How many operations by how many callers, one phase after the other."""

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
        """Which puts repeat a key; None where none does."""
        return None

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """Return the plan as a scenario has it."""


@dataclass(frozen=True)
class CallersPlan(ClosedPlan):
    """The same number of callers throughout: for a number of operations, a time in seconds, or what ends first."""

    count: int
    limit: int | None
    duration_s: float | None

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The one phase."""
        return callers.constant(self.count, self.limit)

    def document(self) -> dict[str, Any]:
        """Return the plan as a scenario has it."""
        ends = {"operations": self.limit, "duration": self.duration_s}
        known = {name: value for name, value in ends.items() if value is not None}
        return {"type": "closed", "concurrency": self.count, **known}


@dataclass(frozen=True)
class ClassicPlan(ClosedPlan):
    """Puts by rising numbers of callers; the fields are those of the scenario."""

    concurrency_limit: int
    total_items: int
    max_concurrency_percentage: int
    inject_duplicates: bool
    duplicate_percentage: float
    duration_s = None

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The rising phases."""
        return callers.classic(self.concurrency_limit, self.total_items, self.max_concurrency_percentage)

    @property
    def duplicates(self) -> Duplicates | None:
        """Which puts repeat a key; None where none does."""
        if not self.inject_duplicates or not self.duplicate_percentage:
            return None
        return Duplicates(self.total_items, self.duplicate_percentage)

    def document(self) -> dict[str, Any]:
        """Return the plan as a scenario has it."""
        return {"type": "classic", **vars(self)}


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

    def trial(self, rate: float) -> OpenPlan:
        """Return the plan of a trial at a rate: the seconds to settle, then those that are judged."""
        return OpenPlan((stages.constant(rate, self.settle_s + self.trial_s),))

    def document(self) -> dict[str, Any]:
        """Return the plan as a scenario has it."""
        return {"type": "find_max", **{name.removesuffix("_s"): value for name, value in vars(self).items()}}


Plan = OpenPlan | ReplayPlan | ClosedPlan | FindMaxPlan
# Replaces a plan that could not be read, whose problems the reader has recorded.
NO_PLAN = OpenPlan((stages.constant(1.0, 1.0),))


def read(reader: Reader) -> Plan:
    """Read the plan of a scenario; the reader records its problems."""
    return KINDS[reader.choice("type", "constant_rate", tuple(KINDS))](reader)


# ---- Open plans


def _read_stage(kind: str, reader: Reader) -> OpenPlan:
    return _open((stages.read(kind, reader),), reader, is_list=False)


def _read_stages(reader: Reader) -> OpenPlan:
    documents = reader.take("stages", [], {"type": "array", "minItems": 1})
    if not isinstance(documents, list) or not documents:
        reader.problem("stages", 'must be a list of stages such as {"type": "ramp", "start": 0, "end": 500}')
        documents = []
    parts = [reader.child(f"stages[{number}]", document) for number, document in enumerate(documents)]
    found = tuple(stages.read(part.choice("type", "constant_rate", tuple(STAGES)), part) for part in parts)
    return _open(found or NO_PLAN.stages, reader, is_list=True)


def _open(found: tuple[Stage, ...], reader: Reader, is_list: bool) -> OpenPlan:
    arrivals = reader.choice("arrivals", "uniform", ("uniform", "poisson"))
    if sum(piece.area for stage in found for piece in stage.pieces) < 1:
        reader.problem("", "must ask for one operation at least")
        return NO_PLAN
    return OpenPlan(found, arrivals, is_list)


def _read_replay(reader: Reader) -> Plan:
    path = Path(reader.text("file", "", "the path of a file with one arrival a line, in seconds from the start", 1))
    speed = reader.number("speed", 1.0, 0.001, 1000, "times as fast as recorded")
    if not reader.problems:
        try:
            return ReplayPlan(path, speed, read_arrivals(path))
        except ValueError as error:
            reader.problem("file", str(error))
    return NO_PLAN


# ---- Closed plans


def _read_closed(reader: Reader) -> ClosedPlan:
    concurrency = reader.integer("concurrency", 32, 1, MOST_CALLERS)
    duration = stages.seconds(reader, "duration", 10.0) if "duration" in reader.document else None
    if duration is not None and "operations" not in reader.document:
        operations = None
        reader.known.append("operations")
    else:
        operations = reader.integer("operations", 10_000, 1, MOST_OPERATIONS)
        reader.known.append("duration")
    return CallersPlan(concurrency, operations, duration)


def _read_classic(reader: Reader) -> ClosedPlan:
    plan = ClassicPlan(
        concurrency_limit=reader.integer("concurrency_limit", 100, 1, MOST_CALLERS),
        total_items=reader.integer("total_items", 10_000, 1, MOST_OPERATIONS),
        max_concurrency_percentage=reader.integer("max_concurrency_percentage", 100, 1, 100),
        duplicate_percentage=reader.number("duplicate_percentage", 10.0, 0, 99, "per cent of the puts"),
        inject_duplicates=reader.boolean("inject_duplicates", False),
    )
    try:
        Duplicates(plan.total_items, plan.duplicate_percentage if plan.inject_duplicates else 0)
    except ValueError as error:
        reader.problem("duplicate_percentage", str(error))
    return plan


# ---- The search


def _read_find_max(reader: Reader) -> FindMaxPlan:
    start = stages.rate(reader, "start", 100.0, 1.0)
    ceiling = stages.rate(reader, "ceiling", 40_000.0, 1.0)
    if ceiling < start:
        reader.problem("ceiling", f"must be at least the start, {start:g}, got {ceiling:g}")
    return FindMaxPlan(
        start=start,
        ceiling=max(start, ceiling),
        precision=reader.number("precision", 0.05, 0.001, 1, "share by which the answer may be off"),
        confirmations=reader.integer("confirmations", 3, 1, 100),
        trial_s=stages.seconds(reader, "trial", 20.0, 0.5),
        settle_s=stages.seconds(reader, "settle", 5.0, 0.0),
        rest_s=stages.seconds(reader, "rest", 2.0, 0.0),
    )


KINDS: Mapping[str, Callable[[Reader], Plan]] = {
    **{kind: partial(_read_stage, kind) for kind in STAGES},
    "stages": _read_stages,
    "replay": _read_replay,
    "closed": _read_closed,
    "classic": _read_classic,
    "find_max": _read_find_max,
}
