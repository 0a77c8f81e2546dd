# SPDX-License-Identifier: Apache-2.0
"""What each worker reached in a trial, and the one judgement of all of them: pure, whoever makes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ddbload.pacing.search import Search, Trial
from ddbload.results import judging
from ddbload.results.events import to_json
from ddbload.results.merging import figures
from ddbload.results.verdict import miss, nothing_succeeded
from ddbload.scenario.plan import FindMaxPlan
from ddbload.scenario.thresholds import Rule
from ddbload.stats.histogram import Histogram

# The outcome whose times thresholds are about.
OK = "ok"


class Vote(NamedTuple):
    """What one worker reached in one trial.

    Attributes:
        plan: as in run.summary.
        operations: as in run.summary, with the histograms of the outcome ok alone.
        cost: as in run.summary.
        breaker: as in run.summary.
        duplicates: as in run.summary.
        broken: how this worker did not keep its plan; empty where it did.
        generator_limited: whether this worker had too little CPU time.
        stopped: why this worker ended its trial early; empty where it did not.
    """

    plan: Mapping[str, Any]
    operations: Mapping[str, Any]
    cost: Mapping[str, Any] | None = None
    breaker: Mapping[str, Any] | None = None
    duplicates: Mapping[str, Any] | None = None
    broken: str = ""
    generator_limited: bool = False
    stopped: str = ""

    def to_text(self) -> str:
        """Return the vote in JSON on one line, its histograms encoded."""
        return to_json(self._asdict())


class Judged(NamedTuple):
    """What became of a trial.

    Attributes:
        trial: judged on the figures of all workers; None where it could not be judged.
        plan: of all workers.
        stopped: which worker ended its trial early, and why; empty where none did.
        incomplete: why the votes are not complete; empty where they are.
    """

    trial: Trial | None = None
    plan: Mapping[str, Any] | None = None
    stopped: str = ""
    incomplete: str = ""

    def to_document(self) -> dict[str, Any]:
        """Return the judgement in plain JSON values."""
        return self._asdict() | {"trial": self.trial._asdict() if self.trial else None}

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Judged:
        """Read a judgement back.

        Raises:
            ValueError: it is none.
        """
        try:
            trial = document["trial"]
            return cls(Trial(**trial) if trial else None, *(document[name] for name in cls._fields[1:]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no judgement: {error}") from error


def vote(found: Mapping[str, Any], broken: str, generator_limited: bool, stopped: str) -> Vote:
    """Return a worker's vote of its figures of a trial."""
    operations = {
        name: operation | {"histograms": {kind: each for kind, each in operation["histograms"].items() if kind == OK}}
        for name, operation in found["operations"].items()
    }
    parts = {name: found[name] for name in ("plan", "cost", "breaker", "duplicates")}
    return Vote(operations=operations, broken=broken, generator_limited=generator_limited, stopped=stopped, **parts)


def read(text: str) -> Vote:
    """Read a vote back.

    Raises:
        ValueError: it is none.
    """
    try:
        fields = json.loads(text)
        for operation in fields["operations"].values():
            for kinds in operation["histograms"].values():
                kinds.update({kind: Histogram.decode(encoded) for kind, encoded in kinds.items()})
        return Vote(**fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no vote: {error}") from error


def judge(rate: float, votes: Mapping[int, Vote], rules: Sequence[Rule]) -> Judged:
    """Judge a trial on the merged figures of all workers.

    Args:
        rate: of the trial, of all workers together, in operations a second.
        votes: of all workers by their number.
        rules: the thresholds of the scenario.
    """
    # In the order of the workers: a sum of rates depends on it in its last digit.
    ordered = [votes[worker] for worker in sorted(votes)]
    for worker in sorted(votes):
        if votes[worker].stopped:
            return Judged(stopped=f"worker {worker} stopped by {votes[worker].stopped}")
    # The workers start at one instant.
    plan = figures.plans([each.plan for each in ordered], sum(each.plan["rate_reached"] for each in ordered))
    operations = figures.Operations()
    for each in ordered:
        operations.add(each.operations)
    loaded_s = plan["sent"] / plan["rate_reached"] if plan["rate_reached"] else 0.0
    merged: dict[str, Any] = {
        "plan": plan,
        "operations": operations.document(loaded_s, scale=1.0),
        "cost": figures.costs([each.cost for each in ordered]),
        "breaker": figures.breakers([each.breaker for each in ordered], [0.0] * len(ordered)),
        "duplicates": figures.duplicates([each.duplicates for each in ordered]),
    }
    found = judging.evaluate([rule.threshold for rule in rules], merged)
    texts = (
        *(miss(item) for item in found if not item["passed"]),
        *dict.fromkeys(each.broken for each in ordered),
        nothing_succeeded(merged),
    )
    reason = "; ".join(text for text in texts if text)
    limited = bool(reason) and any(each.generator_limited for each in ordered)
    return Judged(Trial(rate, not reason, plan["rate_reached"], reason, limited), plan)


def missing(present: Mapping[int, Any], workers: int) -> str:
    """Say which workers have not voted."""
    absent = [worker for worker in range(workers) if worker not in present]
    named = f"worker {absent[0]}" if len(absent) == 1 else f"{len(absent)} workers, the first is worker {absent[0]},"
    return f"no vote came from {named} of {workers}"


def search_of(plan: FindMaxPlan, trials: Sequence[Trial] = ()) -> Search:
    """Return the search as it stands after its trials: the same for whoever has the same trials."""
    search = Search(plan.start, plan.ceiling, plan.precision, confirmations=plan.confirmations)
    for trial in trials:
        search.observe(trial)
    return search
